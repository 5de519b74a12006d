import { createRegistryClient } from '@meridian/client'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../../test/support/eventually.ts'
import type { ProgramTree } from '../../test/support/program-tree.ts'
import { RawConnection } from './raw-http.ts'
import { bulkRequest, createdBy } from './registrations.ts'
import { atMost, type Figure } from './report.ts'

/** What a region has missed of a zone that was cut off, from the moment the link is back. */

const changes = 10_000
const cutMs = 25_000
const servers = 50
const pollMs = 5
const patienceMs = 120_000

export async function measureCatchUp(tree: ProgramTree): Promise<Figure[]> {
  const regional = createRegistryClient({ url: tree.program('registry eu r1').url })
  const link = tree.link('eu/a')
  const links = await tree.nats.linksAt('eu')
  const before = await instancesIn(regional, 'eu')

  link.cut()
  const cutAt = performance.now()
  await eventually('the link is down', async () => (await tree.nats.linksAt('eu')) < links)
  await registerMany(tree.program('agent eu/a/n1').url)
  const registeredMs = performance.now() - cutAt
  await delay(Math.max(0, cutMs - registeredMs))
  if ((await instancesIn(regional, 'eu')) !== before) throw new Error('the cut has not cut')

  link.heal()
  const healedAt = performance.now()
  await waitFor(async () => (await tree.nats.linksAt('eu')) === links)
  const upAt = performance.now()
  await waitFor(async () => (await instancesIn(regional, 'eu')) === before + changes)
  const name = `catch-up of ${changes.toLocaleString('en')} changes missed in a cut of ${Math.round((healedAt - cutAt) / 1_000)} s, from the link being up (${Math.round(upAt - healedAt)} ms after it could be)`
  return [atMost(name, (performance.now() - upAt) / 1_000, 0.5, 's')]
}

async function registerMany(agent: string): Promise<void> {
  const connection = await RawConnection.open(agent)
  for (let count = 0; count < changes;) {
    count += createdBy(await connection.send(bulkRequest(`missed${count}x`, servers)))
  }
  connection.close()
}

async function instancesIn(
  registry: ReturnType<typeof createRegistryClient>,
  region: string,
): Promise<number> {
  const { regions } = await registry.topology()
  const counts = regions.find((each) => each.region === region)?.instances
  if (counts === undefined) return 0
  return counts.passing + counts.warning + counts.gated + counts.critical
}

async function waitFor(isSo: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + patienceMs
  while (!(await isSo())) {
    if (performance.now() > until) throw new Error(`not within ${patienceMs} ms`)
    await delay(pollMs)
  }
}
