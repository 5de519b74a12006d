import type { Compression } from '../wire/envelope.ts'
import type { Millis } from './clock.ts'

/**
 * The fabric between tiers: subjects made of dot-separated tokens, where a subscription may use
 * `*` for one token and, at the end, `>` for one or more. At most once, in order per publisher.
 * Anything that must arrive is sent with `request`, because a publish on a dead connection
 * vanishes without an error.
 *
 * A transport hears what it publishes itself. Handlers are never called from inside `publish`,
 * `request` or `respond`. Subjects that break the rules are `invalid_request`.
 */
export interface Transport {
  /** Largest body that `publish`, `request` and `respond` take, in bytes. */
  readonly payloadBytesMax: number

  /** Of answers in bulk; absent where the way is so short that it would not pay. */
  readonly compression?: Compression | undefined

  /**
   * The body belongs to the transport until the next turn of the event loop: do not write to it
   * before. Errors: `payload_too_large`, `transport_closed`, `invalid_request`.
   */
  publish(subject: string, body: Uint8Array): void

  /**
   * Calls `handler` for every message. With `queue`, each message goes to one member of the
   * group of that name. A handler that throws or rejects harms only that message. Other
   * connections' messages arrive for certain once a `flush` after this has resolved. A
   * subscription outlives disconnections. Errors: `transport_closed`, `invalid_request`.
   */
  subscribe(
    subject: string,
    handler: MessageHandler,
    options?: { readonly queue?: string },
  ): Subscription

  /**
   * The first reply. Errors: `no_responders` at once when nobody listens or the link is down (a
   * link that breaks meanwhile too: the request may have been handled), `deadline_exceeded`,
   * `payload_too_large`, `forbidden`, `transport_closed`, `invalid_request`.
   */
  request(subject: string, body: Uint8Array, options: RequestOptions): Promise<Uint8Array>

  /**
   * Every reply of several repliers, as it comes, until the deadline, `repliesMax`, or until
   * `onReply` returns `'enough'`. Resolves with how many came; errors as `request`, but whatever
   * ends it after the first reply is not an error, unless `onReply` threw it.
   */
  requestMany(
    subject: string,
    body: Uint8Array,
    options: { readonly deadlineMs: Millis; readonly repliesMax?: number },
    onReply: (body: Uint8Array) => 'enough' | 'more',
  ): Promise<number>

  readonly status: TransportStatus
  /** How long it took to establish the present connection, or the last; absent where there is none. */
  readonly establishedInMs?: Millis | undefined
  /** Told of every change after the call. Returns how to stop listening. */
  onStatus(listener: (status: TransportStatus) => void): () => void

  /**
   * Resolves when everything published before has left this process. Errors: `no_responders`
   * while the link is down, `transport_closed`.
   */
  flush(): Promise<void>

  /**
   * Drains: handlers finish what has arrived (those that return promises, within a limit), what
   * was published leaves, requests still waiting fail with `transport_closed`. Twice is fine.
   */
  close(): Promise<void>
}

export interface RequestOptions {
  readonly deadlineMs: Millis
  /** The trace that the question belongs to (W3C), beside the body; most belong to none. */
  readonly traceparent?: string | undefined
}

export type TransportStatus = 'connected' | 'disconnected' | 'closed'

/** `close` waits for the promise, if one is returned; nothing else does. */
export type MessageHandler = (message: TransportMessage) => void | Promise<void>

export interface TransportMessage {
  readonly subject: string
  /** The handler's own: nobody else reads or writes these bytes. */
  readonly body: Uint8Array
  /** The trace that the question belongs to, as its asker wrote it. */
  readonly traceparent?: string | undefined
  /** Whether the sender waits for a reply. */
  readonly wantsReply: boolean
  /**
   * Replies to a request; does nothing for a plain publish, nor when the link or the transport
   * has gone. May be called from later code, and more than once where the asker takes several.
   * Errors: `payload_too_large`.
   */
  respond(body: Uint8Array): void
}

export interface Subscription {
  /** No message is handled after this returns. Twice is fine. */
  unsubscribe(): void
}
