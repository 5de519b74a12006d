import {
  MeridianError,
  officialMetaKey,
  ownMetaKey,
  type DefinitionId,
  type Endpoint,
  type JsonObject,
  type OfficialEntry,
  type OfficialPage,
  type Query,
  type StatusCounts,
} from '@meridian/shared'
import { z } from 'zod'
import { addCounts, noCounts } from '../catalog/tally.ts'
import type { Placed } from '../catalog/tier-catalog.ts'
import type { Listed, Removed, ServerDirectory } from '../directory/directory.ts'
import { inOrder, readCursor, writeCursor } from '../directory/page.ts'
import { isoOf, unknownServer, type ServerList } from '../directory/servers.ts'
import { readOfficialServer, withRemotes, type OfficialServer } from './server-json.ts'

export interface OfficialListOptions {
  readonly directory: ServerDirectory
  readonly servers: ServerList
  readonly placed: (query: Query) => Iterable<Placed>
  /** Endpoints of a server's instances of that definition, the nearest first. */
  readonly endpointsOf: (name: string, definition: DefinitionId) => Iterable<Endpoint>
  /** Canonical JSON. */
  readonly definition: (id: DefinitionId) => Uint8Array | undefined
}

/** What a list is asked for. Times are milliseconds since 1970. */
export interface OfficialQuestion {
  readonly search: string
  readonly updatedSince: number | undefined
  /** `latest`, or exactly this one; all of them when undefined. */
  readonly version: string | undefined
  readonly includeDeleted: boolean
  readonly limit: number
}

/**
 * A cursor holds the whole question: clients send it back without the question, and unencoded.
 * `n` and `v` are the last entry's name and version, and `d` its definition where it was removed.
 */
const cursorSchema = z.strictObject({
  n: z.string(),
  v: z.string(),
  s: z.string().optional(),
  u: z.number().optional(),
  w: z.string().optional(),
  x: z.boolean().optional(),
})

/** One name and version: what is listed of it, or was. */
interface Row {
  readonly name: string
  readonly version: string
  readonly listed?: Listed
  readonly removed?: Removed
  readonly isLatest: boolean
}

/** The directory as the official registry's API lists it: an entry for each name and version. */
export class OfficialList {
  readonly #options: OfficialListOptions

  constructor(options: OfficialListOptions) {
    this.#options = options
  }

  /** Errors: `invalid_request` for a foreign cursor. */
  page(asked: OfficialQuestion, cursor: string | undefined): OfficialPage {
    const from = cursor === undefined ? undefined : readCursor(cursorSchema, cursor)
    const question = from ? restored(from, asked.limit) : asked
    const servers: OfficialEntry[] = []
    let last: Row | undefined
    let more = false
    for (const row of this.#rows(question, from)) {
      if (servers.length === question.limit) {
        more = true
        break
      }
      const entry = this.#entry(row)
      if (!entry) continue
      servers.push(entry)
      last = row
    }
    return {
      servers,
      metadata: {
        count: servers.length,
        ...(more && last && { nextCursor: cursorOf(question, last) }),
      },
    }
  }

  /** All versions of one server, newest first. Errors: `not_found`. */
  versions(name: string, includeDeleted: boolean): OfficialPage {
    const rows = this.#versionsOf(name, includeDeleted)
    const servers = rows.flatMap((row) => this.#entry(row) ?? [])
    if (servers.length === 0) throw unknownServer(name)
    return { servers, metadata: { count: servers.length } }
  }

  /** One version, or the `latest`. Errors: `not_found`. */
  version(name: string, version: string, includeDeleted: boolean): OfficialEntry {
    const rows = this.#versionsOf(name, includeDeleted)
    const row = rows.find((each) =>
      version === 'latest' ? each.isLatest : each.version === version,
    )
    const entry = row && this.#entry(row)
    if (entry) return entry
    if (rows.length === 0) throw unknownServer(name)
    throw new MeridianError(
      'not_found',
      `${JSON.stringify(name)} has no version ${JSON.stringify(version.slice(0, 100))} here`,
    )
  }

  *#rows(
    { search, updatedSince, version, includeDeleted }: OfficialQuestion,
    from: { readonly n: string; readonly v: string } | undefined,
  ): Generator<Row> {
    const sought = search.toLowerCase()
    const { directory } = this.#options
    for (const name of this.#names(sought, includeDeleted, from?.n)) {
      // Who follows changes passes over most names: nothing is made of them.
      if (updatedSince !== undefined && directory.changedAt(name) <= updatedSince) continue
      let rows = this.#versionsOf(name, includeDeleted)
      if (from?.n === name) {
        const at = rows.findIndex((row) => row.version === from.v)
        // It went meanwhile: what is left of its server is told again rather than left out.
        rows = rows.slice(at + 1)
      }
      for (const row of rows) {
        if (version === 'latest' ? !row.isLatest : version !== undefined && version !== row.version)
          continue
        if (!holds(row, sought)) continue
        if (updatedSince !== undefined && updatedAtOf(row) <= updatedSince) continue
        yield row
      }
    }
  }

  /**
   * In order, beginning with the one that the last page may have ended in the middle of. What was
   * removed is known by its name alone.
   */
  *#names(sought: string, includeDeleted: boolean, from: string | undefined): Generator<string> {
    const { directory } = this.#options
    if (from !== undefined && (directory.has(from) || includeDeleted)) yield from
    const after = from ?? ''
    const listed = () =>
      sought === '' ? directory.after(after) : inOrder(directory.search([sought]), after)
    if (!includeDeleted) {
      yield* listed()
      return
    }
    const only = new Set<string>()
    for (const { name } of directory.removed()) {
      if (name <= after || directory.has(name)) continue
      if (name.toLowerCase().includes(sought)) only.add(name)
    }
    const gone = [...only].sort()
    let at = 0
    for (const name of listed()) {
      while (at < gone.length && (gone[at] as string) < name) yield gone[at++] as string
      yield name
    }
    yield* gone.slice(at)
  }

  /** Newest first; those that were removed come after those that are listed. */
  #versionsOf(name: string, includeDeleted: boolean): Row[] {
    const { directory, servers } = this.#options
    const versions = directory.versions(name)
    const shown = versions.flatMap(([version, all]) => {
      const listed = servers.shown(name, all)
      return listed ? [{ name, version, listed }] : []
    })
    const kept = shown.filter(({ listed }) => listed.listing?.status !== 'deleted')
    const rows: Row[] = (includeDeleted ? shown : kept).map((row) => ({
      ...row,
      isLatest: row.listed === kept[0]?.listed,
    }))
    if (!includeDeleted) return rows
    const known = new Set(versions.map(([version]) => version))
    const latest = new Map<string, Removed>()
    for (const removed of directory.removed(name)) {
      if (known.has(removed.version)) continue
      const other = latest.get(removed.version)
      if (!other || other.removedAt < removed.removedAt) latest.set(removed.version, removed)
    }
    for (const [version, removed] of latest) rows.push({ name, version, removed, isLatest: false })
    return rows
  }

  #entry(row: Row): OfficialEntry | undefined {
    if (row.removed) return this.#removedEntry(row, row.removed)
    const { listed } = row
    if (!listed) return undefined
    const { head, listing } = listed
    const rendered = this.#read(head.id)
    if (!rendered) return undefined
    const places = this.#placesOf(row.name, head.id)
    const server = rendered.isMade
      ? withRemotes(rendered.server, this.#endpointsOf(row.name, listed))
      : rendered.server
    const instances = noCounts()
    for (const { counts } of places) addCounts(instances, counts)
    return {
      server,
      _meta: {
        [officialMetaKey]: {
          status: listing?.status ?? 'active',
          statusChangedAt: isoOf(listing?.updatedAt ?? listed.publishedAt),
          publishedAt: isoOf(listed.publishedAt),
          updatedAt: isoOf(listed.updatedAt),
          isLatest: row.isLatest,
        },
        [ownMetaKey]: {
          definition: head.id,
          health: healthOf(instances),
          instances,
          zones: [...new Set(places.map(({ region, zone }) => `${region}/${zone}`))].sort(),
          tools: [...rendered.tools],
          toolCount: head.tools,
          ...(listing && { source: listing.source }),
        },
      },
    }
  }

  /** Of its instances; where none are held, as its importer knows it. */
  #endpointsOf(name: string, { head, listing }: Listed): Iterable<Endpoint> {
    const held = [...this.#options.endpointsOf(name, head.id)]
    return held.length === 0 && listing?.endpoint ? [listing.endpoint] : held
  }

  #removedEntry({ name, version }: Row, removed: Removed): OfficialEntry | undefined {
    const text = this.#options.directory.removedServer(removed.definition)
    if (text === undefined) return undefined
    const at = isoOf(removed.removedAt)
    return {
      server: { ...(JSON.parse(text) as JsonObject), name, version },
      _meta: {
        [officialMetaKey]: {
          status: 'deleted',
          statusChangedAt: at,
          publishedAt: isoOf(removed.publishedAt),
          updatedAt: at,
          isLatest: false,
        },
      },
    }
  }

  #placesOf(name: string, id: DefinitionId): Placed[] {
    const query: Query = { kind: 'is', field: 'server', value: name }
    return [...this.#options.placed(query)].filter(({ head }) => head.id === id)
  }

  /**
   * Read anew each time: that takes some 15 µs, and whatever was kept of it, for pages that are
   * seldom asked for again, had to be copied by the garbage collector, 15 ms at a time.
   */
  #read(id: DefinitionId): OfficialServer | undefined {
    const bytes = this.#options.definition(id)
    return bytes && readOfficialServer(bytes)
  }
}

function holds({ name, listed }: Row, sought: string): boolean {
  if (sought === '') return true
  return (listed?.searched ?? name.toLowerCase()).includes(sought)
}

function updatedAtOf({ listed, removed }: Row): number {
  return listed?.updatedAt ?? removed?.removedAt ?? 0
}

function cursorOf(question: OfficialQuestion, { name, version }: Row): string {
  const { search, updatedSince, version: wanted, includeDeleted } = question
  return writeCursor({
    n: name,
    v: version,
    ...(search !== '' && { s: search }),
    ...(updatedSince !== undefined && { u: updatedSince }),
    ...(wanted !== undefined && { w: wanted }),
    ...(includeDeleted && { x: true }),
  })
}

function restored(from: z.infer<typeof cursorSchema>, limit: number): OfficialQuestion {
  const { s = '', u, w, x = false } = from
  return { search: s, updatedSince: u, version: w, includeDeleted: x, limit }
}

/** The best that somebody who calls it may find; `unknown` where nobody runs it. */
function healthOf({ passing, warning, gated, critical }: StatusCounts) {
  if (passing > 0) return 'passing'
  if (warning > 0) return 'warning'
  if (gated > 0) return 'gated'
  return critical > 0 ? 'critical' : 'unknown'
}
