/**
 * Bytes that may have been handed to the client and not yet have reached the server. The client
 * queues without limit; a link that takes nothing is only noticed after some pings, and much can
 * be published until then.
 */
const OUTBOUND_BYTES_MAX = 64 * 1_048_576

/** How many bytes go out between two questions to the server about what has arrived. */
const PROBE_BYTES = 1_048_576

/** Of one connection. Counts what was sent and, by a ping now and then, what has left. */
export class OutboundLimit {
  readonly #flush: () => Promise<void>
  readonly #bytesMax: number
  #unconfirmed = 0
  #probing = false

  /** `flush` resolves when everything sent before has reached the server. */
  constructor(flush: () => Promise<void>, bytesMax: number = OUTBOUND_BYTES_MAX) {
    this.#flush = flush
    this.#bytesMax = bytesMax
  }

  /** Whether this many more may be sent; if so, they count as sent. */
  take(bytes: number): boolean {
    if (this.#unconfirmed + bytes > this.#bytesMax) return false
    this.#unconfirmed += bytes
    if (this.#unconfirmed >= Math.min(PROBE_BYTES, this.#bytesMax / 2)) this.#probe()
    return true
  }

  #probe(): void {
    if (this.#probing) return
    this.#probing = true
    // What `take` counts now is sent right after it, so one turn later it is ahead of the ping.
    queueMicrotask(() => {
      const sent = this.#unconfirmed
      this.#flush().then(
        () => {
          this.#unconfirmed -= sent
          this.#probing = false
        },
        // The connection is gone, and its limit with it.
        () => undefined,
      )
    })
  }
}
