/**
 * Distinct texts in order, kept in chunks: inserting moves at most one chunk, where one array of
 * 60,000 names would move half of itself for each name that an import brings.
 *
 *     [a … f] [g … m] [n … z]      a full chunk splits in two, an empty one goes
 */
export class SortedList {
  #chunks: string[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** False when it is there already. */
  add(text: string): boolean {
    const at = this.#chunkFor(text)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push([text])
      this.#size += 1
      return true
    }
    const slot = lowerBound(chunk, text)
    if (chunk[slot] === text) return false
    chunk.splice(slot, 0, text)
    this.#size += 1
    if (chunk.length > chunkMax) this.#chunks.splice(at + 1, 0, chunk.splice(chunkMax >> 1))
    return true
  }

  /** False when it is not there. */
  remove(text: string): boolean {
    const at = this.#chunkFor(text)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return false
    const slot = lowerBound(chunk, text)
    if (chunk[slot] !== text) return false
    chunk.splice(slot, 1)
    this.#size -= 1
    if (chunk.length === 0) this.#chunks.splice(at, 1)
    return true
  }

  /** Those that follow `text`, in order; all of them for the empty text. Not while it changes. */
  *after(text: string): Generator<string> {
    const first = text === '' ? 0 : this.#chunkFor(text)
    for (let at = first; at < this.#chunks.length; at += 1) {
      const chunk = this.#chunks[at] ?? []
      let slot = at === first && text !== '' ? lowerBound(chunk, text) : 0
      if (chunk[slot] === text) slot += 1
      for (; slot < chunk.length; slot += 1) yield chunk[slot] as string
    }
  }

  /** The last chunk that does not begin after the text. */
  #chunkFor(text: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#chunks[middle]?.[0] as string) <= text) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }
}

/** A chunk of 512 takes a microsecond to move half of, and 60,000 names make 120 to 240 of them. */
const chunkMax = 512

function lowerBound(chunk: readonly string[], text: string): number {
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((chunk[middle] as string) < text) low = middle + 1
    else high = middle
  }
  return low
}
