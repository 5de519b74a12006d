import { MeridianError } from '../../errors.ts'
import type { Definition } from '../../model/index.ts'
import { hashGroup } from '../canonical-order.ts'
import type { Standing } from '../standing.ts'
import { eachDefinitionTerm, eachInstanceTerm } from '../terms.ts'
import { queryLimits } from '../query/index.ts'
import { Arena } from './arena.ts'
import type { Names } from './compile.ts'
import { compareEntries, firstMember, membersBucket, type Entry, type Members } from './entry.ts'
import { pageSlots } from './page-map.ts'
import { Postings, shelvesMax } from './postings.ts'
import type { Shelf, Stock } from './shelf.ts'
import { templateField, Templates } from './templates.ts'
import { presence, TermDictionary, type FieldTerms } from './term-dictionary.ts'
import { VersionTable } from './version-table.ts'
import { Zone, type Node, type ShelfNumbers } from './zone.ts'

export interface IndexLimits {
  /** Values that one wildcard may stand for. */
  readonly wildcardTermsMax: number
  /** Pages of a shelf, at most 2,048; tests choose few, to have many shelves. */
  readonly shelfPagesMax: number
}

export const indexLimits: IndexLimits = {
  wildcardTermsMax: queryLimits.wildcardTermsMax,
  shelfPagesMax: 65_536 / pageSlots,
}

/** What lies around an asker's zone, for as long as there are the same shelves. */
export interface Surroundings {
  readonly inRegion: readonly Shelf[]
  readonly elsewhere: readonly Shelf[]
  readonly shelvesChanges: number
}

/** Of block moving: each takes about 0.1 ms. */
const termsAPiece = 64
const pagesAPiece = 256

/** Keeps the rows in step with the entries: which row an entry belongs to, and what the row has. */
export class RowStore implements Names, Stock, ShelfNumbers {
  readonly dictionary = new TermDictionary()
  readonly postings = new Postings()
  readonly versions = new VersionTable()
  readonly templates = new Templates()
  readonly termListBlocks = new Arena<Uint8Array>((length) => new Uint8Array(length))
  readonly untidy: Shelf[] = []
  readonly regions = new Map<string, Map<string, Zone>>()
  readonly wildcardTermsMax: number
  readonly shelfPagesMax: number
  rows = 0
  #placesChanges = 0
  #shelvesChanges = 0
  #rowsEver = 0
  /** Rows with several members, and how many those are. */
  #groups = 0
  #grouped = 0
  #moving: Generator<void> | undefined
  readonly #surroundings = new WeakMap<Zone, Surroundings>()
  #shelfNumbersEnd = 0
  readonly #freeShelfNumbers: number[] = []

  constructor(limits: IndexLimits) {
    this.wildcardTermsMax = limits.wildcardTermsMax
    this.shelfPagesMax = limits.shelfPagesMax
  }

  /** The node at a place; new ones appear when first asked for. */
  node(region: string, zoneName: string, name: string): Node {
    let zones = this.regions.get(region)
    if (zones === undefined) {
      zones = new Map()
      this.regions.set(region, zones)
    }
    let zone = zones.get(zoneName)
    if (zone === undefined) {
      zone = new Zone(region, zoneName, this, this)
      zones.set(zoneName, zone)
      this.#placesChanges += 1
    }
    const known = zone.nodes.get(name)
    if (known !== undefined) return known
    this.#placesChanges += 1
    return zone.node(name)
  }

  /** Forgets a node on which nothing runs, and its zone if that was all. */
  dropNodeIfEmpty(node: Node): void {
    if (node.entries.length > 0) return
    const { zone } = node
    this.#placesChanges += 1
    zone.nodes.delete(node.name)
    if (zone.nodes.size > 0) return
    zone.close()
    const zones = this.regions.get(zone.region)
    zones?.delete(zone.name)
    if (zones?.size === 0) this.regions.delete(zone.region)
  }

  /** Adds an entry to its group's row, which is made if there is none. */
  attach(entry: Entry, definition: Definition | (() => Definition)): void {
    const hash = this.#hashOf(entry)
    const { zone } = entry.node
    const shelf = zone.shelfFor(hash)
    const slot = shelf.find(hash, entry.spec.definition)
    if (slot >= 0) this.#join(entry, shelf, slot)
    else this.#addRow(entry, hash, typeof definition === 'function' ? definition() : definition)
  }

  /** Takes an entry out of its group's row, which goes with its last one. */
  detach(entry: Entry): void {
    const shelf = entry.shelf as Shelf
    const { slot } = entry
    const members = shelf.members[slot] as Members
    if (!Array.isArray(members)) {
      const version = shelf.versionOf(slot)
      shelf.remove(slot)
      this.versions.release(version)
      this.rows -= 1
      return
    }
    const left = without(members, members.indexOf(entry))
    const [only] = left
    shelf.setMembers(slot, left.length === 1 ? (only as Entry) : left)
    this.#grouped -= left.length === 1 ? 2 : 1
    if (left.length === 1) this.#groups -= 1
    this.#dropInstanceTerms(entry, shelf)
    this.#settleBucket(shelf, slot)
  }

  /** After an entry's bucket changed. */
  rebucket(entry: Entry): void {
    this.#settleBucket(entry.shelf as Shelf, entry.slot)
  }

  /** After an entry's standing changed from another. */
  restand(entry: Entry, before: Standing): void {
    const shelf = entry.shelf as Shelf
    const { slot, standing } = entry
    if (standing === before) return
    shelf.addTerm(slot, this.dictionary.intern('status', standing))
    const stillThere = someMember(
      shelf.members[slot] as Members,
      (other) => other.standing === before,
    )
    if (!stillThere) shelf.removeTerm(slot, this.dictionary.intern('status', before))
  }

  /** Replaces an entry's records where its group stays the same. */
  replace(entry: Entry, change: () => void): void {
    const shelf = entry.shelf as Shelf
    const before = this.#instanceTermsOf(entry)
    change()
    const after = this.#instanceTermsOf(entry)
    for (const term of after) shelf.addTerm(entry.slot, term)
    const gone = before.filter((term) => !after.includes(term))
    if (gone.length > 0) {
      const kept = new Set<number>()
      for (const other of listOf(shelf.members[entry.slot] as Members)) {
        for (const term of this.#instanceTermsOf(other)) kept.add(term)
      }
      for (const term of gone) if (!kept.has(term)) shelf.removeTerm(entry.slot, term)
    }
    this.#settleBucket(shelf, entry.slot)
  }

  *zones(): Iterable<Zone> {
    for (const zones of this.regions.values()) yield* zones.values()
  }

  placesChangedAt(): number {
    return this.#placesChanges
  }

  /** One piece of tidying. False when there is nothing left to do. */
  tidy(): boolean {
    for (;;) {
      const shelf = this.untidy.at(-1)
      if (shelf === undefined) return this.#moveBlocks()
      if (shelf.zone.tidy(shelf)) return true
      this.untidy.pop()
      shelf.isUntidy = false
    }
  }

  /** Moves some blocks of arenas in which much lies free. */
  #moveBlocks(): boolean {
    this.#moving ??= this.#beginMoving()
    if (this.#moving === undefined) return false
    if (this.#moving.next().done !== true) return true
    this.#moving = undefined
    return true
  }

  #beginMoving(): Generator<void> | undefined {
    if (this.postings.isWasteful) return this.#movePostings()
    return this.termListBlocks.isWasteful ? this.#moveTermLists() : undefined
  }

  *#movePostings(): Generator<void> {
    this.postings.beginMoving()
    for (let term = 0; term < this.dictionary.numbersEnd; term += 1) {
      this.postings.moveBlocks(term)
      if (term % termsAPiece === termsAPiece - 1) yield
    }
    this.postings.endMoving()
  }

  *#moveTermLists(): Generator<void> {
    this.termListBlocks.beginMoving()
    const shelves = [...this.zones()].flatMap((zone) => zone.shelves)
    for (const shelf of shelves) {
      for (let page = 0; page < shelf.words; page += pagesAPiece) {
        shelf.moveTermLists(page, page + pagesAPiece)
        yield
      }
    }
    this.termListBlocks.endMoving()
  }

  versionTerm(version: number): number {
    return this.versions.termOf(version)
  }

  releaseTerm(term: number): void {
    this.templates.remove(term)
    this.dictionary.release(term)
  }

  /** Shelves of the other zones of a zone's region, and of all other regions. */
  around(zone: Zone): Surroundings {
    let found = this.#surroundings.get(zone)
    if (found?.shelvesChanges !== this.#shelvesChanges) {
      found = this.surroundings(zone.region, zone)
      this.#surroundings.set(zone, found)
    }
    return found
  }

  surroundings(region: string, home: Zone | undefined): Surroundings {
    const inRegion: Shelf[] = []
    const elsewhere: Shelf[] = []
    for (const zone of this.zones()) {
      if (zone === home) continue
      ;(zone.region === region ? inRegion : elsewhere).push(...zone.shelves)
    }
    return { inRegion, elsewhere, shelvesChanges: this.#shelvesChanges }
  }

  take(): number {
    this.#shelvesChanges += 1
    const number = this.#freeShelfNumbers.pop() ?? this.#shelfNumbersEnd
    if (number >= shelvesMax) {
      throw new MeridianError('invalid_request', `the index holds at most ${shelvesMax} zones`)
    }
    if (number === this.#shelfNumbersEnd) this.#shelfNumbersEnd += 1
    return number
  }

  give(number: number): void {
    this.#shelvesChanges += 1
    this.#freeShelfNumbers.push(number)
  }

  get bytes(): number {
    let total = this.#grouped * pointerBytes + this.#groups * arrayBytes
    total += this.postings.bytes + this.termListBlocks.bytes + this.dictionary.bytes
    for (const zone of this.zones()) for (const shelf of zone.shelves) total += shelf.bytes
    return total
  }

  #hashOf(entry: Entry): number {
    return hashGroup(entry.spec.definition, entry.node.zone.hash)
  }

  #join(entry: Entry, shelf: Shelf, slot: number): void {
    const members = shelf.members[slot] as Members
    const isLike = saySame(entry, firstMember(members))
    if (Array.isArray(members)) {
      shelf.setMembers(slot, withInserted(members, placeOf(members, entry), entry))
      this.#grouped += 1
    } else {
      const isAfter = compareEntries(members, entry) < 0
      shelf.setMembers(slot, isAfter ? [members, entry] : [entry, members])
      this.#grouped += 2
      this.#groups += 1
    }
    entry.shelf = shelf
    entry.slot = slot
    // The row has its terms already: most replicas differ in nothing but where they are.
    if (!isLike) this.#addInstanceTerms(entry, shelf, slot)
    // Not settled anew: a start joins some hundred members to each row, and reads none of them.
    shelf.setBucket(slot, Math.min(shelf.buckets[slot] as number, entry.bucket))
  }

  #addInstanceTerms(entry: Entry, shelf: Shelf, slot: number): void {
    eachInstanceTerm(entry.spec, entry.standing, (field, value) => {
      if (field.startsWith('meta.')) shelf.addTerm(slot, this.#intern(field, presence))
      if (value !== presence) shelf.addTerm(slot, this.#intern(field, value))
    })
  }

  #addRow(entry: Entry, hash: number, definition: Definition): void {
    const terms: number[] = []
    this.#rowsEver += 1
    let last: FieldTerms | undefined
    const add = (field: string, value: string) => {
      if (last?.name !== field) last = this.dictionary.field(field)
      if (last.seenBy !== this.#rowsEver && field !== 'server' && field !== 'version') {
        last.seenBy = this.#rowsEver
        terms.push(this.dictionary.internIn(last, presence))
      }
      if (value !== presence) terms.push(this.dictionary.internIn(last, value))
    }
    eachDefinitionTerm(definition, add, (template) => {
      add('resource', presence)
      if (template === '') return
      const term = this.dictionary.intern(templateField, template)
      this.templates.add(term, template)
      terms.push(term)
    })
    for (const term of this.#instanceTermsOf(entry)) terms.push(term)
    this.postings.reserve(this.dictionary.numbersEnd)
    const count = sortAndDedupe(terms)
    const version = this.versions.hold(
      definition.version,
      this.#intern('version', definition.version),
    )
    try {
      entry.node.zone.add(hash, entry, entry.bucket, version, terms, count)
    } catch (error) {
      this.versions.release(version)
      for (let i = 0; i < count; i += 1) {
        const term = terms[i] as number
        if (this.postings.isUnused(term)) this.releaseTerm(term)
      }
      throw error
    }
    this.rows += 1
  }

  #intern(field: string, value: string): number {
    const term = this.dictionary.intern(field, value)
    this.postings.reserve(this.dictionary.numbersEnd)
    return term
  }

  #instanceTermsOf(entry: Entry): number[] {
    const terms: number[] = []
    eachInstanceTerm(entry.spec, entry.standing, (field, value) => {
      if (field.startsWith('meta.')) terms.push(this.#intern(field, presence))
      if (value !== presence) terms.push(this.#intern(field, value))
    })
    return terms
  }

  /** Of an entry that left, what none of those that stay has. */
  #dropInstanceTerms(entry: Entry, shelf: Shelf): void {
    const { slot } = entry
    const members = shelf.members[slot] as Members
    eachInstanceTerm(entry.spec, entry.standing, (field, value) => {
      const has = (other: Entry): boolean => {
        if (field === 'transport') return other.spec.endpoint.transport === value
        if (field === 'status') return other.standing === value
        return other.spec.metadata[field.slice(5)] === value
      }
      if (value !== presence && !someMember(members, has)) {
        shelf.removeTerm(slot, this.#intern(field, value))
      }
      if (!field.startsWith('meta.')) return
      const key = field.slice(5)
      if (!someMember(members, (other) => Object.hasOwn(other.spec.metadata, key))) {
        shelf.removeTerm(slot, this.#intern(field, presence))
      }
    })
  }

  #settleBucket(shelf: Shelf, slot: number): void {
    shelf.setBucket(slot, membersBucket(shelf.members[slot] as Members))
  }
}

/** Whether two entries have the same instance terms. False where that is not seen at a glance. */
function saySame(a: Entry, b: Entry): boolean {
  if (a.standing !== b.standing) return false
  if (a.spec.endpoint.transport !== b.spec.endpoint.transport) return false
  const [ours, theirs] = [a.spec.metadata, b.spec.metadata]
  if (ours === theirs) return true
  const keys = Object.keys(ours)
  if (keys.length !== Object.keys(theirs).length) return false
  return keys.every((key) => Object.hasOwn(theirs, key) && ours[key] === theirs[key])
}

function listOf(members: Members): readonly Entry[] {
  return Array.isArray(members) ? members : [members]
}

/**
 * A list that is inserted into has room for half as many more and 16, which for a few replicas is
 * more than the list itself. So short lists are copied.
 */
const copiedMax = 64
const pointerBytes = 8
/** Of an array beside its elements. */
const arrayBytes = 48

/** Where an entry belongs among members, which are in canonical order. */
function placeOf(members: readonly Entry[], entry: Entry): number {
  let low = 0
  let high = members.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareEntries(members[middle] as Entry, entry) > 0) high = middle
    else low = middle + 1
  }
  return low
}

function withInserted(members: Entry[], at: number, entry: Entry): Entry[] {
  if (members.length < copiedMax) return members.toSpliced(at, 0, entry)
  members.splice(at, 0, entry)
  return members
}

function without(members: Entry[], at: number): Entry[] {
  if (members.length <= copiedMax) return members.toSpliced(at, 1)
  members.splice(at, 1)
  return members
}

function someMember(members: Members, test: (entry: Entry) => boolean): boolean {
  return Array.isArray(members) ? members.some(test) : test(members)
}

/** Sorts terms and drops repeats. Returns how many are left. */
function sortAndDedupe(terms: number[]): number {
  if (terms.length > sortedByHandMax) terms.sort((a, b) => a - b)
  else {
    for (let i = 1; i < terms.length; i += 1) {
      const term = terms[i] as number
      let at = i
      while (at > 0 && (terms[at - 1] as number) > term) {
        terms[at] = terms[at - 1] as number
        at -= 1
      }
      terms[at] = term
    }
  }
  let count = 0
  for (const term of terms) {
    if (count > 0 && terms[count - 1] === term) continue
    terms[count] = term
    count += 1
  }
  terms.length = count
  return count
}

/** A call with a comparison costs more than moving so few. */
const sortedByHandMax = 40
