import type { Database, Statement } from 'better-sqlite3'
import type { OwnerId } from '../../model/index.ts'
import type { OwnerRecord, SetChange, StoredSet } from '../../replication/index.ts'
import { HeldPages } from './held-pages.ts'
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

/** Fewer outdated records are left where they are. */
const outdatedMin = pagedMin

/** Of an owner's pages: the records on them, and how many of those count no more. */
interface Paged {
  records: number
  outdated: number
}

/**
 * `held_set`, `held_record` and `held_page`: copies of what others own. Records that come alone lie
 * under their keys, many that come together share rows of `held_page`. A record's row counts before
 * what pages say of its key, so whatever goes to a page lets go of its row, and a tombstone is not
 * forgotten before the pages have. Pages are written anew once half of what is on them is outdated.
 *
 * Every call belongs inside a transaction of the caller's.
 */
export class SetTables {
  readonly #sets: Statement<[], SetRow>
  readonly #floor: Statement<[string], Pick<SetRow, 'floor'>>
  readonly #records: RecordReader
  readonly #writer: RecordWriter
  readonly #pages: HeldPages
  /** Of owners with pages. A transaction that fails may leave it wrong: they are rewritten too soon then, or later. */
  readonly #paged = new Map<OwnerId, Paged>()
  readonly #putSet: Statement<[string, number, string, number, number, string]>
  readonly #removeRecord: Statement<[string, string]>
  readonly #clearRecords: Statement<[string]>
  readonly #clampCounters: Statement<[number, string, number]>
  readonly #anyTombstone: Statement<[string, number], { found: 1 }>
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
    this.#anyTombstone = db.prepare(
      `select 1 as found from held_record
       where owner = ? and body is null and counter <= ? limit 1`,
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
    if (kind === 'adopt') this.#clamp(owner, counter)
    this.#put(change)
    // It reads every record of the owner, which is worth it only when some of them may go.
    if (kind !== 'delta' || floor > before) this.#forget(owner, floor)
    const paged = this.#paged.get(owner)
    if (paged && paged.outdated >= outdatedMin && paged.outdated * 2 > paged.records) {
      this.#rewrite(owner)
    }
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
    this.#paged.delete(owner)
  }

  #put({ kind, owner, records, superseded }: SetChange): void {
    const isPaged = records.length >= pagedMin
    const live = isPaged ? records.filter(({ body }) => body !== null) : []
    if (kind === 'delta' && superseded?.length !== 0 && (isPaged || this.#pages.has(owner))) {
      let rows = 0
      for (const { key } of records) rows += this.#removeRecord.run(owner, key).changes
      // Without a word on what it takes the place of, it may be all of them.
      const replaced = superseded?.length ?? records.length
      this.#countPaged(owner).outdated += Math.max(0, replaced - rows)
    }
    if (live.length > 0) {
      this.#pages.write(owner, live)
      this.#countPaged(owner).records += live.length
    }
    const rows = isPaged ? records.filter(({ body }) => body === null) : records
    // In the table's order a large set is written to each page once.
    this.#writer.write(owner, rows.length < orderedMin ? rows : rows.toSorted(byKey))
  }

  #countPaged(owner: OwnerId): Paged {
    const paged = this.#paged.get(owner) ?? { records: 0, outdated: 0 }
    this.#paged.set(owner, paged)
    return paged
  }

  #clamp(owner: OwnerId, counter: number): void {
    this.#clampCounters.run(counter, owner, counter)
    // What stands on pages is written anew by `#rewrite`, and stamps with it.
    if (this.#pages.hasAbove(owner, counter)) this.#rewrite(owner, counter)
  }

  /** Tombstones go once no page has what they took the place of. */
  #forget(owner: OwnerId, floor: number): void {
    if (this.#pages.has(owner) && this.#anyTombstone.get(owner, floor)) this.#rewrite(owner)
    this.#forgetTombstones.run(owner, floor)
  }

  /** Pages with nothing but what counts, and no stamp above `counterMax`. */
  #rewrite(owner: OwnerId, counterMax = Infinity): void {
    const records = this.#pages.read(owner)
    const latest = new Map(records.map((record) => [record.key, record]))
    for (const { key } of this.#records.read(owner)) latest.delete(key)
    const left = [...latest.values()].map((record) =>
      record.counter > counterMax ? { ...record, counter: counterMax } : record,
    )
    this.#pages.clear(owner)
    this.#pages.write(owner, left)
    this.#paged.set(owner, { records: left.length, outdated: 0 })
  }

  /** What counts of rows and pages. */
  #read(owner: OwnerId): OwnerRecord[] {
    const rows = this.#records.read(owner)
    const paged = this.#pages.read(owner)
    if (paged.length === 0) return rows
    const latest = new Map(paged.map((record) => [record.key, record]))
    for (const record of rows) latest.set(record.key, record)
    const outdated = paged.length + rows.length - latest.size
    this.#paged.set(owner, { records: paged.length, outdated })
    return [...latest.values()]
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
      records: this.#read(row.owner),
      ...(row.forgotten !== 0 && { forgotten: true }),
    }
  }
}

/** Of fewer records hardly two go to one page. */
const orderedMin = 20

function byKey(a: OwnerRecord, b: OwnerRecord): number {
  return a.key < b.key ? -1 : 1
}
