import { isIP } from 'node:net'
import { Hono } from 'hono'
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { toProblem } from '../../api/problem.ts'
import { MeridianError } from '../../errors.ts'
import type { Metrics } from '../../metrics/index.ts'
import { parse } from '../../model/parse.ts'
import { meterRefusals, meterRequests, serveMetrics, type MetricsText } from './metering.ts'
import { createGuard, type EdgeEnv, type GuardOptions } from './guard.ts'

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
}

/** An API with the edge around it; handlers find their caller as `c.get('caller')`. */
export type EdgeApp = Hono<EdgeEnv>

/**
 * The border of every HTTP API of ours: request ids, security headers, a body limit, and each
 * error translated once, into a problem document.
 */
export function createEdge(options: EdgeOptions): EdgeApp {
  const { log, bodyBytesMax = bodyBytesMaxDefault, bodyBytesMaxAt = {} } = options
  const hostNames = options.hostNames?.map((name) => name.toLowerCase()) ?? []
  const allowedHosts = new Set(['localhost', ...hostNames])
  const app: EdgeApp = new Hono<EdgeEnv>()

  // Before all that refuses, so that what is refused is counted too.
  if (options.metrics) meterRequests(app, options.metrics)
  const countRefusal = meterRefusals(options.metrics)
  app.use(requestId())
  app.use(secureHeaders())
  app.use(async (c, next) => {
    refuseForeignHost(c.req.header('host'), allowedHosts)
    refuseForeignOrigin(c.req.method, c.req.header('origin'), c.req.header('host'))
    await next()
  })
  const isRoute = (method: string, path: string) => methodsOf(app, path).includes(method)
  app.use(createGuard(options.guard ?? openToAll, isRoute))
  const usualLimit = limitBody(bodyBytesMax)
  const limitAt = new Map(
    Object.entries(bodyBytesMaxAt).map(([path, bytesMax]) => [path, limitBody(bytesMax)]),
  )
  app.use((c, next) => (limitAt.get(c.req.path) ?? usualLimit)(c, next))

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
    return c.body(JSON.stringify(toProblem(known)), known.status as 400, {
      'content-type': 'application/problem+json',
      ...retryHeaders(known),
      ...(known.code === 'unauthorized' && { 'www-authenticate': 'Bearer realm="meridian"' }),
      ...(isBodyLeft(c, known) && { connection: 'close' }),
    })
  })
  return app
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
 * A web page cannot send another site's host name, except by making its own name resolve to an
 * address of ours (DNS rebinding): then the Host header betrays it. An address cannot be made to
 * mean another one.
 */
function refuseForeignHost(host: string | undefined, allowed: ReadonlySet<string>): void {
  // Absent with app.request(), over Unix sockets, and from HTTP/1.0 clients; never from a browser.
  if (host === undefined) return
  const name = host.replace(/:\d+$/, '').toLowerCase()
  if (allowed.has(name) || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0) return
  throw new MeridianError(
    'forbidden',
    `the Host header says ${JSON.stringify(name.slice(0, 100))}, which this program does not answer to; call it by its address, localhost or a configured host name`,
  )
}

/**
 * What changes something is not asked for by web pages of elsewhere: a browser names the page's
 * origin, and it must be the one that is called. Reads need no such care, for the answer is kept from
 * pages of other origins.
 */
function refuseForeignOrigin(
  method: string,
  origin: string | undefined,
  host: string | undefined,
): void {
  if (origin === undefined || method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return
  if (host !== undefined && URL.parse(origin)?.host === host.toLowerCase()) return
  throw new MeridianError(
    'forbidden',
    `a page of ${JSON.stringify(origin.slice(0, 100))} may not change anything here`,
  )
}

/** The parsed JSON body. Errors: `unsupported_media_type`, `invalid_json`, `invalid_request`. */
export async function readJson<T extends z.ZodType>(
  c: Context,
  schema: T,
  what: string,
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
    body = JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('invalid_json', `the body is not JSON: ${reason}`, { cause })
  }
  return parse(schema, body, what)
}

/** JSON is UTF-8 (RFC 8259); what is not would be kept as something that nobody sent. */
function decodeUtf8(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new MeridianError('invalid_json', 'the body is not UTF-8 text', { cause })
  }
}

/** The parsed query string; a parameter given twice is refused, as is an unknown one. */
export function readParams<T extends z.ZodType>(c: Context, schema: T): z.output<T> {
  const entries = Object.entries(c.req.queries())
  for (const [name, values] of entries) {
    if (values.length === 1) continue
    throw new MeridianError(
      'invalid_request',
      `the parameter ${JSON.stringify(name.slice(0, 100))} is given ${values.length} times`,
    )
  }
  const params = Object.fromEntries(entries.map(([name, [value = '']]) => [name, value]))
  return parse(schema, params, 'the query string')
}
