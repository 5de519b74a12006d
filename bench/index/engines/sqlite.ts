import Database from 'better-sqlite3'
import type { Data, Row } from '../data.ts'
import { poolRows, RingPools, unusableBucket, wanted, zonesByRing, type Engine } from '../engine.ts'
import type { Question } from '../queries.ts'

type Statement = Database.Statement<unknown[], { row: number }>

/** In memory: no engine here pays for durability. */
function open(): Database.Database {
  const db = new Database(':memory:')
  db.pragma('journal_mode = OFF')
  db.pragma('synchronous = OFF')
  db.pragma('cache_size = -1000000')
  return db
}

/**
 * The layout that serves this order best: one row for each term of each row, clustered by (term,
 * zone, bucket, hash), so that the rows of a term in a zone lie in the order of the answer and a
 * second term is one probe of the same tree.
 */
export class SqliteCovering implements Engine {
  readonly name = 'SQLite, covering'
  readonly #db = open()
  readonly #rows: readonly Row[]
  readonly #termNumbers = new Map<string, number>()
  /** By term number. */
  readonly #counts: number[] = []
  readonly #statements = new Map<string, Statement>()
  readonly #pools = new RingPools()
  readonly #replace: (number: number) => void

  constructor(data: Data) {
    this.#rows = data.rows
    const db = this.#db
    db.exec(`
      CREATE TABLE terms (text TEXT PRIMARY KEY, term INTEGER) WITHOUT ROWID;
      CREATE TABLE rows (row INTEGER PRIMARY KEY, version INTEGER);
      CREATE TABLE postings (
        term INTEGER, zone INTEGER, bucket INTEGER, hash INTEGER, row INTEGER,
        PRIMARY KEY (term, zone, bucket, hash, row)
      ) WITHOUT ROWID;
    `)
    const addTerm = db.prepare('INSERT INTO terms VALUES (?, ?)')
    const addRow = db.prepare('INSERT INTO rows VALUES (?, ?)')
    const add = db.prepare('INSERT INTO postings VALUES (?, ?, ?, ?, ?)')
    const remove = db.prepare(
      'DELETE FROM postings WHERE term = ? AND zone = ? AND bucket = ? AND hash = ? AND row = ?',
    )
    const termNumber = (text: string) => {
      let term = this.#termNumbers.get(text)
      if (term === undefined) {
        term = this.#termNumbers.size
        this.#termNumbers.set(text, term)
        addTerm.run(text, BigInt(term))
      }
      return term
    }
    // Sorted first, as a tree is best filled.
    const postings: [number, number][] = []
    data.rows.forEach((row, number) => {
      for (const text of row.terms) {
        const term = termNumber(text)
        this.#counts[term] = (this.#counts[term] ?? 0) + 1
        postings.push([term, number])
      }
    })
    postings.sort(([a, m], [b, n]) => {
      const [one, other] = [data.rows[m] as Row, data.rows[n] as Row]
      return a - b || one.zone - other.zone || one.bucket - other.bucket || one.hash - other.hash
    })
    db.transaction(() => {
      data.rows.forEach((row, number) => addRow.run(BigInt(number), BigInt(row.version)))
      for (const [term, number] of postings) add.run(...this.#keys(term, number))
    })()
    db.exec('ANALYZE')
    this.#replace = db.transaction((number: number) => {
      for (const text of (data.rows[number] as Row).terms) {
        remove.run(...this.#keys(this.#termNumbers.get(text) as number, number))
      }
      for (const text of (data.rows[number] as Row).terms) {
        add.run(...this.#keys(this.#termNumbers.get(text) as number, number))
      }
    })
  }

  answer(question: Question): string[] {
    const pools = this.#pools
    const { from, versionMin, prefix } = question
    pools.begin(this.#rows, from)
    const names = (terms: readonly string[]) =>
      terms.map((term) => this.#termNumbers.get(term) ?? -1)
    // Every alternative is a question of its own: each is read in the order of the answer, and no
    // more than its best.
    const countOf = (term: number) => this.#counts[term] ?? 0
    const alternatives =
      question.any.length > 0
        ? names(question.any).map((term) => [term])
        : [names(question.all).sort((a, b) => countOf(a) - countOf(b))]
    let found = 0
    for (const ring of zonesByRing[from] as readonly (readonly number[])[]) {
      const seen = new Set<number>()
      for (const zone of ring) {
        const lists =
          prefix === undefined
            ? alternatives.map((all) => {
                const none = names(question.none)
                return this.#statement(all.length, none.length, versionMin !== undefined).all(
                  ...[
                    all[0] as number,
                    zone,
                    ...all.slice(1),
                    ...none,
                    ...(versionMin === undefined ? [] : [versionMin]),
                  ].map(BigInt),
                )
              })
            : [this.#prefixStatement().all(prefix, `${prefix}\u{10ffff}`, BigInt(zone))]
        for (const list of lists) {
          for (const { row } of list) {
            if (seen.has(row)) continue
            seen.add(row)
            pools.offer(this.#rows[row] as Row, row)
          }
        }
      }
      found += seen.size
      if (found >= wanted) break
    }
    return pools.answer()
  }

  replace(number: number): void {
    this.#replace(number)
  }

  close(): void {
    this.#db.close()
  }

  #keys(term: number, number: number): bigint[] {
    const { zone, bucket, hash } = this.#rows[number] as Row
    return [term, zone, bucket, hash, number].map(BigInt)
  }

  #statement(all: number, none: number, version: boolean): Statement {
    const key = `${all} ${none} ${version}`
    let statement = this.#statements.get(key)
    if (statement === undefined) {
      const same = (alias: string) =>
        `${alias}.zone = p0.zone AND ${alias}.bucket = p0.bucket AND ${alias}.hash = p0.hash AND ${alias}.row = p0.row`
      // The first term, the rarest, drives: the planner is not to choose another order.
      const joins = Array.from({ length: all - 1 }, (_, at) => {
        return `CROSS JOIN postings p${at + 1} ON p${at + 1}.term = ? AND ${same(`p${at + 1}`)}`
      })
      const without = Array.from({ length: none }, () => {
        return `AND NOT EXISTS (SELECT 1 FROM postings n WHERE n.term = ? AND ${same('n')})`
      })
      statement = this.#db.prepare(`
        WITH first AS (SELECT * FROM postings WHERE term = ? AND zone = ? AND bucket < ${unusableBucket})
        SELECT p0.row FROM first p0 ${joins.join(' ')}
        ${version ? 'CROSS JOIN rows ON rows.row = p0.row' : ''}
        WHERE 1 ${without.join(' ')}
        ${version ? 'AND rows.version >= ?' : ''}
        ORDER BY p0.bucket, p0.hash LIMIT ${poolRows}`)
      this.#statements.set(key, statement)
    }
    return statement
  }

  #prefixStatement(): Statement {
    let statement = this.#statements.get('prefix')
    if (statement === undefined) {
      statement = this.#db.prepare(`
        SELECT DISTINCT p.bucket, p.hash, p.row FROM terms t JOIN postings p ON p.term = t.term
        WHERE t.text >= ? AND t.text < ? AND p.zone = ? AND p.bucket < ${unusableBucket}
        ORDER BY p.bucket, p.hash LIMIT ${poolRows}`)
      this.#statements.set('prefix', statement)
    }
    return statement
  }
}

/** SQLite's own inverted index; terms are tokens, ranks are joined. */
export class SqliteFts implements Engine {
  readonly name = 'SQLite, FTS5'
  readonly #db = open()
  readonly #rows: readonly Row[]
  readonly #search: Statement
  readonly #replace: (number: number) => void
  readonly #pools = new RingPools()

  constructor(data: Data) {
    this.#rows = data.rows
    const db = this.#db
    db.exec(`
      CREATE TABLE rows (row INTEGER PRIMARY KEY, zone INTEGER, bucket INTEGER, hash INTEGER, version INTEGER);
      CREATE VIRTUAL TABLE terms USING fts5(
        body, content='', contentless_delete=1, detail=none, tokenize="unicode61 tokenchars ':._/-'");
      CREATE TABLE rings (asker INTEGER, zone INTEGER, ring INTEGER, PRIMARY KEY (asker, zone)) WITHOUT ROWID;
    `)
    const ring = db.prepare('INSERT INTO rings VALUES (?, ?, ?)')
    const addRow = db.prepare('INSERT INTO rows VALUES (?, ?, ?, ?, ?)')
    const add = db.prepare('INSERT INTO terms (rowid, body) VALUES (?, ?)')
    const remove = db.prepare('DELETE FROM terms WHERE rowid = ?')
    db.transaction(() => {
      zonesByRing.forEach((rings, asker) => {
        rings.forEach((inside, at) => inside.forEach((zone) => ring.run(asker, zone, at + 1)))
      })
      data.rows.forEach(({ zone, bucket, hash, version, terms }, number) => {
        addRow.run(...[number, zone, bucket, hash, version].map(BigInt))
        add.run(BigInt(number), terms.join(' '))
      })
    })()
    db.exec(`INSERT INTO terms(terms) VALUES ('optimize'); ANALYZE`)
    this.#search = db.prepare(`
      SELECT row FROM (
        SELECT r.row AS row, g.ring AS ring, ROW_NUMBER() OVER (PARTITION BY g.ring ORDER BY r.bucket, r.hash) AS place
        FROM terms t JOIN rows r ON r.row = t.rowid JOIN rings g ON g.asker = ? AND g.zone = r.zone
        WHERE terms MATCH ? AND r.bucket < ${unusableBucket} AND r.version >= ?
      ) WHERE place <= ${poolRows}`)
    this.#replace = db.transaction((number: number) => {
      remove.run(BigInt(number))
      add.run(BigInt(number), (data.rows[number] as Row).terms.join(' '))
    })
  }

  answer(question: Question): string[] {
    const pools = this.#pools
    pools.begin(this.#rows, question.from)
    const found = this.#search.all(
      BigInt(question.from),
      expression(question),
      BigInt(question.versionMin ?? 0),
    )
    for (const { row } of found) pools.offer(this.#rows[row] as Row, row)
    return pools.answer()
  }

  replace(number: number): void {
    this.#replace(number)
  }

  close(): void {
    this.#db.close()
  }
}

function expression({ all, any, none, prefix }: Question): string {
  const quoted = (terms: readonly string[]) => terms.map((term) => `"${term}"`)
  if (prefix !== undefined) return `"${prefix}"*`
  const positive = any.length > 0 ? quoted(any).join(' OR ') : quoted(all).join(' AND ')
  return none.length > 0 ? `(${positive}) NOT ${quoted(none).join(' NOT ')}` : positive
}
