import type { OwnerId } from '../model/index.ts'
import type { Millis } from '../ports/clock.ts'

/** A record that is held and passed on, and that nobody here can read. */
export interface QuarantinedRecord {
  readonly owner: OwnerId
  readonly key: string
  readonly reason: string
  readonly since: Millis
}

/** Entries kept; beyond it the newest are counted only. */
const entriesMax = 10_000
const reasonMax = 300

/**
 * What lies in quarantine, for operators to see: records whose bodies this release cannot read,
 * with their owners' names. The bytes stay in the owner's set, travel on, and are read again
 * after an upgrade; nothing else waits for them.
 */
export class Quarantine {
  readonly #entries = new Map<OwnerId, Map<string, QuarantinedRecord>>()
  #size = 0
  #uncounted = 0

  /** Entries kept. */
  get size(): number {
    return this.#size
  }

  /** How often an entry was not kept because there were too many. */
  get uncounted(): number {
    return this.#uncounted
  }

  put(owner: OwnerId, key: string, reason: string, now: Millis): void {
    const records = this.#entries.get(owner) ?? new Map<string, QuarantinedRecord>()
    const since = records.get(key)?.since ?? now
    if (!records.has(key)) {
      if (this.#size === entriesMax) {
        this.#uncounted++
        return
      }
      this.#size++
    }
    records.set(key, { owner, key, reason: reason.slice(0, reasonMax), since })
    this.#entries.set(owner, records)
  }

  /** The record was read, replaced or removed. */
  release(owner: OwnerId, key: string): void {
    const records = this.#entries.get(owner)
    if (!records?.delete(key)) return
    this.#size--
    if (records.size === 0) this.#entries.delete(owner)
  }

  has(owner: OwnerId): boolean {
    return this.#entries.has(owner)
  }

  *entries(): Generator<QuarantinedRecord> {
    for (const records of this.#entries.values()) yield* records.values()
  }

  /** How many records of each owner lie here. */
  counts(): Map<OwnerId, number> {
    return new Map([...this.#entries].map(([owner, records]) => [owner, records.size]))
  }
}
