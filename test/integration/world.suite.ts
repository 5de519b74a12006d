import { createAgentClient, createRegistryClient } from '@meridian/client'
import { isMeridianError, type StatusCounts } from '@meridian/shared'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { endAllMeridian } from '../support/meridian-process.ts'
import { groupsBelow, livingIn } from '../support/processes.ts'
import { describedServer } from '../support/registrations.ts'
import { startDev, startWorldProcess, type WorldProcess } from '../support/world-process.ts'

/** Several processes are started and ended, on a machine that may be busy. */
const timeout = 150_000

/** What a world of its own, started as people start it, has to do over whichever transport. */
export function worldSuite(over: string, nats: () => string | undefined): void {
  describe(`a world over ${over}`, { timeout }, () => {
    let data: string
    let world: WorldProcess
    const start = (servers: boolean) => startWorldProcess({ data, servers, nats: nats() })
    const home = () => createAgentClient({ url: world.agent('eu-west/a/n1') })

    beforeAll(async () => {
      data = mkdtempSync(join(tmpdir(), 'meridian-world-'))
      world = await start(true)
    }, timeout)

    afterAll(async () => {
      await endAllMeridian()
      rmSync(data, { recursive: true, force: true })
    }, timeout)

    it('registers eight instances of five foreign servers, each beside its agent', async () => {
      expect(world.restored).toBe(0)
      const found = world.registered.map(({ server, region, zone, node, status }) => ({
        server,
        place: `${region}/${zone}/${node}`,
        status,
      }))
      const instance = (server: string, place: string) => ({ server, place, status: 'passing' })
      expect(found).toHaveLength(8)
      expect(found).toEqual(
        expect.arrayContaining([
          instance('mcp-servers/everything', 'eu-west/a/n1'),
          instance('mcp-servers/everything', 'us-east/a/n1'),
          instance('internal.meridian/secure-filesystem-server', 'eu-west/a/n2'),
          instance('internal.meridian/secure-filesystem-server', 'us-east/b/n1'),
          instance('internal.meridian/memory-server', 'eu-west/b/n1'),
          instance('internal.meridian/sequential-thinking-server', 'eu-west/b/n2'),
          instance('internal.meridian/sequential-thinking-server', 'us-east/a/n2'),
          instance('internal.meridian/system-monitor-server', 'us-east/b/n2'),
        ]),
      )
      const top = createRegistryClient({ url: world.registry('*') })
      expect((await top.servers()).total).toBe(5)
      expect(await instancesKnown(world)).toBe(8)
    })

    it('answers from the node itself what runs there', async () => {
      expect(await home().lookup('tool:echo')).toMatchObject({
        outcome: 'found',
        complete: true,
        answeredBy: 'agent',
        scopes: [{ scope: 'zone', name: 'eu-west/a', state: 'fresh' }],
        results: [{ server: 'mcp-servers/everything', locality: 'eu-west/a/n1', ring: 0 }],
      })
    })

    it('answers from its zone what runs on another node of it', async () => {
      expect(await home().lookup('tool:list_allowed_directories')).toMatchObject({
        outcome: 'found',
        answeredBy: 'agent',
        results: [{ locality: 'eu-west/a/n2', ring: 1 }],
      })
    })

    it('answers through the region what runs in another zone', async () => {
      expect(await home().lookup('tool:read_graph')).toMatchObject({
        outcome: 'found',
        complete: true,
        answeredBy: 'regional',
        results: [{ server: 'internal.meridian/memory-server', locality: 'eu-west/b/n1', ring: 2 }],
      })
    })

    it('answers through the global tier what runs in another region only', async () => {
      expect(await home().lookup('tool:get-system-info')).toMatchObject({
        outcome: 'found',
        complete: true,
        answeredBy: 'global',
        results: [
          { server: 'internal.meridian/system-monitor-server', locality: 'us-east/b/n2', ring: 3 },
        ],
      })
    })

    it('says of what nobody has that nobody has it', async () => {
      const answer = await home().lookup('tool:teleport')
      expect(answer).toMatchObject({ outcome: 'none', complete: true, results: [] })
      expect(answer.scopes.every(({ state }) => state === 'fresh')).toBe(true)
    })

    it('gives endpoints that an MCP client can call, over HTTP and behind the bridge', async () => {
      const calls = [
        { query: 'tool:echo', tool: 'echo', given: { message: 'salve' }, answer: 'salve' },
        { query: 'tool:read_graph', tool: 'read_graph', given: {}, answer: 'entities' },
        { query: 'tool:get-system-info', tool: 'get-system-info', given: {}, answer: 'cpu' },
      ]
      for (const { query, tool, given, answer } of calls) {
        const { results } = await home().lookup(query)
        const { url } = results[0]?.endpoint ?? { url: '' }
        expect((await callTool(url, tool, given)).toLowerCase()).toContain(answer)
      }
    })

    it('ends at Ctrl-C with everything that it started, and finds its data again', async () => {
      const url = world.agent('eu-west/b/n2')
      const extra = await createAgentClient({ url }).register('extra-1', describedServer('extra'))
      expect(extra).toMatchObject({ server: 'com.example/extra', status: 'passing' })
      const groups = world.groups()
      // The guardian and eight servers.
      expect(groups).toHaveLength(9)

      const { code, signal, stderr } = await world.end('SIGINT')
      expect({ code, signal }).toEqual({ code: 0, signal: null })
      expect(livingIn(groups)).toEqual([])
      // Nothing worth a log line happened: all that it said is how far it was.
      expect(stderr.split('\n').filter((line) => !/^(· .*)?$/.test(line))).toEqual([])

      world = await start(true)
      expect(world.restored).toBe(9)
      const again = createAgentClient({ url: world.agent('eu-west/b/n2') })
      expect(await again.instance('extra-1')).toEqual(extra)
      const far = createAgentClient({ url: world.agent('us-east/b/n1') })
      expect(await far.lookup('tool:extra_tool')).toMatchObject({
        outcome: 'found',
        results: [{ instance: 'extra-1', locality: 'eu-west/b/n2', ring: 3 }],
      })
      expect(await instancesKnown(world)).toBe(9)
    })

    it('leaves no process behind when it is killed', async () => {
      const groups = world.groups()
      expect(groups).toHaveLength(9)
      await world.end('SIGKILL')
      await expect.poll(() => livingIn(groups)).toEqual([])
      world = await start(false)
      expect(world.restored).toBe(9)
    })

    it('loses no acknowledged registration when it is killed amid many (invariant 1)', async () => {
      const acknowledged = new Map<string, string[]>()
      for (let round = 0; round < 3; round += 1) {
        await registerUntilKilled(world, round, acknowledged)
        world = await start(false)
        for (const [place, ids] of acknowledged) {
          const held = await idsAt(world.agent(place))
          expect(ids.filter((id) => !held.has(id))).toEqual([])
        }
      }
      const all = [...acknowledged.values()].flat()
      expect(all.length).toBeGreaterThan(30)
      expect(acknowledged.get('us-east/b/n1')?.length).toBeGreaterThanOrEqual(bulkSize)

      // None is half there either: every instance is found by what its definition offers.
      const held = await Promise.all(world.agents.map(({ url }) => idsAt(url)))
      const total = held.reduce((sum, ids) => sum + ids.size, 0)
      expect(total).toBe(world.restored)
      await expect.poll(() => instancesKnown(world)).toBe(total)
      const last = all.at(-1) ?? ''
      const found = await home().lookup(`tool:${last}_tool`)
      expect(found.results.map(({ instance }) => instance)).toEqual([last])
    })

    it('ends in good order when it is told to while it starts', async () => {
      await world.end('SIGINT')
      const program = startDev({ data, servers: true, nats: nats() })
      await eventually('it is half way', () => program.stderr.includes('registered'), 60_000)
      const groups = groupsBelow(program.pid)
      expect(await program.end('SIGINT')).toMatchObject({ code: 0, signal: null, stdout: '' })
      expect(livingIn(groups)).toEqual([])
    })
  })
}

/** Instances that the top of the hierarchy knows of. */
async function instancesKnown(world: WorldProcess): Promise<number> {
  const { regions } = await createRegistryClient({ url: world.registry('*') }).topology()
  const count = ({ passing, warning, gated, critical }: StatusCounts) =>
    passing + warning + gated + critical
  return regions.reduce((sum, { instances }) => sum + count(instances), 0)
}

async function callTool(
  url: string,
  name: string,
  given: Record<string, unknown>,
): Promise<string> {
  const client = new Client(
    { name: 'meridian-test', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  try {
    const { content } = await client.callTool({ name, arguments: given })
    return content.map((part) => (part.type === 'text' ? part.text : '')).join('\n')
  } finally {
    await client.close()
  }
}

/** Several at once register at two agents, until the world is killed at a moment of chance. */
async function registerUntilKilled(
  world: WorldProcess,
  round: number,
  acknowledged: Map<string, string[]>,
): Promise<void> {
  const life = new AbortController()
  let count = 0
  const lane = async (place: string, name: string) => {
    const ids = acknowledged.get(place) ?? []
    acknowledged.set(place, ids)
    for (let at = 0; !life.signal.aborted; at += 1) {
      const id = `${name}${round}x${at}`
      if ((await register(world.agent(place), id)) !== 201) return
      ids.push(id)
      count += 1
    }
  }
  const manyAtOnce = async (place: string) => {
    const ids = acknowledged.get(place) ?? []
    acknowledged.set(place, ids)
    for (let at = 0; !life.signal.aborted; at += 1) {
      const together = await registerTogether(world.agent(place), `many${round}x${at}x`)
      if (together === undefined) return
      ids.push(...together)
      // Some hundreds by the end, not all that it can take.
      await delay(bulkPauseMs)
    }
  }
  const lanes = [
    manyAtOnce('us-east/b/n1'),
    lane('eu-west/a/n1', 'ada'),
    lane('eu-west/a/n1', 'bob'),
    lane('us-east/b/n2', 'cyn'),
    lane('us-east/b/n2', 'dan'),
  ]
  await eventually('some are registered', () => count >= 10, 30_000)
  await delay(randomInt(300))
  const killed = world.end('SIGKILL')
  life.abort()
  await Promise.all([...lanes, killed])
}

/** The status, or undefined when the connection broke. */
async function register(agent: string, id: string): Promise<number | undefined> {
  try {
    const response = await fetch(`${agent}/v1/agent/instances/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(describedServer(id)),
    })
    return response.status
  } catch {
    return undefined
  }
}

/** More than a page of the database holds, and few enough servers that they share definitions. */
const bulkSize = 150
const bulkServers = 10
const bulkPauseMs = 40

/** The ids, or undefined when the connection broke. */
async function registerTogether(agent: string, prefix: string): Promise<string[] | undefined> {
  const instances = Array.from({ length: bulkSize }, (_, at) => ({
    id: `${prefix}${at}`,
    ...describedServer(`${prefix}s${at % bulkServers}`),
  }))
  try {
    const outcomes = await createAgentClient({ url: agent }).registerMany(instances)
    expect(outcomes.filter(({ outcome }) => outcome !== 'created')).toEqual([])
    return instances.map(({ id }) => id)
  } catch (error) {
    if (!isMeridianError(error)) throw error
    return undefined
  }
}

/** Every instance that the agent says is registered with it, page by page. */
async function idsAt(agent: string): Promise<Set<string>> {
  const client = createAgentClient({ url: agent })
  const ids = new Set<string>()
  let cursor: string | undefined
  do {
    const page = await client.instances({ limit: 500, ...(cursor !== undefined && { cursor }) })
    for (const { id } of page.instances) ids.add(id)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return ids
}
