import type { Database, Statement } from 'better-sqlite3'
import type { OwnerId } from '../../model/index.ts'
import type { OwnerRecord, SetChange, StoredSet } from '../../replication/index.ts'
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
 * `held_set` and `held_record`: copies of what others own. Every call belongs inside a transaction of
 * the caller's.
 */
export class SetTables {
  readonly #sets: Statement<[], SetRow>
  readonly #floor: Statement<[string], Pick<SetRow, 'floor'>>
  readonly #records: RecordReader
  readonly #writer: RecordWriter
  readonly #putSet: Statement<[string, number, string, number, number, string]>
  readonly #clearRecords: Statement<[string]>
  readonly #clampCounters: Statement<[number, string, number]>
  readonly #forgetTombstones: Statement<[string, number]>
  readonly #dropSet: Statement<[string]>
  readonly #markForgotten: Statement<[string]>

  constructor(db: Database) {
    this.#records = new RecordReader(db, 'held_record')
    this.#writer = new RecordWriter(db, 'insert or replace', 'held_record')
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

  apply({ kind, owner, version, floor, digest, records }: SetChange): void {
    const { epoch, counter } = version
    const before = this.#floor.get(owner)?.floor ?? 0
    this.#putSet.run(owner, epoch.number, epoch.tag, counter, floor, digest)
    if (kind === 'whole') this.#clearRecords.run(owner)
    if (kind === 'adopt') this.#clampCounters.run(counter, owner, counter)
    this.#put(owner, records)
    // It reads every record of the owner, which is worth it only when some of them may go.
    if (kind !== 'delta' || floor > before) this.#forgetTombstones.run(owner, floor)
  }

  /** The records go, the version stays. */
  forget(owner: OwnerId): void {
    this.#clearRecords.run(owner)
    this.#markForgotten.run(owner)
  }

  drop(owner: OwnerId): void {
    this.#clearRecords.run(owner)
    this.#dropSet.run(owner)
  }

  #put(owner: OwnerId, records: readonly OwnerRecord[]): void {
    // In the table's order a large set is written to each page once.
    const inOrder = records.length < orderedMin ? records : records.toSorted(byKey)
    this.#writer.write(owner, inOrder)
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
      records: this.#records.read(row.owner),
      ...(row.forgotten !== 0 && { forgotten: true }),
    }
  }
}

/** Of fewer records hardly two go to one page. */
const orderedMin = 20

function byKey(a: OwnerRecord, b: OwnerRecord): number {
  return a.key < b.key ? -1 : 1
}
