import type { Context } from 'hono'
import { z } from 'zod'
import {
  answerHeadText,
  answerText,
  resultText,
  toByteText,
  type AnswerText,
  type ByteText,
} from '../../api/answer-text.ts'
import { callReportsSchema, type ReportedCall } from '../../api/call-report.ts'
import { findParamsSchema, type FindAnswer, type FindParams } from '../../api/find.ts'
import { isMeridianError, MeridianError } from '../../errors.ts'
import { toProblem } from '../../api/problem.ts'
import { lookupBodySchema, lookupOfManySchema, lookupsBodySchema } from '../../api/lookup-body.ts'
import {
  lookupLimits,
  lookupParamsSchema,
  type LookupAnswer,
  type LookupParams,
  type LookupResult,
} from '../../api/lookup.ts'
import { serverPathSchema, type ServerDetail } from '../../api/server-detail.ts'
import { definitionIdSchema, type DefinitionId } from '../../model/index.ts'
import { parse } from '../../model/parse.ts'
import type { WatchParams } from '../../api/watch.ts'
import { answerLookupsDirectly } from './direct-lookups.ts'
import { answerWatchesDirectly } from './direct-watches.ts'
import { parseParams, readJson, readParams, searchOf, type EdgeApp } from './edge.ts'
import { streamEvents, type EventSink } from './event-stream.ts'
import { readWatch } from './watch-request.ts'

/** What the routes of lookups need of an agent or a registry. */
export interface LookupApi {
  /** `signal`: nobody waits for the answer any more. */
  lookup(params: LookupParams, signal?: AbortSignal): Promise<LookupAnswer>
  /** The same at once and written, where that is possible and nothing else is asked for. */
  lookupText?(params: LookupParams): AnswerText | undefined
  /** Where things stand here: long polls and watches go on from it. */
  index(): string
  /**
   * Follows a query until the returned function is called. `caller`: for the limit of each. Errors:
   * `busy`, `invalid_query`, `invalid_request`.
   */
  watch(params: WatchParams, caller: string, sink: EventSink): () => void
  /** What callers found out by calling. */
  reportCalls(calls: readonly ReportedCall[]): void
  find(params: FindParams): Promise<FindAnswer>
  server(name: string, deadlineMs: number): Promise<ServerDetail | undefined>
  /** Its canonical JSON. */
  definition(id: DefinitionId, deadlineMs: number): Promise<string | undefined>
}

/** What is asked for by its path alone. */
const noParamsSchema = z.strictObject({})

/** Paths that read, or only say how reading went, whatever their method. */
export const lookupPaths: ReadonlySet<string> = new Set(['/v1/lookup', '/v1/lookups', '/v1/report'])

/** Lookups, and what they lead on to: the same on agents and registries. */
export function addLookupRoutes(app: EdgeApp, api: LookupApi): void {
  const understood = new UnderstoodLookups()
  const lookups = answerLookupsDirectly(app.border, api, understood)
  const watches = answerWatchesDirectly(app.border, api)
  app.direct = (request, response, via) =>
    lookups(request, response, via) ?? watches(request, response, via)
  app.get('/v1/lookup', async (c) => await answerOne(c, api, understood.of(searchOf(c.req.url))))
  app.post('/v1/lookup', async (c) => {
    const params = await readJson(c, lookupBodySchema, 'the lookup')
    return await answerOne(c, api, params)
  })
  app.get('/v1/watch', (c) => {
    const params = readWatch(searchOf(c.req.url), c.req.header('last-event-id') ?? '')
    return streamEvents((sink) => api.watch(params, c.get('caller').name, sink))
  })

  app.post('/v1/lookups', (c) => answerMany(c, api, understood))

  app.post('/v1/report', async (c) => {
    const { calls } = await readJson(c, callReportsSchema, 'the report')
    api.reportCalls(
      calls.map(({ locality, instance, ok, latencyMs }) => ({
        instance: `${locality}/${instance}`,
        ok,
        latencyMs,
      })),
    )
    return c.body(null, 204)
  })

  app.get('/v1/find', async (c) => {
    const params = readParams(c, findParamsSchema)
    const { hits, ...head } = await api.find(params)
    const shown = hits.map((hit) => resultText(showHit(hit, params.fields)))
    return sendText(c, answerText(answerHeadText(head, 'hits'), shown), cacheHeaders(head))
  })

  // The name of a server holds a slash, which may come as it is.
  app.get('/v1/servers/:name{.+}', async (c) => {
    readParams(c, noParamsSchema)
    const { name } = parse(serverPathSchema, c.req.param(), 'the path')
    return sendServer(c, name, await api.server(name, lookupLimits.deadlineMsDefault))
  })

  app.get('/v1/definitions/:id', async (c) => {
    readParams(c, noParamsSchema)
    const input = { id: c.req.param('id') }
    const { id } = parse(z.object({ id: definitionIdSchema }), input, 'the path')
    return sendDefinition(c, id, await api.definition(id, lookupLimits.deadlineMsDefault))
  })
}

/** Query strings that are remembered, parsed: most callers ask for the same again and again. */
const understoodMax = 4_096
const understoodCharsMax = 1_024

/** Lookups as callers wrote them, each parsed once; of too many the oldest goes. */
export class UnderstoodLookups {
  readonly #searches = new Map<string, LookupParams>()
  readonly #bodies = new Map<string, LookupParams>()

  /** `search`: a query string without its `?`. Errors: `invalid_request`. */
  of(search: string): LookupParams {
    const known = this.#searches.get(search)
    return known ?? keep(this.#searches, search, parseParams(search, lookupParamsSchema))
  }

  /** One of `POST /v1/lookups`. Errors: `invalid_request`. */
  ofMany(input: unknown, at: number): LookupParams {
    const text = JSON.stringify(input)
    const known = this.#bodies.get(text)
    return known ?? keep(this.#bodies, text, parse(lookupOfManySchema, input, `lookups[${at}]`))
  }
}

function keep(known: Map<string, LookupParams>, text: string, params: LookupParams): LookupParams {
  const [oldest] = known.keys()
  if (known.size >= understoodMax && oldest !== undefined) known.delete(oldest)
  if (text.length <= understoodCharsMax) known.set(text, params)
  return params
}

/** Lookups of one call that are answered at once: the others wait for them. */
const atOnceMax = 32

async function answerOne(c: Context, api: LookupApi, params: LookupParams): Promise<Response> {
  // Before it is answered: what changes meanwhile comes after it.
  const index = api.index()
  const written = writtenHere(api, params)
  if (written !== undefined) return sendText(c, written, { 'x-meridian-index': index })
  const answer = await api.lookup(params, c.req.raw.signal)
  const { results, ...head } = showFields(answer, params)
  return sendText(c, answerText(answerHeadText(head), results.map(resultText)), {
    'x-meridian-index': answer.index ?? index,
    ...cacheHeaders(answer),
  })
}

/** Neither is there where what is held here was enough. */
function cacheHeaders({
  cache,
  ageMs = 0,
}: Pick<LookupAnswer, 'cache' | 'ageMs'>): Record<string, string> {
  if (cache === undefined) return {}
  return { 'x-meridian-cache': cache, age: String(Math.floor(ageMs / 1_000)) }
}

function sendText(
  c: Context,
  { body, etag }: AnswerText,
  headers: Readonly<Record<string, string>>,
): Response {
  const all = { ...headers, etag }
  if (c.req.header('if-none-match') === etag) return c.body(null, 304, all)
  return c.body(Buffer.from(body, 'latin1'), 200, { ...all, 'content-type': 'application/json' })
}

/** An answer whose results have the fields that were asked for. */
function showFields(
  answer: LookupAnswer,
  { fields }: LookupParams,
): Omit<LookupAnswer, 'results'> & { readonly results: readonly object[] } {
  if (fields === undefined) return answer
  const chosen = (result: LookupResult) => chosenOf(result, fields)
  return { ...answer, results: answer.results.map(chosen) }
}

/** A hit with the fields that were asked for; so are those inside it. */
function showHit(
  { inside, ...hit }: FindAnswer['hits'][number],
  fields: FindParams['fields'],
): object {
  const show = (one: Omit<FindAnswer['hits'][number], 'inside'>) =>
    fields === undefined
      ? one
      : { ...chosenOf(one, fields), ...(one.factors && { factors: one.factors }) }
  return { ...show(hit), ...(inside && { inside: inside.map(show) }) }
}

function chosenOf<T extends object>(value: T, fields: readonly (keyof T)[]): object {
  return Object.fromEntries(
    fields.flatMap((field) => (value[field] === undefined ? [] : [[field, value[field]]])),
  )
}

/** `POST /v1/lookups`: answers in order, and one that fails does not fail the others. */
async function answerMany(
  c: Context,
  api: LookupApi,
  understood: UnderstoodLookups,
): Promise<Response> {
  const { lookups } = await readJson(c, lookupsBodySchema, 'the request')
  const answers: ByteText[] = []
  const later: (() => Promise<void>)[] = []
  const settle = (at: number, error: unknown) => {
    if (!isMeridianError(error)) throw error
    answers[at] = byteTextOf({ problem: toProblem(error) })
  }
  lookups.forEach((input, at) => {
    try {
      const params = understood.ofMany(input, at)
      const written = writtenHere(api, params)
      if (written !== undefined) {
        answers[at] = written.body
        return
      }
      later.push(async () => {
        try {
          const answer = await api.lookup(params, c.req.raw.signal)
          answers[at] = byteTextOf(showFields(answer, params))
        } catch (error) {
          settle(at, error)
        }
      })
    } catch (error) {
      settle(at, error)
    }
  })
  for (let first = 0; first < later.length; first += atOnceMax) {
    await Promise.all(later.slice(first, first + atOnceMax).map((ask) => ask()))
  }
  // Around the first and the last, and not around all of them joined: that would copy them again.
  answers[0] = `{"answers":[${answers[0] ?? ''}`
  answers.push(`${answers.pop() ?? ''}]}`)
  return c.body(Buffer.from(answers.join(), 'latin1'), 200, { 'content-type': 'application/json' })
}

function byteTextOf(value: object): ByteText {
  return toByteText(JSON.stringify(value))
}

/** At once, where what is held here is enough. */
function writtenHere(api: LookupApi, params: LookupParams): AnswerText | undefined {
  return params.fields === undefined ? api.lookupText?.(params) : undefined
}

/** Errors: `not_found`. */
function sendServer(c: Context, name: string, server: ServerDetail | undefined): Response {
  if (server !== undefined) return c.json(server)
  const shown = JSON.stringify(name.slice(0, 200))
  throw new MeridianError('not_found', `nothing runs under the name ${shown}`)
}

/**
 * A definition never changes under its id, so whoever has it may keep it. Errors: `not_found`.
 */
function sendDefinition(c: Context, id: DefinitionId, canonical: string | undefined): Response {
  if (canonical === undefined) {
    throw new MeridianError('not_found', `nobody who could be asked has the definition ${id}`)
  }
  const headers = { etag: `"${id}"`, 'cache-control': 'public, max-age=31536000, immutable' }
  if (c.req.header('if-none-match') === headers.etag) return c.body(null, 304, headers)
  return c.body(canonical, 200, { ...headers, 'content-type': 'application/json' })
}
