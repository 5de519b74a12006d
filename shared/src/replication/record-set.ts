import { DigestSum, type SetDigest } from './digest.ts'
import { sameContent, type OwnerRecord, type RecordEvent } from './record.ts'
import type { SetChange } from './set-change.ts'

/** Superseded entries of the stamp order that are tolerated before it is rewritten. */
const staleEntriesMin = 64

/**
 * One owner's records by key, as a `Map` is, and also in the order of their stamps, so that
 * cutting a delta costs what it carries and not what the set holds. Changed in place by `settle`
 * alone; 100k records are not copied for one message.
 *
 *     by key    i/a → (3, A″)   i/b → (2, B)   i/c → (4, tombstone)
 *     by stamp  (1, A) (2, B) (3, A″) (4, i/c tombstone)      (1, A) is superseded: skipped
 */
export class RecordSet {
  readonly #records = new Map<string, OwnerRecord>()
  readonly #tombstones = new Set<string>()
  readonly #sum = new DigestSum()
  #byStamp: OwnerRecord[] = []
  #sorted = true
  #forgotten = 0

  static from(records: Iterable<OwnerRecord>): RecordSet {
    const set = new RecordSet()
    for (const record of records) {
      const before = set.#put(record)
      if (before && before.body !== null) set.#sum.subtract(before)
      if (record.body !== null) set.#sum.add(record)
    }
    return set
  }

  /** How many live records there are. */
  get size(): number {
    return this.#records.size - this.#tombstones.size
  }

  get tombstones(): number {
    return this.#tombstones.size
  }

  get digest(): SetDigest {
    return this.#sum.toDigest()
  }

  /** The record or its tombstone. */
  get(key: string): OwnerRecord | undefined {
    return this.#records.get(key)
  }

  /** Live records, in no order. */
  *live(): Generator<OwnerRecord> {
    for (const record of this.#records.values()) if (record.body !== null) yield record
  }

  /** Everything stamped above `counter`, tombstones included, oldest stamp first. */
  since(counter: number): OwnerRecord[] {
    this.#sort()
    const first = this.#firstAbove(counter)
    // Nothing superseded, so nothing to be looked up, as while all that comes is new.
    if (this.#byStamp.length === this.#records.size) return this.#byStamp.slice(first)
    const records: OwnerRecord[] = []
    for (let i = first; i < this.#byStamp.length; i++) {
      const record = this.#byStamp[i]
      if (record && this.#records.get(record.key) === record) records.push(record)
    }
    return records
  }

  /** The stamp of the tombstone that has exactly `keep` newer ones, or undefined. */
  tombstoneBefore(keep: number): number | undefined {
    if (this.#tombstones.size <= keep) return undefined
    const stamps: number[] = []
    for (const key of this.#tombstones) stamps.push(this.#records.get(key)?.counter ?? 0)
    stamps.sort((a, b) => b - a)
    return stamps[keep]
  }

  /** The sum behind the digest, to go on from. */
  sum(): DigestSum {
    return this.#sum.copy()
  }

  /**
   * The digest that the set would have after `records` (or `whole`, with nothing but them). Whoever
   * has added them up already, piece by piece, gives their sum.
   */
  digestAfter(
    kind: SetChange['kind'],
    records: readonly OwnerRecord[],
    sumOfRecords: DigestSum = sumOf(records),
  ): SetDigest {
    if (kind === 'adopt') return this.digest
    const sum = kind === 'whole' ? new DigestSum() : this.#sum.copy()
    sum.include(sumOfRecords)
    if (kind === 'whole') return sum.toDigest()
    for (const { key } of records) {
      const before = this.#records.get(key)
      if (before && before.body !== null) sum.subtract(before)
    }
    return sum.toDigest()
  }

  /** The stamps of what records of these keys take the place of. */
  supersededBy(records: readonly OwnerRecord[]): number[] {
    const stamps: number[] = []
    for (const { key } of records) {
      const before = this.#records.get(key)
      if (before) stamps.push(before.counter)
    }
    return stamps
  }

  /**
   * Brings the set to the state after `change`; returns what a reader sees change. The digest is the
   * one that the change states, for whoever made the change has worked it out (`digestAfter`): to
   * hash every record again is a tenth of what taking in a large set costs.
   */
  settle(change: SetChange): RecordEvent[] {
    const events = this.#settleRecords(change)
    if (change.kind !== 'adopt') this.#sum.become(change.digest)
    // Looking at every tombstone is worth it only when some of them may go.
    if (change.kind !== 'delta' || change.floor > this.#forgotten) this.#forget(change.floor)
    this.#compact()
    return events
  }

  #settleRecords(change: SetChange): RecordEvent[] {
    switch (change.kind) {
      case 'delta':
        return change.superseded?.length === 0
          ? this.#addAll(change.records)
          : this.#putAll(change.records)
      case 'whole':
        return this.#replace(change.records)
      case 'adopt':
        this.#clamp(change.version.counter)
        return []
      default:
        return change.kind satisfies never
    }
  }

  /** Of a change that takes the place of nothing: there is nothing to look up. */
  #addAll(records: readonly OwnerRecord[]): RecordEvent[] {
    const events: RecordEvent[] = []
    for (const record of records) {
      this.#add(record)
      // What came and went between two deltas is a tombstone of nothing.
      if (record.body !== null) events.push({ key: record.key, after: record })
    }
    return events
  }

  #putAll(records: readonly OwnerRecord[]): RecordEvent[] {
    const events: RecordEvent[] = []
    for (const record of records) {
      const event = eventOf(this.#put(record), record)
      if (event) events.push(event)
    }
    return events
  }

  #put(record: OwnerRecord): OwnerRecord | undefined {
    const before = this.#records.get(record.key)
    if (before?.body === null && record.body !== null) this.#tombstones.delete(record.key)
    this.#add(record)
    return before
  }

  #add(record: OwnerRecord): void {
    this.#records.set(record.key, record)
    if (record.body === null) this.#tombstones.add(record.key)
    const last = this.#byStamp.at(-1)
    if (last && last.counter > record.counter) this.#sorted = false
    this.#byStamp.push(record)
  }

  #replace(records: readonly OwnerRecord[]): RecordEvent[] {
    const before = new Map(this.#records)
    this.#clear()
    const events: RecordEvent[] = []
    for (const record of records) {
      this.#put(record)
      const event = eventOf(before.get(record.key), record)
      if (event) events.push(event)
      before.delete(record.key)
    }
    for (const gone of before.values()) {
      if (gone.body !== null) events.push({ key: gone.key, before: gone })
    }
    return events
  }

  #clamp(counter: number): void {
    this.#sort()
    const first = this.#firstAbove(counter)
    if (first === this.#byStamp.length) return
    const above = this.#byStamp.splice(first)
    for (const record of above) {
      if (this.#records.get(record.key) !== record) continue
      const clamped = { ...record, counter }
      this.#records.set(record.key, clamped)
      this.#byStamp.push(clamped)
    }
  }

  #forget(floor: number): void {
    this.#forgotten = floor
    for (const key of this.#tombstones) {
      const tombstone = this.#records.get(key)
      if (!tombstone || tombstone.counter > floor) continue
      this.#tombstones.delete(key)
      this.#records.delete(key)
    }
  }

  #clear(): void {
    this.#records.clear()
    this.#tombstones.clear()
    this.#byStamp = []
    this.#sorted = true
  }

  #compact(): void {
    if (this.#byStamp.length <= this.#records.size * 2 + staleEntriesMin) return
    this.#byStamp = this.#byStamp.filter((record) => this.#records.get(record.key) === record)
  }

  #sort(): void {
    if (this.#sorted) return
    this.#byStamp.sort((a, b) => a.counter - b.counter)
    this.#sorted = true
  }

  #firstAbove(counter: number): number {
    let low = 0
    let high = this.#byStamp.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#byStamp[middle]?.counter ?? 0) > counter) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** Of those that live. */
export function sumOf(records: Iterable<OwnerRecord>): DigestSum {
  const sum = new DigestSum()
  for (const record of records) if (record.body !== null) sum.add(record)
  return sum
}

function eventOf(before: OwnerRecord | undefined, after: OwnerRecord): RecordEvent | undefined {
  const wasLive = before !== undefined && before.body !== null
  const isLive = after.body !== null
  if (wasLive && isLive) {
    return sameContent(before, after) ? undefined : { key: after.key, before, after }
  }
  if (isLive) return { key: after.key, after }
  return wasLive ? { key: after.key, before } : undefined
}
