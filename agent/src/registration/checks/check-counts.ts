import type { CheckOutcome } from './check-machine.ts'

export interface CheckCount {
  readonly kind: string
  readonly outcome: CheckOutcome
  readonly count: number
}

/** How often checks of each kind passed, warned or failed, for metrics. */
export class CheckCounts {
  readonly #counts = new Map<string, { kind: string; outcome: CheckOutcome; count: number }>()

  add(kind: string, outcome: CheckOutcome): void {
    const key = `${kind} ${outcome}`
    const entry = this.#counts.get(key) ?? { kind, outcome, count: 0 }
    entry.count += 1
    this.#counts.set(key, entry)
  }

  [Symbol.iterator](): Iterator<CheckCount> {
    return this.#counts.values()
  }
}
