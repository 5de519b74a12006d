import type { Definition, InstanceInput } from '@meridian/shared'
import { nameOf, termsOf, type Data, type Row } from '../data.ts'
import { RingPools, type Engine } from '../engine.ts'
import type { Question } from '../queries.ts'
import { termsBetween } from '../terms-between.ts'

/** What most would write: a set of rows for each term, the smallest set first. */
export class MapOfSets implements Engine {
  readonly name = 'Map of Sets'
  readonly #rows: readonly Row[]
  readonly #sets = new Map<string, Set<number>>()
  readonly #records = new Map<string, number>()
  readonly #sorted: string[]
  readonly #pools = new RingPools()

  constructor(data: Data) {
    this.#rows = data.rows
    data.rows.forEach(({ terms }, number) => this.#add(number, terms))
    data.instances.forEach((input, at) =>
      this.#records.set(nameOf(input), data.rowOf[at] as number),
    )
    this.#sorted = [...this.#sets.keys()].sort()
  }

  answer(question: Question): string[] {
    const pools = this.#pools
    pools.begin(this.#rows, question.from)
    const { any, prefix } = question
    if (prefix !== undefined) this.#union(termsBetween(this.#sorted, prefix))
    else if (any.length > 0) this.#union(any)
    else this.#intersect(question)
    return pools.answer()
  }

  /** A registration goes, and comes again as it arrives: with its definition. */
  replaceInstance(number: number, input: InstanceInput, definition: Definition): void {
    this.#records.delete(nameOf(input))
    const { terms } = this.#rows[number] as Row
    for (const term of terms) {
      const set = this.#sets.get(term) as Set<number>
      set.delete(number)
      if (set.size === 0) this.#sets.delete(term)
    }
    this.#records.set(nameOf(input), number)
    this.#add(number, termsOf(definition, input))
  }

  #add(number: number, terms: readonly string[]): void {
    for (const term of terms) {
      const set = this.#sets.get(term)
      if (set === undefined) this.#sets.set(term, new Set([number]))
      else set.add(number)
    }
  }

  #intersect({ all, none, versionMin }: Question): void {
    const sets: Set<number>[] = []
    for (const term of all) {
      const set = this.#sets.get(term)
      if (set === undefined) return
      sets.push(set)
    }
    sets.sort((a, b) => a.size - b.size)
    const [smallest, ...others] = sets as [Set<number>, ...Set<number>[]]
    const without = none.flatMap((term) => this.#sets.get(term) ?? [])
    for (const number of smallest) {
      const row = this.#rows[number] as Row
      if (!this.#pools.wants(row) || (versionMin !== undefined && row.version < versionMin))
        continue
      if (others.every((set) => set.has(number)) && !without.some((set) => set.has(number))) {
        this.#pools.offer(row, number)
      }
    }
  }

  #union(terms: Iterable<string>): void {
    const seen = new Set<number>()
    for (const term of terms) {
      for (const number of this.#sets.get(term) ?? []) {
        const row = this.#rows[number] as Row
        if (!this.#pools.wants(row) || seen.has(number)) continue
        seen.add(number)
        this.#pools.offer(row, number)
      }
    }
  }
}
