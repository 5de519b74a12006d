/** A long list of 32-bit numbers that grows by pages: growing copies only the list of pages. */
export class Column {
  readonly #pages: Uint32Array[] = []

  get(at: number): number {
    return (this.#pages[at >>> pageBits] as Uint32Array)[at & pageMask] as number
  }

  set(at: number, value: number): void {
    ;(this.#pages[at >>> pageBits] as Uint32Array)[at & pageMask] = value
  }

  /** Room for `length` numbers; new ones are 0. */
  reserve(length: number): void {
    while (this.#pages.length * pageSize < length) this.#pages.push(new Uint32Array(pageSize))
  }

  get bytes(): number {
    return this.#pages.length * pageSize * Uint32Array.BYTES_PER_ELEMENT
  }
}

const pageBits = 12
const pageSize = 1 << pageBits
const pageMask = pageSize - 1
