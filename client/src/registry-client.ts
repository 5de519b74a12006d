import {
  lookupAnswerSchema,
  readinessSchema,
  serversPageSchema,
  topologySchema,
  type LookupAnswer,
  type Readiness,
  type ServersPage,
  type Topology,
} from '@meridian/shared'
import { createHttpCaller, type HttpClientOptions } from './http-client.ts'
import type { LookupOptions } from './agent-client.ts'

/** A registry's API, the same at every tier. Every method rejects with a `MeridianError`. */
export interface RegistryClient {
  lookup(query: string, options?: LookupOptions): Promise<LookupAnswer>
  /** One page of servers whose definitions match; pass `nextCursor` back for the next. */
  servers(options?: {
    readonly query?: string
    readonly limit?: number
    readonly cursor?: string
  }): Promise<ServersPage>
  topology(): Promise<Topology>
  ready(): Promise<Readiness>
}

export function createRegistryClient(options: HttpClientOptions): RegistryClient {
  const call = createHttpCaller(options)
  return {
    lookup: (query, { limit, near, deadlineMs } = {}) =>
      call({
        path: '/v1/lookup',
        params: { q: query, limit, near, deadline: deadlineMs },
        reply: lookupAnswerSchema,
      }),
    servers: ({ query, limit, cursor } = {}) =>
      call({ path: '/v1/servers', params: { q: query, limit, cursor }, reply: serversPageSchema }),
    topology: () => call({ path: '/v1/topology', reply: topologySchema }),
    ready: () => call({ path: '/readyz', reply: readinessSchema, alsoGood: [503] }),
  }
}
