import { createMcpHandler, McpServer, type McpHttpHandler } from '@modelcontextprotocol/server'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An HTTP server of a test's own. */
export interface OwnServer {
  /** `http://127.0.0.1:40123`, without a path. */
  readonly origin: string
  readonly port: number
  /** Connections at present. */
  connections(): Promise<number>
  /** Cuts everything. Twice is fine. */
  close(): Promise<void>
}

export async function startOwnServer(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
  port = 0,
): Promise<OwnServer> {
  const server: Server = createServer((request, response) => {
    void answer(request, response)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const bound = (server.address() as AddressInfo).port
  let closing: Promise<unknown> | undefined
  return {
    origin: `http://127.0.0.1:${bound}`,
    port: bound,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => {
          if (error === null) resolve(count)
          else reject(error)
        })
      }),
    async close() {
      closing ??= (async () => {
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
      })()
      await closing
    },
  }
}

export interface OwnMcpServer extends OwnServer {
  readonly url: string
  /** Requests, by JSON-RPC method, since the start. */
  readonly asked: ReadonlyMap<string, number>
  /** Offers other tools from now on; tells those who listen unless `quietly`. */
  offer(tools: readonly string[], options?: { readonly quietly?: boolean }): void
  /** Tells those who listen that the tools have changed, whether they have or not. */
  announce(): void
}

export interface OwnMcpOptions {
  readonly name?: string
  readonly version?: string
  readonly tools?: readonly string[]
  /** How long, and for whom, its lists hold; not said unless given. */
  readonly hint?: { readonly ttlMs: number; readonly cacheScope: 'public' | 'private' }
  readonly port?: number
}

/** A server of both eras, made with the official SDK, whose tools change while it runs. */
export async function startOwnMcpServer(options: OwnMcpOptions = {}): Promise<OwnMcpServer> {
  const { name = 'com.example/own', version = '1.0.0', hint } = options
  let offered = options.tools ?? ['now']
  const asked = new Map<string, number>()
  const handler: McpHttpHandler = createMcpHandler(() => {
    const server = new McpServer(
      { name, version },
      {
        capabilities: { tools: { listChanged: true } },
        ...(hint && { cacheHints: { 'tools/list': hint, 'server/discover': hint } }),
      },
    )
    for (const tool of offered) {
      server.registerTool(tool, { description: `Does ${tool}` }, () => ({
        content: [{ type: 'text', text: tool }],
      }))
    }
    return server
  })
  const server = await startOwnServer(async (request, response) => {
    const body = await bodyOf(request)
    count(asked, body)
    const gone = new AbortController()
    response.once('close', () => {
      gone.abort()
    })
    const answer = await handler.fetch(
      new Request(`http://127.0.0.1${request.url ?? '/'}`, {
        method: request.method ?? 'GET',
        headers: request.headers as Record<string, string>,
        signal: gone.signal,
        ...(request.method === 'POST' && { body }),
      }),
    )
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.flushHeaders()
    try {
      const chunks = (answer.body ?? []) as AsyncIterable<Uint8Array>
      for await (const chunk of chunks) response.write(chunk)
    } catch (error) {
      if (!gone.signal.aborted) throw error
    }
    response.end()
  }, options.port)
  return {
    ...server,
    url: `${server.origin}/mcp`,
    asked,
    offer(tools, { quietly = false } = {}) {
      offered = tools
      if (!quietly) handler.notify.toolsChanged()
    },
    announce() {
      handler.notify.toolsChanged()
    },
    async close() {
      await handler.close()
      await server.close()
    },
  }
}

/**
 * A server as they were before 2026-07-28, by hand: sessions, and a stream of its own (GET) on
 * which it says that its tools have changed.
 */
export async function startSessionServer(
  tools: readonly string[],
): Promise<OwnServer & { readonly url: string; offer(tools: readonly string[]): void }> {
  let offered = tools
  let sessions = 0
  const streams = new Set<ServerResponse>()
  const server = await startOwnServer(async (request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      streams.add(response)
      response.once('close', () => streams.delete(response))
      return
    }
    if (request.method === 'DELETE') {
      response.writeHead(200).end()
      return
    }
    const { id, method } = JSON.parse(await bodyOf(request)) as { id?: number; method: string }
    if (id === undefined) {
      response.writeHead(202).end()
      return
    }
    const results: Record<string, unknown> = {
      initialize: {
        protocolVersion: '2025-06-18',
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'com.example/sessions', version: '1.0.0' },
      },
      ping: {},
      'tools/list': {
        tools: offered.map((name) => ({ name, inputSchema: { type: 'object' } })),
      },
    }
    const result = results[method]
    const error = { code: -32_601, message: 'Method not found' }
    const headers = { 'content-type': 'application/json', 'mcp-session-id': `s${(sessions += 1)}` }
    response
      .writeHead(200, headers)
      .end(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error }) }))
  })
  return {
    ...server,
    url: `${server.origin}/mcp`,
    offer(next) {
      offered = next
      const method = 'notifications/tools/list_changed'
      for (const stream of streams) {
        stream.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', method })}\n\n`)
      }
    },
  }
}

function count(asked: Map<string, number>, body: string): void {
  if (body === '') return
  const { method } = JSON.parse(body) as { method?: string }
  if (method !== undefined) asked.set(method, (asked.get(method) ?? 0) + 1)
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
