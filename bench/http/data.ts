import type { RegistrationInput } from '@meridian/shared'

export const instancesCount = 2_000
const serversCount = 100

/** Twenty replicas of each of a hundred servers, each with tools of its own and some that all have. */
export function registrationOf(at: number): RegistrationInput {
  const server = at % serversCount
  return {
    endpoint: { url: `http://10.0.${Math.floor(at / 250)}.${at % 250}:8080/mcp` },
    definition: {
      name: `com.example/server-${server}`,
      version: '1.0.0',
      title: `Server ${server}`,
      tags: ['bench', `group-${server % 10}`],
      capabilities: {
        tools: ['search', 'read', 'write'].map((verb) => ({ name: `${verb}_${server}` })),
      },
    },
    metadata: { env: 'prod' },
    checks: [],
  }
}

/** Each has at least ten results. */
export function queries(): string[] {
  return Array.from({ length: 50 }, (_, at) =>
    at % 2 === 0 ? `tool:search_${at}` : `tag:group-${at % 10} meta.env:prod`,
  )
}
