import type { Database } from 'better-sqlite3'
import { spawn, type ChildProcess } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openCopy } from './copy.ts'
import { openDatabase, type DatabaseOptions } from './database.ts'
import { mapSqliteErrors } from './errors.ts'

let folder: string
let migrationsDir: string
let path: string
const opened: Database[] = []
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-database-'))
  migrationsDir = join(folder, 'migrations')
  path = join(folder, 'data', 'agent.db')
  mkdirSync(migrationsDir)
  migration(
    '001-init.sql',
    'create table parent (id integer primary key); create table note (text text not null, parent integer references parent (id))',
  )
})

afterEach(async () => {
  for (const db of opened.splice(0)) db.close()
  for (const child of children.splice(0)) await killed(child)
  rmSync(folder, { recursive: true })
})

function migration(name: string, sql: string): void {
  writeFileSync(join(migrationsDir, name), sql)
}

function open(options: Partial<DatabaseOptions> = {}): Database {
  const db = openDatabase({ path, migrationsDir, durability: 'full', lockWaitMs: 0, ...options })
  opened.push(db)
  return db
}

function failure(options: Partial<DatabaseOptions> = {}): { code?: string; message: string } {
  try {
    open(options)
  } catch (error) {
    return error as Error
  }
  throw new Error('the database opened')
}

function notes(db: Database): unknown[] {
  return db.prepare('select text from note order by text').pluck().all()
}

function note(db: Database, text: string): void {
  db.prepare('insert into note (text) values (?)').run(text)
}

/** Runs lines of TypeScript in a process of its own, `db` being the database, opened there. */
async function inAnotherProcess(
  lines: string,
  { uid }: { uid?: number } = {},
): Promise<{ child: ChildProcess; firstLine: string }> {
  const script = `
    import { openDatabase } from ${JSON.stringify(new URL('database.ts', import.meta.url).href)}
    try {
      const db = openDatabase(${JSON.stringify({ path, migrationsDir, durability: 'full' })})
      ${lines}
    } catch (error) {
      console.log(error.code)
    }`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid }),
  })
  children.push(child)
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return { child, firstLine: line.trim() }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

it('makes the folder, keeps what was written, and leaves one file behind when closed', () => {
  const db = open()
  note(db, 'kept')
  db.close()
  expect(existsSync(`${path}-wal`)).toBe(false)
  expect(notes(open())).toEqual(['kept'])
})

it.each([
  ['full', 2],
  ['normal', 1],
] as const)(
  'waits for the disk at each commit as far as %s durability asks',
  (durability, level) => {
    expect(open({ durability }).pragma('synchronous', { simple: true })).toBe(level)
  },
)

it('holds foreign keys to be true', () => {
  const db = open()
  expect(() => db.exec("insert into note values ('orphan', 7)")).toThrow('FOREIGN KEY')
})

it('opens a database in memory, with its tables', () => {
  const db = open({ path: ':memory:' })
  note(db, 'there')
  expect(notes(db)).toEqual(['there'])
})

it('runs each migration once, also those that come later', () => {
  note(open(), 'from version 1')
  opened.pop()!.close()
  migration('002-mark.sql', "insert into note (text) values ('from migration 2')")
  for (let start = 0; start < 2; start++) {
    const db = open()
    expect(notes(db)).toEqual(['from migration 2', 'from version 1'])
    expect(db.pragma('user_version', { simple: true })).toBe(2)
    db.close()
  }
})

it('keeps nothing of a migration that fails, and goes on from there when it is mended', () => {
  migration(
    '002-two-steps.sql',
    "insert into note (text) values ('half'); insert into nowhere values (1)",
  )
  expect(failure().message).toContain('no such table: nowhere')
  migration('002-two-steps.sql', "insert into note (text) values ('mended')")
  expect(notes(open())).toEqual(['mended'])
})

it.each([
  ['003-gap.sql', 'select 1', 'should be number 2'],
  ['second.sql', 'select 1', 'should be number 2'],
  ['002-commits.sql', 'commit', 'ends the transaction'],
])('refuses a migration %s that says %s', (name, sql, problem) => {
  migration(name, sql)
  expect(failure().message).toContain(problem)
})

it('refuses a database that a newer program has migrated, and leaves it as it is', () => {
  migration('002-newer.sql', "insert into note (text) values ('newer')")
  open()
  opened.pop()!.close()
  rmSync(join(migrationsDir, '002-newer.sql'))
  expect(failure()).toMatchObject({
    code: 'data_newer',
    message: expect.stringContaining(`${path} has version 2 and this Meridian knows 1`) as string,
  })
  migration('002-newer.sql', '')
  expect(notes(open())).toEqual(['newer'])
})

it('refuses a second opening in the same process, naming the file', () => {
  open()
  expect(failure()).toMatchObject({
    code: 'data_locked',
    message: expect.stringContaining(path) as string,
  })
})

it('refuses a database that another process holds, and takes it over, with all it committed, once that is killed', async () => {
  const { child, firstLine } = await inAnotherProcess(`
    db.prepare('insert into note (text) values (?)').run('committed')
    db.exec("begin; insert into note (text) values ('not committed')")
    console.log('open')
    setInterval(() => {}, 1000)`)
  expect(firstLine).toBe('open')
  expect(failure()).toMatchObject({
    code: 'data_locked',
    message: expect.stringContaining(path) as string,
  })
  await killed(child)
  expect(existsSync(`${path}-wal`)).toBe(true)
  expect(notes(open())).toEqual(['committed'])
})

it.each([
  ['a page in the middle', (bytes: Buffer) => bytes.fill(0xa5, 3 * 4_096, 4 * 4_096)],
  ['the header', (bytes: Buffer) => bytes.fill(0xa5, 0, 100)],
  ['the second half, missing', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
])('refuses a damaged database at every start, and says what to move away: %s', (_, damage) => {
  const db = open()
  for (let index = 0; index < 500; index++) note(db, 'x'.repeat(100))
  db.close()
  writeFileSync(path, damage(readFileSync(path)))
  for (let start = 0; start < 2; start++) {
    expect(failure({ ifLost: 'servers register again' })).toMatchObject({
      code: 'data_damaged',
      message: expect.stringMatching(
        new RegExp(`database ${path} is damaged .*move it away.*servers register again`),
      ) as string,
    })
  }
  rmSync(path)
  rmSync(`${path}-wal`, { force: true })
  expect(notes(open())).toEqual([])
})

it('refuses damage that lies under the write-ahead log of a killed process', async () => {
  const { child } = await inAnotherProcess(`
    for (let index = 0; index < 500; index++) {
      db.prepare('insert into note (text) values (?)').run('x'.repeat(100))
    }
    db.pragma('wal_checkpoint(truncate)')
    db.prepare('insert into note (text) values (?)').run('in the log')
    console.log('open')
    setInterval(() => {}, 1000)`)
  await killed(child)
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0)
  writeFileSync(path, readFileSync(path).fill(0xa5, 3 * 4_096, 4 * 4_096))
  expect(failure().code).toBe('data_damaged')
})

it('loses only the commits whose log was torn off', async () => {
  const { child } = await inAnotherProcess(`
    db.pragma('wal_checkpoint(truncate)')
    for (const text of ['first', 'second']) {
      db.prepare('insert into note (text) values (?)').run(text)
    }
    console.log('open')
    setInterval(() => {}, 1000)`)
  await killed(child)
  const log = readFileSync(`${path}-wal`)
  writeFileSync(`${path}-wal`, log.subarray(0, log.length - 100))
  expect(notes(open())).toEqual(['first'])
})

it('says that a folder below a file cannot be made', () => {
  writeFileSync(join(folder, 'file'), '')
  expect(failure({ path: join(folder, 'file', 'data', 'agent.db') })).toMatchObject({
    code: 'data_unwritable',
    message: expect.stringContaining(join(folder, 'file', 'data')) as string,
  })
})

it('says that a folder cannot be written when the database is a folder itself', () => {
  mkdirSync(path, { recursive: true })
  expect(failure()).toMatchObject({
    code: 'data_unwritable',
    message: expect.stringContaining(`folder ${join(folder, 'data')} `) as string,
  })
})

it('says that a read-only folder cannot be written, whether the database is there or not', async () => {
  // Root may write anywhere, so that root tries as nobody.
  const user = process.getuid?.() === 0 ? { uid: 65_534 } : {}
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'data'))
  chmodSync(join(folder, 'data'), 0o555)
  expect((await inAnotherProcess('', user)).firstLine).toBe('data_unwritable')
  chmodSync(join(folder, 'data'), 0o755)
  open().close()
  chmodSync(path, 0o444)
  chmodSync(join(folder, 'data'), 0o555)
  expect((await inAnotherProcess('', user)).firstLine).toBe('data_unwritable')
  chmodSync(join(folder, 'data'), 0o755)
})

it('calls a full disk storage_full, and keeps nothing of what did not fit', () => {
  const db = open()
  note(db, 'before')
  db.pragma('max_page_count = 8')
  const fill = db.transaction(() => {
    for (let index = 0; index < 100; index++) note(db, 'x'.repeat(4_096))
  })
  expect(() => mapSqliteErrors(fill, path)).toThrow(
    expect.objectContaining({ code: 'storage_full' }) as Error,
  )
  expect(notes(db)).toEqual(['before'])
  note(db, 'still works')
})

it('calls a full disk storage_full at start, too', () => {
  migration(
    '002-large.sql',
    'pragma max_page_count = 4; create table large as select randomblob(100000)',
  )
  expect(failure()).toMatchObject({ code: 'storage_full' })
})

it('passes on what is a fault of the caller, not of the disk', () => {
  const db = open()
  expect(() => mapSqliteErrors(() => db.exec('insert into note values (null, null)'))).toThrow(
    expect.objectContaining({ code: 'SQLITE_CONSTRAINT_NOTNULL' }) as Error,
  )
})

it.each(['agent', 'registry'])('opens with the migrations of the %s', (name) => {
  const own = fileURLToPath(new URL(`../../../../migrations/${name}`, import.meta.url))
  open({ migrationsDir: own }).close()
  copyFileSync(path, `${path}.copy`)
  expect(
    open({ migrationsDir: own, path: `${path}.copy` }).pragma('user_version', { simple: true }),
  ).not.toBe(0)
})

it('gives a new copy larger pages, and leaves one that is there as it is', () => {
  const pageBytes = (name: string) => {
    const db = openCopy({ path: join(folder, name), migrationsDir, durability: 'normal' })
    opened.push(db)
    return db.pragma('page_size', { simple: true })
  }
  const before = open({ path: join(folder, 'before.db') })
  before.exec(`insert into note values ('kept', null)`)
  before.close()
  expect(pageBytes('new.db')).toBe(8_192)
  expect(pageBytes('before.db')).toBe(4_096)
  expect(opened.at(-1)?.prepare('select text from note').pluck().get()).toBe('kept')
})
