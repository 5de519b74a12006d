/**
 * How often a question may be asked twice. At the 95th percentile one in twenty is; when everybody
 * becomes slow at once, all would be, and that would be the last thing they need.
 */
export class HedgeBudget {
  static readonly share = 0.1
  static readonly burst = 10
  #tokens = HedgeBudget.burst

  /** One more question was asked. */
  earn(): void {
    this.#tokens = Math.min(HedgeBudget.burst, this.#tokens + HedgeBudget.share)
  }

  /** Whether one may be asked again; it counts as asked then. */
  spend(): boolean {
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
