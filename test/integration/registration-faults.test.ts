import { migrationsDir } from '@meridian/agent'
import { createAgentClient } from '@meridian/client'
import { startRegistry } from '@meridian/registry'
import { isMeridianError, type RegisteredInstance } from '@meridian/shared'
import { createLog } from '@meridian/shared/log'
import { connectNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { endAllMeridian, startProgram } from '../support/meridian-process.ts'
import { startNatsServer } from '../support/nats-server.ts'
import { describedServer } from '../support/registrations.ts'
import { startZone, type Zone, type ZoneAgent } from '../support/zone.ts'

const timeout = 90_000

let zone: Zone
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-faults-'))
  zone = await startZone()
}, timeout)

afterAll(async () => {
  await endAllMeridian()
  await zone.close()
  rmSync(folder, { recursive: true, force: true })
}, timeout)

/** A registration of some 20 KB, no two alike. */
function large(name: string) {
  const { definition, ...rest } = describedServer(name)
  return {
    ...rest,
    definition: { ...definition!, description: name.padEnd(16_000, `${name} `) },
  }
}

async function idsOf({ client }: ZoneAgent): Promise<string[]> {
  const instances: RegisteredInstance[] = []
  let cursor: string | undefined
  do {
    const page = await client.instances({ limit: 500, ...(cursor !== undefined && { cursor }) })
    instances.push(...page.instances)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return instances.map(({ id }) => id)
}

describe('a disk that is full', { timeout }, () => {
  it('refuses with 507 what it has no room for, and nothing that was acknowledged is lost', async () => {
    const options = { dataDir: join(folder, 'full'), dataBytesMax: 1_048_576 }
    const agent = await zone.start('full', options)
    const acknowledged: string[] = []
    let refused = 0
    for (let at = 0; refused < 5; at += 1) {
      const id = `full-${String(at).padStart(4, '0')}`
      try {
        await agent.client.register(id, large(id))
        acknowledged.push(id)
      } catch (error) {
        if (!isMeridianError(error, 'storage_full')) throw error
        expect(error.status).toBe(507)
        refused += 1
      }
      expect(at).toBeLessThan(1_000)
    }
    expect(acknowledged.length).toBeGreaterThan(5)
    expect(await idsOf(agent)).toEqual(acknowledged)

    // Of many at once each is told, and all or none of them.
    const instances = ['a', 'b', 'c'].map((id) => ({ id, ...large(id) }))
    const outcomes = await agent.client.registerMany(instances)
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['refused', 'refused', 'refused'])
    expect(await idsOf(agent)).toEqual(acknowledged)

    // It answers as before, also of what is registered elsewhere.
    const found = await agent.client.lookup('tool:full-0000_tool')
    expect(found.outcome).toBe('found')

    // What goes makes room.
    for (const id of acknowledged.splice(0, 5)) {
      await agent.client.deregister(id, { registrant: 'test' })
    }
    await agent.client.register('small', describedServer('small'))
    const expected = [...acknowledged, 'small'].toSorted()
    expect((await idsOf(agent)).toSorted()).toEqual(expected)
    await agent.agent.close()

    const again = await zone.start('full', options)
    expect((await idsOf(again)).toSorted()).toEqual(expected)
    await again.agent.close()
  })
})

describe('two processes that register one id in the same moment', { timeout }, () => {
  it('are told apart: one has it, the other is told who', async () => {
    const agent = await zone.start('rivals')
    for (let round = 0; round < 10; round += 1) {
      const settled = await Promise.allSettled(
        ['one', 'two'].map((registrant) =>
          agent.client.register(`id-${round}`, {
            ...describedServer('same'),
            endpoint: { url: `http://127.0.0.1:9/${registrant}` },
            registrant,
          }),
        ),
      )
      const won = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
      const lost = settled.flatMap((each) =>
        each.status === 'rejected' ? [each.reason as unknown] : [],
      )
      expect([won.length, lost.length]).toEqual([1, 1])
      expect(isMeridianError(lost[0], 'conflict')).toBe(true)
      const held = await agent.client.instance(`id-${round}`)
      expect([held.registrant, held.endpoint]).toEqual([won[0]?.registrant, won[0]?.endpoint])
    }
    await agent.agent.close()
  })
})

describe('an agent killed with -9 between acknowledgement and publish', { timeout }, () => {
  it('publishes what it acknowledged after it has started again', async () => {
    // A zone without NATS: what is acknowledged cannot have been published.
    const nats = await startNatsServer()
    await nats.kill()
    const place = ['--region', 'eu', '--zone', 'k', '--node', 'n1']
    const args = ['agent', ...place, '--data', join(folder, 'killed'), '--nats', nats.url]
    const first = await startProgram(args)
    const client = createAgentClient({ url: first.url })
    const ids = Array.from({ length: 20 }, (_, at) => `killed-${at}`)
    await Promise.all(ids.map((id) => client.register(id, describedServer(id))))
    expect((await first.end('SIGKILL')).signal).toBe('SIGKILL')

    await nats.restart()
    const common = { clock: systemClock, random: systemRandom }
    const log = createLog({ name: 'test', level: 'silent' })
    const transport = await connectNats({ ...common, servers: [nats.url], name: 'local' })
    const registry = await startRegistry({
      ...common,
      tier: 'local',
      place: { region: 'eu', zone: 'k', replica: 'r1' },
      dataDir: ':memory:',
      migrationsDir,
      http: { host: '127.0.0.1', port: 0 },
      transport,
      log,
    })
    const second = await startProgram(args)
    const zoneClient = createAgentClient({ url: registry.url })
    await eventually(
      'the zone knows all of them',
      async () => {
        const outcomes = await Promise.all(
          ids.map(async (id) => (await zoneClient.lookup(`tool:${id}_tool`)).outcome),
        )
        return outcomes.every((outcome) => outcome === 'found')
      },
      60_000,
    )
    await second.end('SIGTERM')
    await registry.close()
    await transport.close()
    await nats.stop()
  })
})
