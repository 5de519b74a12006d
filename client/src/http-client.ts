import { fromProblem, MeridianError, parse, problemSchema, type ErrorCode } from '@meridian/shared'
import type { z } from 'zod'

export interface HttpClientOptions {
  /** Where the agent or registry listens, such as `http://127.0.0.1:7801`. */
  readonly url: string
  /** For one call, in milliseconds. */
  readonly timeoutMs?: number
  readonly fetch?: typeof fetch
}

const timeoutMsDefault = 15_000

export interface Call<T extends z.ZodType> {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE'
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
 * One call to a Meridian API: the reply parsed, or a `MeridianError` with the code that the server
 * gave, `endpoint_unreachable` when nothing answers, `deadline_exceeded` when it is too slow.
 */
export function createHttpCaller(options: HttpClientOptions): HttpCaller {
  const { url: base, timeoutMs = timeoutMsDefault, fetch: send = fetch } = options
  if (!URL.canParse(base)) {
    throw new MeridianError('config_invalid', `${JSON.stringify(base)} is not a URL`)
  }
  return async ({ method = 'GET', path, params = {}, body, alsoGood = [], reply }) => {
    const url = new URL(path, base)
    for (const [name, value] of Object.entries(params)) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const response = await attempt(url, () =>
      send(url, {
        method,
        signal: AbortSignal.timeout(timeoutMs),
        ...(body !== undefined && {
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        }),
      }),
    )
    const json = await attempt(url, () => readBody(response))
    if (!response.ok && !alsoGood.includes(response.status)) throw problemOf(response, json)
    return parse(reply, json, `the reply of ${url.href}`, 'internal')
  }
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text()
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // Not ours, then: a proxy's page, or another program on the port.
    return text
  }
}

function problemOf(response: Response, body: unknown): MeridianError {
  const problem = problemSchema.safeParse(body)
  if (problem.success) return fromProblem(problem.data)
  const shown = typeof body === 'string' ? `: ${body.slice(0, 200)}` : ''
  return new MeridianError(
    'internal',
    `${response.url} answered ${response.status} without a problem document${shown}`,
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
