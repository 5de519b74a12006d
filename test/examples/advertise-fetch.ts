/**
 * A server on a runtime that runs only while there is a request: nothing of Node.js is loaded, no
 * timer is set, and `scheduled` is called by the runtime, more often than every 15 s.
 */
import { advertise, type Advertisement } from '@meridian/client/fetch'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'

function createTrains(): McpServer {
  const server = new McpServer(
    { name: 'com.example/trains', version: '1.0.0' },
    { cacheHints: { 'tools/list': { ttlMs: 60_000, cacheScope: 'public' } } },
  )
  server.registerTool('search_trains', { description: 'Finds trains' }, () => ({
    content: [{ type: 'text', text: 'ICE 1' }],
  }))
  return server
}

export interface Environment {
  readonly agent: string
  /** Where the runtime serves it. */
  readonly url: string
}

export function createWorker({ agent, url }: Environment): {
  readonly advertisement: Advertisement<() => McpServer>
  fetch(request: Request): Promise<Response>
  scheduled(): Promise<void>
} {
  const advertisement = advertise(createTrains, {
    id: 'trains',
    url,
    agent,
    manual: true,
    // The server describes itself: the agent asks nobody.
    introspect: false,
  })
  const handler = createMcpHandler(advertisement.server)
  return {
    advertisement,
    fetch: (request) => handler.fetch(request),
    scheduled: () => advertisement.renew(),
  }
}
