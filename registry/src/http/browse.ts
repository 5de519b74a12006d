import {
  explainParamsSchema,
  instancesParamsSchema,
  nodesParamsSchema,
  parse,
  serverPathSchema,
  serversParamsSchema,
} from '@meridian/shared'
import { readParams, type EdgeApp } from '@meridian/shared/http'
import type { Context } from 'hono'
import { z } from 'zod'
import type { BrowseApi } from '../browse/browse.ts'
import { sendJson } from './reading.ts'

const noParams = z.strictObject({})

/** What operators read: servers, definitions, instances, nodes, the hierarchy. */
export function serveBrowse(app: EdgeApp, api: BrowseApi): void {
  app.get('/v1/servers', (c) => sendJson(c, api.servers(readParams(c, serversParamsSchema))))

  app.get('/v1/servers/:name/versions', (c) => {
    readParams(c, noParams)
    return sendJson(c, api.versions(readName(c)))
  })

  app.get('/v1/instances', async (c) =>
    sendJson(c, await api.instances(readParams(c, instancesParamsSchema))),
  )

  app.get('/v1/nodes', async (c) => sendJson(c, await api.nodes(readParams(c, nodesParamsSchema))))

  app.get('/v1/topology', (c) => {
    readParams(c, noParams)
    return sendJson(c, api.topology())
  })

  app.get('/v1/self', (c) => {
    readParams(c, noParams)
    return sendJson(c, api.self())
  })
  app.get('/v1/explain', (c) => sendJson(c, api.explain(readParams(c, explainParamsSchema))))
}

/** A server's name; its slash is written as `%2F`. */
function readName(c: Context): string {
  return parse(serverPathSchema, { name: c.req.param('name') }, 'the path').name
}
