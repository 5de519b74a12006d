import { bucketCount, unusableBucket } from '../standing.ts'
import type { Plan } from './compile.ts'
import type { Entry, Members } from './entry.ts'
import type { NodeRows } from './node-rows.ts'
import { OneNode, SlotSet, TermsNode, type PlanNode, type TermRows, type Words } from './plan.ts'
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
 *     lists    the query's shortest list, whole: at most 1/32 of the slots, usually far fewer
 *     words    bucket by bucket, best first, 32 rows at a time, from the start of the circle on,
 *              until nothing later can be better than what the pool holds
 */
export class Gather {
  /** Rows looked at. */
  touched = 0
  /** What each shelf's walk came to, where somebody wants to know. */
  trace: Map<Shelf, Walked> | undefined

  #terms: readonly TermsNode[] = []
  #others: readonly PlanNode[] = []
  #perInstance: readonly PlanNode[] = []
  #filter: Filter = { unusable: false, node: undefined, nodeIs: 'not', flat: false, start: 0 }
  /** Whether a row that matches has an instance that counts, without looking at them. */
  #rowSuffices = false
  /** Whether that is so for rows whose instances are alike, and so as usable as their bucket. */
  #alikeSuffices = false
  /** Whether instances that are alike all count if one does. */
  #countsAlike = false
  /** The worst bucket that is wanted. */
  #bucketMax = unusableBucket
  /** Rows of the filter's node, where they are known: of few others, instances must be asked. */
  #nodeRows: NodeRows | undefined
  readonly #oneNode = new OneNode()
  readonly #withNode: PlanNode[] = []

  /** The shelf at hand, and how its rows are tested. */
  #bound: Shelf | undefined
  #driver: PlanNode | undefined
  /** Bitsets that must all have the row. */
  readonly #bits: Uint32Array[] = []
  #bitsCount = 0
  /** What else is known of 32 rows at once. */
  readonly #words: Words[] = []
  #wordsCount = 0
  /** Lists, beside the driving one, that must all have the row. */
  readonly #lists: TermRows[] = []
  #listsCount = 0
  /** Parts that are asked of each row left over. */
  readonly #rest: PlanNode[] = []
  #restCount = 0
  readonly #slots = new SlotSet()

  begin(plan: Plan, filter: Filter): void {
    this.#terms = plan.terms
    this.#others = plan.others
    this.#perInstance = plan.perInstance
    this.#filter = filter
    const { node } = filter
    this.#nodeRows = node?.rows()
    const isNodeKnown = node === undefined || this.#nodeRows !== undefined
    this.#rowSuffices = plan.perInstance.length === 0 && isNodeKnown
    this.#alikeSuffices = isNodeKnown && plan.areTerms
    this.#countsAlike = isNodeKnown && !plan.perNode
    this.#bucketMax = filter.unusable ? unusableBucket : unusableBucket - 1
    this.#bound = undefined
    if (node === undefined || filter.nodeIs === 'not') return
    // What runs on one node is usually the shortest list of all.
    this.#oneNode.turnTo(node, this.#nodeRows)
    const others = this.#withNode
    others.length = 0
    for (let at = 0; at < plan.others.length; at += 1) others.push(plan.others[at] as PlanNode)
    others.push(this.#oneNode)
    this.#others = others
  }

  /** Whether, for the filter's node, it takes looking at a row's instances to know if they count. */
  #asksNode(shelf: Shelf, slot: number): boolean {
    if (this.#nodeRows === undefined || this.#nodeRows.size === 0) return false
    const share = this.#nodeRows.shareOf(shelf, slot)
    return share !== (this.#filter.nodeIs === 'only' ? 'all' : 'none')
  }

  /** Offers the pool what it should hold of these shelves' rows. */
  gather(shelves: readonly Shelf[], pool: Pool): void {
    let waiting: Shelf[] | undefined
    for (const shelf of shelves) {
      if (!this.#bind(shelf)) this.#end(shelf, 'skipped', this.touched)
      else if (this.#driver !== undefined) this.#readLists(shelf, pool)
      else if (waiting === undefined) waiting = [shelf]
      else waiting.push(shelf)
    }
    if (waiting !== undefined) this.#readWords(waiting, pool)
    pool.cut()
  }

  /** Every row that matches, with at least one instance that does. */
  each(shelf: Shelf, visit: (slot: number) => void): void {
    if (!this.#bind(shelf)) return
    if (this.#driver === undefined) {
      for (let page = 0; page < shelf.pages.numbersEnd; page += 1) {
        let word = this.#word(shelf.alive[page] as number, page)
        for (; word !== 0; word &= word - 1) {
          const slot = (page << 5) | lowestBit(word)
          if (this.#leftMatches(shelf, slot)) visit(slot)
        }
      }
      return
    }
    this.#slots.clear()
    this.#driver.collect(this.#slots)
    const { slots, size } = this.#slots
    for (let i = 0; i < size; i += 1) {
      const slot = slots[i] as number
      if (this.#bitsMatch(slot) && this.#listsMatch(slot) && this.#leftMatches(shelf, slot)) {
        visit(slot)
      }
    }
  }

  /** Whether one row matches, apart from its instances. */
  test(shelf: Shelf, slot: number): boolean {
    for (const part of this.#terms) if (part.bind(shelf) === 0 || !part.possible(slot)) return false
    for (const part of this.#others)
      if (part.bind(shelf) === 0 || !part.possible(slot)) return false
    this.#bound = shelf
    return true
  }

  /** Whether an instance of a row that matches counts itself. */
  countsEntry(entry: Entry): boolean {
    const { node, nodeIs } = this.#filter
    if (entry.bucket > this.#bucketMax) return false
    if (node !== undefined && (entry.node === node) !== (nodeIs === 'only')) return false
    for (const part of this.#perInstance) if (!part.matches(entry.slot, entry)) return false
    return true
  }

  /** The packed weight of a row that matches with its only instance, where it is known; else 0. */
  weightOfOnly(shelf: Shelf, slot: number): number {
    if (!this.#alikeSuffices) return 0
    const weight = shelf.weightOf(slot)
    return weight > 0 && this.#asksNode(shelf, slot) ? 0 : weight
  }

  /** Whether all instances of a row that matches count, as far as that is known without asking each. */
  countsWhole(shelf: Shelf, slot: number): boolean {
    return this.#countsAlike && !this.#asksNode(shelf, slot) && shelf.isAlike(slot)
  }

  /** Turns to the shelf of a row that the pool holds, before its instances are asked. */
  turnTo(shelf: Shelf): void {
    if (this.#perInstance.length > 0) this.#bind(shelf)
  }

  /** False when no row of the shelf can match. */
  #bind(shelf: Shelf): boolean {
    if (this.#bound === shelf) return true
    this.#bound = undefined
    const terms = this.#terms
    const others = this.#others
    for (let i = 0; i < terms.length; i += 1) {
      if ((terms[i] as TermsNode).bind(shelf) === 0) return false
    }
    for (let i = 0; i < others.length; i += 1) {
      if ((others[i] as PlanNode).bind(shelf) === 0) return false
    }
    this.#bound = shelf

    let driver: PlanNode | undefined
    let shortest = Infinity
    for (let i = 0; i < terms.length; i += 1) {
      const term = terms[i] as TermsNode
      const listed = term.listed()
      if (listed >= shortest) continue
      shortest = listed
      driver = term
    }
    for (let i = 0; i < others.length; i += 1) {
      const other = others[i] as PlanNode
      const listed = other.listed()
      if (listed >= shortest) continue
      shortest = listed
      driver = other
    }
    this.#driver = driver
    // The lists keep their length: cutting them short would give up their memory.
    this.#bitsCount = 0
    this.#wordsCount = 0
    this.#listsCount = 0
    this.#restCount = 0
    for (let i = 0; i < terms.length; i += 1) {
      const term = terms[i] as TermsNode
      if (term === driver) continue
      if (term.bits !== undefined) {
        this.#bits[this.#bitsCount] = term.bits
        this.#bitsCount += 1
      } else if (term.list !== undefined) {
        this.#lists[this.#listsCount] = term.list
        this.#listsCount += 1
      } else this.#add(term, term)
    }
    for (let i = 0; i < others.length; i += 1) {
      const other = others[i] as PlanNode
      if (other !== driver || !other.collectsExactly()) this.#add(other, other.words())
    }
    return true
  }

  #add(part: PlanNode, words: Words | undefined): void {
    if (words !== undefined && this.#driver === undefined) {
      this.#words[this.#wordsCount] = words
      this.#wordsCount += 1
    }
    this.#rest[this.#restCount] = part
    this.#restCount += 1
  }

  /** Of 32 rows, those that can match. */
  #word(rows: number, page: number): number {
    const bits = this.#bits
    let word = rows
    for (let i = 0; i < this.#bitsCount; i += 1) word &= (bits[i] as Uint32Array)[page] as number
    return word === 0 ? 0 : this.#wordOfRest(word, page)
  }

  #wordOfRest(rows: number, page: number): number {
    const words = this.#words
    let word = rows
    for (let i = 0; i < this.#wordsCount; i += 1) word &= (words[i] as Words).word(page)
    return word
  }

  #bitsMatch(slot: number): boolean {
    const bits = this.#bits
    for (let i = 0; i < this.#bitsCount; i += 1) {
      if (!hasBit(bits[i] as Uint32Array, slot)) return false
    }
    return true
  }

  #listsMatch(slot: number): boolean {
    const lists = this.#lists
    for (let i = 0; i < this.#listsCount; i += 1) {
      if (!(lists[i] as TermRows).has(slot)) return false
    }
    return true
  }

  /** The same for slots in rising order. */
  #listsSeek(slot: number): boolean {
    const lists = this.#lists
    for (let i = 0; i < this.#listsCount; i += 1) {
      if (!(lists[i] as TermRows).seek(slot)) return false
    }
    return true
  }

  /** Whether rows that no list and no bitset rules out have to be looked at one by one. */
  get #asksRows(): boolean {
    return this.#restCount > 0 || !this.#rowSuffices || this.#nodeRowsCount > 0
  }

  get #nodeRowsCount(): number {
    return this.#nodeRows?.size ?? 0
  }

  #restMatches(slot: number): boolean {
    const rest = this.#rest
    for (let i = 0; i < this.#restCount; i += 1) {
      if (!(rest[i] as PlanNode).possible(slot)) return false
    }
    return true
  }

  /** Whether some instance of a row in a wanted bucket counts. */
  #counts(shelf: Shelf, slot: number): boolean {
    const suffices = this.#rowSuffices || (this.#alikeSuffices && shelf.isKnownAlike(slot))
    if (suffices && !this.#asksNode(shelf, slot)) return true
    const members = shelf.members[slot] as Members
    if (!Array.isArray(members)) return this.countsEntry(members)
    for (const entry of members) if (this.countsEntry(entry)) return true
    return false
  }

  #readLists(shelf: Shelf, pool: Pool): void {
    const driver = this.#driver as PlanNode
    const list = driver instanceof TermsNode ? driver.list : undefined
    if (list !== undefined) {
      this.#readList(shelf, pool, list.list, list.start, list.start + list.rows, true)
      return
    }
    this.#slots.clear()
    driver.collect(this.#slots)
    this.#readList(shelf, pool, this.#slots.slots, 0, this.#slots.size, false)
  }

  #readList(
    shelf: Shelf,
    pool: Pool,
    list: Uint16Array,
    from: number,
    end: number,
    sorted: boolean,
  ): void {
    const { buckets, hashes } = shelf
    const { start, flat } = this.#filter
    const bucketMax = this.#bucketMax
    const one = this.#bitsCount > 0 ? (this.#bits[0] as Uint32Array) : undefined
    const bitsLeft = this.#bitsCount > 1
    const listsLeft = this.#listsCount > 0
    const rowsLeft = this.#asksRows
    if (sorted) for (let i = 0; i < this.#listsCount; i += 1) (this.#lists[i] as TermRows).rewind()
    const allMatch = one === undefined && !listsLeft && this.#restCount === 0 && this.#rowSuffices
    if (allMatch && !flat) {
      this.#boundBucket(shelf, pool, list, from, end)
    }
    let { worst, worstBucket } = pool
    // Lists lie in one piece, what is known of a row lies anywhere: so lists rule out first, unless
    // the pool is full and most rows are not good enough for it anyway.
    let listsFirst = listsLeft && worst === Infinity
    for (let i = from; i < end; i += 1) {
      const slot = list[i] as number
      if (listsFirst && !(sorted ? this.#listsSeek(slot) : this.#listsMatch(slot))) continue
      if (one !== undefined && ((one[slot >>> 5] as number) & (1 << (slot & 31))) === 0) continue
      const own = buckets[slot] as number
      if (own > bucketMax) continue
      const bucket = flat && own < unusableBucket ? 0 : own
      if (bucket > worstBucket) continue
      const key = bucket * bucketKey + (((hashes[slot] as number) - start) >>> 0)
      if (key > worst || (bitsLeft && !this.#bitsMatch(slot))) continue
      if (listsLeft && !listsFirst && !(sorted ? this.#listsSeek(slot) : this.#listsMatch(slot))) {
        continue
      }
      if (rowsLeft && !this.#leftMatches(shelf, slot)) continue
      pool.offer(key, shelf, slot)
      worst = pool.worst
      worstBucket = pool.worstBucket
      listsFirst = listsLeft && worst === Infinity
    }
    this.touched += end - from
    this.#end(shelf, 'exhausted', this.touched - (end - from))
  }

  /**
   * Where every row of a list matches, counting them by bucket first tells how good a row has to be:
   * one byte of most rows is read, and no more.
   */
  #boundBucket(shelf: Shelf, pool: Pool, list: Uint16Array, from: number, end: number): void {
    const room = pool.room + this.#nodeRowsCount
    if (end - from < room * 2) return
    const { buckets } = shelf
    const rowsIn = bucketSums.fill(0)
    for (let i = from; i < end; i += 1) {
      const bucket = buckets[list[i] as number] as number
      rowsIn[bucket] = (rowsIn[bucket] as number) + 1
    }
    let rows = 0
    for (let bucket = 0; bucket < this.#bucketMax; bucket += 1) {
      rows += rowsIn[bucket] as number
      if (rows < room) continue
      pool.boundBucket(bucket)
      return
    }
  }

  #leftMatches(shelf: Shelf, slot: number): boolean {
    return this.#restMatches(slot) && this.#counts(shelf, slot)
  }

  #readWords(waiting: Shelf[], pool: Pool): void {
    const { flat } = this.#filter
    let left = waiting.length
    for (let bucket = 0; bucket <= this.#bucketMax && left > 0; bucket += 1) {
      if (pool.worst < bucket * bucketKey) break
      // Without ranks the first bucket stands for all usable ones.
      if (flat && bucket > 0 && bucket < unusableBucket) continue
      for (let i = 0; i < left; i += 1) {
        const shelf = waiting[i] as Shelf
        if (this.#rowsIn(shelf, bucket) === 0) continue
        this.#bind(shelf)
        const before = this.touched
        const found = this.#walk(shelf, bucket, pool)
        if (
          !flat &&
          found !== stopped &&
          this.#isCheapToFinish(shelf, bucket, found, pool.missing)
        ) {
          this.#finish(shelf, bucket, pool)
          left -= 1
          waiting[i] = waiting[left] as Shelf
          i -= 1
        }
        this.#end(shelf, 'exhausted', before)
      }
    }
    if (this.trace === undefined || !pool.isFull) return
    for (let i = 0; i < left; i += 1) this.#end(waiting[i] as Shelf, 'early', this.touched)
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
    const rowsLeft = this.#asksRows
    const one = this.#bitsCount > 0 ? (this.#bits[0] as Uint32Array) : shelf.alive
    const two = this.#bitsCount > 1 ? (this.#bits[1] as Uint32Array) : one
    const bitsLeft = this.#bitsCount > 2 || this.#wordsCount > 0
    const first = pages.find(start)
    let found = 0
    let touched = 0
    let at = first
    do {
      const page = order[at] as number
      let word = (rows[page] as number) & (one[page] as number) & (two[page] as number)
      if (without !== undefined) word &= ~(without[page] as number)
      if (bitsLeft && word !== 0) word = this.#word(word, page)
      if (word !== 0) {
        // On the first page rows lie on both sides of the start.
        if (at !== first) {
          if (pool.isFull) pool.cut()
          if (base + (((lows[at] as number) - start) >>> 0) > pool.worst) {
            this.touched += touched
            return stopped
          }
        }
        for (; word !== 0; word &= word - 1) {
          const slot = (page << 5) | (31 - Math.clz32(word & -word))
          touched += 1
          const key = base + (((hashes[slot] as number) - start) >>> 0)
          if (key > pool.worst) continue
          if (rowsLeft && !this.#leftMatches(shelf, slot)) continue
          found += 1
          pool.offer(key, shelf, slot)
        }
      }
      at += 1
      if (at === count) at = 0
    } while (at !== first)
    this.touched += touched
    if (pool.isFull) pool.cut()
    return found
  }

  /**
   * After a walk that did not fill the pool: whether one pass over all later buckets, which looks
   * at every row that matches, is cheaper than going on bucket by bucket until it is full.
   */
  #isCheapToFinish(shelf: Shelf, bucket: number, found: number, missing: number): boolean {
    let later = 0
    for (let b = bucket + 1; b < bucketCount; b += 1) later += shelf.bucketRows[b] as number
    const rows = ((found + 1) * later) / (shelf.bucketRows[bucket] as number)
    const walks = missing / (found + 1)
    const pages = shelf.pages.count
    return rows <= finishRowsMax && walks * pages > pages + rows * rowPerPage
  }

  /** Offers the rows of all buckets after one. */
  #finish(shelf: Shelf, bucket: number, pool: Pool): void {
    const { start } = this.#filter
    const { alive, buckets, hashes } = shelf
    const { numbersEnd } = shelf.pages
    const rowsLeft = this.#asksRows
    const one = this.#bitsCount > 0 ? (this.#bits[0] as Uint32Array) : alive
    const two = this.#bitsCount > 1 ? (this.#bits[1] as Uint32Array) : one
    const bitsLeft = this.#bitsCount > 2 || this.#wordsCount > 0
    const bucketMax = this.#bucketMax
    let { worst, worstBucket } = pool
    for (let page = 0; page < numbersEnd; page += 1) {
      let word = (alive[page] as number) & (one[page] as number) & (two[page] as number)
      if (bitsLeft && word !== 0) word = this.#word(word, page)
      for (; word !== 0; word &= word - 1) {
        const slot = (page << 5) | (31 - Math.clz32(word & -word))
        const own = buckets[slot] as number
        if (own <= bucket || own > bucketMax || own > worstBucket) continue
        this.touched += 1
        const key = own * bucketKey + (((hashes[slot] as number) - start) >>> 0)
        if (key > worst) continue
        if (rowsLeft && !this.#leftMatches(shelf, slot)) continue
        pool.offer(key, shelf, slot)
        worst = pool.worst
        worstBucket = pool.worstBucket
      }
    }
  }
}

const bucketSums = new Uint32Array(bucketCount)

/** In the place of a number of rows. */
const stopped = -1

/** What looking at a row costs, in pages walked over. */
const rowPerPage = 2

/** Looking at as many rows one by one takes about as long as two walks over a full shelf's words. */
const finishRowsMax = 2_048
