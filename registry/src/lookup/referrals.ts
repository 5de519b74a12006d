import type { Clock, Millis, Referral } from '@meridian/shared'

/** Queries whose referrals are remembered, and for how long. */
export const referralLimits = { queriesMax: 4_096, leaseMs: 1_000 } as const

/**
 * Which regions may have it, remembered for a moment: several zones miss the same at once. The
 * same question on its way is shared.
 */
export class Referrals {
  readonly #clock: Clock
  readonly #known = new Map<string, { readonly at: number; readonly referral: Promise<Referral> }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * One that is not older than the asker takes; whoever takes none from memory asks anew. Errors:
   * those of `ask`; they are not remembered.
   */
  of(
    query: string,
    ask: () => Promise<Referral>,
    maxAgeMs: Millis = referralLimits.leaseMs,
  ): Promise<Referral> {
    const now = this.#clock.now()
    const known = this.#known.get(query)
    const takenMs = Math.min(maxAgeMs, referralLimits.leaseMs)
    if (known !== undefined && now - known.at <= takenMs) return known.referral
    this.#known.delete(query)
    const [oldest] = this.#known.keys()
    if (this.#known.size >= referralLimits.queriesMax && oldest !== undefined) {
      this.#known.delete(oldest)
    }
    const referral = ask()
    const entry = { at: now, referral }
    this.#known.set(query, entry)
    const forget = () => {
      if (this.#known.get(query) === entry) this.#known.delete(query)
    }
    // Another may know more by now than one that has just started.
    referral.then(({ stale }) => {
      if (stale === true) forget()
    }, forget)
    return referral
  }
}
