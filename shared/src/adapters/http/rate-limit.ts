import { MeridianError } from '../../errors.ts'
import type { Millis } from '../../ports/index.ts'

export interface Rate {
  /** What a caller may ask for in the long run. */
  readonly perSecond: number
  /** What a caller may ask for at once, having been silent. */
  readonly burst: number
}

/** Buckets of callers; the one that was silent longest goes when there are more. */
const callersMax = 10_000

interface Bucket {
  tokens: number
  filledAt: Millis
}

/**
 * A bucket for each caller that fills at a steady rate. It may run into debt by one request, for
 * otherwise one that costs more than the burst could never be served; what is owed is waited for.
 *
 * Our own, for the ones in packages count by the wall clock, in windows, with a timer for each
 * caller: a clock that is set back would lock callers out, and a forged crowd would cost memory
 * without limit.
 */
export class RateLimit {
  readonly #rate: Rate
  readonly #now: () => Millis
  readonly #buckets = new Map<string, Bucket>()

  constructor(rate: Rate, now: () => Millis) {
    this.#rate = rate
    this.#now = now
  }

  /** Counts a request. Errors: `rate_limited`, with when to come again. */
  take(caller: string): void {
    const { perSecond, burst } = this.#rate
    const now = this.#now()
    const bucket = this.#bucketOf(caller, now)
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.filledAt) / 1_000) * perSecond)
    bucket.filledAt = now
    if (bucket.tokens < 1) {
      throw new MeridianError(
        'rate_limited',
        `${caller} asks for more than ${perSecond} a second (${burst} at once), the limit`,
        { retryAfterMs: Math.ceil(((1 - bucket.tokens) / perSecond) * 1_000) },
      )
    }
    bucket.tokens -= 1
  }

  /** Counts what a request that was let in costs beyond itself. */
  owe(caller: string, cost: number): void {
    this.#bucketOf(caller, this.#now()).tokens -= cost
  }

  #bucketOf(caller: string, now: Millis): Bucket {
    const known = this.#buckets.get(caller)
    const bucket = known ?? { tokens: this.#rate.burst, filledAt: now }
    // Whoever was here last stands last.
    this.#buckets.delete(caller)
    this.#buckets.set(caller, bucket)
    if (this.#buckets.size > callersMax) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    return bucket
  }
}
