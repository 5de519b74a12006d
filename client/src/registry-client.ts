import {
  eventsPageSchema,
  importReplySchema,
  nodesPageSchema,
  officialPageSchema,
  readinessSchema,
  serversPageSchema,
  topologySchema,
  type EventsPage,
  type ImportReply,
  type ImportRequest,
  type NodesPage,
  type OfficialPage,
  type Readiness,
  type ServersPage,
  type ServerSort,
  type Topology,
} from '@meridian/shared'
import { createCaller, createConnection, type HttpClientOptions } from './http-client.ts'
import { createLookups, type Lookups } from './lookups.ts'
import { createOperators, type EventsFilter, type Operators } from './operators.ts'

export interface PageOptions {
  readonly limit?: number
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined
}

/** A registry's API, the same at every tier. Every method rejects with a `MeridianError`. */
export interface RegistryClient extends Lookups, Operators {
  /** One page of servers whose definitions match; pass `nextCursor` back for the next. */
  servers(options?: {
    readonly query?: string
    /** Words that name, title or description hold. */
    readonly text?: string | undefined
    readonly sort?: ServerSort
    readonly limit?: number
    readonly cursor?: string
  }): Promise<ServersPage>
  /** One page of nodes, from all regions that could be asked. */
  nodes(options?: PageOptions): Promise<NodesPage>
  /** One page of what happened, newest first. */
  events(options?: PageOptions & EventsFilter): Promise<EventsPage>
  /** One page of the official registry's API. */
  officialServers(options?: PageOptions): Promise<OfficialPage>
  /** Takes in what others list; the registry of a zone does. */
  takeImport(request: ImportRequest): Promise<ImportReply>
  topology(): Promise<Topology>
  ready(): Promise<Readiness>
}

export function createRegistryClient(options: HttpClientOptions): RegistryClient {
  const connection = createConnection(options)
  const call = createCaller(connection)
  return {
    ...createLookups(connection),
    ...createOperators(connection),
    servers: ({ query, text, sort, limit, cursor } = {}) =>
      call({
        path: '/v1/servers',
        params: { q: query, text, sort, limit, cursor },
        reply: serversPageSchema,
      }),
    nodes: (page = {}) => call({ path: '/v1/nodes', params: { ...page }, reply: nodesPageSchema }),
    events: (params = {}) =>
      call({ path: '/v1/events', params: { ...params }, reply: eventsPageSchema }),
    officialServers: (page = {}) =>
      call({ path: '/v0.1/servers', params: { ...page }, reply: officialPageSchema }),
    takeImport: (request) =>
      call({ method: 'POST', path: '/v1/imports', body: request, reply: importReplySchema }),
    topology: () => call({ path: '/v1/topology', reply: topologySchema }),
    ready: () => call({ path: '/readyz', reply: readinessSchema, alsoGood: [503] }),
  }
}
