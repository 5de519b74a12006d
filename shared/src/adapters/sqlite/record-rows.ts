import type { Database, Statement } from 'better-sqlite3'
import type { OwnerId } from '../../model/index.ts'
import type { OwnerRecord } from '../../replication/index.ts'
import { plainBytes } from './plain-bytes.ts'

/** Rows of one statement: with 20 a large set is written in half the time that single ones take. */
const rowsAtOnce = 20
const columnsOfRecord = 5

type RecordTable = 'owned_record' | 'held_record'

/** Writes records into a table, many with one statement. */
export class RecordWriter {
  readonly #one: Statement<unknown[]>
  readonly #several: Statement<unknown[]>

  /** `insert` says what becomes of a row that is there already. */
  constructor(db: Database, insert: 'insert' | 'insert or replace', table: RecordTable) {
    const put = (rows: number) =>
      db.prepare<unknown[]>(
        `${insert} into ${table} (owner, key, counter, definition, body)
         values ${Array.from({ length: rows }, () => '(?, ?, ?, ?, ?)').join(', ')}`,
      )
    this.#one = put(1)
    this.#several = put(rowsAtOnce)
  }

  write(owner: OwnerId, records: readonly OwnerRecord[]): void {
    const whole = records.length - (records.length % rowsAtOnce)
    const values: unknown[] = []
    for (const [at, { key, counter, definition = null, body }] of records.entries()) {
      values.push(owner, key, counter, definition, body)
      if (at < whole && values.length < rowsAtOnce * columnsOfRecord) continue
      ;(at < whole ? this.#several : this.#one).run(values)
      values.length = 0
    }
  }
}

type RecordRow = readonly [
  key: string,
  counter: number,
  definition: string | null,
  /** In hexadecimal digits. */
  body: string | null,
]

/** An owner's records, in the order of the table. */
export class RecordReader {
  readonly #rows: Statement<[string], RecordRow>

  constructor(db: Database, table: RecordTable) {
    // A blob becomes a buffer with memory of its own, 200,000 of which take longer to make and to
    // collect than all the rest; decoded from text, small ones lie together in the buffers' pool.
    this.#rows = db
      .prepare<[string], RecordRow>(
        `select key, counter, definition, iif(body is null, null, hex(body))
         from ${table} where owner = ?`,
      )
      .raw()
  }

  read(owner: OwnerId): OwnerRecord[] {
    // Many records name few definitions: each of those is one text.
    const definitions = new Map<string, string>()
    return this.#rows.all(owner).map(([key, counter, named, hex]) => {
      const body = hex === null ? null : plainBytes(Buffer.from(hex, 'hex'))
      if (named === null) return { key, counter, body }
      const definition = definitions.get(named) ?? named
      if (definition === named) definitions.set(named, named)
      return { key, counter, body, definition }
    })
  }
}
