import { parseQuery, isMeridianError, type ErrorCode } from '@meridian/shared'
import { z } from 'zod'
import { pathSchemas, type Operation } from '../../registry/src/http/operations.ts'

/** What is to be answered: `field` is at fault, and has to be named. */
export interface Verdict {
  readonly status: number
  readonly code?: ErrorCode
  readonly field?: string
}

const well: Verdict = { status: 200 }
const nothing = z.strictObject({})

/** What a GET with these parameters deserves, by the operation's own schema. */
export function verdictOnParams(
  operation: Operation,
  given: Readonly<Record<string, string>>,
): Verdict {
  const { path, params = nothing, errors, tag } = operation
  // Probes are configured by people who have other things to do.
  if (tag === 'health') return well
  const read = params.safeParse(given)
  if (!read.success) return invalid(read.error, errors === 'official')
  // Of the text of a search box whatever is no query is words.
  for (const name of ['q', 'filter']) {
    const isQuery = name === 'filter' || path !== '/v1/find'
    const text = given[name]
    if (isQuery && text !== undefined && !isQueryText(text)) {
      return { status: 400, code: 'invalid_query' }
    }
  }
  const { cursor } = given
  if (cursor === undefined || isReadable(cursor, operation)) return well
  return { status: 400, code: 'invalid_request', field: 'cursor' }
}

/** Nobody makes up a cursor, but for numbers of events and the empty one that clients begin with. */
function isReadable(cursor: string, { path, errors }: Operation): boolean {
  if (path === '/v1/events') return /^\d{1,15}$/.test(cursor)
  return errors === 'official' && cursor === ''
}

/** What a body deserves, by the operation's own schema; `done` where it is taken. */
export function verdictOnBody(body: z.ZodType, text: string, done: number): Verdict {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { status: 400, code: 'invalid_json' }
  }
  const read = body.safeParse(value)
  if (!read.success) return invalid(read.error, false)
  const { q } = z.looseObject({ q: z.string().optional() }).catch({}).parse(value)
  return q === undefined || isQueryText(q)
    ? { status: done }
    : { status: 400, code: 'invalid_query' }
}

/** What a value for `{name}` of a path deserves, where there is no such thing. */
export function verdictOnPart(name: string, value: string): Verdict {
  return pathSchemas[name]?.safeParse(value).success === false
    ? { status: 400, code: 'invalid_request', field: name }
    : { status: 404, code: 'not_found' }
}

function invalid({ issues: [issue] }: z.ZodError, unnamed: boolean): Verdict {
  const verdict = { status: 400, code: 'invalid_request' } as const
  if (issue === undefined || unnamed) return verdict
  const field = issue.code === 'unrecognized_keys' ? issue.keys[0] : issue.path[0]
  return field === undefined ? verdict : { ...verdict, field: String(field) }
}

function isQueryText(text: string): boolean {
  try {
    parseQuery(text)
    return true
  } catch (error) {
    if (isMeridianError(error, 'invalid_query')) return false
    throw error
  }
}
