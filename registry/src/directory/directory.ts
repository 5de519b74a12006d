import {
  compareVersionTexts,
  isMeridianError,
  logFailure,
  type Cancel,
  type Clock,
  type DefinitionHead,
  type DefinitionId,
  type HeadsFollower,
  type Listing,
  type Log,
  type Millis,
} from '@meridian/shared'
import type { ListingRow, ListingStore } from './listing-store.ts'
import { SortedList } from './sorted-list.ts'
import { TextIndex } from './text-index.ts'

/** Every number that the directory enforces. */
export const directoryLimits = {
  /**
   * Changes are written together after so long, or so many: an import's for a second, for they are
   * spread over the whole table, and of 4,000 several go to each page that has to be written.
   */
  flushMs: 1_000,
  flushRows: 4_000,
  /** What is removed is told of for so long, and at most so many of them. */
  removedKeptMs: 30 * 24 * 3_600_000,
  removedMax: 50_000,
  /** Characters of a definition's own text that free text is looked for in. */
  searchedMax: 2_048,
} as const

/** A definition as the directory lists it. */
export interface Listed {
  readonly head: DefinitionHead
  /** Milliseconds since 1970, by its publisher's word where there is one, else as seen here. */
  readonly publishedAt: number
  readonly updatedAt: number
  /** What importers say of it. */
  readonly listing: Listing | undefined
  /** Lower-case name, title and description. */
  readonly searched: string
}

/** A definition that nobody names any more. */
export interface Removed {
  readonly definition: DefinitionId
  readonly name: string
  readonly version: string
  readonly publishedAt: number
  readonly removedAt: number
}

interface Entry extends Listed {
  head: DefinitionHead
  updatedAt: number
  seenAt: number
  readonly publishedAt: number
  /** Whether rows of the index name it. */
  isNamed: boolean
  /** What importers say, by owner. */
  readonly listings: Map<string, Listing>
}

interface DirectoryOptions {
  readonly store: ListingStore
  /** JSON text of a definition's `server.json`, as long as the definition is here. */
  readonly serverOf: (id: DefinitionId) => string | undefined
  readonly clock: Clock
  readonly log: Log
}

/**
 * Which servers there are, by name, each with its versions: kept up as definitions begin and cease
 * to be named, so that a page costs what is on it and not what is registered.
 *
 *     rows of the index ─┐                      name ─▶ version ─▶ definitions
 *                        ├─▶ named ─▶ entry ─▶  (usually one; two of one name and
 *     importers' word  ──┘                       version contradict each other)
 *
 * It remembers when it first saw each, and for a while those that went.
 */
export class ServerDirectory implements HeadsFollower {
  readonly #options: DirectoryOptions
  readonly #names = new SortedList()
  /** What free text is looked for in, of all versions of a server. */
  readonly #texts = new TextIndex()
  readonly #servers = new Map<string, Map<string, Entry[]>>()
  readonly #entries = new Map<DefinitionId, Entry>()
  readonly #removed = new Map<DefinitionId, Removed>()
  /** Of the removed. */
  readonly #removedNames = new Map<string, Set<DefinitionId>>()
  /** As stored, and not seen again since the start. */
  readonly #unseen = new Map<DefinitionId, { publishedAt: number; updatedAt: number }>()
  /** Texts of removed ones until they are written. */
  readonly #removedTexts = new Map<DefinitionId, string>()
  readonly #touched = new Set<DefinitionId>()
  readonly #forgotten = new Set<DefinitionId>()
  readonly #conflictListeners = new Set<(name: string, version: string) => void>()
  #flushing: Cancel | undefined
  #flushesNow = false
  #started = false
  /** Changes with what is listed. */
  #revision = 0

  constructor(options: DirectoryOptions) {
    this.#options = options
    for (const { definition, name, version, removedAt, ...times } of options.store.load()) {
      if (removedAt === undefined) this.#unseen.set(definition, times)
      else this.#remember({ definition, name, version, removedAt, publishedAt: times.publishedAt })
    }
  }

  /** Servers listed. */
  get size(): number {
    return this.#names.size
  }

  /** Changes that are not written yet. */
  get waiting(): number {
    return this.#touched.size
  }

  get revision(): number {
    return this.#revision
  }

  /** Names that follow, in order. */
  after(name: string): Generator<string> {
    return this.#names.after(name)
  }

  has(name: string): boolean {
    return this.#servers.has(name)
  }

  /** The versions of a server, newest first, each with its definitions; usually one. */
  versions(name: string): (readonly [version: string, listed: readonly Listed[]])[] {
    return [...(this.#servers.get(name) ?? [])].sort(([a], [b]) => compareVersionTexts(b, a))
  }

  /** Names of the servers with every word, in lower case, in some version's text; in no order. */
  search(words: readonly string[]): string[] {
    return [...this.#texts.matching(words)]
  }

  /** When something of the server changed last: a version that is listed, or one that went. */
  changedAt(name: string): number {
    let last = this.updatedAt(name)
    for (const id of this.#removedNames.get(name) ?? []) {
      last = Math.max(last, this.#removed.get(id)?.removedAt ?? 0)
    }
    return last
  }

  /** When a version that is listed changed last; 0 where there is none. */
  updatedAt(name: string): number {
    let last = 0
    for (const listed of this.#servers.get(name)?.values() ?? []) {
      for (const { updatedAt } of listed) last = Math.max(last, updatedAt)
    }
    return last
  }

  get(id: DefinitionId): Listed | undefined {
    return this.#entries.get(id)
  }

  /** What was listed and is no more: of `name`, or all of it. */
  removed(name?: string): readonly Removed[] {
    if (name === undefined) return [...this.#removed.values()]
    const ids = this.#removedNames.get(name) ?? []
    return [...ids].flatMap((id) => this.#removed.get(id) ?? [])
  }

  removedServer(id: DefinitionId): string | undefined {
    return this.#removedTexts.get(id) ?? this.#options.store.removedServer(id)
  }

  /** Two definitions of one name and version were seen. Returns how to stop listening. */
  onConflict(listener: (name: string, version: string) => void): () => void {
    this.#conflictListeners.add(listener)
    return () => void this.#conflictListeners.delete(listener)
  }

  /** Rows began to name it. */
  shown(_id: DefinitionId, head: DefinitionHead): void {
    this.#entry(head).isNamed = true
  }

  /** No row names it any more. */
  gone(id: DefinitionId): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    entry.isNamed = false
    this.#dropIfUnnamed(entry)
  }

  /** What an importer says of a definition that is here. */
  list(owner: string, head: DefinitionHead, listing: Listing): void {
    const entry = this.#entry(head)
    const before = entry.listing
    entry.listings.set(owner, listing)
    // What the disk gives back at a start has not changed then, or all pollers would read all.
    if (this.#started && !isSame(before, entry.listing)) this.#touch(head.id)
  }

  /** The importer says nothing of it any more. */
  unlist(owner: string, id: DefinitionId): void {
    const entry = this.#entries.get(id)
    const before = entry?.listing
    if (!entry?.listings.delete(owner)) return
    if (!isSame(before, entry.listing)) this.#touch(id)
    this.#dropIfUnnamed(entry)
  }

  /** All that the store of records gave back has been shown: what was not among it is gone. */
  start(): void {
    this.#started = true
    for (const id of this.#unseen.keys()) {
      // Nothing is left of it, not even its text; there is nothing to tell.
      this.#forgotten.add(id)
    }
    this.#unseen.clear()
    this.#flushLater()
  }

  close(): void {
    this.#flushing?.()
    this.flush()
  }

  /** Writes what changed. Fails silently but for the log: it is written with what changes next. */
  flush(): void {
    this.#flushing = undefined
    this.#flushesNow = false
    const { store, log } = this.#options
    this.#forgetOld()
    if (this.#touched.size + this.#forgotten.size === 0) return
    const put: ListingRow[] = []
    for (const id of this.#touched) {
      const row = this.#row(id)
      if (row) put.push(row)
    }
    try {
      store.apply({ put, forget: [...this.#forgotten] })
    } catch (error) {
      if (!isMeridianError(error)) throw error
      logFailure(log, error, { listings: put.length }, 'listings not kept')
      return
    }
    this.#touched.clear()
    this.#forgotten.clear()
  }

  #row(definition: DefinitionId): ListingRow | undefined {
    const entry = this.#entries.get(definition)
    if (entry) {
      const { head, seenAt, updatedAt } = entry
      const { name, version } = head
      return { definition, name, version, publishedAt: seenAt, updatedAt }
    }
    const removed = this.#removed.get(definition)
    const server = this.#removedTexts.get(definition)
    if (!removed || server === undefined) return undefined
    const { name, version, publishedAt, removedAt } = removed
    this.#removedTexts.delete(definition)
    const gone = { at: removedAt, server }
    return { definition, name, version, publishedAt, updatedAt: removedAt, removed: gone }
  }

  #entry(head: DefinitionHead): Entry {
    const known = this.#entries.get(head.id)
    if (known) return known
    const now = this.#options.clock.wall()
    const stored = this.#unseen.get(head.id)
    const removed = this.#removed.get(head.id)
    const listings = new Map<string, Listing>()
    const seenAt = stored?.publishedAt ?? removed?.publishedAt ?? now
    const seenUpdated = stored?.updatedAt ?? now
    const entry: Entry = {
      head,
      seenAt,
      isNamed: false,
      listings,
      updatedAt: seenUpdated,
      get publishedAt() {
        return this.listing?.publishedAt ?? seenAt
      },
      get listing() {
        const [first] = listings.values()
        return first
      },
      searched: searchedText(head),
    }
    this.#unseen.delete(head.id)
    if (removed) this.#unremember(removed)
    this.#entries.set(head.id, entry)
    this.#list(entry)
    if (!stored) this.#touch(head.id)
    return entry
  }

  #list(entry: Entry): void {
    this.#revision += 1
    const { name, version } = entry.head
    let versions = this.#servers.get(name)
    if (!versions) {
      versions = new Map()
      this.#servers.set(name, versions)
      this.#names.add(name)
    }
    const same = versions.get(version)
    if (same) same.push(entry)
    else versions.set(version, [entry])
    this.#textChanged(name)
    if (!same) return
    for (const listener of this.#conflictListeners) listener(name, version)
  }

  #dropIfUnnamed(entry: Entry): void {
    if (entry.isNamed || entry.listings.size > 0) return
    this.#revision += 1
    const { id, name, version } = entry.head
    this.#entries.delete(id)
    const versions = this.#servers.get(name)
    const rest = (versions?.get(version) ?? []).filter((each) => each !== entry)
    if (rest.length > 0) versions?.set(version, rest)
    else versions?.delete(version)
    if (versions?.size === 0) {
      this.#servers.delete(name)
      this.#names.remove(name)
    }
    this.#textChanged(name)
    const server = this.#options.serverOf(id)
    const { clock } = this.#options
    if (server === undefined) this.#forgotten.add(id)
    else {
      this.#removedTexts.set(id, server)
      const { publishedAt } = entry
      this.#remember({ definition: id, name, version, publishedAt, removedAt: clock.wall() })
    }
    this.#touch(id)
  }

  #textChanged(name: string): void {
    const texts = new Set<string>()
    for (const listed of this.#servers.get(name)?.values() ?? []) {
      for (const { searched } of listed) texts.add(searched)
    }
    if (texts.size > 0) this.#texts.put(name, [...texts].join('\n'))
    else this.#texts.remove(name)
  }

  #remember(removed: Removed): void {
    this.#removed.set(removed.definition, removed)
    const ids = this.#removedNames.get(removed.name) ?? new Set()
    this.#removedNames.set(removed.name, ids.add(removed.definition))
  }

  #unremember({ definition, name }: Removed): void {
    this.#removed.delete(definition)
    this.#removedTexts.delete(definition)
    const ids = this.#removedNames.get(name)
    ids?.delete(definition)
    if (ids?.size === 0) this.#removedNames.delete(name)
  }

  #forgetOld(): void {
    const { clock } = this.#options
    const oldest = clock.wall() - directoryLimits.removedKeptMs
    let surplus = this.#removed.size - directoryLimits.removedMax
    // In the order in which they went, as far as this run saw it.
    for (const removed of this.#removed.values()) {
      if (surplus <= 0 && removed.removedAt >= oldest) break
      this.#unremember(removed)
      this.#forgotten.add(removed.definition)
      surplus -= 1
    }
  }

  #touch(id: DefinitionId): void {
    this.#touched.add(id)
    const entry = this.#entries.get(id)
    if (entry) entry.updatedAt = this.#options.clock.wall()
    if (this.#touched.size < directoryLimits.flushRows) this.#flushLater()
    // Once: a timer for each of an import's servers costs more than the servers do.
    else if (!this.#flushesNow) {
      this.#flushing?.()
      this.#flushesNow = true
      this.#flushIn(0)
    }
  }

  #flushLater(): void {
    if (!this.#flushing) this.#flushIn(directoryLimits.flushMs)
  }

  #flushIn(delayMs: Millis): void {
    this.#flushing = this.#options.clock.after(delayMs, () => {
      this.flush()
    })
  }
}

function searchedText({ name, title = '', description = '' }: DefinitionHead): string {
  return `${name}\n${title}\n${description}`.slice(0, directoryLimits.searchedMax).toLowerCase()
}

/** Whether two importers, or one twice, say the same. */
function isSame(a: Listing | undefined, b: Listing | undefined): boolean {
  if (!a || !b) return a === b
  const { status, publishedAt, updatedAt, source, endpoint } = a
  return (
    status === b.status &&
    publishedAt === b.publishedAt &&
    updatedAt === b.updatedAt &&
    source === b.source &&
    endpoint?.url === b.endpoint?.url &&
    endpoint?.transport === b.endpoint?.transport
  )
}
