/**
 * Two foreign servers that are libraries as well as programs, made known by one line each: one
 * made with version 1 of the MCP SDK, one with version 2. A line on standard input is the name of
 * another tool for the first.
 */
import { advertise, type Advertisement, type SdkServer } from '@meridian/client'
import type { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { McpServer } from '@modelcontextprotocol/server'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'

const [agent = '', everything = '', systemMonitor = ''] = process.argv.slice(2)
const { createServer: createEverything } = (await import(everything)) as {
  createServer(): { server: McpServerV1 }
}
const { createServer: createSystemMonitor } = (await import(systemMonitor)) as {
  createServer(): McpServer
}

const grown: string[] = []
const first = await serve('everything-v1', () => {
  const { server } = createEverything()
  for (const name of grown) grow(server, name)
  return server
})
const second = await serve('system-monitor-v2', createSystemMonitor)

createInterface({ input: process.stdin }).on('line', (name) => {
  grown.push(name)
  for (const server of first.sessions.values()) grow(server, name)
})
await Promise.all([first.advertisement.registered, second.advertisement.registered])
console.log('registered')

/** Serves at a free port, with a server object for each session, and makes it known. */
async function serve<S extends SdkServer>(
  id: string,
  create: () => S,
): Promise<{ advertisement: Advertisement<() => S>; sessions: ReadonlyMap<string, S> }> {
  const sessions = new Map<string, S>()
  const transports = new Map<string, StreamableHTTPServerTransport>()
  const http = createServer((request, response) => {
    void (async () => {
      const known = transports.get(String(request.headers['mcp-session-id']))
      if (known) {
        await known.handleRequest(request, response)
        return
      }
      const server = advertisement.server()
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (session) => {
          sessions.set(session, server)
          transports.set(session, transport)
        },
        onsessionclosed: (session) => {
          sessions.delete(session)
          transports.delete(session)
        },
      })
      // One version's transport serves the other's server.
      await server.connect(transport as never)
      await transport.handleRequest(request, response)
    })()
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  const advertisement = advertise(create, {
    id,
    url: `http://127.0.0.1:${port}/mcp`,
    agent,
    onError: ({ message }) => {
      // Later the agent is away because it is ended.
      if (advertisement.state === 'registering') console.error(message)
    },
  })
  return { advertisement, sessions }
}

function grow(server: McpServerV1, name: string): void {
  server.registerTool(name, {}, () => ({ content: [] }))
}
