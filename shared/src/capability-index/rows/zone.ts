import { MeridianError } from '../../errors.ts'
import { hashZone } from '../canonical-order.ts'
import type { Entry, Members } from './entry.ts'
import { NodeRows, nodeRowsLimits } from './node-rows.ts'
import { Shelf, type Stock } from './shelf.ts'

/** A node of a zone, with what runs on it. */
export class Node {
  readonly zone: Zone
  readonly name: string
  readonly entries: Entry[] = []
  #rows: NodeRows | undefined
  /** The zone's count of moves when its rows were last asked for, and how often since. */
  #askedAt = -1
  #asks = 0

  constructor(zone: Zone, name: string) {
    this.zone = zone
    this.name = name
  }

  /**
   * Its rows, found out anew when they are asked for often after a row of the zone moved; undefined
   * where asking each instance whether it is here is no dearer.
   */
  rows(): NodeRows | undefined {
    const { movesCount, shelves } = this.zone
    if (this.#rows?.movesCount === movesCount) return this.#rows
    if (this.#askedAt !== movesCount) {
      this.#askedAt = movesCount
      this.#asks = 0
      this.#rows = undefined
    }
    this.#asks += 1
    const asksMin = this.entries.length / nodeRowsLimits.entriesPerAsk
    if (this.entries.length > nodeRowsLimits.entries || this.#asks < asksMin) return undefined
    this.#rows = new NodeRows(this.entries, shelves, movesCount)
    return this.#rows
  }

  add(entry: Entry): void {
    this.zone.movesCount += 1
    entry.nodeAt = this.entries.length
    this.entries.push(entry)
  }

  remove(entry: Entry): void {
    this.zone.movesCount += 1
    const last = this.entries.pop() as Entry
    if (last === entry) return
    this.entries[entry.nodeAt] = last
    last.nodeAt = entry.nodeAt
  }
}

/** Numbers for shelves; numbers of shelves that are gone are used again. */
export interface ShelfNumbers {
  take(): number
  give(number: number): void
}

/** A zone's rows, on shelves in canonical order: one, until it has more than a shelf holds. */
export class Zone {
  readonly region: string
  readonly name: string
  readonly hash: number
  readonly nodes = new Map<string, Node>()
  readonly shelves: Shelf[] = []
  /** Counts what changes where instances are: in which row, and on which node. */
  movesCount = 0
  readonly #stock: Stock
  readonly #numbers: ShelfNumbers

  constructor(region: string, name: string, stock: Stock, numbers: ShelfNumbers) {
    this.region = region
    this.name = name
    this.hash = hashZone(region, name)
    this.#stock = stock
    this.#numbers = numbers
    this.shelves.push(new Shelf(stock, numbers.take(), this, 0))
  }

  node(name: string): Node {
    let node = this.nodes.get(name)
    if (node === undefined) {
      node = new Node(this, name)
      this.nodes.set(name, node)
    }
    return node
  }

  /** The shelf that has rows of this hash, or would. */
  shelfFor(hash: number): Shelf {
    return this.shelves[this.#shelfAt(hash)] as Shelf
  }

  add(
    hash: number,
    members: Members,
    bucket: number,
    version: number,
    terms: readonly number[],
    count: number,
  ): void {
    for (;;) {
      const at = this.#shelfAt(hash)
      const shelf = this.shelves[at] as Shelf
      if (shelf.add(hash, members, bucket, version, terms, count) >= 0) return
      this.#makeRoom(at, hash)
    }
  }

  /** One piece of tidying on one of its shelves. False when the shelf is tidy. */
  tidy(shelf: Shelf): boolean {
    for (let looked = 0; looked < pagesAPiece; looked += 1) {
      if (shelf.tidyAt + 1 >= shelf.pages.count) {
        if (this.#evenOut(this.shelves.indexOf(shelf)) || shelf.renumberPage() || shelf.shrink()) {
          return true
        }
        shelf.tidyAt = 0
        return false
      }
      if (shelf.mergePages(shelf.tidyAt) || shelf.packPages(shelf.tidyAt)) return true
      shelf.tidyAt += 1
    }
    return true
  }

  /** Gives back the numbers of its shelves. */
  close(): void {
    for (const shelf of this.shelves) this.#numbers.give(shelf.number)
    this.shelves.length = 0
  }

  #shelfAt(hash: number): number {
    let at = this.shelves.length - 1
    while (at > 0 && (this.shelves[at] as Shelf).low > hash) at -= 1
    return at
  }

  /** Moves the last page of a full shelf to the next one. */
  #makeRoom(at: number, hash: number): void {
    const shelf = this.shelves[at] as Shelf
    const run = shelf.pages.lastRun()
    if (run === 0) {
      this.#setApart(at, hash)
      return
    }
    let next = this.shelves[at + 1]
    if (next === undefined || !this.#hasRoom(next, shelf.pages.count - run)) {
      const low = shelf.pages.lows[run] as number
      next = new Shelf(this.#stock, this.#numbers.take(), this, low)
      this.shelves.splice(at + 1, 0, next)
    }
    shelf.giveLast(next)
    // So that the next rows need not wait for the same.
    shelf.markUntidy()
  }

  /**
   * A shelf that is full of rows of one hash keeps those alone: what comes after them on the circle
   * begins a shelf of its own, so that they are in nobody's way but their own.
   */
  #setApart(at: number, hash: number): void {
    const shelf = this.shelves[at] as Shelf
    const { low } = shelf
    if (hash === low) {
      throw new MeridianError(
        'invalid_request',
        `more than ${shelf.rows} definitions in ${this.region}/${this.name} have ids that begin alike: no room for another`,
      )
    }
    const next = new Shelf(this.#stock, this.#numbers.take(), this, low + 1)
    this.shelves.splice(at + 1, 0, next)
    shelf.giveAbove(low, next)
  }

  /**
   * Moves a page from a shelf to the next, if that is much emptier, or from the next to it, if both
   * would fit on a quarter of a shelf.
   */
  #evenOut(at: number): boolean {
    const shelf = this.shelves[at]
    const next = this.shelves[at + 1]
    // A shelf that is gone already can still be on the list of untidy ones.
    if (shelf === undefined || next === undefined) return false
    if (shelf.pages.count + next.pages.count <= this.#stock.shelfPagesMax / 4) {
      next.giveFirst(shelf)
      if (next.pages.count === 0) {
        this.shelves.splice(at + 1, 1)
        this.#numbers.give(next.number)
      }
      return true
    }
    if (next.pages.count * 2 >= shelf.pages.count) return false
    const run = shelf.pages.lastRun()
    if (run === 0 || !this.#hasRoom(next, shelf.pages.count - run)) return false
    shelf.giveLast(next)
    return true
  }

  /** Whether a shelf can take the rows of so many pages, whatever splits that brings. */
  #hasRoom(shelf: Shelf, pages: number): boolean {
    return shelf.pages.count + pages + 2 <= this.#stock.shelfPagesMax
  }
}

/** Pages that one piece of tidying looks at. */
const pagesAPiece = 256
