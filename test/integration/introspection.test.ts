import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { identifyDefinition } from '@meridian/shared'
import {
  introspect,
  type IntrospectOptions,
} from '../../agent/src/registration/introspection/introspect.ts'
import { createProbePolicy } from '../../agent/src/registration/probe-targets.ts'
import { startForeignServer, type RunningServer } from '../support/foreign-servers.ts'

const clientInfo = { name: 'meridian-agent', version: '0.0.0' }
const options: IntrospectOptions = { policy: createProbePolicy(), clientInfo, deadlineMs: 10_000 }

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

describe('introspect on foreign servers', () => {
  let everything: RunningServer
  let everythingSse: RunningServer
  let monitor: RunningServer

  beforeAll(async () => {
    ;[everything, everythingSse, monitor] = await Promise.all([
      startForeignServer('everything', 'streamableHttp'),
      startForeignServer('everything', 'sse'),
      startForeignServer('system-monitor'),
    ])
    return async () => {
      await Promise.all([everything.stop(), everythingSse.stop(), monitor.stop()])
    }
  })

  it('reads server-everything, the same over Streamable HTTP and over SSE', async () => {
    const overHttp = await introspect(
      { transport: 'streamable-http', url: `http://127.0.0.1:${everything.port}/mcp` },
      options,
    )
    expect(overHttp).toMatchObject({
      era: 'legacy',
      protocol: '2025-11-25',
      listChanged: { tools: true },
    })
    expect(countsOf(overHttp)).toEqual([13, 7, 2, 4])
    expect(overHttp.cacheScope).toBeUndefined()
    expect(overHttp.definitionInput).toMatchObject({
      name: 'mcp-servers/everything',
      title: 'Everything Reference Server',
      protocols: ['2025-11-25'],
    })
    const echo = overHttp.capabilities.tools.find((tool) => tool.name === 'echo')
    expect(echo?.inputSchema).toMatchObject({ type: 'object', required: ['message'] })

    const overSse = await introspect(
      { transport: 'sse', url: `http://localhost:${everythingSse.port}/sse` },
      options,
    )
    expect(overSse.listHash).toBe(overHttp.listHash)
    expect(overSse.definitionInput).toEqual(overHttp.definitionInput)
  })

  it('finds the same definition at the second visit', async () => {
    const endpoint = {
      transport: 'streamable-http' as const,
      url: `http://127.0.0.1:${monitor.port}/mcp`,
    }
    const [first, second] = [
      await introspect(endpoint, options),
      await introspect(endpoint, options),
    ]
    expect(countsOf(first)).toEqual([2, 1, 0, 0])
    expect(first.definitionInput.name).toBe('internal.meridian/system-monitor-server')
    expect(identifyDefinition(first.definitionInput).id).toBe(
      identifyDefinition(second.definitionInput).id,
    )
  })

  it('says what is wrong when the transport or the path is another', async () => {
    const at = (path: string, transport: 'streamable-http' | 'sse') =>
      introspect({ transport, url: `http://127.0.0.1:${everything.port}${path}` }, options)
    await expect(at('/nothing', 'streamable-http')).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
      message: expect.stringContaining('is the path right?') as string,
    })
    await expect(at('/mcp', 'sse')).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
      message: expect.stringContaining('transport "streamable-http"') as string,
    })
    await expect(
      introspect(
        { transport: 'streamable-http', url: `http://127.0.0.1:${everythingSse.port}/sse` },
        options,
      ),
    ).rejects.toMatchObject({ code: 'endpoint_not_mcp' })
  })
})

describe('introspect on a server of the modern era', () => {
  async function startModern(cacheScope: 'public' | 'private' | undefined): Promise<string> {
    const handler = createMcpHandler(() => {
      const hint = cacheScope === undefined ? undefined : { ttlMs: 30_000, cacheScope }
      const server = new McpServer(
        { name: 'com.example/modern', version: '3.1.0' },
        {
          instructions: 'Ask politely.',
          ...(hint === undefined
            ? {}
            : { cacheHints: { 'tools/list': hint, 'server/discover': hint } }),
        },
      )
      server.registerTool('now', { description: 'The time' }, () => ({
        content: [{ type: 'text', text: '12:00' }],
      }))
      return server
    })
    return await startHttp(async (request, response) => {
      const answer = await handler.fetch(
        new Request(`http://127.0.0.1${request.url ?? '/'}`, {
          method: request.method ?? 'GET',
          headers: request.headers as Record<string, string>,
          ...(request.method === 'POST' ? { body: await bodyOf(request) } : {}),
        }),
      )
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      response.end(Buffer.from(await answer.arrayBuffer()))
    })
  }

  it('speaks 2026-07-28 and reads the caching hints', async () => {
    const found = await introspect(streamable(await startModern('public')), options)
    expect(found).toMatchObject({
      era: 'modern',
      protocol: '2026-07-28',
      instructions: 'Ask politely.',
      cacheScope: 'public',
      ttlMs: 30_000,
    })
    expect(found.discover).toMatchObject({ supportedVersions: ['2026-07-28'] })
    expect(found.definitionInput).toMatchObject({
      name: 'com.example/modern',
      version: '3.1.0',
      protocols: ['2026-07-28'],
      instructions: 'Ask politely.',
    })
    expect(found.definitionInput).not.toHaveProperty('private')
  })

  it('makes a private definition where the server says so, or says nothing', async () => {
    for (const scope of ['private', undefined] as const) {
      const found = await introspect(streamable(await startModern(scope)), options)
      expect(found.cacheScope).toBe('private')
      expect(found.definitionInput.private).toBe(true)
    }
  })
})

describe('introspect on servers that misbehave', () => {
  it.each([401, 402, 403, 407])('calls a server that answers %i gated', async (status) => {
    const url = await startHttp((_request, response) => {
      response.writeHead(status, { 'www-authenticate': 'Bearer' }).end()
    })
    for (const endpoint of [streamable(url), { transport: 'sse' as const, url }]) {
      await expect(introspect(endpoint, options)).rejects.toMatchObject({ code: 'endpoint_gated' })
    }
  })

  it('names a page of HTML for what it is', async () => {
    const url = await startHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>')
    })
    await expect(introspect(streamable(url), options)).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
      message: expect.stringContaining('HTTP 200, text/html') as string,
    })
    await expect(introspect({ transport: 'sse', url }, options)).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
    })
  })

  it('takes HTTP 503 for a trouble that may pass', async () => {
    const url = await startHttp((_request, response) => {
      response.writeHead(503).end('starting')
    })
    await expect(introspect(streamable(url), options)).rejects.toMatchObject({
      code: 'endpoint_unreachable',
      retryable: true,
    })
  })

  it('says that nothing listens', async () => {
    const url = await startHttp(() => {})
    await closers.pop()?.()
    for (const endpoint of [streamable(url), { transport: 'sse' as const, url }]) {
      await expect(introspect(endpoint, options)).rejects.toMatchObject({
        code: 'endpoint_unreachable',
        message: expect.stringContaining('ECONNREFUSED') as string,
      })
    }
  })

  it('tells a server of another protocol', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.resume().end('220 mail.example ESMTP\r\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(async () => {
      server.close()
      await once(server, 'close')
    })
    await expect(introspect(streamable(urlOf(server)), options)).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
      message: expect.stringContaining('does not speak HTTP') as string,
    })
  })

  it('does not follow a redirect, and says where it leads', async () => {
    let asked = 0
    const elsewhere = await startHttp((_request, response) => {
      asked += 1
      response.end()
    })
    for (const status of [301, 307, 308]) {
      const url = await startHttp((_request, response) => {
        response.writeHead(status, { location: elsewhere }).end()
      })
      await expect(introspect(streamable(url), options)).rejects.toMatchObject({
        code: 'endpoint_not_mcp',
        message: expect.stringContaining(`redirects (${status}) to ${elsewhere}`) as string,
      })
    }
    expect(asked).toBe(0)
  })

  it('does not let an SSE server send it to another address', async () => {
    const url = await startHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('event: endpoint\ndata: http://169.254.169.254/latest\n\n')
    })
    await expect(introspect({ transport: 'sse', url }, options)).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
    })
  })

  it('connects to the address that was checked, though the name now means another', async () => {
    const url = await startHttp(legacyServer({ 'tools/list': { tools: [] } }))
    let asked = 0
    const policy = createProbePolicy({
      resolve: () => Promise.resolve([asked++ === 0 ? '127.0.0.1' : '169.254.169.254']),
    })
    const rebinding = url.replace('127.0.0.1', 'rebind.example')
    const found = await introspect(streamable(rebinding), { ...options, policy })
    expect(found.serverInfo.name).toBe('bad')
    expect(asked).toBe(1)
  })

  it('refuses an address that is not allowed before it connects', async () => {
    await expect(
      introspect(streamable('http://169.254.169.254/mcp'), options),
    ).rejects.toMatchObject({ code: 'address_not_allowed' })
  })

  it.each(['streamable-http', 'sse'] as const)(
    'gives up on a %s server that accepts and then says nothing',
    async (transport) => {
      const url = await startHttp(() => {})
      await expect(
        introspect({ transport, url }, { ...options, deadlineMs: 150 }),
      ).rejects.toMatchObject({ code: 'deadline_exceeded' })
    },
  )

  it('gives up on a server that answers the handshake and then hangs', async () => {
    const url = await startHttp(legacyServer({ 'tools/list': 'hang' }))
    await expect(
      introspect(streamable(url), { ...options, deadlineMs: 150 }),
    ).rejects.toMatchObject({ code: 'deadline_exceeded' })
  })

  it('gives its caller the reason of its own signal', async () => {
    const url = await startHttp(legacyServer({ 'tools/list': 'hang' }))
    const controller = new AbortController()
    const visit = introspect(streamable(url), { ...options, signal: controller.signal })
    setImmediate(() => {
      controller.abort(new Error('the agent closes'))
    })
    await expect(visit).rejects.toThrow('the agent closes')
  })

  it('ends a stream that never ends', async () => {
    const url = await startHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const flood = () => {
        while (response.write(`: ${'x'.repeat(16_384)}\n\n`)) {
          if (response.destroyed) return
        }
      }
      response.on('drain', flood)
      flood()
    })
    const limits = { bytesMax: 200_000 }
    for (const endpoint of [streamable(url), { transport: 'sse' as const, url }]) {
      await expect(introspect(endpoint, { ...options, limits })).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('the limit is 200000 bytes') as string,
      })
    }
  })

  it('refuses an answer whose size is hidden by compression', async () => {
    const url = await startHttp((request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity')
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(8 * 1024 * 1024, 0x20)))
    })
    await expect(introspect(streamable(url), options)).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
      message: expect.stringContaining('answers in gzip') as string,
    })
  })

  it('names invalid UTF-8', async () => {
    const answer = Buffer.from(
      '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},' +
        '"serverInfo":{"name":"\xff\xfe","version":"1"}}}',
      'latin1',
    )
    const url = await startHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    })
    await expect(introspect(streamable(url), options)).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
      message: expect.stringContaining('invalid UTF-8') as string,
    })
  })

  it('names an answer that is no JSON, also inside a stream', async () => {
    for (const [type, body] of [
      ['application/json', '{"jsonrpc":'],
      ['text/event-stream', 'data: {"jsonrpc":\n\n'],
    ] as const) {
      const url = await startHttp((_request, response) => {
        response.writeHead(200, { 'content-type': type })
        response.write(body)
        if (type === 'application/json') response.end()
      })
      await expect(introspect(streamable(url), options)).rejects.toMatchObject({
        code: 'endpoint_not_mcp',
      })
    }
  })

  it('takes an endpoint that breaks the connection for unreachable', async () => {
    const url = await startHttp((request) => {
      request.socket.destroy()
    })
    await expect(introspect(streamable(url), options)).rejects.toMatchObject({
      code: 'endpoint_unreachable',
    })
  })

  it.each<[string, Record<string, unknown>, string, string]>([
    ['5,000 tools', { tools: toolsNamed(5_000) }, 'invalid_request', 'the limit is 1000'],
    [
      'a schema of 2 MB',
      { tools: [{ name: 'big', inputSchema: { type: 'object', title: 'x'.repeat(2_000_000) } }] },
      'invalid_request',
      'the limit is 524288',
    ],
    [
      'two tools of one name',
      { tools: [...toolsNamed(2), ...toolsNamed(1)] },
      'invalid_request',
      '"tool-0": is listed twice',
    ],
    [
      'a name that is too long',
      { tools: [{ name: 'n'.repeat(300), inputSchema: { type: 'object' } }] },
      'invalid_request',
      'must have at most 256 characters',
    ],
    [
      'half a surrogate pair',
      { tools: [{ name: 'a', description: '\ud800', inputSchema: { type: 'object' } }] },
      'invalid_request',
      'half a surrogate pair',
    ],
    [
      'a list that is no list',
      { tools: 'many' },
      'endpoint_not_mcp',
      'Invalid result for tools/list',
    ],
    ['a tool without a name', { tools: [{ inputSchema: {} }] }, 'endpoint_not_mcp', 'tools/list'],
  ])('names %s', async (_what, tools, code, message) => {
    const url = await startHttp(legacyServer({ 'tools/list': tools }))
    await expect(introspect(streamable(url), options)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    })
  })

  it('names a cursor that loops, and pages that never end', async () => {
    const looping = await startHttp(
      legacyServer({ 'tools/list': { tools: [], nextCursor: 'again' } }),
    )
    await expect(introspect(streamable(looping), options)).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
      message: expect.stringContaining('"again" comes twice') as string,
    })
    let page = 0
    const endless = await startHttp(
      legacyServer({ 'tools/list': () => ({ tools: [], nextCursor: `page-${(page += 1)}` }) }),
    )
    await expect(
      introspect(streamable(endless), { ...options, limits: { pagesMax: 20 } }),
    ).rejects.toMatchObject({ code: 'invalid_request' })
    expect(page).toBe(20)
  })

  it('follows all pages, and takes a list that the server does not know for empty', async () => {
    const page = (cursor: unknown) => {
      const at = typeof cursor === 'string' ? Number(cursor || '1') : 0
      const tools = toolsNamed(10, at * 10)
      // The first cursor is the empty string, which is one like any other.
      return at < 4 ? { tools, nextCursor: at === 0 ? '' : String(at + 1) } : { tools }
    }
    const url = await startHttp(
      legacyServer({
        'tools/list': (params: { cursor?: unknown }) => page(params.cursor),
        'resources/list': { resources: [{ uri: 'a://b', name: '' }] },
      }),
    )
    const found = await introspect(streamable(url), options)
    expect(countsOf(found)).toEqual([50, 1, 0, 0])
  })

  it('leaves no connection and no session behind', async () => {
    const ended: string[] = []
    const answer = legacyServer({ 'tools/list': { tools: [] } }, 'session-1')
    const server = createServer((request, response) => {
      if (request.method === 'DELETE') ended.push(String(request.headers['mcp-session-id']))
      answer(request, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => closeServer(server))
    await introspect(streamable(urlOf(server)), options)
    expect(ended).toEqual(['session-1'])
    await expect.poll(() => connectionsOf(server)).toBe(0)
  })
})

type Answer = unknown

/** A JSON-RPC server of the legacy era with exactly these answers. */
function legacyServer(
  answers: Record<string, Answer>,
  session?: string,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(request.method === 'DELETE' ? 200 : 405).end()
      return
    }
    void bodyOf(request).then((body) => {
      const { id, method, params } = JSON.parse(body) as {
        id?: number
        method: string
        params?: object
      }
      if (id === undefined) {
        response.writeHead(202).end()
        return
      }
      const found = method === 'initialize' ? initialized : answers[method]
      if (found === 'hang') return
      const result =
        typeof found === 'function' ? (found as (p: object) => unknown)(params ?? {}) : found
      const reply =
        result === undefined
          ? { error: { code: -32_601, message: 'Method not found' } }
          : { result }
      response
        .writeHead(200, {
          'content-type': 'application/json',
          ...(session === undefined ? {} : { 'mcp-session-id': session }),
        })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...reply }))
    })
  }
}

const initialized = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {}, resources: {} },
  serverInfo: { name: 'bad', version: '1.0.0' },
}

function toolsNamed(count: number, from = 0): object[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `tool-${from + at}`,
    inputSchema: { type: 'object' },
  }))
}

function countsOf({ capabilities }: Awaited<ReturnType<typeof introspect>>): number[] {
  const { tools, resources, resourceTemplates, prompts } = capabilities
  return [tools, resources, resourceTemplates, prompts].map((list) => list.length)
}

function streamable(url: string) {
  return { transport: 'streamable-http' as const, url }
}

async function startHttp(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<string> {
  const server = createServer((request, response) => {
    void answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => closeServer(server))
  return urlOf(server)
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count)
      else reject(error)
    })
  })
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

function urlOf(server: { address(): unknown }): string {
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/mcp`
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
