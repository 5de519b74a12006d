import type { MeridianError } from '@meridian/shared'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { Connection } from './http-client.ts'
import { asMeridianError, pause, refusal, retryMs } from './retrying.ts'

export interface ServerEvent {
  readonly event: string
  readonly data: string
}

export interface FollowOptions {
  readonly signal?: AbortSignal | undefined
  /** Told when the connection is lost, before it is made again. */
  readonly onLost?: ((error: MeridianError) => void) | undefined
}

/** What is followed. */
export interface Followed {
  readonly path: string
  readonly params: Readonly<Record<string, string | number | undefined>>
  /** As errors call it: `the watch`. */
  readonly what: string
}

/**
 * Follows server-sent events until `signal` aborts or the loop is left. Lost connections are made
 * again and go on where they ended. Ends with a `MeridianError` where asking again would not help,
 * such as for a query that is none.
 */
export async function* followServerEvents(
  connection: Connection,
  followed: Followed,
  { signal, onLost }: FollowOptions,
): AsyncGenerator<ServerEvent, void, undefined> {
  const place: { lastId: string | undefined } = { lastId: undefined }
  let failures = 0
  while (!isAborted(signal)) {
    try {
      for await (const event of connect(connection, followed, signal, place)) {
        failures = 0
        yield event
      }
    } catch (error) {
      if (isAborted(signal)) return
      const lost = asMeridianError(error, `${followed.what} lost its connection`)
      if (!lost.retryable && lost.code !== 'endpoint_unreachable') throw lost
      onLost?.(lost)
    }
    failures += 1
    await pause(retryMs(failures), signal)
  }
}

async function* connect(
  connection: Connection,
  { path, params, what }: Followed,
  signal: AbortSignal | undefined,
  place: { lastId: string | undefined },
): AsyncGenerator<ServerEvent, void, undefined> {
  // Leaving the loop that reads must end the connection, too.
  const left = new AbortController()
  const ends = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  try {
    const response = await connection.fetch(connection.url(path, params), {
      signal: ends,
      headers: {
        ...connection.headers,
        accept: 'text/event-stream',
        ...(place.lastId !== undefined && { 'last-event-id': place.lastId }),
      },
    })
    if (!response.ok || response.body === null) throw await refusal(response, what)
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())
    for await (const { event = '', data, id } of events) {
      yield { event, data }
      if (id !== undefined && id !== '') place.lastId = id
    }
  } finally {
    left.abort()
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
