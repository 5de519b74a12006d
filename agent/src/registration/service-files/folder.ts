import { watch, type FSWatcher, type Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { serviceFileLimits } from './limits.ts'

/** Where service files are. */
export interface ServiceFolder {
  readonly path: string
  list(): Promise<Listing>
  /** Calls `onChange` when something in the folder may have changed; not always. */
  watch(onChange: () => void): void
  close(): void
}

export type Listing =
  | { readonly kind: 'files'; readonly files: readonly FoundFile[] }
  | { readonly kind: 'missing' | 'unreadable'; readonly reason: string }

export interface FoundFile {
  readonly name: string
  /** Another one where the content may be another. */
  readonly signature: string
  /** Why commands are not taken from it; undefined where they are. */
  readonly noCommands: string | undefined
  /** Rejects with what is wrong with the file, for people. */
  read(): Promise<Uint8Array>
}

/** Editors' and other programs' own files begin with a dot or end otherwise. */
const serviceFile = /^[^.].*\.(ya?ml|json)$/

export interface ServiceFolderOptions {
  readonly path: string
  /** Whether its files may have the agent run commands. */
  readonly allowCommands: boolean
}

/** A folder on disk: told of changes by the system where it tells, looked at from time to time. */
export function openServiceFolder({ path, allowCommands }: ServiceFolderOptions): ServiceFolder {
  let watcher: FSWatcher | undefined
  let watched: string | undefined
  let tell: (() => void) | undefined

  const unwatch = () => {
    watcher?.close()
    watcher = watched = undefined
  }

  /** The folder may have come, or be another one under the same name. */
  const keepWatching = (folder: Stats) => {
    const identity = `${folder.dev}:${folder.ino}`
    if (tell === undefined || watched === identity) return
    unwatch()
    try {
      watcher = watch(path, { persistent: false }, tell)
      watcher.on('error', unwatch)
      watched = identity
    } catch {
      // The system watches no more folders; it is still looked at from time to time.
    }
  }

  return {
    path,
    async list() {
      try {
        const folder = await stat(path)
        keepWatching(folder)
        const names = (await readdir(path)).filter((name) => serviceFile.test(name)).sort()
        const files = await Promise.all(
          names
            .slice(0, serviceFileLimits.filesMax)
            .map((name) => findFile(path, name, folder, allowCommands)),
        )
        return { kind: 'files', files: files.filter((file) => file !== undefined) }
      } catch (error) {
        unwatch()
        const { code, message } = error as NodeJS.ErrnoException
        return code === 'ENOENT'
          ? { kind: 'missing', reason: 'there is no such folder' }
          : { kind: 'unreadable', reason: message }
      }
    },
    watch(onChange) {
      tell = onChange
    },
    close() {
      tell = undefined
      unwatch()
    },
  }
}

async function findFile(
  path: string,
  name: string,
  folder: Stats,
  allowCommands: boolean,
): Promise<FoundFile | undefined> {
  let facts: Stats
  try {
    facts = await stat(join(path, name))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // It has gone since it was listed, or is a link to nowhere.
    if (code === 'ENOENT') return undefined
    const noCommands = 'the file cannot be looked at'
    return { name, signature: message, noCommands, read: () => Promise.reject(new Error(message)) }
  }
  return {
    name,
    signature: [facts.dev, facts.ino, facts.size, facts.mtimeMs, facts.ctimeMs].join(':'),
    noCommands: allowCommands
      ? (problemOfOwner(facts, 'the file') ?? problemOfOwner(folder, 'the folder'))
      : 'this agent runs no commands (MERIDIAN_STDIO)',
    async read() {
      const { bytesMax } = serviceFileLimits
      // A pipe would be waited for without end.
      if (!facts.isFile()) throw new Error('is no regular file')
      if (facts.size > bytesMax) {
        throw new Error(`has ${facts.size} bytes; the limit is ${bytesMax}`)
      }
      return await readFile(join(path, name))
    },
  }
}

const writableByOthers = 0o022

/** Whoever may write into it may have any program run as the agent's user. */
function problemOfOwner({ uid, mode }: Stats, what: string): string | undefined {
  const own = process.getuid?.()
  if (own !== undefined && uid !== 0 && uid !== own) return `${what} belongs to another user`
  if ((mode & writableByOthers) !== 0) {
    return `${what} can be written by others than its owner (chmod go-w)`
  }
  return undefined
}
