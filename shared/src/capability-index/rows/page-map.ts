/** A page is one word of every bitset. */
export const pageSlots = 32

/**
 * Pages in canonical order, each with the lowest hash that belongs to it. The first page takes
 * everything below the second.
 *
 *     order   page 5      page 0      page 9      …
 *     lows    0           81,442      907,113     …
 *
 * Several pages begin with the same hash only where more rows have that very hash than a page
 * holds; then all but the last of them hold nothing else.
 */
export class PageMap {
  count = 0
  order = new Uint16Array(2)
  lows = new Uint32Array(2)
  /** Above every page number ever given. */
  numbersEnd = 0
  readonly #free: number[] = []

  /** Where the page lies that holds `hash`, or would: the last whose low is not above it. */
  find(hash: number): number {
    const { lows } = this
    let low = 0
    let high = this.count - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((lows[middle] as number) <= hash) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Whether a page begins with the same hash as the one before. */
  continues(at: number): boolean {
    return at > 0 && this.lows[at] === this.lows[at - 1]
  }

  /** Where the last pages begin that have one low. */
  lastRun(): number {
    let at = this.count - 1
    while (this.continues(at)) at -= 1
    return at
  }

  /** Puts an empty page at a place. Returns its number. */
  insert(at: number, low: number): number {
    if (this.count === this.order.length) this.#grow()
    this.order.copyWithin(at + 1, at, this.count)
    this.lows.copyWithin(at + 1, at, this.count)
    const page = this.#free.pop() ?? this.numbersEnd
    if (page === this.numbersEnd) this.numbersEnd += 1
    this.order[at] = page
    this.lows[at] = low
    this.count += 1
    return page
  }

  /** Takes out an empty page. Its range falls to the page before, or to the next if it was first. */
  remove(at: number): void {
    if (at === 0 && this.count > 1) this.lows[1] = this.lows[0] as number
    this.cut(at)
  }

  /** Takes out an empty page at the beginning or end, its range with it. */
  cut(at: number): void {
    this.#free.push(this.order[at] as number)
    this.order.copyWithin(at, at + 1, this.count)
    this.lows.copyWithin(at, at + 1, this.count)
    this.count -= 1
  }

  /** The lowest number that no page has, if there is one below the last. */
  freeNumber(): number | undefined {
    if (this.#free.length === 0) return undefined
    this.#free.sort((a, b) => b - a)
    while (this.#free.length > 0 && this.#free[0] === this.numbersEnd - 1) {
      this.#free.shift()
      this.numbersEnd -= 1
    }
    return this.#free.at(-1)
  }

  /** Gives the page with the last number the lowest free one. Returns both. */
  renumberLast(): { readonly from: number; readonly to: number } | undefined {
    const to = this.freeNumber()
    if (to === undefined) return undefined
    const from = this.numbersEnd - 1
    this.#free.pop()
    this.order[this.order.subarray(0, this.count).indexOf(from)] = to
    this.numbersEnd -= 1
    return { from, to }
  }

  get bytes(): number {
    return this.order.byteLength + this.lows.byteLength + this.#free.length * 8
  }

  #grow(): void {
    const order = new Uint16Array(this.order.length * 2)
    const lows = new Uint32Array(this.lows.length * 2)
    order.set(this.order)
    lows.set(this.lows)
    this.order = order
    this.lows = lows
  }
}
