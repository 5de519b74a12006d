import type { OwnerId } from '../model/index.ts'
import type { Clock, Log } from '../ports/index.ts'
import { Quarantine, type RecordEvent } from '../replication/index.ts'

/** Records of one owner that are told of in the log; the rest is counted. */
const toldOfOwnerMax = 10

/**
 * Keeps the list of records that cannot be read here, beside a catalog that reads them: its
 * `onUnreadable` puts, and whatever changes a record takes it out, before the catalog reads it
 * again. A start reads everything again, so that an upgrade sees what it can read by then.
 */
export class Quarantining {
  readonly quarantine = new Quarantine()
  readonly #clock: Clock
  readonly #log: Log
  readonly #told = new Map<OwnerId, number>()

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** Call it before the catalog takes the events in. */
  changed(owner: OwnerId, events: readonly RecordEvent[]): void {
    for (const { key } of events) this.quarantine.release(owner, key)
    if (!this.quarantine.has(owner)) this.#told.delete(owner)
  }

  /** For catalogs. */
  readonly onUnreadable = (owner: OwnerId, key: string, reason: string): void => {
    this.quarantine.put(owner, key, reason, this.#clock.now())
    const told = this.#told.get(owner) ?? 0
    if (told > toldOfOwnerMax) return
    this.#told.set(owner, told + 1)
    if (told < toldOfOwnerMax) this.#log.warn({ owner, key, reason }, 'record set aside')
    else this.#log.warn({ owner }, 'more records set aside; not told one by one')
  }
}
