import {
  fromProblem,
  isMeridianError,
  MeridianError,
  problemSchema,
  watchEventSchemas,
  type LookupResult,
  type LookupScope,
  type ScopeReport,
} from '@meridian/shared'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { Connection } from './http-client.ts'

/** What a watch tells, in the order in which it happened. */
export type WatchEvent =
  /** Everything that matches now: what was known before is void. */
  | {
      readonly kind: 'snapshot'
      readonly results: readonly LookupResult[]
      readonly scopes: readonly ScopeReport[]
    }
  | { readonly kind: 'added' | 'changed'; readonly result: LookupResult }
  | { readonly kind: 'removed'; readonly instance: string; readonly locality: string }
  /** How far what is known can be trusted has changed. */
  | { readonly kind: 'scopes'; readonly scopes: readonly ScopeReport[] }

export interface WatchOptions {
  /** `global` unless given. */
  readonly scope?: LookupScope
  readonly signal?: AbortSignal
  /** Told when the connection is lost, before it is made again. */
  readonly onLost?: (error: MeridianError) => void
}

const retryLimits = { firstMs: 100, mostMs: 10_000 } as const

/**
 * Follows a query until `signal` aborts or the loop is left. Lost connections are made again and
 * go on where they ended; where that is not possible a new snapshot comes. Ends with a
 * `MeridianError` where asking again would not help, such as for a query that is none.
 */
export async function* watchQuery(
  connection: Connection,
  query: string,
  { scope, signal, onLost }: WatchOptions = {},
): AsyncGenerator<WatchEvent, void, undefined> {
  const place: { lastId: string | undefined } = { lastId: undefined }
  let failures = 0
  while (!isAborted(signal)) {
    try {
      for await (const event of connect(connection, query, scope, signal, place)) {
        failures = 0
        yield event
      }
    } catch (error) {
      if (isAborted(signal)) return
      const lost = asMeridianError(error)
      if (!lost.retryable && lost.code !== 'endpoint_unreachable') throw lost
      onLost?.(lost)
    }
    failures += 1
    await pause(retryMs(failures), signal)
  }
}

async function* connect(
  connection: Connection,
  query: string,
  scope: LookupScope | undefined,
  signal: AbortSignal | undefined,
  place: { lastId: string | undefined },
): AsyncGenerator<WatchEvent, void, undefined> {
  const url = connection.url('/v1/watch', { q: query, scope })
  // Leaving the loop that reads must end the connection, too.
  const left = new AbortController()
  const ends = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  try {
    const response = await connection.fetch(url, {
      signal: ends,
      headers: {
        ...connection.headers,
        accept: 'text/event-stream',
        ...(place.lastId !== undefined && { 'last-event-id': place.lastId }),
      },
    })
    if (!response.ok || response.body === null) throw await refusal(response)
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())
    for await (const { event = '', data, id } of events) {
      const read = readEvent(event, data)
      if (read !== undefined) yield read
      if (id !== undefined && id !== '') place.lastId = id
    }
  } finally {
    left.abort()
  }
}

/** Undefined for what only newer clients know. */
function readEvent(event: string, data: string): WatchEvent | undefined {
  if (!Object.hasOwn(watchEventSchemas, event)) return undefined
  const kind = event as keyof typeof watchEventSchemas
  const json: unknown = JSON.parse(data)
  switch (kind) {
    case 'snapshot':
      return { kind, ...watchEventSchemas.snapshot.parse(json) }
    case 'added':
    case 'changed':
      return { kind, result: watchEventSchemas[kind].parse(json) }
    case 'removed':
      return { kind, ...watchEventSchemas.removed.parse(json) }
    case 'scopes':
      return { kind, ...watchEventSchemas.scopes.parse(json) }
    case 'reset':
      // A snapshot follows.
      return undefined
    default:
      return kind satisfies never
  }
}

async function refusal(response: Response): Promise<MeridianError> {
  const text = await response.text()
  try {
    return fromProblem(problemSchema.parse(JSON.parse(text)))
  } catch (cause) {
    const problem = `answered ${response.status}, not as an agent or registry of this version does`
    return new MeridianError('endpoint_not_mcp', `the watch was ${problem}`, { cause })
  }
}

function asMeridianError(error: unknown): MeridianError {
  if (isMeridianError(error)) return error
  return new MeridianError('endpoint_unreachable', 'the watch lost its connection', {
    cause: error,
  })
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

/** Full jitter, so that those who were cut off together do not come back together. */
function retryMs(failures: number): number {
  const most = Math.min(retryLimits.mostMs, retryLimits.firstMs * 2 ** Math.min(failures, 10))
  return Math.random() * most
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}
