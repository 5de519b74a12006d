import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { advertise, type Advertisement } from '@meridian/client'
import { isMeridianError, type RegisteredInstance } from '@meridian/shared'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createWorker } from '../examples/advertise-fetch.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startOwnServer } from '../support/own-servers.ts'
import { startZone, type Zone, type ZoneAgent } from '../support/zone.ts'

let zone: Zone
let here: ZoneAgent
let there: ZoneAgent
const closers: (() => unknown)[] = []

beforeAll(async () => {
  zone = await startZone()
  here = await zone.start('n1')
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
})

/** Ids of the instances that another agent of the zone answers with. */
async function found(query: string): Promise<string[]> {
  const { results } = await there.client.lookup(query)
  return results.map(({ instance }) => instance).toSorted()
}

const ids = async () => (await here.client.instances()).instances.map(({ id }) => id)

interface Example {
  readonly child: ChildProcess
  readonly url: string
  readonly exited: Promise<[number | null, NodeJS.Signals | null]>
}

async function startExample(name: string): Promise<Example> {
  const program = fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@meridian/source', program], {
    env: { PATH: process.env['PATH'] ?? '', MERIDIAN_URL: here.agent.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit') as Example['exited']
  closers.push(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, url, exited }
}

async function connect(url: string): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  closers.push(() => client.close())
  return client
}

describe.each([
  ['advertise-sdk-v1', 'hotels-v1', 'search_hotels_v1', 'com.example/hotels-v1'],
  ['advertise-sdk-v2', 'flights-v2', 'search_flights_v2', 'com.example/flights-v2'],
])('the example %s', (program, id, tool, name) => {
  it('is found elsewhere, tells its load, drains at SIGTERM, and is gone', async () => {
    const { child, url, exited } = await startExample(program)
    await eventually(
      'it is known there',
      async () => (await found(`tool:${tool}`)).length === 1,
      30_000,
    )
    const instance = await here.client.instance(id)
    expect(instance).toMatchObject({ server: name, tools: 1, status: 'passing' })
    expect(instance.checks).toMatchObject([{ name: 'advertise', kind: 'ttl' }])

    const client = await connect(url)
    const call = client.callTool({ name: tool, arguments: { waitMs: 4_000 } })
    await eventually('its call is seen', async () => {
      return (await here.client.instance(id)).load?.inFlight === 1
    })
    // A call that is being served ends as it should.
    child.kill('SIGTERM')
    await eventually('it gets no new work', async () => {
      return (await here.client.instance(id)).draining
    })
    expect((await call).content).toHaveLength(1)
    // It ends as the signal would have ended it.
    expect(await exited).toEqual([null, 'SIGTERM'])
    expect(await ids()).toEqual([])
    await eventually('it is gone there', async () => (await found(`tool:${tool}`)).length === 0)
  })
})

describe('the example advertise-fetch', () => {
  it('registers, is renewed by its schedule, and ends', async () => {
    const worker = createWorker({ agent: here.agent.url, url: 'http://127.0.0.1:9/mcp' })
    await worker.scheduled()
    expect(worker.advertisement.state).toBe('registered')
    expect(await here.client.instance('trains')).toMatchObject({
      server: 'com.example/trains',
      tools: 1,
    })
    await eventually('it passes', async () => {
      return (await here.client.instance('trains')).status === 'passing'
    })
    await worker.scheduled()
    await worker.advertisement.close()
    expect(await ids()).toEqual([])
  })
})

/** Of `early`; none where the agent does not know it, or cannot be asked just now. */
async function checksOf({ client }: ZoneAgent): Promise<RegisteredInstance['checks']> {
  try {
    return (await client.instance('early')).checks
  } catch (error) {
    if (isMeridianError(error)) return []
    throw error
  }
}

/** What advertises in this process: signals are the test runner's. */
function start<Server extends Parameters<typeof advertise>[0]>(
  server: Server,
  options: Omit<Parameters<typeof advertise>[1], 'agent'> & { readonly agent?: string },
): Advertisement<Server> {
  const advertisement = advertise(server, { agent: here.agent.url, signals: [], ...options })
  closers.push(() => advertisement.close())
  return advertisement
}

describe('a server that is advertised', () => {
  it('is found by a tool that it adds while it runs', async () => {
    // Who describes itself is asked in this process, one object after another.
    const tools = ['first_v1']
    const createV1 = () => {
      const server = new McpServerV1({ name: 'com.example/v1', version: '1.0.0' })
      for (const tool of tools) server.registerTool(tool, {}, () => ({ content: [] }))
      return server
    }
    const described = start(createV1, {
      id: 'v1',
      url: 'http://127.0.0.1:9/mcp',
      introspect: false,
    })
    await described.registered
    await eventually('it is known there', async () => (await found('tool:first_v1')).length === 1)
    const session = described.server()
    const [a, b] = InMemoryTransport.createLinkedPair()
    await session.connect(a)
    const client = new ClientV1({ name: 'test', version: '1.0.0' })
    await client.connect(b)
    tools.push('second_v1')
    session.registerTool('second_v1', {}, () => ({ content: [] }))
    await eventually('the new tool is known there', async () => {
      return (await found('tool:second_v1')).length === 1
    })
    await client.close()
  })

  it('counts what it is asked, whatever becomes of it', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const create = () => {
      const server = new McpServer({ name: 'com.example/v2', version: '1.0.0' })
      server.registerTool('hold', {}, async () => {
        await held
        return { content: [] }
      })
      server.registerTool('fail', {}, () => {
        throw new Error('no')
      })
      return server
    }
    const advertisement = start(create, {
      id: 'v2',
      url: 'http://127.0.0.1:9/mcp',
      introspect: false,
    })
    const handler = createMcpHandler(advertisement.server)
    const http = await startOwnServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const answer = await handler.fetch(
        new Request(`http://127.0.0.1${request.url}`, {
          method: request.method ?? 'GET',
          headers: request.headers as Record<string, string>,
          ...(request.method === 'POST' && { body: Buffer.concat(chunks) }),
        }),
      )
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      response.end(Buffer.from(await answer.arrayBuffer()))
    })
    closers.push(() => http.close())
    const client = await connect(`${http.origin}/mcp`)
    await client.callTool({ name: 'fail' })
    expect(advertisement.load.inFlight).toBe(0)
    const calls = [client.callTool({ name: 'hold' }), client.callTool({ name: 'hold' })]
    await eventually('both are counted', () => advertisement.load.inFlight === 2)
    await eventually('the agent knows', async () => {
      return (await here.client.instance('v2')).load?.inFlight === 2
    })
    release()
    await Promise.all(calls)
    expect(advertisement.load.inFlight).toBe(0)
    expect(advertisement.load.latencyMs).toBeGreaterThan(0)
  })

  it('waits for an agent that is not there yet, and comes back to one that has forgotten it', async () => {
    const port = await freePort()
    const errors: string[] = []
    const create = () => new McpServer({ name: 'com.example/early', version: '1.0.0' })
    const advertisement = start(create, {
      id: 'early',
      url: 'http://127.0.0.1:9/mcp',
      introspect: false,
      ttlMs: 3_000,
      agent: `http://127.0.0.1:${port}`,
      onError: ({ code }) => {
        errors.push(code)
      },
    })
    await eventually('it was tried', () => errors.length > 0)
    expect(errors[0]).toBe('endpoint_unreachable')
    expect(advertisement.state).toBe('registering')
    const http = { host: '127.0.0.1', port }
    const first = await zone.start('n3', { http })
    await advertisement.registered
    expect(advertisement.lastError).toBeUndefined()
    // It starts again on its own disk: the instance is there, and goes on being renewed.
    await first.agent.close()
    const second = await zone.start('n3', { http })
    await eventually('the agent hears of it again', async () => {
      const checks = await checksOf(second)
      return checks[0]?.lastAt !== undefined && advertisement.lastError === undefined
    })
    await second.agent.close()
    // And on an empty disk.
    const third = await zone.start('n3', { http, dataDir: ':memory:' })
    await eventually(
      'it is registered anew',
      async () => {
        const checks = await checksOf(third)
        return checks.length === 1 && advertisement.state === 'registered'
      },
      30_000,
    )
    await advertisement.close()
    expect((await third.client.instances()).instances).toEqual([])
    await third.agent.close()
  })

  it('leaves the answers when it ends without a word', async () => {
    const create = () => {
      const server = new McpServer({ name: 'com.example/sudden', version: '1.0.0' })
      server.registerTool('sudden', {}, () => ({ content: [] }))
      return server
    }
    const options = { id: 'sudden', url: 'http://127.0.0.1:9/mcp', introspect: false, ttlMs: 1_000 }
    const advertisement = start(create, { ...options, manual: true })
    // Its word counts for a second, and the way there may take longer: it calls until it is known.
    await eventually('it is known there', async () => {
      await advertisement.renew()
      return (await found('tool:sudden')).length === 1
    })
    // Nobody calls again.
    await eventually('it is gone there', async () => (await found('tool:sudden')).length === 0)
    expect(await here.client.instance('sudden')).toMatchObject({
      status: 'critical',
      checks: [{ cause: 'expired' }],
    })
  })
})
