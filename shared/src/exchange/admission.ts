import { MeridianError } from '../errors.ts'
import type { Clock, Millis } from '../ports/index.ts'
import { exchangeLimits } from './limits.ts'

/**
 * How much bulk leaves a holder: a bucket that fills at a steady rate. When a whole zone comes
 * back at once, most askers are told to come again, and pulses and deltas, which do not pass
 * here, are not held up behind answers of megabytes. The bucket may run into debt by one answer:
 * there is no other way to serve one that is larger than it.
 */
export class Admission {
  readonly #clock: Clock
  #bytes: number = exchangeLimits.bulkBurstBytes
  #filledAt: Millis

  constructor(clock: Clock) {
    this.#clock = clock
    this.#filledAt = clock.now()
  }

  /** Counts an answer of so many bytes. Errors: `busy`. */
  take(bytes: number): void {
    if (bytes < exchangeLimits.bulkBytesMin) return
    const now = this.#clock.now()
    const { bulkBurstBytes, bulkBytesPerSecond } = exchangeLimits
    const gained = ((now - this.#filledAt) / 1_000) * bulkBytesPerSecond
    this.#bytes = Math.min(bulkBurstBytes, this.#bytes + gained)
    this.#filledAt = now
    if (this.#bytes <= 0) {
      throw new MeridianError(
        'busy',
        `more than ${bulkBytesPerSecond} bytes a second are asked for, the limit`,
      )
    }
    this.#bytes -= bytes
  }
}
