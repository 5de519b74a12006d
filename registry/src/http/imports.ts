import {
  importRequestSchema,
  MeridianError,
  type ImportReply,
  type ImportRequest,
  type Imports,
} from '@meridian/shared'
import { readJson, readParams, type EdgeApp } from '@meridian/shared/http'
import { z } from 'zod'
import { sendJson } from './reading.ts'

export interface ImportsApi {
  imports(): Imports
  take(request: ImportRequest): ImportReply
}

/** What others list, taken in as records of an owner of this registry's own. */
export function serveImports(app: EdgeApp, api: ImportsApi | undefined): void {
  app.get('/v1/imports', (c) => {
    readParams(c, z.strictObject({}))
    return sendJson(c, owning(api).imports())
  })

  app.post('/v1/imports', async (c) => {
    const importer = owning(api)
    return sendJson(c, importer.take(await readJson(c, importRequestSchema, 'the import')))
  })
}

/** Records are owned within a zone. Errors: `not_found`. */
function owning(api: ImportsApi | undefined): ImportsApi {
  if (api) return api
  throw new MeridianError(
    'not_found',
    'only the registry of a zone takes imports: ask one of those',
  )
}
