import {
  compareVersionTexts,
  MeridianError,
  printQuery,
  type Clock,
  type DefinitionId,
  type Query,
  type ServersPage,
  type ServerSummary,
  type ServerVersionSummary,
  type ServersParams,
  type StatusCounts,
} from '@meridian/shared'
import { z } from 'zod'
import { addCounts, noCounts, type MutableCounts } from '../catalog/tally.ts'
import type { Placed, TierCatalog } from '../catalog/tier-catalog.ts'
import type { Listed, ServerDirectory } from './directory.ts'
import { inOrder, readCursor, writeCursor } from './page.ts'

/** Where a page ended: a name, and what the servers are ordered by where that is another thing. */
const cursorSchema = z.strictObject({ n: z.string(), k: z.number().optional() })
type Cursor = z.infer<typeof cursorSchema>

/** An order that costs a walk over everything is kept for so long, and so many of them. */
const orderKeptMs = 2_000
const ordersMax = 16

interface Order {
  readonly until: number
  readonly names: readonly { readonly n: string; readonly k: number }[]
}

/**
 * Servers as a list: where nothing is asked for, a page reads the directory from the cursor on and
 * the index for each server on it; a query reads its matches.
 */
export class ServerList {
  readonly #directory: ServerDirectory
  readonly #catalog: Pick<TierCatalog, 'placed'>
  readonly #clock: Clock
  readonly #orders = new Map<string, Order>()

  constructor(directory: ServerDirectory, catalog: Pick<TierCatalog, 'placed'>, clock: Clock) {
    this.#directory = directory
    this.#catalog = catalog
    this.#clock = clock
  }

  /** Errors: `invalid_request` for a foreign cursor, those of the query. */
  page(query: Query, params: Omit<ServersParams, 'q'>): ServersPage {
    const { text, sort, limit } = params
    const after = params.cursor === undefined ? undefined : readCursor(cursorSchema, params.cursor)
    const words = text.toLowerCase().split(/\s+/).filter(Boolean)
    const matches = query.kind === 'all' ? undefined : this.#gather(query)
    const names = this.#names(matches, words)
    if (sort === 'name') return this.#byName(matches, names, after?.n ?? '', limit)
    return this.#ranked(query, matches, { words, names }, { sort, after, limit })
  }

  /** One server, as it stands; undefined where there is none. */
  summary(name: string): ServerSummary | undefined {
    return this.#directory.has(name) ? this.#summaryOf(name, this.#placesOf(name)) : undefined
  }

  /** Its versions, newest first, and of one version the definition with most passing first. */
  versions(name: string): ServerVersionSummary[] {
    const places = Map.groupBy(this.#placesOf(name), ({ head }) => head.id)
    const versions = this.#directory.versions(name)
    return versions.flatMap(([version, listed], at) =>
      listed
        .map((each) => ({ each, ...countsOf(places.get(each.head.id) ?? []) }))
        .sort((a, b) => b.instances.passing - a.instances.passing || byId(a.each, b.each))
        .map(({ each, instances, zones }, rank) => ({
          version,
          definition: each.head.id,
          ...textsOf(each),
          publishedAt: isoOf(each.publishedAt),
          updatedAt: isoOf(each.updatedAt),
          isLatest: at === 0 && rank === 0,
          isShadowed: rank > 0,
          ...(each.listing && { source: each.listing.source }),
          instances,
          zones,
          ...sizesOf(each),
        })),
    )
  }

  /** Which of several definitions of one name and version is shown: the one with most passing. */
  shown(name: string, listed: readonly Listed[]): Listed | undefined {
    if (listed.length < 2) return listed[0]
    const passing = new Map<DefinitionId, number>()
    for (const { head, counts } of this.#placesOf(name)) {
      passing.set(head.id, (passing.get(head.id) ?? 0) + counts.passing)
    }
    const of = (each: Listed) => passing.get(each.head.id) ?? 0
    return listed.toSorted((a, b) => of(b) - of(a) || byId(a, b))[0]
  }

  /** Where the instances of a server are, as far as they are shown. */
  #placesOf(name: string): Placed[] {
    const found: Placed[] = []
    const query: Query = { kind: 'is', field: 'server', value: name }
    for (const place of this.#catalog.placed(query)) if (place.head.name === name) found.push(place)
    return found
  }

  #gather(query: Query): Map<string, Placed[]> {
    const byName = new Map<string, Placed[]>()
    for (const place of this.#catalog.placed(query)) {
      const places = byName.get(place.head.name)
      if (places) places.push(place)
      else byName.set(place.head.name, [place])
    }
    return byName
  }

  /** Of those that match and hold the words, in no order; undefined for all that are listed. */
  #names(
    matches: Map<string, Placed[]> | undefined,
    words: readonly string[],
  ): readonly string[] | undefined {
    if (words.length === 0) return matches && [...matches.keys()]
    const found = this.#directory.search(words)
    return matches ? found.filter((name) => matches.has(name)) : found
  }

  #byName(
    matches: Map<string, Placed[]> | undefined,
    names: readonly string[] | undefined,
    after: string,
    limit: number,
  ): ServersPage {
    const servers: ServerSummary[] = []
    let more = false
    for (const name of names ? inOrder(names, after) : this.#directory.after(after)) {
      const places = matches?.get(name) ?? this.#placesOf(name)
      if (!matches && !this.#isShown(name, places)) continue
      if (servers.length === limit) {
        more = true
        break
      }
      servers.push(this.#summaryOf(name, places, matches !== undefined))
    }
    const last = servers.at(-1)
    return {
      servers,
      total: names?.length ?? this.#directory.size,
      ...(more && last && { nextCursor: writeCursor({ n: last.name }) }),
    }
  }

  #ranked(
    query: Query,
    matches: Map<string, Placed[]> | undefined,
    of: { readonly words: readonly string[]; readonly names: readonly string[] | undefined },
    page: {
      readonly sort: 'updated' | 'instances'
      readonly after: Cursor | undefined
      readonly limit: number
    },
  ): ServersPage {
    const { sort, after, limit } = page
    const key = JSON.stringify([sort, printQuery(query), of.words])
    const { names } = this.#order(key, () => {
      const all = matches ?? (sort === 'instances' ? this.#gather(query) : undefined)
      const found: { n: string; k: number }[] = []
      for (const n of of.names ?? this.#directory.after('')) {
        const k = sort === 'updated' ? this.#directory.updatedAt(n) : passingOf(all?.get(n) ?? [])
        found.push({ n, k })
      }
      return found.sort(byRank)
    })
    const { n, k } = after ?? {}
    const ended = n === undefined || k === undefined ? undefined : { n, k }
    const from = ended === undefined ? 0 : names.findIndex((each) => byRank(each, ended) > 0)
    const rest = from < 0 ? [] : names.slice(from, from + limit + 1)
    const shown = rest.slice(0, limit)
    const last = shown.at(-1)
    return {
      servers: shown.flatMap(({ n }) => {
        if (matches?.has(n) === false || !this.#directory.has(n)) return []
        const places = matches?.get(n) ?? this.#placesOf(n)
        return [this.#summaryOf(n, places, matches !== undefined)]
      }),
      total: names.length,
      ...(rest.length > limit && last && { nextCursor: writeCursor(last) }),
    }
  }

  #order(key: string, make: () => Order['names']): Order {
    const now = this.#clock.now()
    const known = this.#orders.get(key)
    if (known && known.until > now) return known
    const made = { until: now + orderKeptMs, names: make() }
    this.#orders.delete(key)
    this.#orders.set(key, made)
    const [oldest] = this.#orders.keys()
    if (this.#orders.size > ordersMax && oldest !== undefined) this.#orders.delete(oldest)
    return made
  }

  /** What only nodes have that are hidden is hidden with them. */
  #isShown(name: string, places: readonly Placed[]): boolean {
    if (places.length > 0) return true
    return this.#directory
      .versions(name)
      .some(([, listed]) => listed.some(({ listing }) => listing !== undefined))
  }

  /** `onlyMatches`: versions without a match are left out. */
  #summaryOf(name: string, places: readonly Placed[], onlyMatches = false): ServerSummary {
    const listed = this.#directory.versions(name)
    const matching = new Set(places.map(({ head }) => head.version))
    const versions = onlyMatches ? listed.filter(([version]) => matching.has(version)) : listed
    const speaker = versions[0]?.[1][0]
    const { instances, zones } = countsOf(places)
    return {
      name,
      ...(speaker && textsOf(speaker)),
      versions: versions.map(([version]) => version).sort((a, b) => compareVersionTexts(b, a)),
      instances,
      zones: zones.map(({ region, zone }) => `${region}/${zone}`),
      ...(speaker ? sizesOf(speaker) : noSizes),
      updatedAt: isoOf(this.#directory.updatedAt(name)),
    }
  }
}

const noSizes = { tools: 0, resources: 0, resourceTemplates: 0, prompts: 0 }

export function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}

function textsOf({ head }: Listed): { title?: string; description?: string } {
  const { title, description } = head
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
  }
}

function sizesOf({ head: { tools, resources, resourceTemplates, prompts } }: Listed) {
  return { tools, resources, resourceTemplates, prompts }
}

function countsOf(places: readonly Placed[]): {
  readonly instances: StatusCounts
  readonly zones: ServerVersionSummary['zones']
} {
  const instances = noCounts()
  const zones = new Map<string, { region: string; zone: string; instances: MutableCounts }>()
  for (const { region, zone, counts } of places) {
    addCounts(instances, counts)
    const name = `${region}/${zone}`
    const entry = zones.get(name) ?? { region, zone, instances: noCounts() }
    zones.set(name, entry)
    addCounts(entry.instances, counts)
  }
  const sorted = [...zones].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, zone]) => zone)
  return { instances, zones: sorted }
}

function passingOf(places: readonly Placed[]): number {
  let passing = 0
  for (const { counts } of places) passing += counts.passing
  return passing
}

/** The most first; of equals, by name. */
function byRank(a: { n: string; k: number }, b: { n: string; k: number }): number {
  return b.k - a.k || (a.n < b.n ? -1 : a.n > b.n ? 1 : 0)
}

function byId(a: Listed, b: Listed): number {
  return a.head.id < b.head.id ? -1 : 1
}

/** Errors: `not_found`. */
export function unknownServer(name: string): MeridianError {
  return new MeridianError(
    'not_found',
    `no server ${JSON.stringify(name.slice(0, 200))} is listed here`,
  )
}
