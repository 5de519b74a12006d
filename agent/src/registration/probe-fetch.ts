import type { Readable } from 'node:stream'
import { MeridianError } from '@meridian/shared'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import type { ProbeTarget } from './probe-targets.ts'

/**
 * `fetch` towards one checked target: it connects to the addresses that were checked, never
 * leaves the origin, follows no redirect, and hands out no more bytes than agreed.
 */
export interface ProbeConnection {
  /** Rejects with a `MeridianError` for whatever the rules forbid. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
  /** What was seen, for telling why a library on top of `fetch` gave up. */
  readonly evidence: ProbeEvidence
  /** Ends every socket and every body that is still being read. Twice is fine. */
  close(): Promise<void>
}

export interface ProbeEvidence {
  /** The first rule that an answer broke. */
  readonly broken: MeridianError | undefined
  /** Of the last answer; undefined while nothing has answered. */
  readonly status: number | undefined
  readonly contentType: string | undefined
}

export interface ProbeFetchOptions {
  /** All bodies together, in bytes. */
  readonly bytesMax: number
  /** Ends every request. */
  readonly signal?: AbortSignal
  /** Whose sockets are used; its own unless given. */
  readonly dispatchers?: ProbeDispatchers
}

/** Sockets to one target at once: a stream and the requests beside it. */
const connectionsMax = 4

/**
 * What connects to targets, kept from look to look: to make one takes longer than to use it. Each
 * holds on to the addresses that were checked, and to no socket: a connection that was kept from
 * the last look would say nothing about whether the server takes new ones, and break while it
 * stands idle.
 */
export class ProbeDispatchers {
  readonly #kept = new Map<string, Dispatcher>()

  for(target: ProbeTarget): Dispatcher {
    const { origin, addresses } = target
    const key = `${origin} ${addresses.map(({ address }) => address).join(' ')}`
    const found = this.#kept.get(key)
    const dispatcher = found ?? createDispatcher(target, { keepAlive: false })
    // The longest unused goes first.
    this.#kept.delete(key)
    this.#kept.set(key, dispatcher)
    if (this.#kept.size > dispatchersMax) {
      const [[oldKey, old] = []] = this.#kept
      if (oldKey !== undefined) this.#kept.delete(oldKey)
      // What it is doing ends in its own time.
      void old?.close()
    }
    return dispatcher
  }

  get size(): number {
    return this.#kept.size
  }

  close(): void {
    for (const dispatcher of this.#kept.values()) void dispatcher.destroy()
    this.#kept.clear()
  }
}

/** Some 10 KB each. */
export const dispatchersMax = 2_000

function createDispatcher(
  { addresses, onConnected }: ProbeTarget,
  { keepAlive }: { readonly keepAlive: boolean },
): Dispatcher {
  const connector = buildConnector({
    allowH2: false,
    // Whatever name is asked for, the answer is what was checked.
    lookup(_hostname, { all }, callback) {
      const first = addresses[0]
      if (first === undefined) callback(new Error('no address'), '', 0)
      else if (all === true) callback(null, [...addresses])
      else callback(null, first.address, first.family)
    },
  })
  return new Agent({
    allowH2: false,
    connections: connectionsMax,
    ...(!keepAlive && { pipelining: 0 }),
    connect(options, callback) {
      const begun = performance.now()
      connector(options, (...outcome) => {
        if (outcome[0] === null) onConnected?.(performance.now() - begun)
        callback(...outcome)
      })
    },
    // The caller's signal sets the limits in time, for the whole exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

export function openProbe(target: ProbeTarget, options: ProbeFetchOptions): ProbeConnection {
  const { dispatchers } = options
  const dispatcher = dispatchers?.for(target) ?? createDispatcher(target, { keepAlive: true })
  const ended = new AbortController()
  const evidence: { -readonly [K in keyof ProbeEvidence]: ProbeEvidence[K] } = {
    broken: undefined,
    status: undefined,
    contentType: undefined,
  }
  let bytes = 0

  function refuse(error: MeridianError): MeridianError {
    evidence.broken ??= error
    return error
  }

  /** Counts, and checks the encoding: JSON is UTF-8 (RFC 8259 §8.1), as is a stream of events. */
  function guardedBody(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    const check = (decode: () => string) => {
      try {
        decode()
      } catch (error) {
        throw refuse(
          new MeridianError('endpoint_not_mcp', `${target.origin} answers with invalid UTF-8`, {
            cause: error,
          }),
        )
      }
    }
    return body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          bytes += chunk.byteLength
          if (bytes > options.bytesMax) {
            const limit = `the limit is ${options.bytesMax} bytes`
            throw refuse(
              new MeridianError(
                'invalid_request',
                `${target.origin} answers with more than can be introspected: ${limit}`,
                {
                  violations: [
                    {
                      field: 'endpoint',
                      value: target.origin,
                      problem: `answers too much; ${limit}`,
                    },
                  ],
                },
              ),
            )
          }
          check(() => decoder.decode(chunk, { stream: true }))
          controller.enqueue(chunk)
        },
        flush() {
          check(() => decoder.decode())
        },
      }),
    )
  }

  return {
    evidence,

    async fetch(input, init = {}) {
      const url = new URL(input)
      if (url.origin !== target.origin) {
        throw refuse(
          new MeridianError(
            'address_not_allowed',
            `${target.origin} sends its client on to ${url.origin}, which is not followed`,
          ),
        )
      }
      const signals = [ended.signal, init.signal, options.signal].filter((signal) => signal != null)
      // Not undici's `fetch`: browsers' rules (blocked ports, no 407, transparent decompression)
      // are not ours.
      const response = await dispatcher.request({
        origin: target.origin,
        path: url.pathname + url.search,
        method: init.method ?? 'GET',
        headers: {
          ...Object.fromEntries(new Headers(init.headers)),
          'user-agent': 'meridian-agent',
          // What may not be large must not hide its size.
          'accept-encoding': 'identity',
        },
        body: bodyText(init.body),
        signal: AbortSignal.any(signals),
      })
      const status = response.statusCode
      // Whoever reads the body is told of its failures; nobody is told of those of one unread.
      response.body.on('error', () => undefined)
      const headers = toHeaders(response.headers)
      evidence.status = status
      evidence.contentType = headers.get('content-type') ?? undefined
      const refusal = refusalOf(url, status, headers)
      if (refusal !== undefined) {
        response.body.destroy()
        throw refuse(refusal)
      }
      const bodyless = status === 204 || status === 205 || status === 304
      if (bodyless) response.body.destroy()
      const body = bodyless ? null : guardedBody(toWebStream(response.body))
      return new Response(body, { status, headers })
    },

    async close() {
      ended.abort(new Error('the probe is over'))
      if (!dispatchers) await dispatcher.destroy()
    },
  }
}

function refusalOf(url: URL, status: number, headers: Headers): MeridianError | undefined {
  const location = headers.get('location')
  if (status >= 300 && status < 400 && location !== null) {
    return new MeridianError(
      'endpoint_not_mcp',
      `${url.href} redirects (${status}) to ${location.slice(0, 200)}; redirects are not ` +
        `followed, so register the address where the server itself answers`,
    )
  }
  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding !== 'identity') {
    return new MeridianError(
      'endpoint_not_mcp',
      `${url.href} answers in ${encoding.slice(0, 40)} although it was asked for identity`,
    )
  }
  if (status < 200 || status > 599) {
    return new MeridianError(
      'endpoint_not_mcp',
      `${url.href} answers with ${status}, which is no final HTTP status`,
    )
  }
  return undefined
}

/**
 * Not `Readable.toWeb`: that goes on to fill a stream which was cancelled while a chunk was on its
 * way, and the exception that follows is nobody's to catch.
 */
function toWebStream(body: Readable): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await chunks.next()
        if (next.done === true) controller.close()
        else controller.enqueue(next.value)
      },
      cancel() {
        body.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}

function toHeaders(raw: Record<string, string | string[] | undefined>): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(raw)) {
    for (const one of [value ?? []].flat()) headers.append(name, one)
  }
  return headers
}

function bodyText(body: RequestInit['body']): string | null {
  if (body == null) return null
  if (typeof body === 'string') return body
  throw new TypeError('a probe sends text')
}
