import { bucketCount } from '../standing.ts'
import type { Arena } from './arena.ts'
import { DenseTerms } from './dense-terms.ts'
import { areAlike, firstMember, type Entry, type Members } from './entry.ts'
import { PageMap, pageSlots } from './page-map.ts'
import type { Postings } from './postings.ts'
import { TermLists } from './term-lists.ts'
import type { Zone } from './zone.ts'

/**
 * In the place of a weight, for rows with several members. No weight is packed so: as floats these
 * are not numbers.
 */
const severalMembers = 0xffff
/** The same, where it is known that queries cannot tell them apart but by node, or that they can. */
const alikeMembers = 0xfffe
const unlikeMembers = 0xfffd

/** What all shelves of an index have in common. */
export interface Stock {
  readonly postings: Postings
  /** So that a slot fits in 16 bits. */
  readonly shelfPagesMax: number
  /** The term of a version. Rows know their version, so it need not be in their lists. */
  versionTerm(version: number): number
  /** Forgets a term that no row has any more. */
  releaseTerm(term: number): void
  readonly termListBlocks: Arena<Uint8Array>
  /** Shelves that tidying may find something to do on. */
  readonly untidy: Shelf[]
}

export const shelfLimits = {
  /** A page gives rows to a neighbour with this much room rather than be split. */
  neighbourFillMax: 24,
  /** Two pages become one when it is left with room for several more. */
  mergedFillMax: 24,
  /** So many pages are packed into one less, up to so many rows each. */
  packedPages: 8,
  packedFillMax: 30,
  /** For each row that came, packing may move so many: it must not cost more than it saves. */
  packingPerRow: 4,
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
  members: (Members | undefined)[] = []
  /** Packed weights of only members, 0 where it is not known; what is known of several. */
  weights = new Uint16Array(0)
  /** Numbers of versions. Those that need more than 16 bits are elsewhere, by slot. */
  #versions = new Uint16Array(0)
  readonly #largeVersions = new Map<number, number>()

  /** By page: which of its slots are taken, and which rows are in each rank bucket. */
  alive = new Uint32Array(0)
  readonly bucketBits: (Uint32Array | undefined)[] = Array.from({ length: bucketCount })
  readonly bucketRows = new Uint32Array(bucketCount)

  /** Rows that packing may move. */
  packingLeft = 0
  isUntidy = false
  /** Where tidying goes on. */
  tidyAt = 0

  /** Pages that there is room for: the length of every bitset of this shelf. */
  words = 0
  readonly #termLists: TermLists

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
    this.#termLists = new TermLists(stock.termListBlocks)
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
    this.packingLeft = Math.min(this.packingLeft + shelfLimits.packingPerRow, packingLeftMax)
    if (this.pages.count > shelfLimits.packedPages) this.markUntidy()
    this.#enter(slot, hash, members, bucket)
    const versionTerm = this.#stock.versionTerm(version)
    let listed = 0
    for (let i = 0; i < count; i += 1) {
      const term = terms[i] as number
      if (this.#post(term, slot) || term === versionTerm) continue
      scratch[listed] = term
      listed += 1
    }
    this.#termLists.write(slot, scratch, listed)
    this.#setVersion(slot, version)
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
    const { postings } = this.#stock
    const count = this.#readTerms(slot, scratch)
    for (let i = 0; i < count; i += 1) {
      const term = scratch[i] as number
      if (postings.remove(term, this.number, slot) && postings.isUnused(term)) {
        this.#stock.releaseTerm(term)
      }
    }
    this.#termLists.remove(slot)
    this.#dense.clear(slot, this.#denseMin, this.#thin)
    this.#leave(slot)
    this.rows -= 1
    this.#thinOut()
  }

  /** Every term of a row, sorted, in `into`. Returns how many. */
  termsOf(slot: number, into: number[]): number {
    let count = this.#readTerms(slot, into)
    const listed = count
    const { terms, bits } = this.#dense
    for (let i = 0; i < bits.length; i += 1) {
      if (!hasBit(bits[i] as Uint32Array, slot)) continue
      const term = terms[i] as number
      // What was still a list when the row came is in the row's own list too, and so is its version.
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
    return version === versionElsewhere ? (this.#largeVersions.get(slot) as number) : version
  }

  #setVersion(slot: number, version: number): void {
    this.#versions[slot] = Math.min(version, versionElsewhere)
    if (version >= versionElsewhere) this.#largeVersions.set(slot, version)
  }

  addTerm(slot: number, term: number): void {
    if (this.#stock.postings.has(term, this.number, slot) || this.#post(term, slot)) return
    this.#insertIntoTermList(slot, this.#termLists.read(slot, scratch), term)
  }

  removeTerm(slot: number, term: number): void {
    const { postings } = this.#stock
    const count = this.#termLists.read(slot, scratch)
    const at = indexOf(scratch, count, term)
    if (at >= 0) {
      for (let i = at + 1; i < count; i += 1) scratch[i - 1] = scratch[i] as number
      this.#termLists.write(slot, scratch, count - 1)
    }
    if (!postings.remove(term, this.number, slot)) {
      this.#dense.clearTerm(term, slot, this.#denseMin, this.#thin)
      this.#thinOut()
    } else if (postings.isUnused(term)) this.#stock.releaseTerm(term)
  }

  setMembers(slot: number, members: Members): void {
    this.members[slot] = members
    this.weights[slot] = Array.isArray(members) ? severalMembers : 0
  }

  /** After something changed that an instance's weight follows from. */
  forgetWeight(slot: number): void {
    if ((this.weights[slot] as number) < unlikeMembers) this.weights[slot] = 0
  }

  /** After something changed that a query can ask of an instance. */
  forgetLikeness(slot: number): void {
    this.weights[slot] = (this.weights[slot] as number) < unlikeMembers ? 0 : severalMembers
  }

  /** The packed weight of a row's only member; 0 where it is not known or there are several. */
  weightOf(slot: number): number {
    const weight = this.weights[slot] as number
    return weight < unlikeMembers ? weight : 0
  }

  /**
   * Whether it is known, without reading any instance, that a query which asks of neither node nor
   * load is answered alike by all of the row's.
   */
  isKnownAlike(slot: number): boolean {
    const weight = this.weights[slot] as number
    return weight < unlikeMembers || weight === alikeMembers
  }

  /** The same, found out once after each change. */
  isAlike(slot: number): boolean {
    if (this.weights[slot] === severalMembers) {
      const isAlike = areAlike(this.members[slot] as Members)
      this.weights[slot] = isAlike ? alikeMembers : unlikeMembers
    }
    return this.weights[slot] !== unlikeMembers
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

  /**
   * Packs some pages into one less, if that leaves them with a little room. Returns whether it did.
   *
   *     25 26 25 27 24 26 25 27   →   30 30 30 30 30 30 25
   */
  packPages(at: number): boolean {
    const { pages } = this
    const end = Math.min(at + shelfLimits.packedPages, pages.count)
    let rows = 0
    for (let i = at; i < end; i += 1) {
      if (this.#isInRun(i)) return false
      rows += this.fillOf(i)
    }
    if (rows > (end - at - 1) * shelfLimits.packedFillMax || rows > this.packingLeft) return false
    this.packingLeft -= rows
    for (let i = at; i + 1 < pages.count && i + 1 < end;) {
      const room = shelfLimits.packedFillMax - this.fillOf(i)
      if (room > 0 && this.#pull(i, room)) continue
      i += 1
    }
    return true
  }

  /**
   * Takes up to `room` rows from the next page. Returns whether that emptied it; then it is gone and
   * another is next.
   */
  #pull(at: number, room: number): boolean {
    const { pages } = this
    if (this.fillOf(at + 1) <= room) {
      this.#moveRows(at + 1, at, () => true)
      pages.remove(at + 1)
      return true
    }
    const boundary = this.#boundary(at + 1, room)
    if (boundary <= (pages.lows[at + 1] as number)) return false
    this.#moveRows(at + 1, at, (hash) => hash < boundary)
    pages.lows[at + 1] = boundary
    return false
  }

  /**
   * Moves the page with the highest number to the lowest that is free. Returns whether there was
   * one.
   */
  renumberPage(): boolean {
    const moved = this.pages.renumberLast()
    if (moved === undefined) return false
    for (let word = this.alive[moved.from] as number; word !== 0; word &= word - 1) {
      const bit = lowestBit(word)
      this.#move((moved.from << 5) | bit, (moved.to << 5) | bit)
    }
    return true
  }

  /** Gives up room for pages that were there once. Returns whether there was much. */
  shrink(): boolean {
    const words = Math.max(2, Math.ceil(this.pages.numbersEnd * 1.04))
    if (words * 1.1 > this.words) return false
    this.#resize(words)
    return true
  }

  moveTermLists(from: number, end: number): void {
    this.#termLists.moveBlocks(from, Math.min(end, this.words))
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

  /** Gives the rows of its last page that have a higher hash to the shelf after. */
  giveAbove(low: number, next: Shelf): void {
    this.#giveRows(this.pages.count - 1, next, low + 1)
  }

  #giveRows(at: number, to: Shelf, hashMin = 0): void {
    to.#giving = this.pages.lows[at] as number
    for (const slot of this.slotsOf(at)) {
      if ((this.hashes[slot] as number) < hashMin) continue
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
      this.#versions,
      ...this.bucketBits,
    ]
    let total = this.pages.bytes + this.#termLists.bytes + this.members.length * 8
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

  /** A row's list and, as the last, the term of its version. Returns how many. */
  #readTerms(slot: number, into: number[]): number {
    const count = this.#termLists.read(slot, into)
    into[count] = this.#stock.versionTerm(this.versionOf(slot))
    return count + 1
  }

  #insertIntoTermList(slot: number, count: number, term: number): void {
    let at = count
    while (at > 0 && (scratch[at - 1] as number) > term) {
      scratch[at] = scratch[at - 1] as number
      at -= 1
    }
    scratch[at] = term
    this.#termLists.write(slot, scratch, count + 1)
  }

  #thinOut(): void {
    for (let term = this.#thin.pop(); term !== undefined; term = this.#thin.pop()) {
      this.#toList(term)
    }
  }

  /** From here on the term belongs into its rows' own lists, where those that came lately lack it. */
  #toList(term: number): void {
    const { postings } = this.#stock
    if (!postings.read(term, this.number) || !postings.dense) return
    this.#dense.drop(term)
    const bits = postings.bitsets[postings.data] as Uint32Array
    for (let page = 0; page < bits.length; page += 1) {
      for (let word = bits[page] as number; word !== 0; word &= word - 1) {
        const slot = (page << 5) | lowestBit(word)
        const known = indexOf(scratch, this.#readTerms(slot, scratch), term) >= 0
        if (!known) this.#insertIntoTermList(slot, this.#termLists.read(slot, scratch), term)
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
    let i = 0
    for (const slot of this.slotsOf(at)) {
      const hash = this.hashes[slot] as number
      let j = i
      i += 1
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
    const { postings } = this.#stock
    const count = this.#readTerms(from, scratch)
    for (let i = 0; i < count; i += 1) postings.move(scratch[i] as number, this.number, from, to)
    this.#termLists.write(to, scratch, count - 1)
    this.#termLists.remove(from)
    this.#dense.move(from, to)
    this.#setVersion(to, this.versionOf(from))
    const members = this.members[from] as Members
    this.#enter(to, this.hashes[from] as number, members, this.buckets[from] as number)
    this.#leave(from)
  }

  #enter(slot: number, hash: number, members: Members, bucket: number): void {
    this.hashes[slot] = hash
    this.setMembers(slot, members)
    this.zone.movesCount += 1
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
    if (this.#versions[slot] === versionElsewhere) this.#largeVersions.delete(slot)
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
    this.#resize(Math.max(2, Math.ceil(this.words * 1.25)))
  }

  #resize(words: number): void {
    const slots = words * pageSlots
    this.hashes = resized(this.hashes, new Uint32Array(slots))
    this.buckets = resized(this.buckets, new Uint8Array(slots))
    this.weights = resized(this.weights, new Uint16Array(slots))
    this.#versions = resized(this.#versions, new Uint16Array(slots))
    this.alive = resized(this.alive, new Uint32Array(words))
    this.bucketBits.forEach((bits, bucket) => {
      if (bits !== undefined) this.bucketBits[bucket] = resized(bits, new Uint32Array(words))
    })
    if (words > this.words) this.#termLists.grow(words)
    else this.#termLists.shrink(words)
    this.#dense.resize(words)
    this.words = words
    // Of that very length: one that is pushed to has room for half as many more.
    const members = new Array<Members | undefined>(slots).fill(undefined)
    for (let slot = 0; slot < Math.min(slots, this.members.length); slot += 1) {
      members[slot] = this.members[slot]
    }
    this.members = members
  }
}

const full = 0xffffffff
/** Enough to pack a full shelf once. */
const packingLeftMax = 65_536 * 2
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

function resized<T extends Uint8Array | Uint16Array | Uint32Array>(old: T, other: T): T {
  other.set(old.length <= other.length ? old : old.subarray(0, other.length))
  return other
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
