import { completeParamsSchema, facetsParamsSchema, searchParamsSchema } from '@meridian/shared'
import { readParams, type EdgeApp } from '@meridian/shared/http'
import type { SearchApi } from '../browse/search.ts'
import { sendJson } from './reading.ts'

/** One box for words and queries, with what narrows it and what may be typed next. */
export function serveSearch(app: EdgeApp, api: SearchApi): void {
  app.get('/v1/search', async (c) =>
    sendJson(c, await api.search(readParams(c, searchParamsSchema))),
  )
  app.get('/v1/facets', async (c) =>
    sendJson(c, await api.facets(readParams(c, facetsParamsSchema))),
  )
  app.get('/v1/complete', (c) => sendJson(c, api.complete(readParams(c, completeParamsSchema))))
}
