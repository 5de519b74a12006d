import { fromProblem, MeridianError, problemSchema, type ErrorCode } from '@meridian/shared'
import type { z } from 'zod'

export interface HttpClientOptions {
  /** Where the agent or registry listens, such as `http://127.0.0.1:7801`. */
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
}

export type HttpCaller = <T extends z.ZodType>(call: Call<T>) => Promise<z.output<T>>

/**
 * One call to a Meridian API: the reply parsed, or a `MeridianError`: with the code that the server
 * gave; `endpoint_unreachable` when nothing answers there, or something that is no Meridian;
 * `deadline_exceeded` when it is too slow. Errors of this call: `config_invalid`.
 */
export function createHttpCaller(options: HttpClientOptions): HttpCaller {
  const { timeoutMs = timeoutMsDefault, fetch: send = fetch } = options
  const base = readBase(options.url)
  const credential = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }
  return async ({ method = 'GET', path, params = {}, body, alsoGood = [], reply }) => {
    const url = new URL(path, base)
    for (const [name, value] of Object.entries(params)) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const response = await attempt(url, () =>
      send(url, {
        method,
        signal: AbortSignal.timeout(timeoutMs),
        ...(body !== undefined && { body: JSON.stringify(body) }),
        headers: {
          ...credential,
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
    `${JSON.stringify(text)} is no address of an agent or registry: it must begin with http:// or https://`,
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
