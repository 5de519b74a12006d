import type { Millis } from './clock.ts'

/**
 * The fabric between tiers: subjects made of dot-separated tokens, where a subscription may use
 * `*` for one token and, at the end, `>` for one or more. At most once, in order per publisher.
 * Anything that must arrive is sent with `request`, because a publish on a dead connection
 * vanishes without an error.
 */
export interface Transport {
  /** Largest body that `publish`, `request` and `respond` take, in bytes. */
  readonly payloadBytesMax: number

  /** Errors: `payload_too_large`, `transport_closed`. */
  publish(subject: string, body: Uint8Array): void

  /**
   * Calls `handler` for every message. With `queue`, each message goes to one member of the
   * group of that name. A handler that throws harms only that message.
   */
  subscribe(
    subject: string,
    handler: (message: TransportMessage) => void,
    options?: { readonly queue?: string },
  ): Subscription

  /**
   * The first reply. Errors: `no_responders` at once when nobody listens, `deadline_exceeded`,
   * `payload_too_large`, `transport_closed`.
   */
  request(
    subject: string,
    body: Uint8Array,
    options: { readonly deadlineMs: Millis },
  ): Promise<Uint8Array>

  /**
   * Every reply of several repliers, as it comes, until the deadline, `repliesMax`, or until
   * `onReply` returns `'enough'`. Resolves with how many came; errors as `request`, but a deadline
   * that passes after the first reply is not an error.
   */
  requestMany(
    subject: string,
    body: Uint8Array,
    options: { readonly deadlineMs: Millis; readonly repliesMax?: number },
    onReply: (body: Uint8Array) => 'enough' | 'more',
  ): Promise<number>

  readonly status: TransportStatus
  /** Told of every change after the call. Returns how to stop listening. */
  onStatus(listener: (status: TransportStatus) => void): () => void

  /** Resolves when everything published before has left this process. */
  flush(): Promise<void>

  /** Drains: handlers finish what has arrived, what was published leaves. Twice is fine. */
  close(): Promise<void>
}

export type TransportStatus = 'connected' | 'disconnected' | 'closed'

export interface TransportMessage {
  readonly subject: string
  readonly body: Uint8Array
  /** Whether the sender waits for a reply. */
  readonly wantsReply: boolean
  /** Replies to a request; does nothing for a plain publish. May be called from later code. */
  respond(body: Uint8Array): void
}

export interface Subscription {
  /** No message is handled after this returns. Twice is fine. */
  unsubscribe(): void
}
