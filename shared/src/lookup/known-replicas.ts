import type { Millis, Random } from '../ports/index.ts'

export const replicaLimits = {
  known: 16,
  /** Unless it answered since, one is no longer counted on. */
  forgetMs: 60_000,
  /** Every so many questions go to whoever takes them, so that newcomers are met. */
  openEvery: 16,
  /** Who gave so many open answers in a row gives them all: of two, once in 65,536 times by chance. */
  aloneAfter: 16,
} as const

/** Smoothing of answer times: the last ten or so count. */
const smoothing = 0.2

interface Replica {
  heardAt: Millis
  latencyMs: number
}

/**
 * The replicas of a tier, as far as their answers made them known. Only who knows two can ask a
 * second one *instead of the same again*: a queue group gives a question to anybody.
 */
export class KnownReplicas {
  readonly #replicas = new Map<string, Replica>()
  #asked = 0
  #answeredLast: string | undefined
  #answersInRow = 0

  /** `wasOpen`: it was not asked by its name, so that another one could have answered. */
  answered(name: string, latencyMs: number, now: Millis, wasOpen: boolean): void {
    if (name !== this.#answeredLast) this.#answersInRow = 0
    if (wasOpen) this.#answersInRow += 1
    this.#answeredLast = name
    const known = this.#replicas.get(name)
    if (known) {
      known.heardAt = now
      known.latencyMs += smoothing * (latencyMs - known.latencyMs)
    } else if (this.#replicas.size < replicaLimits.known) {
      this.#replicas.set(name, { heardAt: now, latencyMs })
    }
  }

  /** Nobody listens under its name. */
  gone(name: string): void {
    this.#replicas.delete(name)
    this.#answersInRow = 0
  }

  /**
   * Whom to ask first, and whom when that takes long; undefined is whoever takes it. `isAlone`: a
   * second question would only find the same replica, and it has that to do on top.
   */
  choose(
    now: Millis,
    random: Random,
  ): { first: string | undefined; second: string | undefined; isAlone: boolean } {
    this.#asked += 1
    for (const [name, { heardAt }] of this.#replicas) {
      if (now - heardAt > replicaLimits.forgetMs) this.#replicas.delete(name)
    }
    const names = [...this.#replicas.keys()]
    if (names.length < 2) {
      const isAlone = names.length === 1 && this.#answersInRow >= replicaLimits.aloneAfter
      return { first: undefined, second: undefined, isAlone }
    }
    const a = pick(names, random)
    const b = pick(
      names.filter((name) => name !== a),
      random,
    )
    if (this.#asked % replicaLimits.openEvery === 0)
      return { first: undefined, second: b, isAlone: false }
    // Of two at random the faster one: better than the fastest of all, whom everybody would choose.
    const [first, second] = this.#latency(a) <= this.#latency(b) ? [a, b] : [b, a]
    return { first, second, isAlone: false }
  }

  #latency(name: string): number {
    return this.#replicas.get(name)?.latencyMs ?? 0
  }
}

function pick(names: readonly string[], random: Random): string {
  return names[Math.floor(random() * names.length)] ?? ''
}
