import {
  isMeridianError,
  limits,
  officialEntryParamsSchema,
  officialParamsSchema,
  parse,
  serverPathSchema,
  type OfficialEntry,
  type OfficialPage,
} from '@meridian/shared'
import type { EdgeApp } from '@meridian/shared/http'
import type { Context } from 'hono'
import { z } from 'zod'
import { sendJson } from '../http/reading.ts'
import type { OfficialQuestion } from './listing.ts'

export interface OfficialApi {
  page(question: OfficialQuestion, cursor: string | undefined): OfficialPage
  versions(name: string, includeDeleted: boolean): OfficialPage
  version(name: string, version: string, includeDeleted: boolean): OfficialEntry
}

/** `/v0.1` is the stable one; `/v0` is asked by clients that have not found it. */
const prefixes = ['/v0.1', '/v0'] as const

const versionPathSchema = serverPathSchema.extend({ version: z.string().max(limits.versionMax) })

/**
 * The official registry's API, to read. It has errors of its own shape, and pages that end with a
 * slash are the same ones.
 */
export function serveOfficial(app: EdgeApp, api: OfficialApi): void {
  for (const prefix of prefixes) {
    const get = (path: string, answer: (c: Context) => unknown) => {
      const handle = (c: Context) => answerOfficially(c, () => sendJson(c, answer(c)))
      app.get(`${prefix}${path}`, handle).get(`${prefix}${path}/`, handle)
    }
    const refuse = (method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string) => {
      app.on(method, [`${prefix}${path}`, `${prefix}${path}/`], notSupported)
    }
    get('/servers', (c) => {
      const params = parse(officialParamsSchema, paramsOf(c), 'the query string')
      const question = {
        search: params.search,
        updatedSince: params.updated_since,
        version: params.version,
        // Who follows changes has to hear of what went.
        includeDeleted: params.include_deleted || params.updated_since !== undefined,
        limit: params.limit,
      }
      return api.page(question, params.cursor === '' ? undefined : params.cursor)
    })
    get('/servers/:name/versions', (c) => {
      const { name } = parse(serverPathSchema, c.req.param(), 'the path')
      return api.versions(name, includesDeleted(c))
    })
    get('/servers/:name/versions/:version', (c) => {
      const { name, version } = parse(versionPathSchema, c.req.param(), 'the path')
      return api.version(name, version, includesDeleted(c))
    })
    refuse('POST', '/publish')
    refuse('PUT', '/servers/:name/versions/:version')
    refuse('DELETE', '/servers/:name/versions/:version')
    refuse('PATCH', '/servers/:name/versions/:version/status')
    refuse('PATCH', '/servers/:name/status')
  }
}

function includesDeleted(c: Context): boolean {
  return parse(officialEntryParamsSchema, paramsOf(c), 'the query string').include_deleted
}

/** Of a parameter given twice the first counts. */
function paramsOf(c: Context): Record<string, string> {
  return c.req.query()
}

function notSupported(c: Context): Response {
  const error = 'this registry lists what is registered with it: register servers with an agent'
  return c.json({ error }, 501)
}

/** Errors as this API shapes them. What is a fault of ours goes on to the edge, which logs it. */
function answerOfficially(c: Context, answer: () => Response): Response {
  try {
    return answer()
  } catch (error) {
    if (!isMeridianError(error) || error.code === 'internal') throw error
    return c.json({ error: error.message }, error.status as 400)
  }
}
