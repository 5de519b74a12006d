import { MeridianError } from '@meridian/shared'
import { examineDatabase, openDatabase } from '@meridian/shared/sqlite'
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'

export interface RestoreOptions {
  /** The file of a snapshot. */
  readonly from: string
  /** Of the registry, which must not run. */
  readonly dataDir: string
  /** Folder of the migrations' folders. */
  readonly migrationsDir: string
}

export interface Restored {
  /** Where the database that was there is now; absent where there was none. */
  readonly setAside: string | undefined
}

/**
 * Puts a snapshot in the place of a registry's database, which is set aside, in place of one set
 * aside before. Whatever the registry owns begins a new epoch when it starts; what it holds of
 * others it compares with them, so that nothing old is shown for long and nothing newer is lost.
 * Errors: `data_damaged` for a file that is no whole database of a registry, `data_newer`,
 * `data_locked` while a registry runs on the folder, `data_unwritable`, `not_found`.
 */
export function restoreSnapshot({ from, dataDir, migrationsDir }: RestoreOptions): Restored {
  const migrations = join(migrationsDir, 'registry')
  const target = join(dataDir, 'registry.db')
  const incoming = `${target}.incoming`
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    if (!existsSync(from)) {
      throw new MeridianError('not_found', `there is no file ${from}`)
    }
    refuseRunning(target, migrations)
    // On the same disk, so that it takes its place in one step.
    rmSync(incoming, { force: true })
    copyFileSync(from, incoming, constants.COPYFILE_EXCL)
    chmodSync(incoming, 0o600)
    // Checks all of it, and brings an older one up to date.
    openDatabase({ path: incoming, migrationsDir: migrations, durability: 'full' }).close()
    return { setAside: swap(incoming, target) }
  } catch (error) {
    for (const suffix of ['', '-wal']) rmSync(`${incoming}${suffix}`, { force: true })
    if (error instanceof MeridianError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new MeridianError('data_unwritable', `${from} cannot be put into ${dataDir}: ${reason}`, {
      cause: error,
    })
  }
}

/** One that is damaged may be replaced; one that is held may not. */
function refuseRunning(target: string, migrations: string): void {
  try {
    if (examineDatabase(target, migrations).kind !== 'held') return
  } catch (error) {
    if (error instanceof MeridianError && error.code === 'data_damaged') return
    throw error
  }
  throw new MeridianError(
    'data_locked',
    `a registry runs on ${target}: end it before its database is replaced`,
  )
}

function swap(incoming: string, target: string): string | undefined {
  const aside = `${target}.before-restore`
  const hadOne = existsSync(target)
  // The log goes with its file: beside another one it would be taken for that one's.
  for (const suffix of ['-wal', '']) {
    rmSync(`${aside}${suffix}`, { force: true })
    if (existsSync(`${target}${suffix}`)) renameSync(`${target}${suffix}`, `${aside}${suffix}`)
  }
  renameSync(incoming, target)
  return hadOne ? aside : undefined
}
