import { isAscii } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Hono } from 'hono'
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { routePath } from 'hono/route'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { toProblem, type Problem } from '../../api/problem.ts'
import { MeridianError } from '../../errors.ts'
import type { Metrics } from '../../metrics/index.ts'
import { parse } from '../../model/parse.ts'
import { Border, refuseForeignOrigin, requestIdOf, securityHeaders } from './border.ts'
import { meterRefusals, RequestMeter, serveMetrics, type MetricsText } from './metering.ts'
import type { Admission, Caller, EdgeEnv, GuardOptions, Via } from './guard.ts'

/** Room for a definition at its limit, written with whitespace, and the fields around it. */
export const bodyBytesMaxDefault = 2 * 1024 * 1024

export interface EdgeOptions {
  readonly log: Logger
  readonly bodyBytesMax?: number
  /** Other limits, by path. */
  readonly bodyBytesMaxAt?: Readonly<Record<string, number>>
  /** Host names, beside `localhost`, under which clients may call; addresses always pass. */
  readonly hostNames?: readonly string[]
  /** Where requests are counted, and how they are shown at `/metrics`. */
  readonly metrics?: (Metrics & MetricsText) | undefined
  /** Who is let in; without, whoever reaches the program is. */
  readonly guard?: GuardOptions
  /** What a problem says beside, for paths whose clients look for it elsewhere. */
  readonly problemMembers?: (path: string, problem: Problem) => { readonly error?: string }
}

/** Answers some requests straight on the connection; what it does not is left to the routes. */
export type Direct = (
  request: IncomingMessage,
  response: ServerResponse,
  via: Via,
) => 'answered' | Admission | undefined

/** An API with the edge around it; handlers find their caller as `c.get('caller')`. */
export class EdgeApp extends Hono<EdgeEnv> {
  readonly border: Border
  direct: Direct | undefined

  constructor(options: EdgeOptions) {
    super()
    const { log, hostNames = [], guard = openToAll, metrics } = options
    this.border = new Border({
      log,
      hostNames,
      guard,
      meter: new RequestMeter(metrics),
      isRoute: (method, path) => methodsOf(this, path).includes(method),
    })
  }
}

/**
 * The border of every HTTP API of ours: request ids, security headers, a body limit, and each
 * error translated once, into a problem document.
 */
export function createEdge(options: EdgeOptions): EdgeApp {
  const { log, bodyBytesMax = bodyBytesMaxDefault, bodyBytesMaxAt = {} } = options
  const app = new EdgeApp(options)
  const { border } = app
  const countRefusal = meterRefusals(options.metrics)

  // Each middleware is a promise and a context more for every request: two are all there are. The
  // first sees also what the second refuses.
  app.use(async (c, next) => {
    const begun = performance.now()
    const requestId = requestIdOf(c.req.header('x-request-id'))
    c.set('requestId', requestId)
    c.header('x-request-id', requestId)
    for (const [name, value] of securityHeaders) c.header(name, value)
    border.meter.active += 1
    try {
      await next()
      // Nobody reads what only its head is asked of: a stream would be told for ever.
      if (c.req.method === 'HEAD') await c.res.body?.cancel()
      // A handler that made a whole Response did not take what was set before.
      if (!c.res.headers.has('x-request-id')) {
        c.header('x-request-id', requestId)
        for (const [name, value] of securityHeaders) c.header(name, value)
      }
    } finally {
      border.meter.active -= 1
      const now = performance.now()
      const { method, path } = c.req
      const { status } = c.res
      border.meter.count(routePath(c, -1), method, status, now - begun)
      if (border.requests.isSampled(now)) {
        border.requests.tell({ requestId, method, path, status }, now - begun)
      }
    }
  })
  const usualLimit = limitBody(bodyBytesMax)
  const limitAt = new Map(
    Object.entries(bodyBytesMaxAt).map(([path, bytesMax]) => [path, limitBody(bytesMax)]),
  )
  app.use((c, next) => {
    const host = c.req.header('host')
    border.refuseForeignHost(host)
    refuseForeignOrigin(c.req.method, c.req.header('origin'), host)
    c.set('caller', admitted(c, border))
    return (limitAt.get(c.req.path) ?? usualLimit)(c, next)
  })

  if (options.metrics) serveMetrics(app, options.metrics)

  app.notFound((c) => {
    const allowed = methodsOf(app, c.req.path)
    if (allowed.length === 0) throw new MeridianError('not_found', `no such path: ${c.req.path}`)
    c.header('allow', allowed.join(', '))
    throw new MeridianError(
      'method_not_allowed',
      `${c.req.path} takes ${allowed.join(', ')}, not ${c.req.method}`,
    )
  })
  app.onError((error, c) => {
    const known =
      error instanceof MeridianError
        ? error
        : new MeridianError('internal', 'something failed here; the log has the details', {
            cause: error,
          })
    countRefusal(known.code)
    if (known.code === 'internal') {
      log.error({ err: error, requestId: c.get('requestId'), path: c.req.path }, 'request failed')
    }
    const problem = toProblem(known)
    const said = { ...problem, ...options.problemMembers?.(c.req.path, problem) }
    return c.body(JSON.stringify(said), known.status as 400, {
      'content-type': 'application/problem+json',
      ...retryHeaders(known),
      ...(known.code === 'unauthorized' && { 'www-authenticate': 'Bearer realm="meridian"' }),
      ...(isBodyLeft(c, known) && { connection: 'close' }),
    })
  })
  return app
}

function admitted(c: Context<EdgeEnv>, border: Border): Caller {
  // Absent with app.request(), which is this process.
  const env: EdgeEnv['Bindings'] | undefined = c.env
  if (env?.admission) {
    if ('refused' in env.admission) throw env.admission.refused
    return env.admission.caller
  }
  return border.admit({
    method: c.req.method,
    path: c.req.path,
    authorization: c.req.header('authorization'),
    via: env?.via ?? 'loopback',
    address: env?.incoming?.socket.remoteAddress,
  })
}

const openToAll: GuardOptions = { needOf: () => 'nothing', openOnLoopback: 'everything' }

/** Where nobody knows better: as long as a queue of ours takes to become shorter. */
const retryAfterMsDefault = 1_000

function retryHeaders(error: MeridianError): Record<string, string> {
  const isBusy = error.status === 429 || error.status === 503
  if (!isBusy && error.retryAfterMs === undefined) return {}
  const ms = error.retryAfterMs ?? retryAfterMsDefault
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1_000))) }
}

/**
 * What says how long it is goes by that: Node.js reads no more. Only the rest is counted as it
 * comes, for which the body has to become a stream, at the price of all else of a small request.
 */
function limitBody(bytesMax: number): MiddlewareHandler {
  const refuse = () => {
    throw new MeridianError(
      'payload_too_large',
      `the body is larger than ${bytesMax} bytes, the limit`,
    )
  }
  const counted = bodyLimit({ maxSize: bytesMax, onError: refuse })
  return async (c, next) => {
    const { method } = c.req
    if (method === 'GET' || method === 'HEAD') return await next()
    const length = c.req.header('content-length')
    const isTold = length !== undefined && c.req.header('transfer-encoding') === undefined
    if (!isTold) return await counted(c, next)
    if (Number(length) > bytesMax) return refuse()
    return await next()
  }
}

/** The methods that a path takes, in the order of the alphabet; none where there is no such path. */
function methodsOf(app: EdgeApp, path: string): string[] {
  const declared = new Set(app.routes.map(({ method }) => method))
  const taken = [...declared].filter((method) =>
    // Middleware is declared for `ALL` and takes every path.
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  )
  // A HEAD is answered as a GET without its body.
  return (taken.includes('GET') ? [...taken, 'HEAD'] : taken)
    .filter((method) => method !== 'ALL')
    .toSorted()
}

/**
 * Then what is left of the body comes after the answer, and the HTTP server cuts the connection
 * rather than read it all: the client must know that nothing more is to be sent on it.
 */
function isBodyLeft(c: Context, error: MeridianError): boolean {
  if (error.code === 'payload_too_large') return true
  const size = c.req.header('transfer-encoding') ?? c.req.header('content-length') ?? '0'
  return size !== '0' && !c.req.raw.bodyUsed
}

/**
 * The parsed JSON body. `read`: gives what `JSON.parse` would. Errors: `unsupported_media_type`,
 * `invalid_json`, `invalid_request`.
 */
export async function readJson<T extends z.ZodType>(
  c: Context,
  schema: T,
  what: string,
  read: (text: string) => unknown = JSON.parse,
): Promise<z.output<T>> {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') {
    throw new MeridianError(
      'unsupported_media_type',
      `the body must be application/json, not ${type === undefined ? 'without a content type' : JSON.stringify(type.slice(0, 100))}`,
    )
  }
  const text = decodeUtf8(await c.req.arrayBuffer())
  let body: unknown
  try {
    body = read(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('invalid_json', `the body is not JSON: ${reason}`, { cause })
  }
  return parse(schema, body, what)
}

/** JSON is UTF-8 (RFC 8259); what is not would be kept as something that nobody sent. */
function decodeUtf8(bytes: ArrayBuffer): string {
  // Most is, and then there is nothing to decode: a third of the time for a megabyte.
  if (isAscii(bytes)) return Buffer.from(bytes).toString('latin1')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new MeridianError('invalid_json', 'the body is not UTF-8 text', { cause })
  }
}

/** The parsed query string; a parameter given twice is refused, as is an unknown one. */
export function readParams<T extends z.ZodType>(c: Context, schema: T): z.output<T> {
  return parseParams(searchOf(c.req.url), schema)
}

/** What stands behind the `?` of an address or a path; nothing where there is none. */
export function searchOf(url: string): string {
  const at = url.indexOf('?')
  return at < 0 ? '' : url.slice(at + 1)
}

/** The same of a query string without its `?`. */
export function parseParams<T extends z.ZodType>(search: string, schema: T): z.output<T> {
  const given = new URLSearchParams(search)
  const params: Record<string, string> = Object.fromEntries(given)
  for (const name of given.size === Object.keys(params).length ? [] : given.keys()) {
    const { length } = given.getAll(name)
    if (length === 1) continue
    throw new MeridianError(
      'invalid_request',
      `the parameter ${JSON.stringify(name.slice(0, 100))} is given ${length} times`,
    )
  }
  return parse(schema, params, 'the query string')
}
