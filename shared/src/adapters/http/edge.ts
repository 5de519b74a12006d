import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { toProblem } from '../../api/problem.ts'
import { MeridianError } from '../../errors.ts'
import { parse } from '../../model/parse.ts'

/** Room for a definition at its limit, written with whitespace, and the fields around it. */
export const bodyBytesMaxDefault = 2 * 1024 * 1024

export interface EdgeOptions {
  readonly log: Logger
  readonly bodyBytesMax?: number
  /** Host names, beside loopback ones, under which clients may call. */
  readonly hostNames?: readonly string[]
}

/**
 * The border of every HTTP API of ours: request ids, security headers, a body limit, and each
 * error translated once, into a problem document.
 */
export function createEdge(options: EdgeOptions): Hono {
  const { log, bodyBytesMax = bodyBytesMaxDefault } = options
  const allowedHosts = new Set([...loopbackNames, ...(options.hostNames ?? [])])
  const app = new Hono()

  app.use(requestId())
  app.use(secureHeaders())
  app.use(async (c, next) => {
    refuseForeignHost(c.req.header('host'), allowedHosts)
    await next()
  })
  app.use(
    bodyLimit({
      maxSize: bodyBytesMax,
      onError: () => {
        throw new MeridianError(
          'payload_too_large',
          `the body is larger than ${bodyBytesMax} bytes, the limit`,
        )
      },
    }),
  )

  app.notFound((c) => {
    throw new MeridianError('not_found', `no such path: ${c.req.method} ${c.req.path}`)
  })
  app.onError((error, c) => {
    const known =
      error instanceof MeridianError
        ? error
        : new MeridianError('internal', 'something failed here; the log has the details', {
            cause: error,
          })
    if (known.code === 'internal') {
      log.error({ err: error, requestId: c.get('requestId'), path: c.req.path }, 'request failed')
    }
    return c.body(JSON.stringify(toProblem(known)), known.status as 400, {
      'content-type': 'application/problem+json',
      ...(isBodyLeft(c, known) && { connection: 'close' }),
    })
  })
  return app
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

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/**
 * A web page cannot send another site's host name, except by making its own name resolve to
 * loopback (DNS rebinding): then the Host header betrays it.
 */
function refuseForeignHost(host: string | undefined, allowed: ReadonlySet<string>): void {
  // Absent with app.request(), over Unix sockets, and from HTTP/1.0 clients; never from a browser.
  if (host === undefined) return
  const name = host.replace(/:\d+$/, '').toLowerCase()
  if (allowed.has(name)) return
  throw new MeridianError(
    'forbidden',
    `the Host header says ${JSON.stringify(name.slice(0, 100))}, which this program does not answer to; call it by localhost or a configured host name`,
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
  const text = await c.req.text()
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('invalid_json', `the body is not JSON: ${reason}`, { cause })
  }
  return parse(schema, body, what)
}

/** The parsed query string; a parameter given twice is refused, as is an unknown one. */
export function readParams<T extends z.ZodType>(c: Context, schema: T): z.output<T> {
  const params: Record<string, string> = {}
  for (const [name, values] of Object.entries(c.req.queries())) {
    if (values.length > 1) {
      throw new MeridianError(
        'invalid_request',
        `the parameter ${name} is given ${values.length} times`,
      )
    }
    params[name] = values[0] ?? ''
  }
  return parse(schema, params, 'the query string')
}
