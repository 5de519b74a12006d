import type { PlanStep } from '../capability-index.ts'
import { printQuery, type QueryPart, type Term } from '../query/index.ts'
import type { VersionRange } from '../version-range.ts'
import type { Entry } from './entry.ts'
import type { NodeRows } from './node-rows.ts'
import { lowerBound, type Postings } from './postings.ts'
import { hasBit, type Shelf } from './shelf.ts'
import type { VersionTable } from './version-table.ts'
import type { Node, Zone } from './zone.ts'

/**
 * A part of a query, ready to be asked of the rows of one shelf after another. Terms that belong
 * to definitions are the same for all instances of a row; for the others (`perInstance`) a row can
 * only say that one of its instances might match.
 */
export interface PlanNode {
  readonly perInstance: boolean
  /** Whether instances that are alike but for their node can differ in it. */
  readonly perNode: boolean
  /**
   * Turns to a shelf. Returns an upper bound of its rows that can match; with 0 there are none and
   * nothing else may be asked.
   */
  bind(shelf: Shelf): number
  /** Members of lists that `collect` would go through; `Infinity` where there are no such lists. */
  listed(): number
  /** Gathers every row that can match, and perhaps others. */
  collect(into: SlotSet): void
  /** Whether `collect` gathers no others. */
  collectsExactly(): boolean
  /** Whether an instance of the row can match: exact unless `perInstance`. */
  possible(slot: number): boolean
  /** Whether this instance of the row matches. */
  matches(slot: number, entry: Entry): boolean
  /** How to answer 32 rows at once, if there is a way. */
  words(): Words | undefined
  explain(): PlanStep
}

/** 32 rows at once: a bit for every row that can match, and perhaps for others. */
export interface Words {
  /** One bitset that says it all. */
  readonly bits: Uint32Array | undefined
  word(page: number): number
}

const none: readonly PlanStep[] = []

/** A set of slots of one shelf, in the order in which they came. */
export class SlotSet {
  readonly slots = new Uint16Array(65_536)
  size = 0
  readonly #marks = new Uint32Array(2_048)

  add(slot: number): void {
    const word = this.#marks[slot >>> 5] as number
    const bit = 1 << (slot & 31)
    if ((word & bit) !== 0) return
    this.#marks[slot >>> 5] = word | bit
    this.slots[this.size] = slot
    this.size += 1
  }

  clear(): void {
    for (let i = 0; i < this.size; i += 1) this.#marks[(this.slots[i] as number) >>> 5] = 0
    this.size = 0
  }
}

/** What one term has on the shelf at hand. */
export class TermRows {
  rows = 0
  bits: Uint32Array | undefined = undefined
  list: Uint16Array = emptyList
  start = 0
  #cursor = 0
  readonly #pair = new Uint16Array(2)

  bind(postings: Postings, term: number, shelf: number): boolean {
    if (!postings.read(term, shelf)) return false
    const { rows, data } = postings
    this.rows = rows
    if (postings.dense) {
      this.bits = postings.bitsets[data]
      return true
    }
    this.bits = undefined
    if (rows <= 2) {
      this.#pair[0] = data & 0xffff
      this.#pair[1] = data >>> 16
      this.list = this.#pair
      this.start = 0
    } else {
      this.list = postings.lists.chunks[data >>> 16] as Uint16Array
      this.start = data & 0xffff
    }
    return true
  }

  has(slot: number): boolean {
    if (this.bits !== undefined) return hasBit(this.bits, slot)
    const end = this.start + this.rows
    const at = lowerBound(this.list, this.start, this.rows, slot)
    return at < end && this.list[at] === slot
  }

  /** Before `seek` is asked for slots in rising order. */
  rewind(): void {
    this.#cursor = this.start
  }

  /**
   * `has`, of a list, for a slot not below the last one. In steps of 1, 2, 4 … from there: as fast
   * as a merge when the lists are alike, and as a search when this one is much longer.
   */
  seek(slot: number): boolean {
    const { list } = this
    const end = this.start + this.rows
    let low = this.#cursor
    if (low >= end) return false
    let found = list[low] as number
    if (found < slot) {
      let step = 1
      let high = low + 1
      while (high < end && (list[high] as number) < slot) {
        low = high
        step *= 2
        high = low + step
      }
      if (high > end) high = end
      low += 1
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((list[middle] as number) < slot) low = middle + 1
        else high = middle
      }
      this.#cursor = low
      if (low >= end) return false
      found = list[low] as number
    }
    return found === slot
  }
}
const emptyList = new Uint16Array(0)

/** Rows that have one of some terms: a term of the query, with all that it stands for. */
export class TermsNode implements PlanNode, Words {
  readonly perInstance: boolean
  readonly perNode = false
  readonly #postings: Postings
  readonly #terms: readonly number[]
  readonly #query: QueryPart
  /** What it was made of, when it stands for alternatives. */
  readonly #parts: readonly TermsNode[]
  readonly #has: (entry: Entry) => boolean
  readonly #found: TermRows[] = []
  #count = 0
  #listed = 0
  /** The one bitset, or the one list, that names exactly the rows, if there is one. */
  bits: Uint32Array | undefined = undefined
  list: TermRows | undefined = undefined
  /** The lists among several terms, as a bitset. */
  #union: Uint32Array | undefined
  #unionPages: number[] = []

  /** `has` is asked where instances of one row can differ. */
  constructor(
    postings: Postings,
    terms: readonly number[],
    query: QueryPart,
    has: ((entry: Entry) => boolean) | undefined,
    parts: readonly TermsNode[] = [],
  ) {
    this.#postings = postings
    this.#terms = terms
    this.#query = query
    this.perInstance = has !== undefined
    this.#has = has ?? never
    this.#parts = parts
  }

  /** Rows that have any of what the parts, all of definitions, stand for. */
  static anyOf(parts: readonly TermsNode[], query: QueryPart): TermsNode {
    const [first] = parts as [TermsNode, ...TermsNode[]]
    const terms = new Set(parts.flatMap((part) => part.#terms))
    return new TermsNode(first.#postings, [...terms], query, undefined, parts)
  }

  bind(shelf: Shelf): number {
    const terms = this.#terms
    let rows = 0
    let listed = 0
    let count = 0
    if (this.#union !== undefined) this.#dropUnion()
    for (let i = 0; i < terms.length; i += 1) {
      const found = (this.#found[count] ??= new TermRows())
      if (!found.bind(this.#postings, terms[i] as number, shelf.number)) continue
      count += 1
      rows += found.rows
      listed += found.bits === undefined ? found.rows : Infinity
    }
    this.#count = count
    this.#listed = listed
    const first = count === 1 ? this.#found[0] : undefined
    this.bits = first?.bits
    this.list = this.bits === undefined ? first : undefined
    return rows
  }

  listed(): number {
    return this.#listed
  }

  collect(into: SlotSet): void {
    for (let i = 0; i < this.#count; i += 1) {
      const { list, start, rows } = this.#found[i] as TermRows
      for (let at = start; at < start + rows; at += 1) into.add(list[at] as number)
    }
  }

  collectsExactly(): boolean {
    return true
  }

  possible(slot: number): boolean {
    for (let i = 0; i < this.#count; i += 1) {
      if ((this.#found[i] as TermRows).has(slot)) return true
    }
    return false
  }

  matches(slot: number, entry: Entry): boolean {
    return this.perInstance ? this.#has(entry) : this.possible(slot)
  }

  words(): Words {
    return this
  }

  word(page: number): number {
    let word = 0
    let lists = false
    for (let i = 0; i < this.#count; i += 1) {
      const { bits } = this.#found[i] as TermRows
      if (bits === undefined) lists = true
      else word |= bits[page] as number
    }
    return lists ? word | ((this.#union ?? this.#makeUnion())[page] as number) : word
  }

  explain(): PlanStep {
    let rows = 0
    for (const term of this.#terms) rows += this.#postings.rowsOf(term)
    const what = printQuery(this.#query)
    if (this.#parts.length > 0) {
      return { how: 'any of', what, rows, steps: this.#parts.map((part) => part.explain()) }
    }
    if (this.#terms.length === 0) return { how: 'nothing', what, rows, steps: none }
    const how = this.#terms.length === 1 ? 'term' : `union of ${this.#terms.length} terms`
    return { how: this.perInstance ? `${how}, then each instance` : how, what, rows, steps: none }
  }

  #makeUnion(): Uint32Array {
    const union = unions.pop() ?? new Uint32Array(2_048)
    this.#union = union
    for (let i = 0; i < this.#count; i += 1) {
      const { bits, list, start, rows } = this.#found[i] as TermRows
      if (bits !== undefined) continue
      for (let at = start; at < start + rows; at += 1) {
        const slot = list[at] as number
        union[slot >>> 5] = (union[slot >>> 5] as number) | (1 << (slot & 31))
        this.#unionPages.push(slot >>> 5)
      }
    }
    return union
  }

  #dropUnion(): void {
    const union = this.#union as Uint32Array
    for (const page of this.#unionPages) union[page] = 0
    this.#unionPages = []
    unions.push(union)
    this.#union = undefined
  }
}

/** Bitsets that are all zero, to be used again. */
const unions: Uint32Array[] = []

function never(): boolean {
  throw new Error('asked of an instance what is the same for all of its row')
}

/** Every row. */
export class AllNode implements PlanNode {
  readonly perInstance = false
  readonly perNode = false
  readonly #what: string
  #rows = 0

  constructor(what: string) {
    this.#what = what
  }

  bind(shelf: Shelf): number {
    this.#rows = shelf.rows
    return this.#rows
  }
  listed(): number {
    return Infinity
  }
  collect(): void {
    throw new Error('no list to collect')
  }
  collectsExactly(): boolean {
    return false
  }
  possible(): boolean {
    return true
  }
  matches(): boolean {
    return true
  }
  words(): undefined {
    return undefined
  }
  explain(): PlanStep {
    return { how: 'every row', what: this.#what, rows: Infinity, steps: none }
  }
}

/** Rows of some zones: the same answer for a whole shelf. */
export class PlaceNode implements PlanNode {
  readonly perInstance = false
  readonly perNode = false
  readonly #test: (zone: Zone) => boolean
  readonly #query: Term
  #inside = false

  constructor(test: (zone: Zone) => boolean, query: Term) {
    this.#test = test
    this.#query = query
  }

  bind(shelf: Shelf): number {
    this.#inside = this.#test(shelf.zone)
    return this.#inside ? shelf.rows : 0
  }
  listed(): number {
    return Infinity
  }
  collect(): void {
    throw new Error('no list to collect')
  }
  collectsExactly(): boolean {
    return false
  }
  possible(): boolean {
    return this.#inside
  }
  matches(): boolean {
    return this.#inside
  }
  words(): undefined {
    return undefined
  }
  explain(): PlanStep {
    return { how: 'zones', what: printQuery(this.#query), rows: Infinity, steps: none }
  }
}

/** Instances on some nodes. */
export class NodesNode implements PlanNode {
  readonly perInstance = true
  readonly perNode = true
  readonly #test: (node: Node) => boolean
  readonly #query: Term
  #shelf: Shelf | undefined
  readonly #nodes: Node[] = []
  #entries = 0

  constructor(test: (node: Node) => boolean, query: Term) {
    this.#test = test
    this.#query = query
  }

  bind(shelf: Shelf): number {
    this.#shelf = shelf
    this.#nodes.length = 0
    this.#entries = 0
    for (const node of shelf.zone.nodes.values()) {
      if (!this.#test(node)) continue
      this.#nodes.push(node)
      this.#entries += node.entries.length
    }
    return Math.min(this.#entries, shelf.rows)
  }
  listed(): number {
    return this.#entries
  }
  collect(into: SlotSet): void {
    for (const node of this.#nodes) {
      for (const entry of node.entries) if (entry.shelf === this.#shelf) into.add(entry.slot)
    }
  }
  collectsExactly(): boolean {
    return true
  }
  possible(): boolean {
    return true
  }
  matches(_slot: number, entry: Entry): boolean {
    return this.#test(entry.node)
  }
  words(): undefined {
    return undefined
  }
  explain(): PlanStep {
    return { how: 'nodes', what: printQuery(this.#query), rows: Infinity, steps: none }
  }
}

/** What runs on the asker's own node. Its instances are told apart by the filter. */
export class OneNode implements PlanNode {
  readonly perInstance = false
  readonly perNode = false
  #node: Node | undefined
  #rows: NodeRows | undefined
  #shelf: Shelf | undefined
  #listed = 0

  /** `rows`: the node's, where they are known. */
  turnTo(node: Node, rows: NodeRows | undefined): void {
    this.#node = node
    this.#rows = rows
    this.#shelf = undefined
  }

  bind(shelf: Shelf): number {
    this.#shelf = shelf
    this.#listed = this.#rows?.countOn(shelf) ?? this.#entries.length
    return this.#listed
  }
  listed(): number {
    return this.#listed
  }
  collect(into: SlotSet): void {
    if (this.#rows !== undefined) {
      this.#rows.each(this.#shelf as Shelf, (slot) => {
        into.add(slot)
      })
      return
    }
    for (const entry of this.#entries) if (entry.shelf === this.#shelf) into.add(entry.slot)
  }
  collectsExactly(): boolean {
    return true
  }
  possible(slot: number): boolean {
    return this.#rows === undefined || this.#rows.has(this.#shelf as Shelf, slot)
  }
  matches(): boolean {
    return true
  }
  words(): undefined {
    return undefined
  }
  explain(): PlanStep {
    const rows = this.#entries.length
    return { how: 'node', what: this.#node?.name ?? '', rows, steps: none }
  }

  get #entries(): readonly Entry[] {
    return this.#node?.entries ?? []
  }
}

/** Rows whose version is in a range that too many versions are in to name them. */
export class VersionNode implements PlanNode {
  readonly perInstance = false
  readonly perNode = false
  readonly #range: VersionRange
  readonly #versions: VersionTable
  readonly #query: Term
  #shelf: Shelf | undefined

  constructor(range: VersionRange, versions: VersionTable, query: Term) {
    this.#range = range
    this.#versions = versions
    this.#query = query
  }

  bind(shelf: Shelf): number {
    this.#shelf = shelf
    return shelf.rows
  }
  listed(): number {
    return Infinity
  }
  collect(): void {
    throw new Error('no list to collect')
  }
  collectsExactly(): boolean {
    return false
  }
  possible(slot: number): boolean {
    const version = (this.#shelf as Shelf).versionOf(slot)
    return this.#range.test(this.#versions.get(version))
  }
  matches(slot: number): boolean {
    return this.possible(slot)
  }
  words(): undefined {
    return undefined
  }
  explain(): PlanStep {
    return {
      how: 'version of each row',
      what: printQuery(this.#query),
      rows: Infinity,
      steps: none,
    }
  }
}

/** Rows that match every part. */
export class AndNode implements PlanNode, Words {
  readonly perInstance: boolean
  readonly perNode: boolean
  readonly bits = undefined
  readonly #parts: readonly PlanNode[]
  readonly #query: QueryPart
  #driver: PlanNode | undefined
  #words: Words[] = []

  constructor(parts: readonly PlanNode[], query: QueryPart) {
    this.#parts = parts
    this.#query = query
    this.perInstance = parts.some((part) => part.perInstance)
    this.perNode = parts.some((part) => part.perNode)
  }

  bind(shelf: Shelf): number {
    let rows = Infinity
    for (const part of this.#parts) {
      rows = Math.min(rows, part.bind(shelf))
      if (rows === 0) return 0
    }
    this.#driver = undefined
    for (const part of this.#parts) {
      if (part.listed() < (this.#driver?.listed() ?? Infinity)) this.#driver = part
    }
    return rows
  }
  listed(): number {
    return this.#driver?.listed() ?? Infinity
  }
  collect(into: SlotSet): void {
    this.#driver?.collect(into)
  }
  collectsExactly(): boolean {
    return false
  }
  possible(slot: number): boolean {
    for (const part of this.#parts) if (!part.possible(slot)) return false
    return true
  }
  matches(slot: number, entry: Entry): boolean {
    for (const part of this.#parts) if (!part.matches(slot, entry)) return false
    return true
  }
  words(): Words | undefined {
    this.#words = this.#parts.flatMap((part) => part.words() ?? [])
    return this.#words.length > 0 ? this : undefined
  }
  word(page: number): number {
    let word = -1
    for (const part of this.#words) word &= part.word(page)
    return word
  }
  explain(): PlanStep {
    const steps = this.#parts.map((part) => part.explain())
    steps.sort((a, b) => a.rows - b.rows)
    return {
      how: 'all of',
      what: printQuery(this.#query),
      rows: Math.min(...steps.map((s) => s.rows)),
      steps,
    }
  }
}

/** Rows that match one part at least. */
export class OrNode implements PlanNode, Words {
  readonly perInstance: boolean
  readonly perNode: boolean
  readonly bits = undefined
  readonly #parts: readonly PlanNode[]
  readonly #query: QueryPart
  /** Those that have anything on the shelf at hand. */
  readonly #live: PlanNode[] = []
  #words: Words[] = []

  constructor(parts: readonly PlanNode[], query: QueryPart) {
    this.#parts = parts
    this.#query = query
    this.perInstance = parts.some((part) => part.perInstance)
    this.perNode = parts.some((part) => part.perNode)
  }

  bind(shelf: Shelf): number {
    let rows = 0
    this.#live.length = 0
    for (const part of this.#parts) {
      const some = part.bind(shelf)
      if (some === 0) continue
      rows += some
      this.#live.push(part)
    }
    return Math.min(rows, shelf.rows)
  }
  listed(): number {
    let total = 0
    for (const part of this.#live) total += part.listed()
    return total
  }
  collect(into: SlotSet): void {
    for (const part of this.#live) part.collect(into)
  }
  collectsExactly(): boolean {
    return this.#live.every((part) => part.collectsExactly())
  }
  possible(slot: number): boolean {
    for (const part of this.#live) if (part.possible(slot)) return true
    return false
  }
  matches(slot: number, entry: Entry): boolean {
    for (const part of this.#live) if (part.matches(slot, entry)) return true
    return false
  }
  words(): Words | undefined {
    this.#words = this.#live.flatMap((part) => part.words() ?? [])
    return this.#words.length === this.#live.length ? this : undefined
  }
  word(page: number): number {
    let word = 0
    for (const part of this.#words) word |= part.word(page)
    return word
  }
  explain(): PlanStep {
    const steps = this.#parts.map((part) => part.explain())
    const rows = steps.reduce((total, step) => total + step.rows, 0)
    return { how: 'any of', what: printQuery(this.#query), rows, steps }
  }
}

/** Rows that do not match. */
export class NotNode implements PlanNode, Words {
  readonly perInstance: boolean
  readonly perNode: boolean
  readonly #part: PlanNode
  readonly #query: QueryPart
  #nothing = false
  #bits: Uint32Array | undefined

  constructor(part: PlanNode, query: QueryPart) {
    this.#part = part
    this.#query = query
    this.perInstance = part.perInstance
    this.perNode = part.perNode
  }

  bind(shelf: Shelf): number {
    this.#nothing = this.#part.bind(shelf) === 0
    return shelf.rows
  }
  listed(): number {
    return Infinity
  }
  collect(): void {
    throw new Error('no list to collect')
  }
  collectsExactly(): boolean {
    return false
  }
  possible(slot: number): boolean {
    // That some instance matches the part does not say that none fails to.
    return this.#nothing || this.perInstance || !this.#part.possible(slot)
  }
  matches(slot: number, entry: Entry): boolean {
    return this.#nothing || !this.#part.matches(slot, entry)
  }
  words(): Words | undefined {
    if (this.#nothing || this.perInstance) return undefined
    this.#bits = this.#part.words()?.bits
    return this.#bits === undefined ? undefined : this
  }
  readonly bits = undefined
  word(page: number): number {
    return ~((this.#bits as Uint32Array)[page] as number)
  }
  explain(): PlanStep {
    const step = this.#part.explain()
    return { how: 'none of', what: printQuery(this.#query), rows: Infinity, steps: [step] }
  }
}
