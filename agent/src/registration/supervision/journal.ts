import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessGroup } from './process-group.ts'

/**
 * Who runs on this host because of us, on disk. A guardian writes down a group before the group
 * may start to work, so whoever comes later finds whatever an earlier run left behind. One file a
 * guardian: several agents may share a data folder.
 *
 * Written whole and renamed into place, so a reader sees the old or the new list, never a half.
 * Not synced to the disk: a crash of the machine, which alone could lose it, ends the processes
 * too.
 */
export interface Journal {
  readonly agent: JournaledProcess
  readonly guardian: JournaledProcess
  readonly groups: readonly JournaledGroup[]
}

export interface JournaledProcess {
  readonly pid: number
  readonly startTime: string
}

export interface JournaledGroup extends ProcessGroup {
  /** Of the server that the group runs, for people. */
  readonly id: string
}

const suffix = '.journal.json'

export function writeJournal(folder: string, name: string, journal: Journal): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${name}${suffix}`)
  writeFileSync(`${path}.new`, JSON.stringify(journal), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function removeJournal(folder: string, name: string): void {
  rmSync(join(folder, `${name}${suffix}`), { force: true })
}

/** Every journal in the folder by its name; undefined for a file that is none. */
export function readJournals(folder: string): ReadonlyMap<string, Journal | undefined> {
  const journals = new Map<string, Journal | undefined>()
  for (const file of listFolder(folder)) {
    if (!file.endsWith(suffix)) continue
    const text = readIfThere(join(folder, file))
    if (text !== undefined) journals.set(file.slice(0, -suffix.length), parseJournal(text))
  }
  return journals
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    // Its guardian finished in between.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parseJournal(text: string): Journal | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { agent, guardian, groups } = (value ?? {}) as Partial<Journal>
  if (!isProcess(agent) || !isProcess(guardian) || !Array.isArray(groups)) return undefined
  const sound = groups.every(
    (group: unknown) =>
      isProcess(group) &&
      typeof (group as Partial<JournaledGroup>).mark === 'string' &&
      typeof (group as Partial<JournaledGroup>).id === 'string',
  )
  return sound ? { agent, guardian, groups } : undefined
}

function isProcess(value: unknown): value is JournaledProcess {
  const { pid, startTime } = (value ?? {}) as { pid?: unknown; startTime?: unknown }
  // A pid of 0, 1 or below would address our own group, the system, or everybody.
  return Number.isSafeInteger(pid) && (pid as number) > 1 && typeof startTime === 'string'
}
