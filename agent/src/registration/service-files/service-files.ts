import {
  isMeridianError,
  MeridianError,
  toProblem,
  type Cancel,
  type Clock,
  type Log,
  type Millis,
  type Problem,
  type Random,
  type Registration,
  type Services,
} from '@meridian/shared'
import type { FileSource } from '../registration-row.ts'
import type { FoundFile, Listing, ServiceFolder } from './folder.ts'
import { serviceFileLimits } from './limits.ts'
import { readServiceFile } from './read-service-file.ts'
import type { Reading, ServiceEntry } from './reading.ts'

/** What service files do to this node's instances. */
export interface ServiceRegistry {
  register(id: string, registration: Registration, source: FileSource): Promise<unknown>
  /** Takes it out if it is that file's. */
  remove(id: string, file: string): Promise<unknown>
  /** What is registered by files at present. */
  registered(): Iterable<{ readonly id: string; readonly source: FileSource }>
  sourceOf(id: string): FileSource | undefined
}

export interface ServiceFilesOptions {
  readonly folder: ServiceFolder
  readonly registry: ServiceRegistry
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * Keeps what is registered equal to what a folder of files asks for.
 *
 *     a change, every 10 s ──▶ list ──▶ read what is new ──▶ register, and try again
 *                                   └──▶ what no file asks for any more ──▶ deregister
 *
 * A file that cannot be read keeps what it registered; so does one with a mistake in it, where
 * nothing says which of its instances the mistake was. A folder that is gone keeps everything: it
 * may be a mount that is late.
 */
export class ServiceFiles {
  readonly #options: ServiceFilesOptions
  readonly #files = new Map<string, ServiceFile>()
  #state: Pick<Services, 'state' | 'reason' | 'readAt'> = { state: 'read' }
  #timer: Cancel | undefined
  #settling: Cancel | undefined
  #reading: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(options: ServiceFilesOptions) {
    this.#options = options
  }

  /** Reads the folder for the first time, and from then on whenever it changes. */
  start(): void {
    for (const { source } of this.#options.registry.registered()) {
      if (!this.#files.has(source.file)) this.#files.set(source.file, newFile(source.file))
    }
    this.#options.folder.watch(() => {
      this.#settling ??= this.#options.clock.after(serviceFileLimits.settleMs, () => {
        this.#settling = undefined
        void this.#read()
      })
    })
    void this.#read()
  }

  /** Reads everything anew and tries again what failed. Resolves when it has been read. */
  async reload(): Promise<Services> {
    await this.#reading
    for (const file of this.#files.values()) {
      file.signature = undefined
      for (const entry of file.entries.values()) this.#stopTrying(entry)
      file.entries.clear()
    }
    await this.#read()
    return this.status()
  }

  status(): Services {
    return {
      folder: this.#options.folder.path,
      ...this.#state,
      files: [...this.#files.values()]
        .filter(({ reading }) => reading !== undefined)
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map((file) => this.#show(file)),
    }
  }

  /** What is registered stays. Twice is fine. */
  close(): void {
    this.#closed = true
    this.#timer?.()
    this.#settling?.()
    this.#options.folder.close()
    for (const file of this.#files.values()) {
      for (const entry of file.entries.values()) this.#stopTrying(entry)
    }
  }

  /** One after the other: a change during one is seen by the next. */
  #read(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    if (this.#reading) this.#again = true
    this.#reading ??= (async () => {
      try {
        do {
          this.#again = false
          await this.#readOnce()
        } while (this.#again && !this.#closed)
      } catch (error) {
        this.#options.log.error({ err: error }, 'service files not read')
      } finally {
        this.#reading = undefined
      }
    })()
    return this.#reading
  }

  async #readOnce(): Promise<void> {
    const { folder, clock, log } = this.#options
    const listing = await folder.list()
    if (this.#closed) return
    this.#note(listing)
    if (listing.kind === 'files') {
      for (const found of listing.files) await this.#readFile(found)
      // Judged together, so that an id which moves from one file to another has one owner.
      const names = new Set(listing.files.map(({ name }) => name))
      for (const file of this.#files.values()) {
        file.missingSince = names.has(file.name) ? undefined : (file.missingSince ?? clock.now())
      }
      const held = this.#held()
      const owners = this.#owners()
      for (const file of this.#files.values()) this.#apply(file, held.get(file.name) ?? [], owners)
    } else if (this.#files.size > 0) {
      log.warn({ folder: folder.path, reason: listing.reason }, 'service files kept as they were')
    }
    this.#lookAgain()
  }

  #lookAgain(): void {
    if (this.#closed) return
    const { clock } = this.#options
    const { lookAgainMs, goneMs } = serviceFileLimits
    const waits = [...this.#files.values()].some(({ missingSince }) => missingSince !== undefined)
    this.#timer?.()
    this.#timer = clock.after(waits ? goneMs : lookAgainMs, () => void this.#read())
  }

  #note(listing: Listing): void {
    this.#state = {
      state: listing.kind === 'files' ? 'read' : listing.kind,
      ...(listing.kind !== 'files' && { reason: listing.reason }),
      readAt: new Date(this.#options.clock.wall()).toISOString(),
    }
  }

  async #readFile(found: FoundFile): Promise<void> {
    const { log } = this.#options
    const { name, noCommands } = found
    const signature = `${found.signature} ${noCommands ?? ''}`
    const file = this.#files.get(name) ?? newFile(name)
    this.#files.set(name, file)
    if (file.signature === signature) return
    file.signature = signature
    try {
      file.reading = readServiceFile({ name, noCommands }, await found.read())
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      const problems = [{ field: '(whole)', problem }]
      file.reading = { format: 'unknown', entries: [], problems }
    }
    const { format, entries, problems } = file.reading
    const line = problems[0]?.line
    if (problems.length > 0) {
      log.warn(
        { file: name, ...(line !== undefined && { line }), problems: problems.slice(0, 5) },
        'service file has mistakes',
      )
    } else log.info({ file: name, format, instances: entries.length }, 'service file read')
  }

  /** Which file has each id: the first by name of those that ask for it. */
  #owners(): ReadonlyMap<string, ServiceFile> {
    const owners = new Map<string, ServiceFile>()
    for (const file of [...this.#files.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (file.missingSince !== undefined) continue
      for (const { id } of file.reading?.entries ?? []) if (!owners.has(id)) owners.set(id, file)
    }
    return owners
  }

  /** What is registered by each file. */
  #held(): ReadonlyMap<string, string[]> {
    const held = new Map<string, string[]>()
    for (const { id, source } of this.#options.registry.registered()) {
      const ids = held.get(source.file)
      if (ids) ids.push(id)
      else held.set(source.file, [id])
    }
    return held
  }

  #apply(
    file: ServiceFile,
    held: readonly string[],
    owners: ReadonlyMap<string, ServiceFile>,
  ): void {
    const left = held.filter((id) => !owners.has(id))
    if (file.missingSince !== undefined) {
      const missingMs = this.#options.clock.now() - file.missingSince
      if (missingMs >= serviceFileLimits.goneMs) this.#forget(file, left)
      return
    }
    const { entries, problems } = file.reading ?? { entries: [], problems: [] }
    const wanted = new Set(entries.map(({ id }) => id))
    for (const [id, entry] of file.entries) {
      if (wanted.has(id)) continue
      this.#stopTrying(entry)
      file.entries.delete(id)
    }
    if (problems.length === 0) for (const id of left) this.#remove(id, file.name)
    for (const entry of entries) this.#want(file, entry, owners.get(entry.id))
  }

  #want(file: ServiceFile, asked: ServiceEntry, owner: ServiceFile | undefined): void {
    const { id, fingerprint, line } = asked
    const before = file.entries.get(id)
    if (owner !== file) {
      if (before) this.#stopTrying(before)
      const taken = `the id ${JSON.stringify(id)} is taken by ${owner?.name ?? 'another file'}`
      const problem = toProblem(new MeridianError('conflict', taken))
      const entry = newEntry(asked)
      file.entries.set(id, { ...entry, state: 'waiting', problem, isOthers: true })
      return
    }
    if (before?.fingerprint === fingerprint && !before.isOthers) {
      before.line = line
      return
    }
    if (before) this.#stopTrying(before)
    const entry = newEntry(asked)
    file.entries.set(id, entry)
    const known = this.#options.registry.sourceOf(id)
    // As before the agent started: its server is not asked again what it is.
    if (known?.file === file.name && known.fingerprint === fingerprint) entry.state = 'registered'
    else void this.#register(file, entry)
  }

  async #register(file: ServiceFile, entry: Entry): Promise<void> {
    const { registry, log } = this.#options
    const { id, registration, fingerprint } = entry
    try {
      await registry.register(id, registration, { file: file.name, fingerprint })
      if (!this.#isCurrent(file, entry)) {
        // Its file has been changed or removed meanwhile, and what it asks for now may be nothing.
        if (!file.entries.has(id) && file.reading?.problems.length === 0)
          this.#remove(id, file.name)
        return
      }
      entry.state = 'registered'
      entry.problem = undefined
    } catch (error) {
      if (!this.#isCurrent(file, entry)) return
      const known = isMeridianError(error)
        ? error
        : new MeridianError('internal', 'a fault of ours; the log has the details')
      entry.state = 'waiting'
      entry.problem = toProblem(known)
      entry.failures += 1
      const fields = { err: error, file: file.name, line: entry.line, instance: id }
      if (entry.failures === 1) log.warn(fields, 'instance of a service file not registered')
      else log.debug(fields, 'instance of a service file still not registered')
      this.#registerLater(file, entry, known.retryable)
    }
  }

  #registerLater(file: ServiceFile, entry: Entry, mayPass: boolean): void {
    if (this.#closed) return
    const { clock, random } = this.#options
    const { tryAgainMsMin, tryAgainMsMax, refusedAgainMs } = serviceFileLimits
    const doubled = Math.min(tryAgainMsMax, tryAgainMsMin * 2 ** (entry.failures - 1))
    const waitMs: Millis = mayPass ? doubled : refusedAgainMs
    entry.timer = clock.after(waitMs * (0.75 + 0.5 * random()), () => {
      entry.timer = undefined
      void this.#register(file, entry)
    })
  }

  /** Its file is gone for good. */
  #forget(file: ServiceFile, left: readonly string[]): void {
    for (const entry of file.entries.values()) this.#stopTrying(entry)
    file.entries.clear()
    file.reading = { format: 'unknown', entries: [], problems: [] }
    this.#files.delete(file.name)
    for (const id of left) this.#remove(id, file.name)
    this.#options.log.info({ file: file.name, instances: left.length }, 'service file is gone')
  }

  #remove(id: string, file: string): void {
    const { registry, log, clock } = this.#options
    registry.remove(id, file).catch((error: unknown) => {
      log.warn({ err: error, instance: id, file }, 'instance of a service file not deregistered')
      if (this.#closed) return
      clock.after(serviceFileLimits.tryAgainMsMin, () => {
        const isWanted = this.#files.get(file)?.entries.has(id) === true
        if (!this.#closed && !isWanted) this.#remove(id, file)
      })
    })
  }

  #isCurrent(file: ServiceFile, entry: Entry): boolean {
    return !this.#closed && file.entries.get(entry.id) === entry
  }

  #stopTrying(entry: Entry): void {
    entry.timer?.()
    entry.timer = undefined
  }

  #show({ name, reading, entries }: ServiceFile): Services['files'][number] {
    return {
      file: name,
      format: reading?.format ?? 'unknown',
      problems: [...(reading?.problems ?? [])],
      instances: [...entries.values()].map(({ id, line, state, problem }) => ({
        id,
        line,
        state,
        ...(problem && { problem }),
      })),
    }
  }
}

interface ServiceFile {
  readonly name: string
  /** Of the content that was read last; undefined: it is to be read. */
  signature: string | undefined
  reading: Reading | undefined
  /** On the monotonic clock; undefined while it is there. */
  missingSince: Millis | undefined
  readonly entries: Map<string, Entry>
}

interface Entry extends ServiceEntry {
  line: number
  state: 'registered' | 'pending' | 'waiting'
  problem: Problem | undefined
  failures: number
  timer: Cancel | undefined
  /** Another file has the id. */
  readonly isOthers: boolean
}

function newFile(name: string): ServiceFile {
  return {
    name,
    signature: undefined,
    reading: undefined,
    missingSince: undefined,
    entries: new Map(),
  }
}

function newEntry(asked: ServiceEntry): Entry {
  return {
    ...asked,
    state: 'pending',
    problem: undefined,
    failures: 0,
    timer: undefined,
    isOthers: false,
  }
}
