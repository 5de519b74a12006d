import type { Postings } from './postings.ts'

/**
 * The terms that are bitsets on one shelf. They are not written into the rows' own term lists,
 * where half of all terms would be these few; a row that goes asks each bitset instead.
 */
export class DenseTerms {
  readonly terms: number[] = []
  readonly bits: Uint32Array[] = []
  readonly #postings: Postings
  readonly #shelf: number

  constructor(postings: Postings, shelf: number) {
    this.#postings = postings
    this.#shelf = shelf
  }

  readonly add = (term: number, bits: Uint32Array): void => {
    this.terms.push(term)
    this.bits.push(bits)
  }

  /** The term is no bitset any more. */
  drop(term: number): void {
    const at = this.terms.indexOf(term)
    const lastTerm = this.terms.pop() as number
    const lastBits = this.bits.pop() as Uint32Array
    if (at === this.terms.length) return
    this.terms[at] = lastTerm
    this.bits[at] = lastBits
  }

  /** To another length; what is cut off is empty. */
  resize(words: number): void {
    for (let i = 0; i < this.terms.length; i += 1) {
      this.bits[i] = this.#postings.resizeBitset(this.terms[i] as number, this.#shelf, words)
    }
  }

  /** Takes a row out of every bitset. Appends to `thin` the terms left with fewer rows than `min`. */
  clear(slot: number, min: number, thin: number[]): void {
    const word = slot >>> 5
    const bit = 1 << (slot & 31)
    const { bits } = this
    for (let i = 0; i < bits.length; i += 1) {
      const words = bits[i] as Uint32Array
      if (((words[word] as number) & bit) !== 0) this.#clearAt(i, word, bit, min, thin)
    }
  }

  /** Takes a row out of one term's bitset, if it is one and has the row. */
  clearTerm(term: number, slot: number, min: number, thin: number[]): void {
    const at = this.terms.indexOf(term)
    if (at < 0) return
    const word = slot >>> 5
    const bit = 1 << (slot & 31)
    if ((((this.bits[at] as Uint32Array)[word] as number) & bit) !== 0) {
      this.#clearAt(at, word, bit, min, thin)
    }
  }

  move(from: number, to: number): void {
    const wordFrom = from >>> 5
    const bitFrom = 1 << (from & 31)
    const wordTo = to >>> 5
    const bitTo = 1 << (to & 31)
    for (const words of this.bits) {
      const word = words[wordFrom] as number
      if ((word & bitFrom) === 0) continue
      words[wordFrom] = word & ~bitFrom
      words[wordTo] = (words[wordTo] as number) | bitTo
    }
  }

  #clearAt(at: number, word: number, bit: number, min: number, thin: number[]): void {
    const words = this.bits[at] as Uint32Array
    words[word] = (words[word] as number) & ~bit
    const term = this.terms[at] as number
    if (this.#postings.changeRows(term, this.#shelf, -1) < min) thin.push(term)
  }
}
