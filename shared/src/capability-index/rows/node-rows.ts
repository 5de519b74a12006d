import type { Entry } from './entry.ts'
import type { Shelf } from './shelf.ts'

/** How much of a row is on a node. */
export type Share = 'none' | 'some' | 'all'

export const nodeRowsLimits = {
  /** Of a node with more, nothing is noted: an importer's can have a whole zone. */
  entries: 16_384,
  /**
   * So many are noted for each time that they were asked for since a row of the zone moved: while
   * thousands register, noting them for each lookup in between would cost more than it saves.
   */
  entriesPerAsk: 256,
} as const

/**
 * The rows that have instances on one node, as of one moment. Askers come from the same nodes again
 * and again, and what runs there changes seldom: reading two hundred instances for each lookup took
 * longer than all the rest of it.
 */
export class NodeRows {
  /** The zone's count of moves at that moment. */
  readonly movesCount: number
  /** Shelf and slot in one number, in rising order. */
  readonly #keys: Uint32Array
  /** Whether all of a row's instances are here. */
  readonly #isWhole: Uint8Array

  constructor(entries: readonly Entry[], shelves: readonly Shelf[], movesCount: number) {
    this.movesCount = movesCount
    const keys = Uint32Array.from(entries, ({ shelf, slot }) => keyOf(shelf as Shelf, slot))
    keys.sort()
    let rows = 0
    const isWhole = new Uint8Array(keys.length)
    let shelf: Shelf | undefined
    for (let at = 0; at < keys.length;) {
      const key = keys[at] as number
      let end = at + 1
      while (end < keys.length && keys[end] === key) end += 1
      const number = Math.floor(key / slotsOfShelf)
      if (shelf?.number !== number) shelf = shelves.find((one) => one.number === number)
      const members = shelf?.members[key % slotsOfShelf]
      isWhole[rows] = (Array.isArray(members) ? members.length : 1) === end - at ? 1 : 0
      keys[rows] = key
      rows += 1
      at = end
    }
    this.#keys = keys.slice(0, rows)
    this.#isWhole = isWhole.slice(0, rows)
  }

  get size(): number {
    return this.#keys.length
  }

  shareOf(shelf: Shelf, slot: number): Share {
    const at = this.#find(keyOf(shelf, slot))
    if (this.#keys[at] !== keyOf(shelf, slot)) return 'none'
    return this.#isWhole[at] === 1 ? 'all' : 'some'
  }

  has(shelf: Shelf, slot: number): boolean {
    return this.#keys[this.#find(keyOf(shelf, slot))] === keyOf(shelf, slot)
  }

  /** How many of a shelf's rows. */
  countOn(shelf: Shelf): number {
    return this.#find(keyOf(shelf, 0) + slotsOfShelf) - this.#find(keyOf(shelf, 0))
  }

  each(shelf: Shelf, visit: (slot: number) => void): void {
    const end = this.#find(keyOf(shelf, 0) + slotsOfShelf)
    for (let at = this.#find(keyOf(shelf, 0)); at < end; at += 1) {
      visit((this.#keys[at] as number) % slotsOfShelf)
    }
  }

  /** The place of the first key that is not below. */
  #find(key: number): number {
    const keys = this.#keys
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((keys[middle] as number) < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

const slotsOfShelf = 65_536

function keyOf({ number }: Shelf, slot: number): number {
  return number * slotsOfShelf + slot
}
