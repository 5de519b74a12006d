import type { Random } from '@meridian/shared'

/**
 * Chance that can be had again: mulberry32. Each part of a simulation draws from a stream of its
 * own (`fork`), so that one part drawing more or less does not change what the others draw.
 */
export class SeededRandom {
  readonly #seed: number
  #state: number

  constructor(seed: number) {
    this.#seed = seed
    this.#state = seed
  }

  /** Uniform in [0, 1). A function of its own, as the `Random` port wants it. */
  readonly next: Random = () => {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A stream that depends on the seed and the name alone, not on what was drawn so far. */
  fork(name: string): SeededRandom {
    let hash = 0x811c9dc5 ^ Math.imul(this.#seed, 0x9e3779b1)
    for (let at = 0; at < name.length; at += 1) {
      hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
    }
    return new SeededRandom(hash)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  /** One of the list, which must not be empty. */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('there is nothing to pick from')
    return list[Math.floor(this.next() * list.length)] as T
  }

  /** One of the table's names, each as likely as its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const names = Object.keys(weights) as K[]
    const total = names.reduce((sum, name) => sum + weights[name], 0)
    let point = this.next() * total
    for (const name of names) {
      point -= weights[name]
      if (point < 0) return name
    }
    return names[names.length - 1]!
  }
}
