import Sqlite, { type Database } from 'better-sqlite3'
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { MeridianError } from '../../errors.ts'
import type { Log, Millis } from '../../ports/index.ts'
import { damagedError, mapSqliteError } from './errors.ts'
import { migrate } from './migrations.ts'

/** Ending takes a predecessor a fraction of this; who holds on longer is not about to end. */
const LOCK_WAIT_MS = 2_000

/** The write-ahead log is cut back to this after a burst: 4 times what is checkpointed at once, of a copy twice. */
const WAL_BYTES_KEPT_MAX = 64 * 1_048_576

/**
 * How much is written to the log before it is carried over, blocking: 16 MB at a time instead of 4
 * take a third less time for the 100,000 instances of a copy, and of an agent's single registrations
 * (7 pages each) one in 600 waits for it, not one in 140. (Of a copy, whose pages are larger, 32 MB.)
 */
const CHECKPOINT_PAGES = 4_000

export interface DatabaseOptions {
  /** The file; its folder is made if need be. `:memory:` is for tests. */
  readonly path: string
  /** Folder of `001-init.sql`, `002-….sql`, … */
  readonly migrationsDir: string
  /**
   * What a power cut leaves. `full`: every commit that returned. `normal`: a consistent earlier
   * state. A process that dies loses no commit in either.
   */
  readonly durability: 'full' | 'normal'
  /** How the content of a damaged database comes back, as the end of a sentence. */
  readonly ifLost?: string
  /** Of the pages of a file that is new: 4 KB, SQLite's own, unless given. */
  readonly pageBytes?: number
  /** How large the file may become, beside its log: beyond, writes fail with `storage_full`. */
  readonly bytesMax?: number | undefined
  /** How long to wait for whoever holds it, blocking; for a predecessor that is about to end. */
  readonly lockWaitMs?: Millis
  readonly log?: Log
}

/**
 * Opens a database, alone: as long as it is open no other connection, of this process or another,
 * can read or write it. That is SQLite's own exclusive locking mode: the lock is the kernel's, on
 * the file itself, so it cannot be left behind by a process that was killed, as a lock file could,
 * nor protect the wrong file. It also spares the shared-memory file that WAL would need. (Never
 * open the file by other means in the same process: closing it drops POSIX locks.)
 *
 * The whole file is checked, not only after an unclean end: that takes 40 ms for 80 MB (100,000
 * instances), reads what the caller is about to read anyway, and also finds what a disk or a copy
 * has done to a file that was closed well.
 *
 * Errors: `data_unwritable`, `data_locked`, `data_damaged`, `data_newer`, `storage_full`, each with
 * the path and what to do.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { path } = options
  const inMemory = path === ':memory:'
  if (!inMemory) {
    makeFolder(dirname(path))
    keepPrivate(path, options.log)
  }
  // A clean close removes it.
  const endedUncleanly = existsSync(`${path}-wal`)
  const db = connect(path, options.lockWaitMs ?? LOCK_WAIT_MS)
  try {
    // Before anything is written; a file that is there keeps its own.
    if (options.pageBytes !== undefined) db.pragma(`page_size = ${options.pageBytes}`)
    if (!inMemory) takeLock(db)
    configure(db, options)
    check(db, options)
    const ran = migrate(db, options.migrationsDir)
    // Not before: a migration may have to rebuild a table that others refer to.
    db.pragma('foreign_keys = on')
    options.log?.info({ path, endedUncleanly, migrations: ran }, 'database open')
    return db
  } catch (error) {
    db.close()
    throw explain(error, options)
  }
}

/** For its owner only. Errors: `data_unwritable`. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError(
      'data_unwritable',
      `the data folder ${folder} cannot be made (${reason}): give this user the right to, or ` +
        'choose another folder',
      { cause },
    )
  }
}

/**
 * For its owner only: the environment of commands stands in it in clear. SQLite gives its log the
 * mode of the database.
 */
function keepPrivate(path: string, log: Log | undefined): void {
  for (const file of [path, `${path}-wal`]) {
    const mode = statSync(file, { throwIfNoEntry: false })?.mode
    if (mode === undefined || (mode & 0o077) === 0) continue
    try {
      chmodSync(file, 0o600)
    } catch (err) {
      log?.warn({ err, path: file }, 'file stays readable by others')
    }
  }
  try {
    // Made here, for SQLite would make it readable by all.
    closeSync(openSync(path, 'wx', 0o600))
  } catch {
    // It is there already, or cannot be made: opening it tells.
  }
}

function connect(path: string, timeout: Millis): Database {
  try {
    return new Sqlite(path, { timeout })
  } catch (error) {
    throw mapSqliteError(error, path)
  }
}

function takeLock(db: Database): void {
  // Before anything else touches the file: WAL entered in this mode needs no shared memory.
  db.pragma('locking_mode = exclusive')
  const mode = db.pragma('journal_mode = wal', { simple: true })
  if (mode !== 'wal')
    throw new Error(`the database ${db.name} stays in journal mode ${String(mode)}`)
  // The mode takes locks only as they are needed. This needs them all, and keeps them.
  db.exec('begin exclusive; commit')
}

function configure(db: Database, { durability, bytesMax }: DatabaseOptions): void {
  db.pragma(`synchronous = ${durability}`)
  db.pragma(`journal_size_limit = ${WAL_BYTES_KEPT_MAX}`)
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  if (bytesMax !== undefined) {
    const pageBytes = db.pragma('page_size', { simple: true }) as number
    db.pragma(`max_page_count = ${Math.ceil(bytesMax / pageBytes)}`)
  }
  // Notices many a torn or foreign page as it is read.
  db.pragma('cell_size_check = on')
}

function check(db: Database, { path, ifLost }: DatabaseOptions): void {
  const finding = db.pragma('quick_check(1)', { simple: true })
  if (finding !== 'ok') throw damagedError(path, String(finding).replaceAll(/\s+/g, ' '), ifLost)
}

function explain(error: unknown, { path, ifLost }: DatabaseOptions): unknown {
  const mapped = mapSqliteError(error, path)
  if (!(mapped instanceof MeridianError) || mapped.code !== 'data_damaged') return mapped
  if (mapped === error) return error
  const reason = error instanceof Error ? error.message : String(error)
  return damagedError(path, reason, ifLost, error)
}
