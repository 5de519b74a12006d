import {
  parseQuery,
  serversParamsSchema,
  type Query,
  type Readiness,
  type ServersPage,
  type Topology,
} from '@meridian/shared'
import {
  addLookupRoutes,
  createEdge,
  readParams,
  type EdgeOptions,
  type LookupApi,
} from '@meridian/shared/http'
import type { Hono } from 'hono'

/** What the routes need of a registry. */
export interface RegistryApi extends LookupApi {
  servers(query: Query, after: string, limit: number): ServersPage
  topology(): Topology
  readiness(): Readiness
}

/** A registry's HTTP API, the same at every tier. It only reads. */
export function createRegistryRoutes(api: RegistryApi, options: EdgeOptions): Hono {
  const app = createEdge(options)

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
