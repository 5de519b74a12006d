import type { RegistrationInput } from '@meridian/shared'

const toolsPerServer = 3

/**
 * A registration as a server of usual size would send it. Those of one number have one definition
 * between them, with the tools `server<number>_tool0` on.
 */
export function sampleRegistration(id: string, server: number): RegistrationInput {
  return {
    endpoint: { url: `http://10.0.0.1:9000/${id}` },
    definition: {
      name: `com.example/server${server}`,
      version: '1.4.2',
      title: `Server number ${server}`,
      description: 'Answers questions about things, and changes some of them on demand.',
      capabilities: {
        tools: Array.from({ length: toolsPerServer }, (_, at) => ({
          name: `server${server}_tool${at}`,
          description: `Does what tool number ${at} of this server is there for.`,
          inputSchema: {
            type: 'object',
            properties: {
              query: { type: 'string', description: 'what to look for' },
              limit: { type: 'integer', minimum: 1, maximum: 100 },
            },
            required: ['query'],
          },
        })),
        resources: [],
        resourceTemplates: [],
        prompts: [],
      },
    },
    metadata: { env: 'prod', team: 'payments' },
    // Nobody listens there.
    checks: [],
    registrant: 'sample',
  }
}
