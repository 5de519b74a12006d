import type { RegisteredInstance } from '@meridian/shared'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { foreignCommand, startForeignServer } from '../support/foreign-servers.ts'
import {
  startOwnMcpServer,
  startOwnServer,
  startSessionServer,
  type OwnMcpOptions,
  type OwnMcpServer,
} from '../support/own-servers.ts'
import { livingIn } from '../support/processes.ts'
import { describedServer } from '../support/registrations.ts'
import { startZone, type Zone, type ZoneAgent } from '../support/zone.ts'

let zone: Zone
let here: ZoneAgent
let there: ZoneAgent
const closers: (() => Promise<void>)[] = []

beforeAll(async () => {
  zone = await startZone()
  here = await zone.start('n1', { allowStdio: true })
  there = await zone.start('n2')
  await eventually('both have read their zone', async () => {
    const ready = await Promise.all([here.client.ready(), there.client.ready()])
    return ready.every((one) => one.ready)
  })
})

afterAll(async () => {
  await zone.close()
})

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
  const { instances } = await here.client.instances({ limit: 500 })
  for (const { id, registrant } of instances) await here.client.deregister(id, { registrant })
})

const open = { ttlMs: 60_000, cacheScope: 'public' } as const

async function own(options: OwnMcpOptions = {}): Promise<OwnMcpServer> {
  const server = await startOwnMcpServer({ hint: open, ...options })
  closers.push(() => server.close())
  return server
}

/** Ids of the instances that another agent of the zone answers with. */
async function found(query: string): Promise<string[]> {
  const { results } = await there.client.lookup(query)
  return results.map(({ instance }) => instance).toSorted()
}

function statusOf(instance: RegisteredInstance, check: string): string | undefined {
  return instance.checks.find(({ name }) => name === check)?.status
}

/** Often, but patient: a look that a busy machine holds up is no failure. */
const fast = { intervalMs: 1_000, timeoutMs: 5_000 } as const

describe('a server whose tools change', () => {
  it('is soon found elsewhere by its new tools, and not by its old ones', async () => {
    const server = await own({ tools: ['first'] })
    await here.client.register('own', { endpoint: { url: server.url } })
    await eventually('it is known there', async () => (await found('tool:first')).length === 1)
    await eventually(
      'it is followed',
      async () => (await here.client.instance('own')).introspected?.follows === true,
    )
    const before = await here.client.instance('own')
    server.offer(['second'])
    await eventually(
      'the new tool is known there',
      async () => (await found('tool:second')).length === 1,
    )
    expect(await found('tool:first')).toEqual([])
    const after = await here.client.instance('own')
    expect(after.definition).not.toBe(before.definition)
    expect(after.server).toBe(before.server)
  })

  it('keeps the old definition while another instance uses it', async () => {
    const one = await own({ tools: ['shared'] })
    const two = await own({ tools: ['shared'] })
    const first = await here.client.register('one', { endpoint: { url: one.url } })
    const second = await here.client.register('two', { endpoint: { url: two.url } })
    expect(first.definition).toBe(second.definition)
    await eventually(
      'it is followed',
      async () => (await here.client.instance('one')).introspected?.follows === true,
    )
    one.offer(['shared', 'more'])
    await eventually('it has moved on', async () => (await found('tool:more')).join() === 'one')
    expect(await found('tool:shared')).toEqual(['one', 'two'])
    expect((await here.client.instance('two')).definition).toBe(second.definition)
  })

  it('is asked once for many announcements, and nothing is published that is as before', async () => {
    const server = await own({ tools: ['steady'] })
    const before = await here.client.register('own', { endpoint: { url: server.url } })
    await eventually(
      'it is followed',
      async () => (await here.client.instance('own')).introspected?.follows === true,
    )
    const asked = () => server.asked.get('tools/list') ?? 0
    const askedBefore = asked()
    for (let at = 0; at < 500; at += 1) server.announce()
    await eventually('it was asked', () => asked() > askedBefore)
    await new Promise((resolve) => {
      setTimeout(resolve, 1_500)
    })
    expect(asked() - askedBefore).toBeLessThanOrEqual(3)
    expect((await here.client.instance('own')).definition).toBe(before.definition)
  })
})

describe('an older server, which announces changes on the stream of its session', () => {
  it('is followed there, and soon found by its new tools', async () => {
    const server = await startSessionServer(['early'])
    closers.push(() => server.close())
    await here.client.register('own', { endpoint: { url: server.url } })
    await eventually('it is known there', async () => (await found('tool:early')).length === 1)
    await eventually(
      'it is followed',
      async () => (await here.client.instance('own')).introspected?.follows === true,
    )
    server.offer(['late'])
    await eventually(
      'the new tool is known there',
      async () => (await found('tool:late')).length === 1,
    )
    expect(await here.client.instance('own')).toMatchObject({
      status: 'passing',
      introspected: { era: 'legacy', protocol: '2025-06-18' },
    })
    // The stream ends with its registration.
    await here.client.deregister('own')
    await expect.poll(() => server.connections()).toBe(0)
  })
})

describe('a foreign server', () => {
  it.each([
    ['streamable-http', 'streamableHttp', '/mcp'],
    ['sse', 'sse', '/sse'],
  ] as const)(
    'that promises to announce changes is followed over %s',
    async (transport, mode, path) => {
      const server = await startForeignServer('everything', mode)
      closers.push(() => server.stop())
      const url = `http://127.0.0.1:${server.port}${path}`
      const registered = await here.client.register('own', {
        endpoint: { transport, url },
        checks: [{ kind: 'mcp', ...fast }],
      })
      expect(registered).toMatchObject({ server: 'mcp-servers/everything', status: 'passing' })
      await eventually('it is followed, and looked at', async () => {
        const { introspected, checks } = await here.client.instance('own')
        return introspected?.follows === true && checks[0]?.lastAt !== undefined
      })
      expect((await here.client.instance('own')).status).toBe('passing')
    },
  )
})

describe('an endpoint that has become another server', () => {
  it('is critical, with the reason, and is not renamed', async () => {
    const server = await own({ name: 'com.example/mine', tools: ['mine'] })
    await here.client.register('own', {
      endpoint: { url: server.url },
      checks: [{ kind: 'mcp', ...fast }],
    })
    await server.close()
    await eventually(
      'its end is noticed',
      async () => (await here.client.instance('own')).status === 'critical',
    )
    const other = await own({ name: 'com.example/other', tools: ['theirs'], port: server.port })
    await eventually(
      'the other is noticed',
      async () => statusOf(await here.client.instance('own'), 'identity') === 'critical',
    )
    const instance = await here.client.instance('own')
    expect(instance).toMatchObject({ server: 'com.example/mine', status: 'critical' })
    expect(instance.checks.find(({ name }) => name === 'identity')).toMatchObject({
      kind: 'identity',
      cause: 'moved',
      reason: expect.stringContaining('com.example/other') as string,
    })
    expect(await found('tool:theirs')).toEqual([])
    const again = await here.client.register('own', { endpoint: { url: other.url } })
    expect(again).toMatchObject({ server: 'com.example/other', status: 'passing' })
  })
})

describe('a server that ends', () => {
  it('leaves the answers, and comes back', async () => {
    const server = await own({ tools: ['here_today'] })
    const check = { kind: 'mcp', ...fast, failuresBeforeCritical: 2 } as const
    await here.client.register('own', { endpoint: { url: server.url }, checks: [check] })
    await eventually('it is known there', async () => (await found('tool:here_today')).length === 1)
    await server.close()
    await eventually('it is gone', async () => (await found('tool:here_today')).length === 0)
    expect(await here.client.instance('own')).toMatchObject({
      status: 'critical',
      checks: [
        {
          name: 'mcp',
          cause: 'refused',
          reason: expect.stringContaining('ECONNREFUSED') as string,
        },
      ],
    })
    await own({ tools: ['here_today', 'and_more'], port: server.port })
    await eventually('it is back', async () => (await found('tool:here_today')).length === 1)
    // It may be another version that came back, so it was asked anew.
    await eventually('with what is new', async () => (await found('tool:and_more')).length === 1)
  })
})

describe('a server whose lists are private', () => {
  it('stays on its agent, unless its registrant vouches for it', async () => {
    const server = await startOwnMcpServer({ tools: ['quiet'] })
    closers.push(() => server.close())
    const { private: isPrivate } = await here.client.register('own', {
      endpoint: { url: server.url },
    })
    expect(isPrivate).toBe(true)
    expect((await here.client.lookup('tool:quiet')).results).toHaveLength(1)
    expect(await found('tool:quiet')).toEqual([])

    const published = await here.client.register('own', {
      endpoint: { url: server.url },
      publish: true,
    })
    expect(published.private).toBe(false)
    await eventually('it is known there', async () => (await found('tool:quiet')).length === 1)
  })
})

describe('a server that reports itself', () => {
  const ttl = { kind: 'ttl', ttlMs: 1_000 } as const

  it('passes while it calls, and not when it stops', async () => {
    await here.client.register('own', { ...describedServer('calls'), checks: [ttl] })
    expect((await here.client.instance('own')).status).toBe('critical')
    const path = '/v1/agent/instances/own/checks/ttl?registrant=test'
    const load = { inFlight: 3, latencyMs: 12 }
    // Its word counts for a second, and the way there may take longer: it calls until it is known.
    await eventually('it is known there', async () => {
      expect((await here.call('PUT', path, { status: 'passing', load })).status).toBe(204)
      return (await found('tool:calls_tool')).length === 1
    })
    expect((await here.client.instance('own')).load).toEqual(load)
    await eventually('it is gone', async () => (await found('tool:calls_tool')).length === 0)
    expect((await here.client.instance('own')).checks).toMatchObject([
      { name: 'ttl', status: 'critical', cause: 'expired' },
    ])
  })

  it('is not reported by somebody else', async () => {
    await here.client.register('own', { ...describedServer('calls'), checks: [ttl] })
    const path = '/v1/agent/instances/own/checks'
    expect(await here.call('PUT', `${path}/ttl`, {})).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    })
    expect(await here.call('PUT', `${path}/none?registrant=test`, {})).toMatchObject({
      status: 404,
    })
    expect(await here.call('PUT', `${path}/ttl?registrant=test`, { status: 'gone' })).toMatchObject(
      { status: 400, body: { violations: [{ field: 'status' }] } },
    )
  })
})

describe('the load that a server reports', () => {
  it('is known elsewhere, by the next pulse', async () => {
    const checks = [{ kind: 'ttl', ttlMs: 60_000 }] as const
    for (const id of ['busy', 'idle']) {
      const registration = { ...describedServer('loaded'), checks: [...checks], capacity: 10 }
      await here.client.register(id, registration)
      const load = { inFlight: id === 'busy' ? 10 : 0 }
      const path = `/v1/agent/instances/${id}/checks/ttl?registrant=test`
      await here.call('PUT', path, { load })
    }
    // Those that are full come after those that are not, whatever the draw says.
    const first = async () => (await there.client.lookup('tool:loaded_tool')).results[0]?.instance
    await eventually('the idle one is preferred', async () => {
      for (let at = 0; at < 20; at += 1) if ((await first()) !== 'idle') return false
      return true
    })
  })
})

describe('what an operator may do', () => {
  it('drains, and undoes it', async () => {
    await here.client.register('own', describedServer('drains'))
    await eventually(
      'it is known there',
      async () => (await found('tool:drains_tool')).length === 1,
    )
    expect(await here.call('POST', '/v1/agent/instances/own/drain', {})).toMatchObject({
      status: 200,
      body: { draining: true, drain: { thenDeregister: false } },
    })
    await eventually('it takes no work', async () => (await found('tool:drains_tool')).length === 0)
    // Registering again is no way around it.
    await here.client.register('own', describedServer('drains'))
    expect((await here.client.instance('own')).draining).toBe(true)
    await here.call('DELETE', '/v1/agent/instances/own/drain')
    await eventually('it takes work', async () => (await found('tool:drains_tool')).length === 1)
  })

  it('drains and then takes out', async () => {
    await here.client.register('own', describedServer('goes'))
    const drain = { thenDeregister: true, waitMs: 300 }
    await here.call('POST', '/v1/agent/instances/own/drain', drain)
    await eventually(
      'it is gone',
      async () => (await here.client.instances()).instances.length === 0,
    )
  })

  it('puts into maintenance, for a reason', async () => {
    await here.client.register('own', describedServer('rests'))
    const path = '/v1/agent/instances/own/maintenance'
    expect(await here.call('PUT', path, { reason: ' ' })).toMatchObject({ status: 400 })
    expect(await here.call('PUT', path, { reason: 'new disks' })).toMatchObject({
      body: { draining: true, maintenance: { reason: 'new disks' } },
    })
    expect((await here.call('DELETE', path)).body).toMatchObject({ draining: false })
  })

  it('changes weight and capacity, until the registrant asks for others', async () => {
    await here.client.register('own', describedServer('weighs'))
    const path = '/v1/agent/instances/own'
    expect((await here.call('PATCH', path, { weight: 5, capacity: 7 })).body).toMatchObject({
      weight: 5,
      capacity: 7,
    })
    expect(await here.client.register('own', describedServer('weighs'))).toMatchObject({
      weight: 5,
      capacity: 7,
    })
    expect(
      await here.client.register('own', { ...describedServer('weighs'), weight: 50 }),
    ).toMatchObject({ weight: 50, capacity: 100 })
    expect(await here.call('PATCH', path, {})).toMatchObject({ status: 400 })
    expect(await here.call('PATCH', '/v1/agent/instances/none', { weight: 1 })).toMatchObject({
      status: 404,
    })
  })

  it('lets the whole host leave, and come back', async () => {
    for (const id of ['one', 'two']) await here.client.register(id, describedServer('leaves'))
    await eventually('both are known', async () => (await found('tool:leaves_tool')).length === 2)
    expect(await here.call('POST', '/v1/agent/leave', { waitMs: 5_000 })).toMatchObject({
      status: 200,
      body: { instances: 2, inFlight: 0, told: true },
    })
    expect(await found('tool:leaves_tool')).toEqual([])
    await here.call('DELETE', '/v1/agent/leave')
    await eventually('both are back', async () => (await found('tool:leaves_tool')).length === 2)
  })
})

describe('many at once', () => {
  it('have each its own outcome', async () => {
    const server = await own({ tools: ['seen'] })
    await here.client.register('taken', { ...describedServer('x'), registrant: 'somebody' })
    const outcome = await here.call('POST', '/v1/agent/instances', {
      instances: [
        { id: 'given', ...describedServer('given') },
        { id: 'seen', endpoint: { url: server.url } },
        { id: 'taken', ...describedServer('x') },
        { id: 'bad', endpoint: { url: 'nowhere' } },
        { id: 'dead', endpoint: { url: 'http://127.0.0.1:9/' } },
        { id: 'given', ...describedServer('given') },
        { id: 'no/id', ...describedServer('x') },
      ],
    })
    expect(outcome).toMatchObject({
      status: 200,
      body: {
        outcomes: [
          { id: 'given', outcome: 'created', status: 'passing' },
          { id: 'seen', outcome: 'created', status: 'passing' },
          { id: 'taken', outcome: 'refused', problem: { code: 'conflict' } },
          { id: 'bad', outcome: 'refused', problem: { code: 'invalid_request' } },
          { id: 'dead', outcome: 'refused', problem: { code: 'endpoint_unreachable' } },
          { id: 'given', outcome: 'refused', problem: { code: 'invalid_request' } },
          { id: 'no/id', outcome: 'refused', problem: { code: 'invalid_request' } },
        ],
      },
    })
  })

  it('may be larger together than one alone', async () => {
    const padded = (at: number) => ({
      id: `padded-${at}`,
      ...describedServer('padded'),
      metadata: Object.fromEntries(
        Array.from({ length: 16 }, (_, key) => [`k${key}`, 'x'.repeat(512)]),
      ),
    })
    const instances = Array.from({ length: 400 }, (_, at) => padded(at))
    expect(JSON.stringify({ instances }).length).toBeGreaterThan(2 * 1024 * 1024)
    const answer = await here.call('POST', '/v1/agent/instances', { instances })
    expect(answer.status).toBe(200)
    expect(JSON.stringify(answer.body)).not.toContain('refused')
    const tooLarge = 'x'.repeat(3 * 1024 * 1024)
    expect(await here.call('PUT', '/v1/agent/instances/own', { tooLarge })).toMatchObject({
      status: 413,
    })
  })

  it('are a thousand at the most', async () => {
    const instances = Array.from({ length: 1_001 }, (_, at) => ({ id: `i${at}` }))
    expect(await here.call('POST', '/v1/agent/instances', { instances })).toMatchObject({
      status: 400,
    })
  })
})

describe('a websocket endpoint', () => {
  it('is found by the capabilities given, for as long as its port takes connections', async () => {
    const server = await startOwnServer((_, response) => response.end())
    closers.push(() => server.close())
    const registered = await here.client.register('socket', {
      ...describedServer('spoken'),
      endpoint: { transport: 'websocket', url: `ws://127.0.0.1:${server.port}/mcp` },
      checks: [{ kind: 'tcp', ...fast, failuresBeforeCritical: 1 }],
    })
    expect(registered).toMatchObject({ endpoint: { transport: 'websocket' }, tools: 1 })
    await eventually(
      'it is known there',
      async () => (await found('tool:spoken_tool')).length === 1,
    )
    await server.close()
    await eventually('it is gone there', async () => (await found('tool:spoken_tool')).length === 0)
  })
})

describe('two processes that register one id', () => {
  it('are told apart by their registrants, and the first keeps it', async () => {
    const [one, two] = await Promise.allSettled([
      here.client.register('own', { ...describedServer('a'), registrant: 'first' }),
      here.client.register('own', { ...describedServer('b'), registrant: 'second' }),
    ])
    expect([one.status, two.status]).toEqual(['fulfilled', 'rejected'])
    expect(two).toMatchObject({ reason: { code: 'conflict' } })
    expect(await here.client.instance('own')).toMatchObject({ registrant: 'first' })
  })
})

describe('a command', () => {
  const memory = foreignCommand('memory')

  it('is run, served, restarted when it ends, and ended with its registration', async () => {
    const endpoint = {
      transport: 'stdio' as const,
      ...memory,
      env: { API_TOKEN: 'hunter2', MEMORY_FILE_PATH: '/dev/null' },
    }
    const registered = await here.client.register('memory', { endpoint })
    expect(registered).toMatchObject({
      server: 'internal.meridian/memory-server',
      status: 'passing',
      endpoint: { transport: 'streamable-http' },
    })
    const shown = await here.client.instance('memory')
    expect(shown.stdio).toMatchObject({ status: 'up', env: ['API_TOKEN', 'MEMORY_FILE_PATH'] })
    expect(JSON.stringify(shown)).not.toContain('hunter2')
    expect(shown.checks.map(({ name }) => name)).toEqual(['process', 'mcp'])
    await eventually('it is known there', async () => (await found('tool:read_graph')).length === 1)

    const pid = shown.stdio?.pid ?? 0
    process.kill(pid, 'SIGKILL')
    await eventually('another runs', async () => {
      const now = (await here.client.instance('memory')).stdio
      return now?.status === 'up' && now.pid !== pid
    })
    await eventually(
      'it passes again',
      async () => (await here.client.instance('memory')).status === 'passing',
    )
    // The same again changes nothing.
    const last = await here.client.instance('memory')
    await here.client.register('memory', { endpoint })
    expect((await here.client.instance('memory')).stdio?.pid).toBe(last.stdio?.pid)

    await here.client.deregister('memory')
    await eventually('it has ended', () => livingIn([last.stdio?.pid ?? 0]).length === 0)
  })

  it('is started again with the agent, at the same address', async () => {
    const alone = await zone.start('n3', { allowStdio: true })
    const endpoint = { transport: 'stdio' as const, ...memory }
    const before = await alone.client.register('memory', { endpoint })
    const pid = (await alone.client.instance('memory')).stdio?.pid ?? 0
    await alone.agent.close()
    expect(livingIn([pid])).toEqual([])

    const again = await zone.start('n3', { allowStdio: true })
    await eventually('it is up, and seen to be well', async () => {
      const { stdio, status } = await again.client.instance('memory')
      return stdio?.status === 'up' && status === 'passing'
    })
    expect(await again.client.instance('memory')).toMatchObject({
      endpoint: before.endpoint,
      definition: before.definition,
    })
    await again.agent.close()
  })

  it('is not run where the operator has not said so', async () => {
    await expect(
      there.client.register('memory', { endpoint: { transport: 'stdio', ...memory } }),
    ).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('that cannot be run is refused with what it said', async () => {
    await expect(
      here.client.register('none', {
        endpoint: { transport: 'stdio', command: 'no-such-program' },
      }),
    ).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(
      here.client.register('ends', {
        endpoint: { transport: 'stdio', command: '/bin/sh', args: ['-c', 'echo oops >&2; exit 3'] },
      }),
    ).rejects.toMatchObject({
      code: 'endpoint_unreachable',
      message: expect.stringContaining('oops') as string,
    })
  })
})
