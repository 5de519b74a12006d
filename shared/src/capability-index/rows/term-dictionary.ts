import { SortedValues } from './sorted-values.ts'

/** A number for every `field:value` that some row has. Numbers of forgotten terms are used again. */
export class TermDictionary {
  readonly #fields = new Map<string, FieldTerms>()
  readonly #values: string[] = []
  readonly #fieldOf: FieldTerms[] = []
  readonly #free: number[] = []
  /** How often a value appeared or went. */
  changes = 0

  /** Above every number in use. */
  get numbersEnd(): number {
    return this.#values.length
  }

  find(field: string, value: string): number | undefined {
    return this.#fields.get(field)?.byValue.get(value)
  }

  /** Another number whenever a value of the field appeared or went. */
  changesOf(field: string): number {
    return this.#fields.get(field)?.changedAt ?? 0
  }

  intern(field: string, value: string): number {
    return this.internIn(this.field(field), value)
  }

  /** A field, to intern several values of. It goes with its last value. */
  field(name: string): FieldTerms {
    let terms = this.#fields.get(name)
    if (terms === undefined) {
      terms = { name, byValue: new Map(), sorted: new SortedValues(), changedAt: 0, seenBy: 0 }
      this.#fields.set(name, terms)
    }
    return terms
  }

  internIn(terms: FieldTerms, value: string): number {
    const known = terms.byValue.get(value)
    if (known !== undefined) return known
    const term = this.#free.pop() ?? this.#values.length
    this.#values[term] = value
    this.#fieldOf[term] = terms
    terms.byValue.set(value, term)
    if (value !== presence) terms.sorted.insert(value, term)
    terms.changedAt = this.changes += 1
    return term
  }

  /** Forgets a term that no row has any more. */
  release(term: number): void {
    const value = this.#values[term] as string
    const terms = this.#fieldOf[term] as FieldTerms
    terms.byValue.delete(value)
    if (value !== presence) terms.sorted.remove(value)
    terms.changedAt = this.changes += 1
    if (terms.byValue.size === 0) this.#fields.delete(terms.name)
    this.#free.push(term)
  }

  /**
   * Appends to `into` the terms of a field whose values begin with `prefix`, at most `max`.
   * Returns how many there are, or `max + 1` if there are more.
   */
  collect(field: string, prefix: string, max: number, into: number[]): number {
    return this.#fields.get(field)?.sorted.collect(prefix, max, into) ?? 0
  }

  /** Fields with a value, in no particular order. */
  fieldNames(): Iterable<string> {
    return this.#fields.keys()
  }

  /** The first so many values of a field that begin with `prefix`, in order. */
  valuesFrom(field: string, prefix: string, limit: number): string[] {
    const terms: number[] = []
    this.collect(field, prefix, limit, terms)
    return terms.slice(0, limit).map((term) => this.#values[term] as string)
  }

  /** An estimate: V8's own tables cannot be asked. */
  get bytes(): number {
    let total = 0
    for (const { byValue } of this.#fields.values()) {
      total += fieldBytes + byValue.size * entryBytes
      for (const value of byValue.keys()) total += stringBytes + value.length
    }
    return total
  }
}

/** Of a map's entry, and of the places in the lists of values, fields and order. */
const entryBytes = 36 + 4 * 8
const stringBytes = 20
const fieldBytes = 400

/** Stands for "has any value of this field". No value that can be asked for is empty. */
export const presence = ''

/** The values of one field. */
export interface FieldTerms {
  readonly name: string
  readonly byValue: Map<string, number>
  readonly sorted: SortedValues
  changedAt: number
  /** The last row that was found to have the field: its presence is a term once. */
  seenBy: number
}
