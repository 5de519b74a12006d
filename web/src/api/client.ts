import type { Problem } from '@meridian/shared'
import { authorization } from './token.ts'

/** What the API said instead of answering; or that nobody answered. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** 0 where no answer came at all. */
  readonly status: number
  readonly code: string
  readonly title: string
  readonly requestId: string | undefined
  /** Where in a query it is wrong. */
  readonly at: number | undefined

  constructor(
    problem: Pick<Problem, 'status' | 'code' | 'title' | 'detail' | 'violations'>,
    requestId?: string,
  ) {
    super(problem.detail)
    this.status = problem.status
    this.code = problem.code
    this.title = problem.title
    this.requestId = requestId
    this.at = problem.violations?.[0]?.at
  }
}

/** A request hangs no longer than this. */
const answerMs = 15_000

/**
 * What a registry of this release answers: the console comes from the registry that it asks, so that
 * both agree on the shape. Errors: `ApiError`; an abort by `signal` as it is.
 */
export async function getJson<T>(path: string, signal: AbortSignal): Promise<T> {
  return await send<T>('GET', path, undefined, signal)
}

/** Changes something, as the operator whose token is kept. Errors: `ApiError`. */
export async function change<T>(
  method: 'PUT' | 'DELETE' | 'POST',
  path: string,
  body?: object,
): Promise<T> {
  return await send<T>(method, path, body, new AbortController().signal)
}

async function send<T>(
  method: string,
  path: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
      // Asked again, and by its ETag: a list that is minutes old is of no use here.
      cache: 'no-cache',
      headers: {
        accept: 'application/json',
        ...authorization(),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
  } catch (error) {
    if (signal.aborted) throw error
    throw noAnswer(error)
  }
  if (!response.ok) throw await errorOf(response)
  return (await response.json()) as T
}

function noAnswer(error: unknown): ApiError {
  const isSlow = error instanceof DOMException && error.name === 'TimeoutError'
  return new ApiError({
    status: 0,
    code: isSlow ? 'no_answer' : 'unreachable',
    title: isSlow ? 'No answer' : 'The registry cannot be reached',
    detail: isSlow
      ? `The registry did not answer within ${answerMs / 1_000} seconds.`
      : 'Nothing answers at this address any more. Is the registry running?',
  })
}

/** Errors of ours are problem documents (RFC 9457); what stands between may say less. */
export async function errorOf(response: Response): Promise<ApiError> {
  const requestId = response.headers.get('x-request-id') ?? undefined
  const said = await problemOf(response)
  return new ApiError(
    {
      status: response.status,
      code: typeof said.code === 'string' ? said.code : `http_${response.status}`,
      title: typeof said.title === 'string' ? said.title : response.statusText,
      detail:
        typeof said.detail === 'string'
          ? said.detail
          : `The registry answered ${response.status} without saying why.`,
      ...(Array.isArray(said.violations) && { violations: said.violations }),
    },
    requestId,
  )
}

async function problemOf(response: Response): Promise<Partial<Problem>> {
  try {
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    // Not JSON: nothing of ours answered, and its status is all that can be told.
    return {}
  }
}

/** `/v1/x?a=1` of what is given; empty values are left out. */
export function pathWith(
  path: string,
  params: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') search.set(name, String(value))
  }
  const text = search.toString()
  return text === '' ? path : `${path}?${text}`
}
