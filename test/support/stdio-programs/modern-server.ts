/** An MCP server over stdio that speaks 2026-07-28 only. */
import { acceptedContent, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

serveStdio(
  () => {
    const server = new McpServer(
      { name: 'com.example/modern-stdio', version: '2.0.0' },
      {
        instructions: 'Ask.',
        cacheHints: {
          'tools/list': { ttlMs: 5_000, cacheScope: 'public' },
          'server/discover': { ttlMs: 7_000, cacheScope: 'public' },
        },
      },
    )
    server.registerTool('grow', {}, () => {
      server.registerTool('grown', {}, () => ({ content: [] }))
      return { content: [{ type: 'text', text: 'grown' }] }
    })
    // Answers any value, which only the modern era allows.
    server.registerTool('count', { outputSchema: z.array(z.number()) }, () => ({
      content: [],
      structuredContent: [1, 2, 3],
    }))
    server.registerTool('book', {}, (context) => {
      const answer = acceptedContent<{ seat: string }>(context.mcpReq.inputResponses, 'seat')
      if (answer !== undefined) {
        return { content: [{ type: 'text', text: `seat ${answer.seat}` }] }
      }
      return inputRequired({
        inputRequests: {
          seat: inputRequired.elicit({
            message: 'Which seat?',
            requestedSchema: {
              type: 'object',
              properties: { seat: { type: 'string' } },
              required: ['seat'],
            },
          }),
        },
      })
    })
    return server
  },
  { legacy: 'reject' },
)
