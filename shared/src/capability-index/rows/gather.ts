import { distanceFrom } from '../canonical-order.ts'
import { bucketCount, unusableBucket } from '../standing.ts'
import type { Plan } from './compile.ts'
import type { Entry, Members } from './entry.ts'
import { OneNode, SlotSet, type PlanNode, type Words } from './plan.ts'
import { bucketKey, type Pool } from './pool.ts'
import { hasBit, lowestBit, type Shelf } from './shelf.ts'
import type { Node } from './zone.ts'

/** Which instances of the rows count, beside what the query says. */
export interface Filter {
  /** Those that take no work too. */
  readonly unusable: boolean
  /** Only those on this node, or only those elsewhere. */
  readonly node: Node | undefined
  readonly nodeIs: 'only' | 'not'
  /** As if every usable row were in the same bucket. */
  readonly flat: boolean
  /** Where on the circle to begin. */
  readonly start: number
}

/** What the walk of a shelf came to. */
export interface Walked {
  rowsTouched: number
  ended: 'exhausted' | 'early' | 'skipped'
}

/**
 * Finds the first groups of some shelves in canonical order. Each shelf is walked in the cheaper of
 * two ways:
 *
 *     lists    the query's shortest list, whole: at most 1/32 of the rows, usually far fewer
 *     words    bucket by bucket, best first, 32 rows at a time, from the start of the circle on,
 *              until nothing later can be better than what the pool holds
 */
export class Gather {
  /** Rows looked at. */
  touched = 0
  /** What each shelf's walk came to, where somebody wants to know. */
  trace: Map<Shelf, Walked> | undefined

  #parts: readonly PlanNode[] = []
  #perInstance: PlanNode[] = []
  #filter: Filter = { unusable: false, node: undefined, nodeIs: 'not', flat: false, start: 0 }
  /** Whether a row that matches has an instance that counts, without looking at them. */
  #rowSuffices = false

  /** The shelf at hand, and how its rows are tested. */
  #bound: Shelf | undefined
  #driver: PlanNode | undefined
  readonly #all: Uint32Array[] = []
  readonly #none: Uint32Array[] = []
  readonly #words: Words[] = []
  readonly #rest: PlanNode[] = []
  readonly #slots = new SlotSet()

  begin(plan: Plan, filter: Filter): void {
    this.#parts = plan.parts
    this.#perInstance = plan.parts.filter((part) => part.perInstance)
    this.#filter = filter
    this.#rowSuffices = !plan.perInstance && filter.node === undefined
    this.#bound = undefined
    if (filter.node === undefined || filter.nodeIs === 'not') return
    // What runs on one node is usually the shortest list of all.
    this.#parts = [...plan.parts, new OneNode(filter.node)]
  }

  /** Offers the pool what it should hold of these shelves' rows. */
  gather(shelves: readonly Shelf[], pool: Pool): void {
    const waiting: Shelf[] = []
    for (const shelf of shelves) {
      if (!this.#bind(shelf)) this.#end(shelf, 'skipped', this.touched)
      else if (this.#driver === undefined) waiting.push(shelf)
      else this.#readLists(shelf, pool)
    }
    if (waiting.length > 0) this.#readWords(waiting, pool)
  }

  /** Every row that matches, with at least one instance that does. */
  each(shelf: Shelf, visit: (slot: number) => void): void {
    if (!this.#bind(shelf)) return
    if (this.#driver === undefined) {
      for (let page = 0; page < shelf.pages.numbersEnd; page += 1) {
        let word = this.#word(shelf.alive[page] as number, page)
        for (; word !== 0; word &= word - 1) {
          const slot = (page << 5) | lowestBit(word)
          if (this.#rowMatches(slot) && this.#counts(shelf, slot)) visit(slot)
        }
      }
      return
    }
    this.#driver.collect(this.#slots)
    for (const slot of this.#slots.slots) {
      if (this.#listedRowMatches(slot) && this.#counts(shelf, slot)) visit(slot)
    }
    this.#slots.clear()
  }

  /** Whether one row matches, apart from its instances. */
  test(shelf: Shelf, slot: number): boolean {
    for (const part of this.#parts) {
      if (part.bind(shelf) === 0 || !part.possible(slot)) return false
    }
    this.#bound = shelf
    return true
  }

  /** Whether an instance of a row that matches counts itself. */
  countsEntry(entry: Entry): boolean {
    const { unusable, node, nodeIs } = this.#filter
    if (!unusable && entry.bucket === unusableBucket) return false
    if (node !== undefined && (entry.node === node) !== (nodeIs === 'only')) return false
    for (const part of this.#perInstance) if (!part.matches(entry.slot, entry)) return false
    return true
  }

  /** Turns to the shelf of a row that the pool holds, before its instances are asked. */
  turnTo(shelf: Shelf): void {
    if (this.#bound === shelf || this.#perInstance.length === 0) return
    this.#bind(shelf)
  }

  /** False when no row of the shelf can match. */
  #bind(shelf: Shelf): boolean {
    if (this.#bound === shelf) return true
    this.#bound = undefined
    for (const part of this.#parts) if (part.bind(shelf) === 0) return false
    this.#bound = shelf

    this.#driver = undefined
    let shortest = Infinity
    for (const part of this.#parts) {
      const listed = part.listed()
      if (listed < shortest) {
        shortest = listed
        this.#driver = part
      }
    }
    this.#all.length = 0
    this.#none.length = 0
    this.#words.length = 0
    this.#rest.length = 0
    for (const part of this.#parts) {
      if (part === this.#driver && part.collectsExactly()) continue
      const words = part.words()
      if (words?.bits !== undefined) this.#all.push(words.bits)
      else {
        if (words !== undefined && this.#driver === undefined) this.#words.push(words)
        this.#rest.push(part)
      }
    }
    return true
  }

  /** Of 32 rows, those that can match. */
  #word(rows: number, page: number): number {
    let word = rows
    for (const bits of this.#all) word &= bits[page] as number
    if (word === 0) return 0
    for (const words of this.#words) word &= words.word(page)
    return word
  }

  /** The rest of the query, for a row that `#word` let through. */
  #rowMatches(slot: number): boolean {
    for (const part of this.#rest) if (!part.possible(slot)) return false
    return true
  }

  /** The rest of the query, for a row that the driving list names. */
  #listedRowMatches(slot: number): boolean {
    for (const bits of this.#all) if (!hasBit(bits, slot)) return false
    return this.#rowMatches(slot)
  }

  /** Whether some instance of a row counts. */
  #counts(shelf: Shelf, slot: number): boolean {
    if (this.#rowSuffices) {
      return this.#filter.unusable || shelf.buckets[slot] !== unusableBucket
    }
    const members = shelf.members[slot] as Members
    if (!Array.isArray(members)) return this.countsEntry(members)
    for (const entry of members) if (this.countsEntry(entry)) return true
    return false
  }

  #readLists(shelf: Shelf, pool: Pool): void {
    const { flat, start, unusable } = this.#filter
    const { buckets, hashes } = shelf
    const driver = this.#driver as PlanNode
    driver.collect(this.#slots)
    const { slots } = this.#slots
    this.touched += slots.length
    this.#end(shelf, 'exhausted', this.touched - slots.length)
    for (let i = 0; i < slots.length; i += 1) {
      const slot = slots[i] as number
      const bucket = buckets[slot] as number
      if (bucket === unusableBucket && !unusable) continue
      const shown = flat && bucket < unusableBucket ? 0 : bucket
      const key = shown * bucketKey + distanceFrom(start, hashes[slot] as number)
      if (key > pool.worst || !this.#listedRowMatches(slot) || !this.#counts(shelf, slot)) continue
      pool.offer(key, shelf, slot)
    }
    this.#slots.clear()
  }

  #readWords(shelves: readonly Shelf[], pool: Pool): void {
    const { flat, unusable } = this.#filter
    const waiting = new Set(shelves)
    for (let bucket = 0; bucket < (unusable ? bucketCount : unusableBucket); bucket += 1) {
      if (pool.worst < bucket * bucketKey) break
      // Without ranks the first bucket stands for all usable ones.
      if (flat && bucket > 0 && bucket < unusableBucket) continue
      for (const shelf of waiting) {
        if (this.#rowsIn(shelf, bucket) === 0) continue
        this.#bind(shelf)
        const before = this.touched
        const found = this.#walk(shelf, bucket, pool)
        if (!flat && found !== stopped && this.#isCheapToFinish(shelf, bucket, found)) {
          this.#finish(shelf, bucket, pool)
          waiting.delete(shelf)
        }
        this.#end(shelf, 'exhausted', before)
      }
    }
    if (pool.isFull) for (const shelf of waiting) this.#end(shelf, 'early', this.touched)
  }

  #end(shelf: Shelf, ended: Walked['ended'], touchedBefore: number): void {
    if (this.trace === undefined) return
    const rowsTouched = this.touched - touchedBefore
    const known = this.trace.get(shelf)
    if (known === undefined) this.trace.set(shelf, { rowsTouched, ended })
    else {
      known.rowsTouched += rowsTouched
      known.ended = ended
    }
  }

  #rowsIn(shelf: Shelf, bucket: number): number {
    return this.#filter.flat && bucket === 0
      ? shelf.rows - (shelf.bucketRows[unusableBucket] as number)
      : (shelf.bucketRows[bucket] as number)
  }

  /** Offers a bucket's rows. Returns how many were, or `stopped` if no later one could get in. */
  #walk(shelf: Shelf, bucket: number, pool: Pool): number {
    const { flat, start } = this.#filter
    const { pages, hashes, bucketBits } = shelf
    const { count, order, lows } = pages
    const whole = flat && bucket === 0
    const rows = whole ? shelf.alive : (bucketBits[bucket] as Uint32Array)
    const without = whole ? bucketBits[unusableBucket] : undefined
    const base = bucket * bucketKey
    const first = pages.find(start)
    let found = 0
    for (let i = 0; i < count; i += 1) {
      const at = first + i < count ? first + i : first + i - count
      const page = order[at] as number
      let word = rows[page] as number
      if (without !== undefined) word &= ~(without[page] as number)
      if (word === 0) continue
      word = this.#word(word, page)
      if (word === 0) continue
      // On the first page rows lie on both sides of the start.
      if (i > 0 && base + distanceFrom(start, lows[at] as number) > pool.worst) return stopped
      for (; word !== 0; word &= word - 1) {
        const slot = (page << 5) | lowestBit(word)
        this.touched += 1
        const key = base + distanceFrom(start, hashes[slot] as number)
        if (key > pool.worst || !this.#rowMatches(slot) || !this.#counts(shelf, slot)) continue
        found += 1
        pool.offer(key, shelf, slot)
      }
    }
    return found
  }

  /** Whether so few rows of the later buckets can match that one pass over all of them is cheaper. */
  #isCheapToFinish(shelf: Shelf, bucket: number, found: number): boolean {
    let later = 0
    for (let b = bucket + 1; b < bucketCount; b += 1) later += shelf.bucketRows[b] as number
    return ((found + 1) * later) / (shelf.bucketRows[bucket] as number) <= finishRowsMax
  }

  /** Offers the rows of all buckets after one. */
  #finish(shelf: Shelf, bucket: number, pool: Pool): void {
    const { unusable, start } = this.#filter
    const { alive, buckets, hashes } = shelf
    const bucketMax = unusable ? unusableBucket : unusableBucket - 1
    for (let page = 0; page < shelf.pages.numbersEnd; page += 1) {
      for (let word = this.#word(alive[page] as number, page); word !== 0; word &= word - 1) {
        const slot = (page << 5) | lowestBit(word)
        const own = buckets[slot] as number
        if (own <= bucket || own > bucketMax) continue
        this.touched += 1
        const key = own * bucketKey + distanceFrom(start, hashes[slot] as number)
        if (key > pool.worst || !this.#rowMatches(slot) || !this.#counts(shelf, slot)) continue
        pool.offer(key, shelf, slot)
      }
    }
  }
}

/** In the place of a number of rows. */
const stopped = -1

/** Looking at as many rows one by one takes about as long as two walks over a full shelf's words. */
const finishRowsMax = 2_048
