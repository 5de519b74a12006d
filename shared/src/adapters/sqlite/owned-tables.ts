import type { Database, Statement } from 'better-sqlite3'
import type { OwnerId } from '../../model/index.ts'
import type { StoredOwner } from '../../ports/index.ts'
import type { OwnerRecord, SetChange } from '../../replication/index.ts'
import { plainBytes } from './plain-bytes.ts'

interface SetRow {
  readonly epoch_number: number
  readonly epoch_tag: string
  readonly counter: number
  readonly floor: number
  readonly digest: string
}

interface RecordRow {
  readonly counter: number
  readonly key: string
  readonly definition: string | null
  readonly body: Buffer | null
}

/** Rows of one statement: large groups are written in two thirds of the time. */
const rowsAtOnce = 20
const columnsOfRecord = 5

/**
 * `owned_set` and `owned_record`: what this process owns. Records lie in the order of their stamps,
 * so that what one commit writes stands on a few pages, however its keys are spread: each page that
 * a commit touches is written to the log as a whole, and waited for. (32 registrations that came
 * together touched 100 pages, and took 47 µs of CPU each; they touch 10, and take 10.) What a record
 * takes the place of is therefore found by its stamp, which the change names.
 *
 * Every call belongs inside a transaction of the caller's.
 */
export class OwnedTables {
  readonly #set: Statement<[string], SetRow>
  readonly #records: Statement<[string], RecordRow>
  readonly #putSet: Statement<[string, number, string, number, number, string]>
  readonly #putRecord: Statement<unknown[]>
  readonly #putRecords: Statement<unknown[]>
  readonly #removeRecord: Statement<[string, number]>
  readonly #clearRecords: Statement<[string]>
  readonly #clearTombstones: Statement<[string, number]>

  constructor(db: Database) {
    this.#set = db.prepare(
      'select epoch_number, epoch_tag, counter, floor, digest from owned_set where owner = ?',
    )
    this.#records = db.prepare(
      'select counter, key, definition, body from owned_record where owner = ? order by counter',
    )
    this.#putSet = db.prepare(
      `insert or replace into owned_set (owner, epoch_number, epoch_tag, counter, floor, digest)
       values (?, ?, ?, ?, ?, ?)`,
    )
    const put = (rows: number) =>
      db.prepare<unknown[]>(
        `insert into owned_record (owner, counter, key, definition, body)
         values ${Array.from({ length: rows }, () => '(?, ?, ?, ?, ?)').join(', ')}`,
      )
    this.#putRecord = put(1)
    this.#putRecords = put(rowsAtOnce)
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
        records: this.#records.all(owner).map(toRecord),
      }
    )
  }

  apply({ kind, owner, version, floor, digest, records, superseded = [] }: SetChange): void {
    const { epoch, counter } = version
    const before = this.#set.get(owner)?.floor ?? 0
    this.#putSet.run(owner, epoch.number, epoch.tag, counter, floor, digest)
    if (kind === 'whole') this.#clearRecords.run(owner)
    for (const stamp of superseded) this.#removeRecord.run(owner, stamp)
    this.#put(owner, records)
    // It reads every record up to the floor, which is worth it only when some of them may go.
    if (kind !== 'delta' || floor > before) this.#clearTombstones.run(owner, floor)
  }

  #put(owner: OwnerId, records: readonly OwnerRecord[]): void {
    const together = records.length - (records.length % rowsAtOnce)
    const values: unknown[] = []
    for (const [at, { key, counter, definition = null, body }] of records.entries()) {
      values.push(owner, counter, key, definition, body)
      if (at < together && values.length < rowsAtOnce * columnsOfRecord) continue
      const put = at < together ? this.#putRecords : this.#putRecord
      put.run(values)
      values.length = 0
    }
  }
}

function toRecord({ counter, key, definition, body }: RecordRow): OwnerRecord {
  const record = { key, counter, body: body && plainBytes(body) }
  return definition === null ? record : { ...record, definition }
}
