import { fromProblem, MeridianError, problemSchema, type ErrorCode } from '@meridian/shared'
import type { z } from 'zod'
import { fetchOver, socketPathOf } from './unix-fetch.ts'

export interface HttpClientOptions {
  /** Where the agent or registry listens: `http://127.0.0.1:7801`, `unix:///run/agent.sock`. */
  readonly url: string
  /** For one call, in milliseconds. */
  readonly timeoutMs?: number
  /** Where one is asked for; `meridian token create` makes them. */
  readonly token?: string | undefined
  readonly fetch?: typeof fetch
}

/** Longer than the agent takes for the slowest introspection that it allows. */
const timeoutMsDefault = 15_000

/** Characters of a foreign answer that its error shows. */
const shownMax = 200

export interface Call<T extends z.ZodType> {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly params?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  /** Statuses beside 2xx whose reply is a good one. */
  readonly alsoGood?: readonly number[]
  /** What a good reply holds; undefined where it holds nothing. */
  readonly reply: T
  /** How much longer than others this call may take, in milliseconds. */
  readonly moreMs?: number
}

/** A way to one agent or registry. */
export interface Connection {
  readonly fetch: typeof fetch
  readonly timeoutMs: number
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
  /** Where a path is, with those parameters that have a value. */
  url(path: string, params?: Call<z.ZodType>['params']): URL
}

export type HttpCaller = <T extends z.ZodType>(call: Call<T>) => Promise<z.output<T>>

/** Errors: `config_invalid` for an address that is none. */
export function createConnection(options: HttpClientOptions): Connection {
  const { timeoutMs = timeoutMsDefault, token } = options
  const socket = socketPathOf(options.url)
  const base = socket === undefined ? readBase(options.url) : new URL('http://localhost')
  const own = socket === undefined ? fetch : fetchOver(socket)
  return {
    fetch: options.fetch ?? own,
    timeoutMs,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    url(path, params = {}) {
      const url = new URL(path, base)
      for (const [name, value] of Object.entries(params)) {
        if (value !== undefined) url.searchParams.set(name, String(value))
      }
      return url
    },
  }
}

/** As `createCaller`, for a way of its own. Errors: `config_invalid`. */
export function createHttpCaller(options: HttpClientOptions): HttpCaller {
  return createCaller(createConnection(options))
}

/**
 * One call to a Meridian API: the reply parsed, or a `MeridianError`: with the code that the server
 * gave; `endpoint_unreachable` when nothing answers there, or something that is no Meridian;
 * `deadline_exceeded` when it is too slow.
 */
export function createCaller(connection: Connection): HttpCaller {
  const { fetch: send, timeoutMs, headers } = connection
  return async ({ method = 'GET', path, params = {}, body, alsoGood = [], reply, moreMs = 0 }) => {
    const url = connection.url(path, params)
    const response = await attempt(url, () =>
      send(url, {
        method,
        signal: AbortSignal.timeout(timeoutMs + moreMs),
        ...(body !== undefined && { body: JSON.stringify(body) }),
        headers: {
          ...headers,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
      }),
    )
    const text = await attempt(url, () => response.text())
    const json = readJson(text)
    const problem = response.ok ? undefined : problemSchema.safeParse(json)
    if (problem?.success === true) throw fromProblem(problem.data, retryAfterMs(response))
    const isGood = response.ok || alsoGood.includes(response.status)
    const parsed = isGood ? reply.safeParse(json) : undefined
    if (parsed?.success !== true) throw foreignAnswer(url, response, text)
    return parsed.data
  }
}

/** When the server wants to be asked again; undefined where it does not say. */
function retryAfterMs({ headers }: Response): number | undefined {
  const seconds = headers.get('retry-after') ?? ''
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : undefined
}

function readBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new MeridianError(
    'config_invalid',
    `${JSON.stringify(text)} is no address of an agent or registry: it must begin with http://, https:// or unix://`,
  )
}

/** Undefined for nothing, and for what is no JSON: no reply of ours is either. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function foreignAnswer(url: URL, { status, headers }: Response, text: string): MeridianError {
  const type = headers.get('content-type') ?? 'no content type'
  const shown = text.length > shownMax ? `${text.slice(0, shownMax)}…` : text
  return new MeridianError(
    'endpoint_unreachable',
    `${url.origin} answered ${status} (${type}) as no agent or registry of this version does: is it another program's address? It said ${JSON.stringify(shown)}`,
  )
}

async function attempt<T>(url: URL, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    const timedOut = cause instanceof Error && cause.name === 'TimeoutError'
    const code: ErrorCode = timedOut ? 'deadline_exceeded' : 'endpoint_unreachable'
    const happened = timedOut ? 'did not answer in time' : 'cannot be reached'
    throw new MeridianError(code, `${url.origin} ${happened}: is the program running there?`, {
      cause,
    })
  }
}
