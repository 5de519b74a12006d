import {
  parseQuery,
  serversParamsSchema,
  type Query,
  type Readiness,
  type ServersPage,
  type Topology,
} from '@meridian/shared'
import type { Need } from '@meridian/shared/access'
import {
  addLookupRoutes,
  createEdge,
  readParams,
  type EdgeApp,
  type EdgeOptions,
  type GuardOptions,
  type LookupApi,
} from '@meridian/shared/http'

/** What the routes need of a registry. */
export interface RegistryApi extends LookupApi {
  servers(query: Query, after: string, limit: number): ServersPage
  topology(): Topology
  readiness(): Readiness
}

export interface RegistryRoutesOptions extends Omit<EdgeOptions, 'guard'> {
  readonly access?: Pick<GuardOptions, 'tokens' | 'rates'>
}

/** A registry's HTTP API, the same at every tier. Reads are open on loopback; it only reads. */
export function createRegistryRoutes(
  api: RegistryApi,
  { access = {}, ...options }: RegistryRoutesOptions,
): EdgeApp {
  const app = createEdge({
    ...options,
    guard: { ...access, needOf: registryNeed, openOnLoopback: 'reads' },
  })

  addLookupRoutes(app, api)

  app.get('/v1/servers', (c) => {
    const { q, limit, cursor } = readParams(c, serversParamsSchema)
    return c.json(api.servers(parseQuery(q), cursor ?? '', limit))
  })

  app.get('/v1/topology', (c) => c.json(api.topology()))

  app.get('/livez', (c) => c.json({ live: true }))
  app.get('/readyz', (c) => {
    const readiness = api.readiness()
    return c.json(readiness, readiness.ready ? 200 : 503)
  })
  return app
}

/** What each route asks of its caller: whatever is no read takes an operator. */
function registryNeed(method: string, path: string): Need {
  if (path === '/livez' || path === '/readyz') return 'nothing'
  if (path === '/v1/lookup' || path === '/v1/lookups') return 'lookup'
  return method === 'GET' || method === 'HEAD' ? 'lookup' : 'operate'
}
