import Sqlite from 'better-sqlite3'
import { dirname } from 'node:path'
import { MeridianError, type ErrorCode } from '../../errors.ts'

/** What each family of SQLite's result codes is to us; the rest are faults of our own. */
const codes: readonly (readonly [prefix: string, code: ErrorCode])[] = [
  ['SQLITE_FULL', 'storage_full'],
  ['SQLITE_CORRUPT', 'data_damaged'],
  ['SQLITE_NOTADB', 'data_damaged'],
  ['SQLITE_BUSY', 'data_locked'],
  ['SQLITE_LOCKED', 'data_locked'],
  ['SQLITE_READONLY', 'data_unwritable'],
  ['SQLITE_CANTOPEN', 'data_unwritable'],
  ['SQLITE_PERM', 'data_unwritable'],
  ['SQLITE_IOERR', 'data_unwritable'],
]

/** Said of a damaged database when nobody knows better. */
const REFILLED_FROM_OWNERS = 'agents send again what it held'

/**
 * Runs `work`, and throws what the disk did to it as a `MeridianError`; everything else as it is.
 * Errors: `storage_full`, `data_damaged`, `data_locked`, `data_unwritable`.
 */
export function mapSqliteErrors<T>(work: () => T, path?: string): T {
  try {
    return work()
  } catch (error) {
    throw mapSqliteError(error, path)
  }
}

/** As `mapSqliteErrors`, for an error that has been caught already. */
export function mapSqliteError(error: unknown, path?: string): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error
  const code = codes.find(([prefix]) => error.code.startsWith(prefix))?.[1]
  if (code === undefined) return error
  return new MeridianError(code, sentenceOf(code, path, error), { cause: error })
}

/** `finding` is what is wrong with it, `ifLost` how its content comes back. */
export function damagedError(
  path: string,
  finding: string,
  ifLost: string = REFILLED_FROM_OWNERS,
  cause?: unknown,
): MeridianError {
  return new MeridianError(
    'data_damaged',
    `the database ${path} is damaged (${finding}): move it away, together with ${path}-wal if ` +
      `there is one, and start again; ${ifLost}`,
    cause === undefined ? {} : { cause },
  )
}

function sentenceOf(code: ErrorCode, path: string | undefined, error: Error): string {
  const database = path === undefined ? 'the database' : `the database ${path}`
  switch (code) {
    case 'storage_full':
      return `the disk of ${database} is full: nothing was kept; make room and try again`
    case 'data_locked':
      return (
        `${database} is held by another process: end that one first, or give this one a data ` +
        'folder of its own'
      )
    case 'data_unwritable':
      return path === undefined
        ? `${database} cannot be written (${error.message})`
        : `the data folder ${dirname(path)} cannot be written (${error.message}): give this ` +
            'user the right to, or choose another folder'
    default:
      return path === undefined
        ? `${database} is damaged (${error.message})`
        : damagedError(path, error.message).message
  }
}
