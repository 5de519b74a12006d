import { connect } from '@meridian/client/mcp'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startOwnMcpServer, type OwnMcpServer } from '../support/own-servers.ts'
import { startZone, type Zone, type ZoneAgent } from '../support/zone.ts'

let zone: Zone
let here: ZoneAgent
let server: OwnMcpServer

const definition = {
  name: 'com.example/flights',
  version: '1.0.0',
  capabilities: { tools: [{ name: 'search_flights' }] },
}

beforeAll(async () => {
  zone = await startZone()
  here = await zone.start('n1')
  server = await startOwnMcpServer({ tools: ['search_flights'] })
  const register = (id: string, url: string, weight: number) =>
    here.client.register(id, { endpoint: { url }, definition, weight, checks: [] })
  // Heavier, so that it is tried first; and nobody is there.
  await register('dead', `http://127.0.0.1:${await freePort()}/mcp`, 1_000)
  await register('alive', server.url, 1)
}, 60_000)

afterAll(async () => {
  await server.close()
  await zone.close()
})

describe('connecting by capability', () => {
  it('tries the next one where the first does not answer, and reports both', async () => {
    const reported: object[] = []
    const lookups = {
      lookup: here.client.lookup,
      reportCalls: async (calls: Parameters<typeof here.client.reportCalls>[0]) => {
        reported.push(...calls)
        await here.client.reportCalls(calls)
      },
    }
    const connection = await connect(lookups, 'tool:search_flights', {
      lookup: { order: 'ranked' },
    })
    expect(connection.instance.instance).toBe('alive')
    const { tools } = await connection.client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(['search_flights'])
    await connection.close()
    expect(reported).toContainEqual({ locality: 'eu/a/n1', instance: 'dead', ok: false })
    const good = reported.filter((call) => (call as { ok: boolean }).ok)
    expect(good.length).toBeGreaterThanOrEqual(2)
  })

  it('leads elsewhere once enough calls failed', async () => {
    const failed = { locality: 'eu/a/n1', instance: 'dead', ok: false }
    await here.client.reportCalls(Array.from({ length: 5 }, () => failed))
    await eventually('the dead one stands last', async () => {
      const { results } = await here.client.lookup('tool:search_flights', { order: 'ranked' })
      return results[0]?.instance === 'alive'
    })
  })

  it('says that nobody has it, that not everybody could be asked, that none answers', async () => {
    const inZone = { lookup: { scope: 'zone' } } as const
    await expect(connect(here.client, 'tool:teleport', inZone)).rejects.toMatchObject({
      code: 'not_found',
    })
    // This world has nobody who knows other regions.
    await expect(connect(here.client, 'tool:teleport')).rejects.toMatchObject({
      code: 'no_responders',
    })
    const first = { lookup: { order: 'ranked', limit: 1 }, attemptsMax: 1 } as const
    const [only] = (await here.client.lookup('tool:search_flights')).results
    const lookups = {
      lookup: async () => ({
        ...(await here.client.lookup('tool:search_flights')),
        results: only
          ? [{ ...only, endpoint: { ...only.endpoint, url: 'http://127.0.0.1:9/' } }]
          : [],
      }),
      reportCalls: () => Promise.resolve(),
    }
    await expect(connect(lookups, 'tool:search_flights', first)).rejects.toMatchObject({
      code: 'endpoint_unreachable',
    })
  })
})

it.each([
  ['find-and-call', ['2 can do it', 'alive offers search_flights']],
  ['embedded', ['2 can do it, following the agent']],
])('works as the example %s shows', async (name, says) => {
  const program = fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@meridian/source', program], {
    env: { PATH: process.env['PATH'] ?? '', MERIDIAN_URL: here.agent.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const [code] = (await once(child, 'exit')) as [number | null]
  expect(code).toBe(0)
  expect(lines).toEqual(says)
})
