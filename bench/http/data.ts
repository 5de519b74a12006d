import type { RegistrationInput } from '@meridian/shared'

export const instancesCount = 2_000
const serversCount = 100

/** What the embedded client holds: twenty replicas of each of five thousand servers. */
export const zone = { instances: 100_000, servers: 5_000, nodes: 500 } as const

/** Twenty replicas of each of a hundred servers, each with tools of its own and some that all have. */
export function registrationOf(at: number, servers = serversCount): RegistrationInput {
  const server = at % servers
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

/** Of the larger zone: tools that twenty have, and tags that a tenth has. */
export function zoneQueries(): string[] {
  return Array.from({ length: 500 }, (_, at) =>
    at % 10 === 0 ? `tag:group-${at % 10} meta.env:prod` : `tool:search_${at * 7}`,
  )
}
