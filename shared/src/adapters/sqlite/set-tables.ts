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

type RecordRow = readonly [
  key: string,
  counter: number,
  definition: string | null,
  /** In hexadecimal digits. */
  body: string | null,
]

/** Rows of one statement: with 20 a large set is written in half the time that single ones take. */
const rowsAtOnce = 20

/** Rows of sets and their records. Every call belongs inside a transaction of the caller's. */
export class SetTables {
  readonly #sets: Statement<[], SetRow>
  readonly #set: Statement<[string], SetRow>
  readonly #floor: Statement<[string], Pick<SetRow, 'floor'>>
  readonly #records: Statement<[string], RecordRow>
  readonly #putSet: Statement<[string, number, string, number, number, string]>
  readonly #putRecord: Statement<unknown[]>
  readonly #putRecords: Statement<unknown[]>
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
    // A blob becomes a buffer with memory of its own, 200,000 of which take longer to make and to
    // collect than all the rest; decoded from text, small ones lie together in the buffers' pool.
    this.#records = db
      .prepare<[string], RecordRow>(
        `select key, counter, definition, iif(body is null, null, hex(body))
         from ${records} where owner = ?`,
      )
      .raw()
    this.#putSet = db.prepare(
      `insert or replace into ${sets} (owner, epoch_number, epoch_tag, counter, floor, digest)
       values (?, ?, ?, ?, ?, ?)`,
    )
    const put = (rows: number) =>
      db.prepare<unknown[]>(
        `insert or replace into ${records} (owner, key, counter, definition, body)
         values ${Array.from({ length: rows }, () => '(?, ?, ?, ?, ?)').join(', ')}`,
      )
    this.#putRecord = put(1)
    this.#putRecords = put(rowsAtOnce)
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
    this.#put(owner, records)
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

  #put(owner: OwnerId, records: readonly OwnerRecord[]): void {
    const whole = records.length - (records.length % rowsAtOnce)
    // In the table's order a large set is written to each page once.
    const ordered = whole === 0 ? records : records.toSorted((a, b) => (a.key < b.key ? -1 : 1))
    const values: unknown[] = []
    for (const [at, { key, counter, definition = null, body }] of ordered.entries()) {
      values.push(owner, key, counter, definition, body)
      if (at < whole && values.length < rowsAtOnce * columnsOfRecord) continue
      ;(at < whole ? this.#putRecords : this.#putRecord).run(values)
      values.length = 0
    }
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
      records: toRecords(this.#records.all(row.owner)),
      ...(row.forgotten !== 0 && { forgotten: true }),
    }
  }
}

const columnsOfRecord = 5

function toRecords(rows: readonly RecordRow[]): OwnerRecord[] {
  // Many records name few definitions: each of those is one text.
  const definitions = new Map<string, string>()
  return rows.map(([key, counter, named, hex]) => {
    const body = hex === null ? null : plainBytes(Buffer.from(hex, 'hex'))
    if (named === null) return { key, counter, body }
    const definition = definitions.get(named) ?? named
    if (definition === named) definitions.set(named, named)
    return { key, counter, body, definition }
  })
}
