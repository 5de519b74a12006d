import type { Database, Statement } from 'better-sqlite3'
import type { OwnerId } from '../../model/index.ts'
import type { StoredOwner } from '../../ports/index.ts'
import type { OwnerRecord, SetChange } from '../../replication/index.ts'
import { pagedMin } from './page-codec.ts'
import { RecordPages } from './record-pages.ts'
import { RecordReader, RecordWriter } from './record-rows.ts'

interface SetRow {
  readonly epoch_number: number
  readonly epoch_tag: string
  readonly counter: number
  readonly floor: number
  readonly digest: string
}

/**
 * `owned_set` and `owned_record`: what this process owns. Records lie in the order of their stamps,
 * so that what one commit writes stands on a few pages, however its keys are spread: each page that
 * a commit touches is written to the log as a whole, and waited for. (32 registrations that came
 * together touched 100 pages, and took 47 µs of CPU each; they touch 10, and take 10.) What a record
 * takes the place of is therefore found by its stamp, which the change names. Of many records that
 * come together, those that live share rows of `owned_page`.
 *
 * Every call belongs inside a transaction of the caller's.
 */
export class OwnedTables {
  readonly #set: Statement<[string], SetRow>
  readonly #records: RecordReader
  readonly #writer: RecordWriter
  readonly #pages: RecordPages
  readonly #putSet: Statement<[string, number, string, number, number, string]>
  readonly #removeRecord: Statement<[string, number]>
  readonly #clearRecords: Statement<[string]>
  readonly #clearTombstones: Statement<[string, number]>

  constructor(db: Database) {
    this.#set = db.prepare(
      'select epoch_number, epoch_tag, counter, floor, digest from owned_set where owner = ?',
    )
    this.#records = new RecordReader(db, 'owned_record')
    this.#writer = new RecordWriter(db, 'insert', 'owned_record')
    this.#pages = new RecordPages(db)
    this.#putSet = db.prepare(
      `insert or replace into owned_set (owner, epoch_number, epoch_tag, counter, floor, digest)
       values (?, ?, ?, ?, ?, ?)`,
    )
    this.#removeRecord = db.prepare('delete from owned_record where owner = ? and counter = ?')
    this.#clearRecords = db.prepare('delete from owned_record where owner = ?')
    this.#clearTombstones = db.prepare(
      'delete from owned_record where owner = ? and counter <= ? and body is null',
    )
  }

  load(owner: OwnerId): StoredOwner | undefined {
    const row = this.#set.get(owner)
    return (
      row && {
        owner,
        version: {
          epoch: { number: row.epoch_number, tag: row.epoch_tag },
          counter: row.counter,
        },
        floor: row.floor,
        digest: row.digest,
        records: inOrder(this.#records.read(owner), this.#pages.read(owner)),
      }
    )
  }

  apply({ kind, owner, version, floor, digest, records, superseded = [] }: SetChange): void {
    const { epoch, counter } = version
    const before = this.#set.get(owner)?.floor ?? 0
    this.#putSet.run(owner, epoch.number, epoch.tag, counter, floor, digest)
    if (kind === 'whole') {
      this.#clearRecords.run(owner)
      this.#pages.clear(owner)
    }
    const inPages = superseded.filter((at) => this.#removeRecord.run(owner, at).changes === 0)
    this.#pages.take(owner, inPages)
    const isMany = records.length >= pagedMin
    this.#writer.write(owner, isMany ? records.filter(({ body }) => body === null) : records)
    if (isMany)
      this.#pages.write(
        owner,
        records.filter(({ body }) => body !== null),
      )
    // It reads every record up to the floor, which is worth it only when some of them may go.
    if (kind !== 'delta' || floor > before) this.#clearTombstones.run(owner, floor)
  }
}

/** Both in the order of their stamps, as one. */
function inOrder(rows: OwnerRecord[], paged: readonly OwnerRecord[]): OwnerRecord[] {
  if (paged.length === 0) return rows
  const all = rows.concat(paged)
  return all.sort((a, b) => a.counter - b.counter)
}
