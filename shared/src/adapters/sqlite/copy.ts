import type { Database } from 'better-sqlite3'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { isMeridianError } from '../../errors.ts'
import { openDatabase, type DatabaseOptions } from './database.ts'

/**
 * Of copies: much comes at once, and is waited for by nobody. Definitions of 2.5 KB share a page then
 * (each has a page of 4 KB to itself), which saves an import 5 % of its processor time; pages of 16 KB
 * save nothing more, for ids are hashes, and each page of their index is written that one is added to.
 */
const copyPageBytes = 8_192

/**
 * Opens a database that holds nothing but copies of what others own. One that is damaged is set
 * aside as `<path>.damaged`, in place of one set aside before, and a new one is begun: its owners
 * fill it again, and until they have it is not taken for whole. Errors: those of `openDatabase`,
 * `data_damaged` only where the file cannot be set aside.
 */
export function openCopy(given: DatabaseOptions): Database {
  const options = { pageBytes: copyPageBytes, ...given }
  const { path, log } = options
  try {
    return openDatabase(options)
  } catch (error) {
    if (!isMeridianError(error, 'data_damaged') || !setAside(path)) throw error
    const aside = `${path}.damaged`
    log?.error({ err: error, path, aside }, 'damaged database set aside; its owners fill a new one')
    return openDatabase(options)
  }
}

function setAside(path: string): boolean {
  try {
    // The log first: without it the file is an older state, and with a new file it would be lost.
    for (const suffix of ['-wal', '']) {
      const aside = `${path}.damaged${suffix}`
      rmSync(aside, { force: true })
      if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, aside)
    }
    return true
  } catch {
    // The folder is read-only, or the like: the caller tells of the damage.
    return false
  }
}
