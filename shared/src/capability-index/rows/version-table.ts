import { packVersion, type PackedVersion, type VersionRange } from '../version-range.ts'

/** A number for every version that some row has; numbers of forgotten versions are used again. */
export class VersionTable {
  readonly #numbers = new Map<string, number>()
  readonly #versions: (Numbered | undefined)[] = []
  readonly #free: number[] = []
  /** Releases in order, to find those of an interval. */
  readonly #sorted: Numbered[] = []
  /** Pre-releases, giants and words: tested one by one. */
  readonly #odd = new Set<Numbered>()

  /** Counts one more row. Returns the version's number. `term`: the version's, as a term. */
  hold(text: string, term: number): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) {
      ;(this.#versions[known] as Numbered).rows += 1
      return known
    }
    const number = this.#free.pop() ?? this.#versions.length
    const version = { packed: packVersion(text), number, term, rows: 1 }
    this.#numbers.set(text, number)
    this.#versions[number] = version
    if (version.packed.release < 0) this.#odd.add(version)
    else this.#sorted.splice(this.#lowerBound(version.packed.release), 0, version)
    return number
  }

  /** Counts one row less. */
  release(number: number): void {
    const version = this.#versions[number] as Numbered
    version.rows -= 1
    if (version.rows > 0) return
    this.#numbers.delete(version.packed.text)
    this.#versions[number] = undefined
    this.#free.push(number)
    if (this.#odd.delete(version)) return
    // Versions that differ in build metadata only have one packed number.
    let at = this.#lowerBound(version.packed.release)
    while (this.#sorted[at] !== version) at += 1
    this.#sorted.splice(at, 1)
  }

  get(number: number): PackedVersion {
    return (this.#versions[number] as Numbered).packed
  }

  termOf(number: number): number {
    return (this.#versions[number] as Numbered).term
  }

  /** The versions in a range, if they are no more than `max`. */
  within(range: VersionRange, max: number): string[] | undefined {
    const found: string[] = []
    for (let i = 0; i < range.intervals.length; i += 2) {
      const end = range.intervals[i + 1] as number
      for (let at = this.#lowerBound(range.intervals[i] as number); ; at += 1) {
        const version = this.#sorted[at]
        if (version === undefined || version.packed.release >= end) break
        if (found.length === max) return undefined
        found.push(version.packed.text)
      }
    }
    for (const { packed } of this.#odd) {
      if (!range.test(packed)) continue
      if (found.length === max) return undefined
      found.push(packed.text)
    }
    return [...new Set(found)]
  }

  #lowerBound(release: number): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle] as Numbered).packed.release < release) low = middle + 1
      else high = middle
    }
    return low
  }
}

interface Numbered {
  readonly packed: PackedVersion
  readonly number: number
  readonly term: number
  rows: number
}
