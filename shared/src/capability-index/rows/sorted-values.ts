/**
 * The values of one field in order (of UTF-16 units), each with its term number, so that those
 * with a common beginning lie side by side. In chunks, so that an insertion moves at most one
 * chunk.
 */
export class SortedValues {
  readonly #chunks: { readonly values: string[]; readonly terms: number[] }[] = []

  insert(value: string, term: number): void {
    const at = this.#chunkFor(value)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push({ values: [value], terms: [term] })
      return
    }
    const place = lowerBound(chunk.values, value)
    chunk.values.splice(place, 0, value)
    chunk.terms.splice(place, 0, term)
    if (chunk.values.length <= chunkMax) return
    const half = chunk.values.length >>> 1
    const upper = { values: chunk.values.splice(half), terms: chunk.terms.splice(half) }
    this.#chunks.splice(at + 1, 0, upper)
  }

  remove(value: string): void {
    const at = this.#chunkFor(value)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return
    const place = lowerBound(chunk.values, value)
    if (chunk.values[place] !== value) return
    chunk.values.splice(place, 1)
    chunk.terms.splice(place, 1)
    if (chunk.values.length === 0) this.#chunks.splice(at, 1)
  }

  /**
   * Appends the terms whose values begin with `prefix`, at most `max`. Returns how many there are,
   * or `max + 1` if there are more.
   */
  collect(prefix: string, max: number, into: number[]): number {
    let found = 0
    let at = this.#chunkFor(prefix)
    let place = lowerBound(this.#chunks[at]?.values ?? [], prefix)
    for (;;) {
      const chunk = this.#chunks[at]
      if (chunk === undefined) return found
      for (; place < chunk.values.length; place += 1) {
        if (!(chunk.values[place] as string).startsWith(prefix)) return found
        found += 1
        if (found > max) return found
        into.push(chunk.terms[place] as number)
      }
      at += 1
      place = 0
    }
  }

  /** The chunk that holds `value`, or would. */
  #chunkFor(value: string): number {
    let low = 0
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#chunks[middle]?.values[0] as string) <= value) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** Splices of so few move less than a cache page; more would only add chunks to search. */
const chunkMax = 256

function lowerBound(values: readonly string[], value: string): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as string) < value) low = middle + 1
    else high = middle
  }
  return low
}
