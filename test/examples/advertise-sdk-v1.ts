/**
 * A server made with version 1 of the MCP SDK, with a server object for each session, which makes
 * itself known to the registry.
 */
import { advertise } from '@meridian/client'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

const sessions = new Map<string, StreamableHTTPServerTransport>()

function createHotels(): McpServer {
  const server = new McpServer({ name: 'com.example/hotels-v1', version: '1.0.0' })
  server.registerTool(
    'search_hotels_v1',
    { description: 'Finds hotels', inputSchema: { waitMs: z.number().default(0) } },
    async ({ waitMs }) => {
      await delay(waitMs)
      return { content: [{ type: 'text', text: 'Adlon' }] }
    },
  )
  return server
}

let url = ''
const hotels = advertise(createHotels, {
  id: 'hotels-v1',
  url: () => url,
  agent: process.env['MERIDIAN_URL'] ?? 'http://127.0.0.1:7800',
})

const http = createServer((request, response) => {
  void (async () => {
    const known = sessions.get(String(request.headers['mcp-session-id']))
    if (known) {
      await known.handleRequest(request, response)
      return
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => {
        sessions.set(id, transport)
      },
      onsessionclosed: (id) => {
        sessions.delete(id)
      },
    })
    await hotels.server().connect(transport)
    await transport.handleRequest(request, response)
  })()
})
http.listen(0, '127.0.0.1', () => {
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`
  console.log(url)
})
