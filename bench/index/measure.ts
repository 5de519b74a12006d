import type { Engine } from './engine.ts'
import type { Question } from './queries.ts'

/** CPU time of this process in µs, garbage collection included: other tenants do not show in it. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/**
 * Where an engine left off, so that each round asks on and the caches hold what they would hold
 * among many different questions.
 */
export class Asker {
  readonly #engine: Engine
  readonly #questions: readonly Question[]
  #at = 0
  #turns = 1

  constructor(engine: Engine, questions: readonly Question[]) {
    this.#engine = engine
    this.#questions = questions
  }

  /** CPU µs of one answer, other processes' included, over about `forMs`. */
  async round(forMs: number): Promise<number> {
    for (;;) {
      const before = this.#spent()
      for (let turn = 0; turn < this.#turns; turn += 1) {
        const answer = this.#engine.answer(this.#questions[this.#at] as Question)
        if (answer instanceof Promise) await answer
        this.#at = (this.#at + 1) % this.#questions.length
      }
      const spent = this.#spent() - before
      const perTurn = spent / this.#turns
      const enough = spent >= forMs * 500
      this.#turns = Math.max(1, Math.round((forMs * 1_000) / Math.max(perTurn, 0.01)))
      if (enough) return perTurn
    }
  }

  #spent(): number {
    return cpuMicros() + (this.#engine.foreignCpuMicros?.() ?? 0)
  }
}
