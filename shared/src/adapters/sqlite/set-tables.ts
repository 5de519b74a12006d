import type { Database, Statement } from 'better-sqlite3'
import type { OwnerId } from '../../model/index.ts'
import type { OwnerRecord, SetChange, StoredSet } from '../../replication/index.ts'
import { plainBytes } from './plain-bytes.ts'

/** `owned` sets are this process's own, `held` ones are copies of others'. */
export type SetTablePrefix = 'owned' | 'held'

interface SetRow {
  readonly owner: string
  readonly epoch_number: number
  readonly epoch_tag: string
  readonly counter: number
  readonly floor: number
  readonly digest: string
  readonly forgotten: number
}

interface RecordRow {
  readonly key: string
  readonly counter: number
  readonly definition: string | null
  readonly body: Buffer | null
}

/** Rows of sets and their records. Every call belongs inside a transaction of the caller's. */
export class SetTables {
  readonly #sets: Statement<[], SetRow>
  readonly #set: Statement<[string], SetRow>
  readonly #floor: Statement<[string], Pick<SetRow, 'floor'>>
  readonly #records: Statement<[string], RecordRow>
  readonly #putSet: Statement<[string, number, string, number, number, string]>
  readonly #putRecord: Statement<[string, string, number, string | null, Uint8Array | null]>
  readonly #clearRecords: Statement<[string]>
  readonly #clampCounters: Statement<[number, string, number]>
  readonly #forgetTombstones: Statement<[string, number]>
  readonly #dropSet: Statement<[string]>
  readonly #markForgotten: Statement<[string]> | undefined

  constructor(db: Database, prefix: SetTablePrefix) {
    const sets = `${prefix}_set`
    const records = `${prefix}_record`
    const forgotten = prefix === 'held' ? 'forgotten' : '0 as forgotten'
    const columns = `owner, epoch_number, epoch_tag, counter, floor, digest, ${forgotten}`
    this.#sets = db.prepare(`select ${columns} from ${sets}`)
    this.#set = db.prepare(`select ${columns} from ${sets} where owner = ?`)
    this.#floor = db.prepare(`select floor from ${sets} where owner = ?`)
    this.#records = db.prepare(
      `select key, counter, definition, body from ${records} where owner = ?`,
    )
    this.#putSet = db.prepare(
      `insert or replace into ${sets} (owner, epoch_number, epoch_tag, counter, floor, digest)
       values (?, ?, ?, ?, ?, ?)`,
    )
    this.#putRecord = db.prepare(
      `insert or replace into ${records} (owner, key, counter, definition, body)
       values (?, ?, ?, ?, ?)`,
    )
    this.#clearRecords = db.prepare(`delete from ${records} where owner = ?`)
    this.#clampCounters = db.prepare(
      `update ${records} set counter = ? where owner = ? and counter > ?`,
    )
    this.#forgetTombstones = db.prepare(
      `delete from ${records} where owner = ? and body is null and counter <= ?`,
    )
    this.#dropSet = db.prepare(`delete from ${sets} where owner = ?`)
    if (prefix === 'held') {
      this.#markForgotten = db.prepare(`update ${sets} set forgotten = 1 where owner = ?`)
    }
  }

  load(owner: OwnerId): StoredSet | undefined {
    const row = this.#set.get(owner)
    return row && this.#stored(row)
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
    for (const record of records) {
      const { key, definition = null, body } = record
      this.#putRecord.run(owner, key, record.counter, definition, body)
    }
    // It reads every record of the owner, which is worth it only when some of them may go.
    if (kind !== 'delta' || floor > before) this.#forgetTombstones.run(owner, floor)
  }

  /** The records go, the version stays. */
  forget(owner: OwnerId): void {
    this.#clearRecords.run(owner)
    this.#markForgotten?.run(owner)
  }

  drop(owner: OwnerId): void {
    this.#clearRecords.run(owner)
    this.#dropSet.run(owner)
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
      records: this.#records.all(row.owner).map(toRecord),
      ...(row.forgotten !== 0 && { forgotten: true }),
    }
  }
}

function toRecord({ key, counter, definition, body }: RecordRow): OwnerRecord {
  const record = { key, counter, body: body && plainBytes(body) }
  return definition === null ? record : { ...record, definition }
}
