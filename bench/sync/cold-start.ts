import { createRegistryClient } from '@meridian/client'
import { isMeridianError } from '@meridian/shared'
import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProgramTree, TreeProgram } from '../../test/support/program-tree.ts'
import { startSimulatedZone } from '../../test/support/simulated/simulated-zone.ts'
import { atMost, type Figure } from './report.ts'

/** A regional registry without data, from its start until it holds what its zone has. */

const nodes = 20
const instancesPerNode = 5_000
const servers = 500
const pulseMs = 2_000
const total = nodes * instancesPerNode
type RegistryClient = ReturnType<typeof createRegistryClient>

const pollMs = 100
const patienceMs = 180_000

export async function measureColdStart(tree: ProgramTree): Promise<Figure[]> {
  const zone = await startSimulatedZone(tree.nats, {
    region: 'eu',
    zone: 'a',
    nodes,
    instances: instancesPerNode,
    servers,
    pulseMs,
  })
  try {
    await Promise.all(
      ['registry eu r1', 'registry eu/a r1'].map((name) => waitFor(tree.program(name).url, total)),
    )
    const regional = tree.program('registry eu r1')
    await regional.kill()
    await rm(regional.data, { recursive: true, force: true })
    const startedAt = performance.now()
    await regional.start()
    const listensMs = performance.now() - startedAt
    await waitFor(regional.url, total)
    const ms = performance.now() - startedAt
    const name = `cold start of a regional registry from ${total.toLocaleString('en')} instances on ${nodes} nodes (it listens after ${(listensMs / 1_000).toFixed(1)} s)`
    return [atMost(name, ms / 1_000, 5, 's'), ...(await measureRestart(regional))]
  } finally {
    await zone.kill()
  }
}

/** The same with all of it on its disk. */
async function measureRestart(regional: TreeProgram): Promise<Figure[]> {
  await regional.kill()
  const startedAt = performance.now()
  const seconds = () => (performance.now() - startedAt) / 1_000
  await regional.start()
  const client = createRegistryClient({ url: regional.url })
  while ((await client.lookup('tool:server1_tool0', { limit: 1 })).results.length === 0) {
    await delay(pollMs / 10)
  }
  const answersAfter = seconds()
  await waitFor(regional.url, total)
  const name = `a restart with ${total.toLocaleString('en')} instances on disk`
  return [
    atMost(`${name}: first found`, answersAfter, 1, 's'),
    atMost(`${name}: all there`, seconds(), 3, 's'),
  ]
}

/** Until the registry counts as many instances, nobody else being registered. */
async function waitFor(url: string, instances: number): Promise<void> {
  const client = createRegistryClient({ url })
  const until = performance.now() + patienceMs
  for (;;) {
    const count = await passingIn(client)
    if (count === instances) return
    if (performance.now() > until) throw new Error(`${url} counts ${count} of ${instances}`)
    await delay(pollMs)
  }
}

/** None while it has so much to do that it lets go of the connection. */
async function passingIn(client: RegistryClient): Promise<number> {
  try {
    const { regions } = await client.topology()
    return regions.reduce((sum, { instances: { passing } }) => sum + passing, 0)
  } catch (error) {
    if (isMeridianError(error) && error.code === 'endpoint_unreachable') return 0
    throw error
  }
}
