import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import type { Data, Row } from '../data.ts'
import { poolRows, RingPools, unusableBucket, wanted, zonesByRing, type Engine } from '../engine.ts'
import type { Question } from '../queries.ts'
import { connected, cpuMicrosOf, serverFolder, serverUser, startServer } from '../server-process.ts'
import { termsBetween } from '../terms-between.ts'

/** PostgreSQL over a Unix socket, nothing made durable, in the two layouts that serve best. */
export async function startPostgres(data: Data, initdb: string): Promise<Engine[]> {
  const socketDir = serverFolder('postgres')
  const dataDir = join(socketDir, 'data')
  const init = [
    '-D',
    dataDir,
    '-U',
    'bench',
    '--auth=trust',
    '--no-sync',
    '--no-locale',
    '-E',
    'UTF8',
  ]
  execFileSync(initdb, init, { ...serverUser, stdio: 'ignore' })
  const settings = {
    listen_addresses: '',
    unix_socket_directories: socketDir,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    shared_buffers: '1GB',
    max_wal_size: '8GB',
    jit: 'off',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = startServer(join(dirname(initdb), 'postgres'), ['-D', dataDir, ...options])
  const client = await connected(server, async () => {
    const made = new Client({ host: socketDir, user: 'bench', database: 'postgres' })
    await made.connect()
    return made
  })
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const pid = rows[0]?.pid ?? 0
  const tables = await Tables.create(client, data)
  const close = async () => {
    await client.end()
    server.kill('SIGINT')
    await once(server, 'exit')
  }
  const foreignCpuMicros = () => cpuMicrosOf(pid)
  return [
    {
      name: 'PostgreSQL, covering',
      answer: (question) => tables.answerByOrder(question),
      foreignCpuMicros,
      close,
    },
    {
      name: 'PostgreSQL, GIN',
      answer: (question) => tables.answerByArrays(question),
      foreignCpuMicros,
    },
  ]
}

class Tables {
  readonly #client: Client
  readonly #rows: readonly Row[]
  readonly #terms: ReadonlyMap<string, number>
  readonly #counts: readonly number[]
  readonly #sorted: readonly string[]
  readonly #pools = new RingPools()

  private constructor(
    client: Client,
    rows: readonly Row[],
    terms: Map<string, number>,
    counts: number[],
  ) {
    this.#client = client
    this.#rows = rows
    this.#terms = terms
    this.#counts = counts
    this.#sorted = [...terms.keys()].sort()
  }

  static async create(client: Client, { rows }: Data): Promise<Tables> {
    await client.query(`
      CREATE TABLE postings (term int, zone int, bucket int, hash bigint, row int);
      CREATE TABLE rows (row int PRIMARY KEY, zone int, bucket int, hash bigint, version bigint, terms int[]);
      CREATE TABLE rings (asker int, zone int, ring int, PRIMARY KEY (asker, zone));
    `)
    const terms = new Map<string, number>()
    const counts: number[] = []
    const numbersOf = (row: Row) =>
      row.terms.map((text) => {
        const number = terms.get(text) ?? terms.size
        terms.set(text, number)
        counts[number] = (counts[number] ?? 0) + 1
        return number
      })
    for (let from = 0; from < rows.length; from += rowsAtOnce) {
      const part = rows.slice(from, from + rowsAtOnce)
      const numbers = part.map(numbersOf)
      const each = (pick: (row: Row) => number) => part.map(pick)
      await client.query(
        `INSERT INTO rows SELECT row, zone, bucket, hash, version, string_to_array(terms, ' ')::int[]
         FROM unnest($1::int[], $2::int[], $3::int[], $4::bigint[], $5::bigint[], $6::text[])
           AS u(row, zone, bucket, hash, version, terms)`,
        [
          part.map((_, at) => from + at),
          each(({ zone }) => zone),
          each(({ bucket }) => bucket),
          each(({ hash }) => hash),
          each(({ version }) => version),
          numbers.map((list) => list.join(' ')),
        ],
      )
    }
    for (const [asker, rings] of zonesByRing.entries()) {
      for (const [ring, inside] of rings.entries()) {
        for (const zone of inside) {
          await client.query('INSERT INTO rings VALUES ($1, $2, $3)', [asker, zone, ring])
        }
      }
    }
    await client.query(`
      INSERT INTO postings SELECT unnest(terms), zone, bucket, hash, row FROM rows
        WHERE bucket < ${unusableBucket};
      ALTER TABLE postings ADD PRIMARY KEY (term, zone, bucket, hash, row);
      CREATE INDEX ON rows USING gin (terms) WITH (fastupdate = off);
    `)
    // Reads the index alone once the visibility map says that it may.
    await client.query('VACUUM ANALYZE postings')
    await client.query('VACUUM ANALYZE rows')
    return new Tables(client, rows, terms, counts)
  }

  /** Ring by ring: in each zone the best rows off the beginning of the first term's. */
  async answerByOrder(question: Question): Promise<string[]> {
    const pools = this.#pools
    const { any, prefix, from, versionMin } = question
    pools.begin(this.#rows, from)
    const lists =
      prefix === undefined
        ? any.length > 0
          ? any.map((term) => [term])
          : [this.#rarestFirst(question.all)]
        : termsBetween(this.#sorted, prefix).map((term) => [term])
    let found = 0
    for (const zones of zonesByRing[from] as readonly (readonly number[])[]) {
      const seen = new Set<number>()
      const given = (terms: readonly string[]) => this.#numbers(terms)
      for (const row of prefix === undefined && any.length === 0
        ? await this.#ask(
            ordered(question.all.length, question.none.length, versionMin !== undefined),
            [
              zones,
              ...given([...(lists[0] ?? []), ...question.none]),
              ...(versionMin === undefined ? [] : [versionMin]),
            ],
          )
        : await this.#ask(union, [zones, given(lists.flat())])) {
        if (seen.has(row)) continue
        seen.add(row)
        pools.offer(this.#rows[row] as Row, row)
      }
      found += seen.size
      if (found >= wanted) break
    }
    return pools.answer()
  }

  /** All rows that match, by the inverted index, and the best of each ring of those. */
  async answerByArrays(question: Question): Promise<string[]> {
    const pools = this.#pools
    const { all, any, none, prefix, from, versionMin } = question
    pools.begin(this.#rows, from)
    const alternatives = prefix === undefined ? any : termsBetween(this.#sorted, prefix)
    const sql = byArrays(alternatives.length > 0 ? '&&' : '@>', none.length > 0)
    const wantedTerms = this.#numbers(alternatives.length > 0 ? alternatives : all)
    const values = [from, versionMin ?? 0, wantedTerms]
    const rows = await this.#ask(sql, none.length > 0 ? [...values, this.#numbers(none)] : values)
    for (const row of rows) pools.offer(this.#rows[row] as Row, row)
    return pools.answer()
  }

  /** `sql` is prepared when it is first asked. */
  async #ask(sql: string, values: readonly unknown[]): Promise<number[]> {
    let name = statementNames.get(sql)
    if (name === undefined) {
      name = `s${statementNames.size}`
      statementNames.set(sql, name)
    }
    const result = await this.#client.query<number[]>({
      name,
      text: sql,
      values: [...values],
      rowMode: 'array',
    })
    return result.rows.map(([row]) => row as number)
  }

  #numbers(terms: readonly string[]): number[] {
    return terms.map((term) => this.#terms.get(term) ?? -1)
  }

  #rarestFirst(terms: readonly string[]): string[] {
    const countOf = (term: string) => this.#counts[this.#terms.get(term) ?? -1] ?? 0
    return terms.toSorted((a, b) => countOf(a) - countOf(b))
  }
}

const rowsAtOnce = 20_000
const statementNames = new Map<string, string>()

function ordered(all: number, none: number, version: boolean): string {
  // OFFSET keeps each probe a probe: joined, they would be read whole and sorted.
  const same = (alias: string) =>
    ['zone', 'bucket', 'hash', 'row'].map((key) => `${alias}.${key} = p.${key}`).join(' AND ')
  let next = 2
  const exists = (not: string) => {
    next += 1
    return `AND ${not} EXISTS (SELECT 1 FROM postings o WHERE o.term = $${next} AND ${same('o')} OFFSET 0)`
  }
  const others = Array.from({ length: all - 1 }, () => exists(''))
  const without = Array.from({ length: none }, () => exists('NOT'))
  const versions = version
    ? `AND EXISTS (SELECT 1 FROM rows r WHERE r.row = p.row AND r.version >= $${next + 1} OFFSET 0)`
    : ''
  return `
    SELECT best.row FROM unnest($1::int[]) AS z(zone) CROSS JOIN LATERAL (
      SELECT p.row FROM postings p WHERE p.term = $2 AND p.zone = z.zone
      ${[...others, ...without, versions].join(' ')}
      ORDER BY p.bucket, p.hash LIMIT ${poolRows}) best`
}

const union = `
  SELECT best.row FROM unnest($1::int[]) AS z(zone) CROSS JOIN unnest($2::int[]) AS t(term)
  CROSS JOIN LATERAL (
    SELECT p.row FROM postings p WHERE p.term = t.term AND p.zone = z.zone
    ORDER BY p.bucket, p.hash LIMIT ${poolRows}) best`

function byArrays(operator: '@>' | '&&', none: boolean): string {
  return `
    SELECT row FROM (
      SELECT r.row, ROW_NUMBER() OVER (PARTITION BY g.ring ORDER BY r.bucket, r.hash) AS place
      FROM rows r JOIN rings g ON g.asker = $1 AND g.zone = r.zone
      WHERE r.terms ${operator} $3::int[] AND r.bucket < ${unusableBucket} AND r.version >= $2
        ${none ? 'AND NOT r.terms && $4::int[]' : ''}
    ) best WHERE place <= ${poolRows}`
}
