import {
  isMeridianError,
  MeridianError,
  snapshotLimits,
  snapshotSchema,
  type Clock,
  type Log,
  type Snapshot,
  type SnapshotsPage,
  type SnapshotsParams,
} from '@meridian/shared'
import { mapSqliteError, type SqliteDatabase } from '@meridian/shared/sqlite'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { readCursor, smallestAfter, writeCursor } from '../directory/page.ts'

/** Errors of all: `data_unwritable`, `storage_full`, without any path. */
export interface SnapshotsApi {
  /** Errors: `conflict` for a name that is taken, `busy` while another one is taken. */
  take(name: string | undefined): Promise<Snapshot>
  page(params: SnapshotsParams): Promise<SnapshotsPage>
  /** Errors: `not_found`. */
  read(
    name: string,
  ): Promise<{ readonly snapshot: Snapshot; readonly body: () => ReadableStream<Uint8Array> }>
  /** Errors: `not_found`. */
  remove(name: string): Promise<void>
}

export interface SnapshotsOptions {
  readonly db: SqliteDatabase
  /** Where they are kept; made when the first is taken. */
  readonly folder: string
  /** `local-r1`: what those are called that nobody names. */
  readonly label: string
  readonly clock: Clock
  readonly log: Log
}

/** Pages of 4 KB that are copied before others have their turn. */
const pagesAtOnce = 256

const cursorSchema = z.string()

/**
 * Copies of the registry's database, taken while it is written to: SQLite's own online backup, whose
 * copy is the state at the moment at which it is complete. Beside each file `<name>.db` stands
 * `<name>.json`, which says what it holds; a file without that was never finished.
 */
export function createSnapshots({ db, folder, label, clock, log }: SnapshotsOptions): SnapshotsApi {
  let isBusy = false
  const fileOf = (name: string) => join(folder, `${name}.db`)
  const noteOf = (name: string) => join(folder, `${name}.json`)

  return {
    async take(asked) {
      const name = asked ?? `${label}-${stamp(clock.wall())}`
      if (isBusy) throw new MeridianError('busy', 'another snapshot is being taken: ask again soon')
      isBusy = true
      try {
        return await told(log, () => takeAs(name))
      } finally {
        isBusy = false
      }
    },

    page: ({ limit, cursor }) =>
      told(log, async () => {
        const after = cursor === undefined ? '' : readCursor(cursorSchema, cursor)
        const rows = smallestAfter(await names(), (name) => name, after, limit + 1)
        const page = rows.slice(0, limit)
        const read = await Promise.all(page.map((name) => noted(name)))
        const last = page.at(-1)
        return {
          snapshots: read.filter((each) => each !== undefined),
          ...(rows.length > limit && last !== undefined && { nextCursor: writeCursor(last) }),
        }
      }),

    read: (name) =>
      told(log, async () => {
        const snapshot = await existing(name)
        const body = () =>
          Readable.toWeb(createReadStream(fileOf(name))) as ReadableStream<Uint8Array>
        return { snapshot, body }
      }),

    remove: (name) =>
      told(log, async () => {
        await existing(name)
        await rm(fileOf(name), { force: true })
        await rm(noteOf(name), { force: true })
      }),
  }

  async function takeAs(name: string): Promise<Snapshot> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const kept = await names()
    if (kept.includes(name)) {
      throw new MeridianError(
        'conflict',
        `there is a snapshot ${name} already: choose another name`,
      )
    }
    if (kept.length >= snapshotLimits.keptMax) {
      throw new MeridianError(
        'storage_full',
        `${kept.length} snapshots are kept here, the limit: remove some that are not needed any more`,
      )
    }
    const part = join(folder, `${name}.part`)
    try {
      await rm(part, { force: true })
      // Made here, for SQLite would make it readable by all.
      await (await open(part, 'wx', 0o600)).close()
      await db.backup(part, { progress: () => pagesAtOnce })
      const file = await open(part, 'r+')
      await file.sync()
      await file.close()
      const snapshot: Snapshot = {
        name,
        bytes: (await stat(part)).size,
        at: clock.wall(),
        sha256: await hashOf(part),
      }
      await writeFile(noteOf(name), JSON.stringify(snapshot), { mode: 0o600 })
      await rename(part, fileOf(name))
      log.info({ ...snapshot }, 'snapshot taken')
      return snapshot
    } catch (error) {
      await rm(part, { force: true })
      await rm(noteOf(name), { force: true })
      throw error
    }
  }

  /** Those that were finished. */
  async function names(): Promise<string[]> {
    const files = new Set(await entriesOf(folder))
    return [...files].flatMap((file) => {
      const name = file.endsWith('.db') ? file.slice(0, -'.db'.length) : ''
      return name !== '' && files.has(`${name}.json`) ? [name] : []
    })
  }

  async function noted(name: string): Promise<Snapshot | undefined> {
    try {
      return snapshotSchema.parse(JSON.parse(await readFile(noteOf(name), 'utf8')))
    } catch (error) {
      log.warn({ err: error, name }, 'a snapshot’s note cannot be read')
      return undefined
    }
  }

  async function existing(name: string): Promise<Snapshot> {
    const isThere = (await names()).includes(name)
    const snapshot = isThere ? await noted(name) : undefined
    if (snapshot) return snapshot
    throw new MeridianError('not_found', `there is no snapshot ${JSON.stringify(name)} here`)
  }
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    // None was ever taken.
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** Whoever asks over HTTP learns what is wrong, and the log where. */
async function told<T>(log: Log, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const mapped = mapSqliteError(error)
    if (isMeridianError(mapped)) throw mapped
    const code = codeOf(error)
    if (code === undefined) throw error
    log.error({ err: error }, 'snapshots cannot be written or read')
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    throw new MeridianError(
      isFull ? 'storage_full' : 'data_unwritable',
      isFull
        ? 'the disk has no room for the snapshot: nothing was kept'
        : `the snapshots’ folder cannot be used (${code}): the log of the registry has the details`,
      { cause: error },
    )
  }
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** `20261122t140500z`: sorts by time, and is a name. */
function stamp(wall: number): string {
  const [date = '', time = ''] = new Date(wall).toISOString().split('T')
  return `${date.replaceAll('-', '')}t${time.slice(0, 8).replaceAll(':', '')}z`
}
