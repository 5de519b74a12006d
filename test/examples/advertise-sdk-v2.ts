/** A server made with version 2 of the MCP SDK, which makes itself known to the registry. */
import { serve } from '@hono/node-server'
import { advertise } from '@meridian/client'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

function createFlights(): McpServer {
  const server = new McpServer(
    { name: 'com.example/flights-v2', version: '2.0.0' },
    { cacheHints: { 'tools/list': { ttlMs: 60_000, cacheScope: 'public' } } },
  )
  server.registerTool(
    'search_flights_v2',
    { description: 'Finds flights', inputSchema: z.object({ waitMs: z.number().default(0) }) },
    async ({ waitMs }) => {
      await delay(waitMs)
      return { content: [{ type: 'text', text: 'LH1' }] }
    },
  )
  return server
}

let url = ''
const flights = advertise(createFlights, {
  id: 'flights-v2',
  url: () => url,
  agent: process.env['MERIDIAN_URL'] ?? 'http://127.0.0.1:7800',
  publish: true,
})

const handler = createMcpHandler(flights.server)
serve(
  { fetch: (request) => handler.fetch(request), hostname: '127.0.0.1', port: 0 },
  ({ port }) => {
    url = `http://127.0.0.1:${port}/mcp`
    console.log(url)
  },
)
