import type { Database, Statement } from 'better-sqlite3'
import type { OwnerId } from '../../model/index.ts'
import type { OwnerRecord, SetChange, StoredSet } from '../../replication/index.ts'
import { fitOnPages, HeldPages } from './held-pages.ts'
import { pagedMin } from './page-codec.ts'
import { RecordReader, RecordWriter } from './record-rows.ts'

interface SetRow {
  readonly owner: string
  readonly epoch_number: number
  readonly epoch_tag: string
  readonly counter: number
  readonly floor: number
  readonly digest: string
  readonly forgotten: number
}

/**
 * `held_set`, `held_record` and `held_page`: copies of what others own. Records that come alone lie
 * under their keys, many that come together share rows of `held_page`; of one key either has it.
 *
 * Every call belongs inside a transaction of the caller's.
 */
export class SetTables {
  readonly #sets: Statement<[], SetRow>
  readonly #floor: Statement<[string], Pick<SetRow, 'floor'>>
  readonly #records: RecordReader
  readonly #writer: RecordWriter
  readonly #pages: HeldPages
  readonly #putSet: Statement<[string, number, string, number, number, string]>
  readonly #removeRecord: Statement<[string, string]>
  readonly #clearRecords: Statement<[string]>
  readonly #clampCounters: Statement<[number, string, number]>
  readonly #forgetTombstones: Statement<[string, number]>
  readonly #dropSet: Statement<[string]>
  readonly #markForgotten: Statement<[string]>

  constructor(db: Database) {
    this.#records = new RecordReader(db, 'held_record')
    this.#writer = new RecordWriter(db, 'insert or replace', 'held_record')
    this.#pages = new HeldPages(db)
    this.#removeRecord = db.prepare('delete from held_record where owner = ? and key = ?')
    this.#sets = db.prepare(
      'select owner, epoch_number, epoch_tag, counter, floor, digest, forgotten from held_set',
    )
    this.#floor = db.prepare('select floor from held_set where owner = ?')
    this.#putSet = db.prepare(
      `insert or replace into held_set (owner, epoch_number, epoch_tag, counter, floor, digest)
       values (?, ?, ?, ?, ?, ?)`,
    )
    this.#clearRecords = db.prepare('delete from held_record where owner = ?')
    this.#clampCounters = db.prepare(
      'update held_record set counter = ? where owner = ? and counter > ?',
    )
    this.#forgetTombstones = db.prepare(
      'delete from held_record where owner = ? and body is null and counter <= ?',
    )
    this.#dropSet = db.prepare('delete from held_set where owner = ?')
    this.#markForgotten = db.prepare('update held_set set forgotten = 1 where owner = ?')
  }

  *loadAll(): Generator<StoredSet> {
    for (const row of this.#sets.all()) yield this.#stored(row)
  }

  apply(change: SetChange): void {
    const { kind, owner, version, floor, digest } = change
    const { epoch, counter } = version
    const before = this.#floor.get(owner)?.floor ?? 0
    this.#putSet.run(owner, epoch.number, epoch.tag, counter, floor, digest)
    if (kind === 'whole') this.#clear(owner)
    else if (kind === 'adopt') this.#clamp(owner, counter)
    else this.#takeFromPages(change)
    this.#put(change)
    // It reads every record of the owner, which is worth it only when some of them may go.
    if (kind !== 'delta' || floor > before) this.#forgetTombstones.run(owner, floor)
  }

  /** The records go, the version stays. */
  forget(owner: OwnerId): void {
    this.#clear(owner)
    this.#markForgotten.run(owner)
  }

  drop(owner: OwnerId): void {
    this.#clear(owner)
    this.#dropSet.run(owner)
  }

  #clear(owner: OwnerId): void {
    this.#clearRecords.run(owner)
    this.#pages.clear(owner)
  }

  /** Those on pages get rows of their own, for the stamps of a page differ. */
  #clamp(owner: OwnerId, counter: number): void {
    this.#clampCounters.run(counter, owner, counter)
    const above = this.#pages.takeAbove(owner, counter)
    const clamped = above.map((record) => ({
      ...record,
      counter: Math.min(record.counter, counter),
    }))
    this.#writer.write(owner, clamped.sort(byKey))
  }

  /** What the change takes the place of and is on pages, or will be. */
  #takeFromPages({ owner, records, superseded }: SetChange): void {
    if (superseded?.length === 0) return
    if (records.length < pagedMin && !this.#pages.has(owner)) return
    const elsewhere = new Set<string>()
    for (const { key } of records) {
      if (this.#removeRecord.run(owner, key).changes === 0) elsewhere.add(key)
    }
    if (elsewhere.size === 0) return
    // Without a word on what it takes the place of, it may be all of them.
    const replaced = superseded?.length ?? records.length
    const inRows = records.length - elsewhere.size
    this.#pages.take(owner, elsewhere, superseded, Math.max(0, replaced - inRows))
  }

  #put({ owner, records }: SetChange): void {
    const live = records.filter(({ body }) => body !== null)
    const isPaged = records.length >= pagedMin && fitOnPages(live)
    if (isPaged) this.#pages.write(owner, live)
    const rows = isPaged ? records.filter(({ body }) => body === null) : records
    // In the table's order a large set is written to each page once.
    this.#writer.write(owner, rows.length < orderedMin ? rows : rows.toSorted(byKey))
  }

  #stored(row: SetRow): StoredSet {
    return {
      owner: row.owner,
      version: {
        epoch: { number: row.epoch_number, tag: row.epoch_tag },
        counter: row.counter,
      },
      floor: row.floor,
      digest: row.digest,
      records: this.#records.read(row.owner).concat(this.#pages.read(row.owner)),
      ...(row.forgotten !== 0 && { forgotten: true }),
    }
  }
}

/** Of fewer records hardly two go to one page. */
const orderedMin = 20

function byKey(a: OwnerRecord, b: OwnerRecord): number {
  return a.key < b.key ? -1 : 1
}
