import {
  readinessSchema,
  serversPageSchema,
  topologySchema,
  type Readiness,
  type ServersPage,
  type Topology,
} from '@meridian/shared'
import { createCaller, createConnection, type HttpClientOptions } from './http-client.ts'
import { createLookups, type Lookups } from './lookups.ts'

/** A registry's API, the same at every tier. Every method rejects with a `MeridianError`. */
export interface RegistryClient extends Lookups {
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
  const connection = createConnection(options)
  const call = createCaller(connection)
  return {
    ...createLookups(connection),
    servers: ({ query, limit, cursor } = {}) =>
      call({ path: '/v1/servers', params: { q: query, limit, cursor }, reply: serversPageSchema }),
    topology: () => call({ path: '/v1/topology', reply: topologySchema }),
    ready: () => call({ path: '/readyz', reply: readinessSchema, alsoGood: [503] }),
  }
}
