import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { checkSchema, type CheckInput, type Endpoint } from '@meridian/shared'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createProber } from '../../agent/src/registration/checks/prober.ts'
import type {
  Prober,
  ProbeRequest,
  ProbeResult,
} from '../../agent/src/registration/checks/probe.ts'
import { createProbePolicy } from '../../agent/src/registration/probe-targets.ts'
import { startForeignServer, type RunningServer } from '../support/foreign-servers.ts'
import { freePort } from '../support/free-port.ts'
import { bodyOf, startOwnMcpServer, startOwnServer } from '../support/own-servers.ts'

const clientInfo = { name: 'meridian-agent', version: '0.0.0' }
const closers: (() => Promise<void>)[] = []
let prober: Prober = createProber({ policy: createProbePolicy(), clientInfo })

afterEach(async () => {
  prober.close()
  prober = createProber({ policy: createProbePolicy(), clientInfo })
  for (const close of closers.splice(0).toReversed()) await close()
})

function probe(
  check: CheckInput,
  url: string,
  {
    transport = 'streamable-http',
    era,
    signal = AbortSignal.timeout(10_000),
  }: Partial<Pick<Endpoint, 'transport'> & Pick<ProbeRequest, 'era'>> & {
    signal?: AbortSignal
  } = {},
): Promise<ProbeResult> {
  const parsed = checkSchema.parse(check)
  if (parsed.kind === 'ttl') throw new Error('nobody looks at a lease')
  return prober.probe({ id: 'it', endpoint: { transport, url }, check: parsed, era }, signal)
}

async function answering(
  answer: Parameters<typeof startOwnServer>[0],
): Promise<Awaited<ReturnType<typeof startOwnServer>>> {
  const server = await startOwnServer(answer)
  closers.push(() => server.close())
  return server
}

const mcp = { kind: 'mcp' } as const

describe('an mcp check of foreign servers', () => {
  let everything: RunningServer
  let overSse: RunningServer

  beforeAll(async () => {
    ;[everything, overSse] = await Promise.all([
      startForeignServer('everything', 'streamableHttp'),
      startForeignServer('everything', 'sse'),
    ])
    return async () => {
      await Promise.all([everything.stop(), overSse.stop()])
    }
  })

  it('shakes hands once and pings in the same session from then on', async () => {
    const url = `http://127.0.0.1:${everything.port}/mcp`
    expect(await probe(mcp, url)).toMatchObject({
      outcome: 'passing',
      reason: 'it answers initialize',
    })
    for (let at = 0; at < 3; at += 1) {
      expect(await probe(mcp, url)).toMatchObject({ outcome: 'passing', reason: 'it answers ping' })
    }
  })

  it('pings over SSE', async () => {
    expect(
      await probe(mcp, `http://127.0.0.1:${overSse.port}/sse`, { transport: 'sse' }),
    ).toMatchObject({ outcome: 'passing', cause: 'ok', reason: 'it answers ping' })
  })
})

describe('an mcp check', () => {
  it('asks a modern server server/discover, once', async () => {
    const server = await startOwnMcpServer()
    closers.push(() => server.close())
    const found = await probe(mcp, server.url, { era: 'modern' })
    expect(found).toMatchObject({ outcome: 'passing', reason: 'it answers server/discover' })
    expect(found.latencyMs).toBeGreaterThan(0)
    expect([...server.asked]).toEqual([['server/discover', 1]])
  })

  it('finds the era that a server speaks now, whatever it spoke before', async () => {
    const server = await startOwnMcpServer()
    closers.push(() => server.close())
    expect(await probe(mcp, server.url, { era: 'legacy' })).toMatchObject({ outcome: 'passing' })

    const old = await answering(async (request, response) => {
      const { id, method } = JSON.parse(await bodyOf(request)) as { id?: number; method: string }
      if (id === undefined) return response.writeHead(202).end()
      const reply =
        method === 'initialize'
          ? { result: { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: {} } }
          : { error: { code: -32_601, message: 'Method not found' } }
      return response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...reply }))
    })
    prober.forget('it')
    expect(await probe(mcp, old.origin, { era: 'modern' })).toMatchObject({
      outcome: 'passing',
      reason: 'it answers initialize',
    })
    // It knows no ping, and is there.
    expect(await probe(mcp, old.origin)).toMatchObject({
      outcome: 'passing',
      reason: 'it answers ping',
    })
  })

  it('ends the session once the instance is looked at no more', async () => {
    const ended: unknown[] = []
    const server = await answering(async (request, response) => {
      if (request.method === 'DELETE') {
        ended.push(request.headers['mcp-session-id'])
        return response.writeHead(200).end()
      }
      const { id, method } = JSON.parse(await bodyOf(request)) as { id?: number; method: string }
      if (id === undefined) return response.writeHead(202).end()
      if (method === 'server/discover') return response.writeHead(400).end()
      const headers = { 'content-type': 'application/json', 'mcp-session-id': 's1' }
      const result = { protocolVersion: '2025-06-18' }
      return response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    })
    await probe(mcp, server.origin)
    await probe(mcp, server.origin)
    expect(ended).toEqual([])
    prober.forget('it')
    await expect.poll(() => ended).toEqual(['s1'])
    await expect.poll(() => server.connections()).toBe(0)
  })

  it('begins a new session where the server has forgotten the old one', async () => {
    let session = 0
    const server = await answering(async (request, response) => {
      const { id, method } = JSON.parse(await bodyOf(request)) as { id?: number; method: string }
      if (id === undefined) return response.writeHead(202).end()
      if (method === 'server/discover') return response.writeHead(400).end()
      const sent = request.headers['mcp-session-id']
      if (method === 'ping' && sent !== `s${session}`) return response.writeHead(404).end()
      if (method === 'initialize') session += 1
      return response
        .writeHead(200, {
          'content-type': 'text/event-stream',
          'mcp-session-id': `s${session}`,
        })
        .end(
          `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-06-18' } })}\n\n`,
        )
    })
    expect((await probe(mcp, server.origin)).reason).toBe('it answers initialize')
    expect((await probe(mcp, server.origin)).reason).toBe('it answers ping')
    session = 7
    expect((await probe(mcp, server.origin)).reason).toBe('it answers initialize')
    expect((await probe(mcp, server.origin)).reason).toBe('it answers ping')
  })

  it('names a page of HTML for what it is', async () => {
    const server = await answering((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>')
    })
    expect(await probe(mcp, server.origin)).toMatchObject({
      outcome: 'critical',
      cause: 'not-mcp',
      reason: expect.stringContaining('text/html') as string,
    })
  })

  it('takes the answer out of a stream that never ends, and leaves no socket behind', async () => {
    const server = await answering(async (request, response) => {
      const { id } = JSON.parse(await bodyOf(request)) as { id: number }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: {} })}\n\n`)
      const timer = setInterval(() => {
        response.write(': on and on\n\n')
      }, 5)
      response.once('close', () => {
        clearInterval(timer)
      })
    })
    expect(await probe(mcp, server.origin)).toMatchObject({ outcome: 'passing' })
    await expect.poll(() => server.connections()).toBe(0)
  })

  it('reads no more of a stream without an answer than its limit', async () => {
    const server = await answering((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const pour = () => {
        while (!response.destroyed && response.write(`: ${'x'.repeat(65_536)}\n\n`));
        if (!response.destroyed) response.once('drain', pour)
      }
      pour()
    })
    expect(await probe(mcp, server.origin)).toMatchObject({ outcome: 'critical', cause: 'not-mcp' })
    await expect.poll(() => server.connections()).toBe(0)
  })

  it.each([mcp, { kind: 'http' }] as const)(
    'of a server that hangs ends with its time, and leaves no socket behind: %j',
    async (check) => {
      const server = await answering(() => undefined)
      const ended = new AbortController()
      const probing = probe(check, server.origin, { signal: ended.signal })
      await expect.poll(() => server.connections()).toBe(1)
      ended.abort(new Error('time is over'))
      await expect(probing).rejects.toThrow('time is over')
      await expect.poll(() => server.connections()).toBe(0)
    },
  )
})

describe.each([mcp, { kind: 'http' }] as const)('statuses, as %j tells them apart', (check) => {
  it.each([
    [401, 'gated', 'gated'],
    [402, 'gated', 'gated'],
    [403, 'gated', 'gated'],
    [407, 'gated', 'gated'],
    [429, 'critical', 'throttled'],
    [500, 'critical', 'server-error'],
    [503, 'critical', 'server-error'],
  ])('%i', async (status, outcome, cause) => {
    const server = await answering((_, response) => {
      response.writeHead(status).end()
    })
    expect(await probe(check, server.origin)).toMatchObject({ outcome, cause })
  })

  it('nothing listens', async () => {
    const url = `http://127.0.0.1:${await freePort()}/`
    expect(await probe(check, url)).toMatchObject({ outcome: 'critical', cause: 'refused' })
  })

  it('a redirect is not followed', async () => {
    let followed = false
    const other = await answering((_, response) => {
      followed = true
      response.end()
    })
    const server = await answering((_, response) => {
      response.writeHead(302, { location: other.origin }).end()
    })
    expect(await probe(check, server.origin)).toMatchObject({
      outcome: 'critical',
      cause: 'unexpected',
      reason: expect.stringContaining('redirects') as string,
    })
    expect(followed).toBe(false)
  })

  it('an address that the operator does not allow', async () => {
    expect(await probe(check, 'http://169.254.169.254/latest')).toMatchObject({
      outcome: 'critical',
      cause: 'not-allowed',
    })
  })
})

describe('an http check', () => {
  it('passes an MCP endpoint that has no stream to GET', async () => {
    const server = await answering((_, response) => {
      response.writeHead(405, { allow: 'POST' }).end()
    })
    expect(
      await probe({ kind: 'http' }, `${server.origin}/sse`, { transport: 'sse' }),
    ).toMatchObject({ outcome: 'passing' })
  })

  it('asks where it is told to, with the method that it is told', async () => {
    const asked: string[] = []
    const server = await answering((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      response.end()
    })
    const check = { kind: 'http', method: 'HEAD', url: `${server.origin}/healthz` } as const
    expect(await probe(check, 'http://127.0.0.1:9/mcp')).toMatchObject({ outcome: 'passing' })
    expect(asked).toEqual(['HEAD /healthz'])
  })

  it('does not wait for a body without end', async () => {
    const server = await answering((_, response) => {
      response.writeHead(200).write('and so on')
    })
    expect(await probe({ kind: 'http' }, server.origin)).toMatchObject({ outcome: 'passing' })
    await expect.poll(() => server.connections()).toBe(0)
  })
})

describe('a tcp check', () => {
  it('passes where a port takes connections, for a websocket too', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(async () => {
      server.close()
      await once(server, 'close')
    })
    const { port } = server.address() as AddressInfo
    expect(
      await probe({ kind: 'tcp' }, `ws://127.0.0.1:${port}/mcp`, { transport: 'websocket' }),
    ).toMatchObject({ outcome: 'passing', reason: `127.0.0.1:${port} takes connections` })
    expect(await probe({ kind: 'tcp', port }, 'http://127.0.0.1:9/')).toMatchObject({
      outcome: 'passing',
    })
  })

  it('fails where none does', async () => {
    const port = await freePort()
    expect(await probe({ kind: 'tcp' }, `http://127.0.0.1:${port}/`)).toMatchObject({
      outcome: 'critical',
      cause: 'refused',
      reason: expect.stringContaining('ECONNREFUSED') as string,
    })
  })
})
