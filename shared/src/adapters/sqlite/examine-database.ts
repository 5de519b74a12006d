import Sqlite from 'better-sqlite3'
import { existsSync, readdirSync } from 'node:fs'
import { isMeridianError } from '../../errors.ts'
import { damagedError, mapSqliteError } from './errors.ts'

export type DatabaseExamination =
  /** Not there yet: the first start makes it. */
  | { readonly kind: 'absent' }
  /** A program has it, and has checked it when it started. */
  | { readonly kind: 'held' }
  | { readonly kind: 'free'; readonly version: number; readonly newest: number }

/**
 * Looks at a database without changing what is in it. Errors: `data_damaged`, `data_unwritable`.
 */
export function examineDatabase(path: string, migrationsDir: string): DatabaseExamination {
  if (!existsSync(path)) return { kind: 'absent' }
  let db: Sqlite.Database | undefined
  try {
    db = new Sqlite(path, { timeout: 0, fileMustExist: true })
    // As the program that owns it does: so no file of shared memory is made beside it.
    db.pragma('locking_mode = exclusive')
    db.exec('begin exclusive; commit')
    const finding = db.pragma('quick_check(1)', { simple: true })
    if (finding !== 'ok') throw damagedError(path, String(finding).replaceAll(/\s+/g, ' '))
    const newest = readdirSync(migrationsDir).filter((name) => name.endsWith('.sql')).length
    return { kind: 'free', version: db.pragma('user_version', { simple: true }) as number, newest }
  } catch (error) {
    const mapped = mapSqliteError(error, path)
    if (isMeridianError(mapped, 'data_locked')) return { kind: 'held' }
    throw mapped
  } finally {
    db?.close()
  }
}
