import { bucketCount } from '../standing.ts'
import type { Arena } from './arena.ts'
import { DenseTerms } from './dense-terms.ts'
import { firstMember, type Entry, type Members } from './entry.ts'
import { PageMap, pageSlots } from './page-map.ts'
import type { Postings } from './postings.ts'
import { readTermList, readVersion, releaseTermList, writeTermList } from './term-list.ts'
import type { Zone } from './zone.ts'

/** What all shelves of an index have in common. */
export interface Stock {
  readonly postings: Postings
  /** So that a slot fits in 16 bits. */
  readonly shelfPagesMax: number
  /** Forgets a term that no row has any more. */
  releaseTerm(term: number): void
  readonly termLists: Arena<Uint8Array>
  /** Shelves that tidying may find something to do on. */
  readonly untidy: Shelf[]
}

export const shelfLimits = {
  /** A page gives rows to a neighbour with this much room rather than be split. */
  neighbourFillMax: 24,
  /** Two pages become one when it is left with room for several more. */
  mergedFillMax: 24,
  /** However small the shelf, a list this long is searched as fast as it could be anything else. */
  listMax: 64,
} as const

/**
 * Up to 65,536 slots for the rows of a zone (or of an arc of its circle, when the zone has more),
 * in pages of 32 that lie in canonical order, any order inside.
 *
 * A walk in canonical order reads page after page and sorts only inside one. A new row takes a
 * free slot of its page; a full page hands some rows to a neighbour, or half of them to a new
 * page. Health and load move no row: each rank bucket is a bitset over the same slots. So what a
 * change costs depends on the row's terms and on nothing that grows.
 */
export class Shelf {
  readonly number: number
  readonly zone: Zone
  readonly pages = new PageMap()
  rows = 0

  /** By slot. */
  hashes = new Uint32Array(0)
  buckets = new Uint8Array(0)
  readonly members: (Members | undefined)[] = []
  /** Weights of only members; 0 where it is not known, or there are several. */
  weights = new Float32Array(0)
  /** Numbers of versions; `versionElsewhere` for those that need more than 16 bits. */
  #versions = new Uint16Array(0)

  /** By page: which of its slots are taken, and which rows are in each rank bucket. */
  alive = new Uint32Array(0)
  readonly bucketBits: (Uint32Array | undefined)[] = Array.from({ length: bucketCount })
  readonly bucketRows = new Uint32Array(bucketCount)

  isUntidy = false
  /** Where tidying goes on. */
  tidyAt = 0

  /** Pages that there is room for: the length of every bitset of this shelf. */
  words = 0
  #termLists = new Uint32Array(0)

  readonly #stock: Stock
  readonly #dense: DenseTerms
  readonly #thin: number[] = []
  /** The low of the page that is being given to this shelf. */
  #giving = 0

  constructor(stock: Stock, number: number, zone: Zone, low: number) {
    this.#stock = stock
    this.number = number
    this.zone = zone
    this.#dense = new DenseTerms(stock.postings, number)
    this.#insertPage(0, low)
  }

  /** Rows with lower hashes are on the shelf before. */
  get low(): number {
    return this.pages.lows[0] as number
  }

  fillOf(at: number): number {
    return countBits(this.alive[this.pages.order[at] as number] as number)
  }

  /**
   * Adds a row with `count` terms, sorted, none twice. Returns its slot, or -1 when there is no
   * page left to take.
   */
  add(
    hash: number,
    members: Members,
    bucket: number,
    version: number,
    terms: readonly number[],
    count: number,
  ): number {
    const slot = this.#place(hash)
    if (slot < 0) return -1
    this.rows += 1
    this.#enter(slot, hash, members, bucket)
    let listed = 0
    for (let i = 0; i < count; i += 1) {
      const term = terms[i] as number
      if (this.#post(term, slot)) continue
      scratch[listed] = term
      listed += 1
    }
    this.#termLists[slot] = writeTermList(this.#stock.termLists, version, scratch, listed)
    this.#versions[slot] = Math.min(version, versionElsewhere)
    return slot
  }

  remove(slot: number): void {
    this.#takeOut(slot)
    this.#dropIfEmpty(slot >>> 5)
    this.markUntidy()
  }

  markUntidy(): void {
    if (this.isUntidy) return
    this.isUntidy = true
    this.#stock.untidy.push(this)
  }

  #takeOut(slot: number): void {
    const { postings, termLists } = this.#stock
    const address = this.#termLists[slot] as number
    const count = readTermList(termLists, address, scratch)
    for (let i = 0; i < count; i += 1) {
      const term = scratch[i] as number
      if (postings.remove(term, this.number, slot) && postings.isUnused(term)) {
        this.#stock.releaseTerm(term)
      }
    }
    releaseTermList(termLists, address)
    this.#dense.clear(slot, this.#denseMin, this.#thin)
    this.#leave(slot)
    this.rows -= 1
    this.#thinOut()
  }

  /** Every term of a row, sorted, in `into`. Returns how many. */
  termsOf(slot: number, into: number[]): number {
    let count = readTermList(this.#stock.termLists, this.#termLists[slot] as number, into)
    const listed = count
    const { terms, bits } = this.#dense
    for (let i = 0; i < bits.length; i += 1) {
      if (!hasBit(bits[i] as Uint32Array, slot)) continue
      const term = terms[i] as number
      // What was still a list when the row came is in the row's own list too.
      if (indexOf(into, listed, term) >= 0) continue
      into[count] = term
      count += 1
    }
    into.length = count
    into.sort(ascending)
    return count
  }

  versionOf(slot: number): number {
    const version = this.#versions[slot] as number
    if (version !== versionElsewhere) return version
    return readVersion(this.#stock.termLists, this.#termLists[slot] as number)
  }

  addTerm(slot: number, term: number): void {
    if (this.#stock.postings.has(term, this.number, slot) || this.#post(term, slot)) return
    const { termLists } = this.#stock
    const count = readTermList(termLists, this.#termLists[slot] as number, scratch)
    this.#insertIntoTermList(slot, count, term)
  }

  removeTerm(slot: number, term: number): void {
    const { postings, termLists } = this.#stock
    const count = readTermList(termLists, this.#termLists[slot] as number, scratch)
    const at = indexOf(scratch, count, term)
    if (at >= 0) {
      for (let i = at + 1; i < count; i += 1) scratch[i - 1] = scratch[i] as number
      this.#rewriteTermList(slot, count - 1)
    }
    if (!postings.remove(term, this.number, slot)) {
      this.#dense.clearTerm(term, slot, this.#denseMin, this.#thin)
      this.#thinOut()
    } else if (postings.isUnused(term)) this.#stock.releaseTerm(term)
  }

  setBucket(slot: number, bucket: number): void {
    if (this.buckets[slot] === bucket) return
    this.#leaveBucket(slot)
    this.#enterBucket(slot, bucket)
  }

  /** The slot of a definition's row, or -1. */
  find(hash: number, definition: string): number {
    const { pages } = this
    let at = pages.find(hash)
    for (;;) {
      const page = pages.order[at] as number
      for (let word = this.alive[page] as number; word !== 0; word &= word - 1) {
        const slot = (page << 5) | lowestBit(word)
        if (
          this.hashes[slot] === hash &&
          firstMember(this.members[slot] as Members).spec.definition === definition
        ) {
          return slot
        }
      }
      if (pages.lows[at] !== hash || !pages.continues(at)) return -1
      at -= 1
    }
  }

  /** Joins a page with the next if one can hold both and more. Returns whether it did. */
  mergePages(at: number): boolean {
    const { pages } = this
    if (at + 1 >= pages.count || this.#isInRun(at + 1)) return false
    if (this.fillOf(at) + this.fillOf(at + 1) > shelfLimits.mergedFillMax) return false
    this.#moveRows(at + 1, at, () => true)
    pages.remove(at + 1)
    return true
  }

  /** Gives the rows of its last pages, down to and with all of one hash, to the shelf after. */
  giveLast(next: Shelf): void {
    const { pages } = this
    const at = pages.lastRun()
    const low = pages.lows[at] as number
    if (next.low > low) next.#insertPage(0, low)
    while (pages.count > at) {
      this.#giveRows(pages.count - 1, next)
      pages.cut(pages.count - 1)
    }
  }

  /** Gives the rows of its first pages, all of one hash together, to the shelf before. */
  giveFirst(before: Shelf): void {
    const { pages } = this
    do {
      this.#giveRows(0, before)
      pages.cut(0)
    } while (pages.count > 0 && pages.lows[0] === before.#giving)
  }

  #giveRows(at: number, to: Shelf): void {
    to.#giving = this.pages.lows[at] as number
    for (const slot of this.slotsOf(at)) {
      const count = this.termsOf(slot, given)
      const hash = this.hashes[slot] as number
      const members = this.members[slot] as Members
      to.add(hash, members, this.buckets[slot] as number, this.versionOf(slot), given, count)
      this.#takeOut(slot)
    }
  }

  /** The slots of a page's rows. */
  slotsOf(at: number): number[] {
    const page = this.pages.order[at] as number
    const slots: number[] = []
    for (let word = this.alive[page] as number; word !== 0; word &= word - 1) {
      slots.push((page << 5) | lowestBit(word))
    }
    return slots
  }

  get bytes(): number {
    const tables = [
      this.hashes,
      this.buckets,
      this.weights,
      this.alive,
      this.#termLists,
      this.#versions,
      ...this.bucketBits,
    ]
    let total = this.pages.bytes + this.members.length * 8
    for (const table of tables) if (table !== undefined) total += table.byteLength + typedArrayBytes
    return total
  }

  /** Fewer rows than this and a bitset becomes a list: far below where it became one. */
  get #denseMin(): number {
    return Math.max(shelfLimits.listMax, this.words) / 4
  }

  /** Returns whether the term is a bitset here. */
  #post(term: number, slot: number): boolean {
    // A bitset takes as many bytes as a list of this length.
    const listMax = Math.max(shelfLimits.listMax, this.words)
    return this.#stock.postings.add(term, this.number, slot, listMax, this.words, this.#dense.add)
  }

  #insertIntoTermList(slot: number, count: number, term: number): void {
    let at = count
    while (at > 0 && (scratch[at - 1] as number) > term) {
      scratch[at] = scratch[at - 1] as number
      at -= 1
    }
    scratch[at] = term
    this.#rewriteTermList(slot, count + 1)
  }

  #rewriteTermList(slot: number, count: number): void {
    const { termLists } = this.#stock
    const address = this.#termLists[slot] as number
    const version = readVersion(termLists, address)
    releaseTermList(termLists, address)
    this.#termLists[slot] = writeTermList(termLists, version, scratch, count)
  }

  #thinOut(): void {
    for (let term = this.#thin.pop(); term !== undefined; term = this.#thin.pop()) {
      this.#toList(term)
    }
  }

  /** From here on the term belongs into its rows' own lists, where those that came lately lack it. */
  #toList(term: number): void {
    const { postings, termLists } = this.#stock
    if (!postings.read(term, this.number) || !postings.dense) return
    this.#dense.drop(term)
    const bits = postings.bitsets[postings.data] as Uint32Array
    for (let page = 0; page < bits.length; page += 1) {
      for (let word = bits[page] as number; word !== 0; word &= word - 1) {
        const slot = (page << 5) | lowestBit(word)
        const count = readTermList(termLists, this.#termLists[slot] as number, scratch)
        if (indexOf(scratch, count, term) < 0) this.#insertIntoTermList(slot, count, term)
      }
    }
    postings.toList(term, this.number)
  }

  /** A free slot where `hash` belongs, or -1. */
  #place(hash: number): number {
    const { pages } = this
    for (;;) {
      let at = pages.find(hash)
      let page = pages.order[at] as number
      while (this.alive[page] === full && pages.lows[at] === hash && pages.continues(at)) {
        at -= 1
        page = pages.order[at] as number
      }
      if (this.alive[page] !== full) return (page << 5) | lowestBit(~(this.alive[page] as number))
      if (this.#shareWithNeighbour(at)) continue
      if (pages.count + 2 > this.#stock.shelfPagesMax) return -1
      this.#split(at, hash)
    }
  }

  /** Half of what a neighbour has room for goes there. */
  #shareWithNeighbour(at: number): boolean {
    const { pages } = this
    if (this.#isInRun(at)) return false
    const next = at + 1 < pages.count && !this.#isInRun(at + 1) ? this.fillOf(at + 1) : pageSlots
    const before = at > 0 && !this.#isInRun(at - 1) ? this.fillOf(at - 1) : pageSlots
    if (next <= shelfLimits.neighbourFillMax) {
      const boundary = this.#boundary(at, pageSlots - ((pageSlots - next) >>> 1))
      if (boundary <= (pages.lows[at] as number)) return false
      const moved = this.#countRows(at, (hash) => hash >= boundary)
      if (moved === 0 || next + moved > pageSlots) return false
      this.#moveRows(at, at + 1, (hash) => hash >= boundary)
      pages.lows[at + 1] = boundary
      return true
    }
    if (before > shelfLimits.neighbourFillMax) return false
    const boundary = this.#boundary(at, (pageSlots - before) >>> 1)
    const moved = this.#countRows(at, (hash) => hash < boundary)
    if (moved === 0 || before + moved > pageSlots) return false
    this.#moveRows(at, at - 1, (hash) => hash < boundary)
    pages.lows[at] = boundary
    return true
  }

  /** The upper half of a full page's rows goes to a new one. */
  #split(at: number, hash: number): void {
    const { pages } = this
    const low = pages.lows[at] as number
    const lowest = this.#boundary(at, 0)
    let boundary = this.#boundary(at, pageSlots / 2)
    if (boundary === lowest) boundary = this.#firstAbove(at, lowest)
    if (boundary > lowest) {
      this.#insertPage(at + 1, boundary)
      this.#moveRows(at, at + 1, (rowHash) => rowHash >= boundary)
      return
    }
    // All 32 rows have one hash; only rows with that very hash may lie beside them.
    if (hash > lowest) {
      this.#insertPage(at + 1, lowest + 1)
    } else if (low < lowest) {
      pages.lows[at] = lowest
      this.#insertPage(at, low)
    } else {
      this.#insertPage(at + 1, lowest)
    }
  }

  /** Whether a page is one of several that begin with the same hash. */
  #isInRun(at: number): boolean {
    return this.pages.continues(at) || (at + 1 < this.pages.count && this.pages.continues(at + 1))
  }

  /** The hash at a place of a page's rows, were they sorted. */
  #boundary(at: number, place: number): number {
    const page = this.pages.order[at] as number
    const first = page << 5
    for (let i = 0; i < pageSlots; i += 1) {
      const hash = this.hashes[first + i] as number
      let j = i
      while (j > 0 && (sorted[j - 1] as number) > hash) {
        sorted[j] = sorted[j - 1] as number
        j -= 1
      }
      sorted[j] = hash
    }
    return sorted[place] as number
  }

  /** The lowest hash in a page above `hash`, or `hash` if there is none. */
  #firstAbove(at: number, hash: number): number {
    let found = Infinity
    for (const slot of this.slotsOf(at)) {
      const other = this.hashes[slot] as number
      if (other > hash && other < found) found = other
    }
    return found === Infinity ? hash : found
  }

  #countRows(at: number, which: (hash: number) => boolean): number {
    let count = 0
    for (const slot of this.slotsOf(at)) if (which(this.hashes[slot] as number)) count += 1
    return count
  }

  #moveRows(from: number, to: number, which: (hash: number) => boolean): void {
    const page = this.pages.order[to] as number
    for (const slot of this.slotsOf(from)) {
      if (!which(this.hashes[slot] as number)) continue
      this.#move(slot, (page << 5) | lowestBit(~(this.alive[page] as number)))
    }
  }

  #move(from: number, to: number): void {
    const { postings, termLists } = this.#stock
    const address = this.#termLists[from] as number
    const count = readTermList(termLists, address, scratch)
    for (let i = 0; i < count; i += 1) postings.move(scratch[i] as number, this.number, from, to)
    this.#dense.move(from, to)
    const members = this.members[from] as Members
    this.#enter(to, this.hashes[from] as number, members, this.buckets[from] as number)
    this.#termLists[to] = address
    this.#versions[to] = this.#versions[from] as number
    this.#leave(from)
  }

  #enter(slot: number, hash: number, members: Members, bucket: number): void {
    this.hashes[slot] = hash
    this.members[slot] = members
    this.alive[slot >>> 5] = (this.alive[slot >>> 5] as number) | (1 << (slot & 31))
    this.#enterBucket(slot, bucket)
    if (!Array.isArray(members)) settle(members, this, slot)
    else for (const entry of members) settle(entry, this, slot)
  }

  #leave(slot: number): void {
    this.members[slot] = undefined
    this.alive[slot >>> 5] = (this.alive[slot >>> 5] as number) & ~(1 << (slot & 31))
    this.#leaveBucket(slot)
    this.weights[slot] = 0
  }

  #enterBucket(slot: number, bucket: number): void {
    this.buckets[slot] = bucket
    this.bucketRows[bucket] = (this.bucketRows[bucket] as number) + 1
    const bits = (this.bucketBits[bucket] ??= new Uint32Array(this.words))
    bits[slot >>> 5] = (bits[slot >>> 5] as number) | (1 << (slot & 31))
  }

  #leaveBucket(slot: number): void {
    const bucket = this.buckets[slot] as number
    const left = (this.bucketRows[bucket] as number) - 1
    this.bucketRows[bucket] = left
    const bits = this.bucketBits[bucket] as Uint32Array
    bits[slot >>> 5] = (bits[slot >>> 5] as number) & ~(1 << (slot & 31))
  }

  #insertPage(at: number, low: number): void {
    this.pages.insert(at, low)
    if (this.pages.numbersEnd > this.words) this.#grow()
  }

  #dropIfEmpty(page: number): void {
    if (this.alive[page] !== 0 || this.pages.count === 1) return
    const at = this.pages.order.subarray(0, this.pages.count).indexOf(page)
    // Its range would fall to a page that may hold one hash only.
    if (this.#isInRun(at) || (at === 0 && this.#isInRun(1))) return
    this.pages.remove(at)
  }

  /**
   * A quarter more room: more would lie empty, less would copy more often. At most 65,536 slots, so
   * that the largest copy takes about 0.1 ms.
   */
  #grow(): void {
    const words = Math.max(2, Math.ceil(this.words * 1.25))
    this.hashes = grown(this.hashes, new Uint32Array(words * pageSlots))
    this.buckets = grown(this.buckets, new Uint8Array(words * pageSlots))
    this.weights = grown(this.weights, new Float32Array(words * pageSlots))
    this.#termLists = grown(this.#termLists, new Uint32Array(words * pageSlots))
    this.#versions = grown(this.#versions, new Uint16Array(words * pageSlots))
    this.alive = grown(this.alive, new Uint32Array(words))
    this.bucketBits.forEach((bits, bucket) => {
      if (bits !== undefined) this.bucketBits[bucket] = grown(bits, new Uint32Array(words))
    })
    this.#dense.grow(words)
    this.words = words
    for (let slot = this.members.length; slot < words * pageSlots; slot += 1) {
      this.members.push(undefined)
    }
  }
}

const full = 0xffffffff
const versionElsewhere = 0xffff
/** What V8 adds to a typed array's own bytes, measured. */
export const typedArrayBytes = 200

/** Terms of the row at hand; every use ends before the next begins. */
const scratch: number[] = []
/** Terms of a row on its way to another shelf. */
const given: number[] = []
const sorted = new Uint32Array(pageSlots)

function settle(entry: Entry, shelf: Shelf, slot: number): void {
  entry.shelf = shelf
  entry.slot = slot
}

function grown<T extends Uint8Array | Uint16Array | Uint32Array | Float32Array>(
  old: T,
  larger: T,
): T {
  larger.set(old)
  return larger
}

export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}

export function hasBit(bits: Uint32Array, slot: number): boolean {
  return ((bits[slot >>> 5] as number) & (1 << (slot & 31))) !== 0
}

function countBits(word: number): number {
  let count = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) count += 1
  return count
}

function indexOf(terms: readonly number[], count: number, term: number): number {
  for (let i = 0; i < count; i += 1) if (terms[i] === term) return i
  return -1
}

function ascending(a: number, b: number): number {
  return a - b
}
