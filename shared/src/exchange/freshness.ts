import type { Clock, Millis, Transport } from '../ports/index.ts'

/** How far what is held can be trusted. */
export type Freshness =
  | { readonly state: 'fresh' }
  /** `ageMs` since it was fresh last; absent where it has not been since the start. */
  | { readonly state: 'stale'; readonly ageMs?: Millis }

/**
 * Whether what a process holds of others is what they say now: it is cut off, or has not been
 * brought up to date since its start, and then it is what was heard last.
 */
export class FreshnessWatch {
  readonly #clock: Clock
  readonly #transport: Transport
  readonly #isComplete: () => boolean
  #lastFreshAt: Millis | undefined
  readonly #stop: () => void

  /** `isComplete`: all of the scope has been taken in since the start. */
  constructor(clock: Clock, transport: Transport, isComplete: () => boolean = () => true) {
    this.#clock = clock
    this.#transport = transport
    this.#isComplete = isComplete
    this.#stop = transport.onStatus((status) => {
      // It was fresh until now.
      if (status === 'disconnected' && isComplete()) this.#lastFreshAt = clock.now()
    })
  }

  now(): Freshness {
    if (this.#transport.status === 'connected' && this.#isComplete()) return { state: 'fresh' }
    if (this.#lastFreshAt === undefined) return { state: 'stale' }
    return { state: 'stale', ageMs: this.#clock.now() - this.#lastFreshAt }
  }

  close(): void {
    this.#stop()
  }
}
