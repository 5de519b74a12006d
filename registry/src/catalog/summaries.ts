import {
  decodeSummaryRow,
  decodeZoneReading,
  DefinitionFinder,
  DefinitionHeads,
  HeldBack,
  MeridianError,
  parseOwnerId,
  ServerVersions,
  isInstanceField,
  parseRecordKey,
  ringOf,
  type CapabilityIndex,
  type Definition,
  type DefinitionId,
  type HeadsFollower,
  type InstanceStatus,
  type Millis,
  type OwnerId,
  type OwnerRecord,
  type Query,
  type QueryPart,
  type Ring,
  type SummaryRow,
  type Topology,
} from '@meridian/shared'
import { SummaryTally, type SummaryZoneTally } from './summary-tally.ts'
import { addCounts, noCounts } from './tally.ts'
import type { TierCatalog } from './tier-catalog.ts'
import { ZoneReaders } from './zone-readers.ts'

export interface SummariesCatalogSources {
  /** Its rows stand for whole zones: one per definition, zone and replica that summarised it. */
  readonly index: CapabilityIndex
  readonly record: (owner: OwnerId, key: string) => OwnerRecord | undefined
  readonly definition: (id: DefinitionId) => Definition | undefined
  readonly onUnreadable: (owner: OwnerId, key: string, reason: string) => void
  /** Whether the replica that owns these summaries is heard now. */
  readonly lives: (owner: OwnerId) => boolean
  readonly now: () => Millis
  /** What was lost and not read again for so long is taken to be gone. */
  readonly forgetMs: Millis
  /** Whoever wants to hear, beside free-text search, which definitions rows name. */
  readonly headsFollowers?: readonly HeadsFollower[]
}

export interface SummariesCatalog extends TierCatalog {
  /** A replica has come to life, or is gone. */
  presenceChanged(owner: OwnerId): void
}

/**
 * A catalog of summaries: counts per (definition, zone), no instances. Several replicas of a
 * region summarise the same zones; `ZoneReaders` says which of them is read for each.
 */
export function createSummariesCatalog(sources: SummariesCatalogSources): SummariesCatalog {
  const { index } = sources
  const rows = new Map<string, SummaryRow>()
  const finder = new DefinitionFinder((id) => sources.definition(id))
  const heads = new DefinitionHeads([finder, ...(sources.headsFollowers ?? [])])
  const heldBack = new HeldBack()
  const readers = new ZoneReaders(sources.lives, sources.now)
  const tally = new SummaryTally()
  const nameOf = ({ definition }: SummaryRow) => heads.get(definition)?.name ?? definition

  const hide = (owner: OwnerId, key: string): void => {
    const before = rows.get(`${owner} ${key}`)
    if (!before) return
    rows.delete(`${owner} ${key}`)
    index.remove(owner, key)
    tally.remove(owner, before, nameOf(before))
    heads.unname(before.definition)
    readers.countRows(`${before.region}/${before.zone}`, owner, -1)
  }

  const show = (owner: OwnerId, key: string, row: SummaryRow, definition: Definition): void => {
    // Before the old row goes, so that a head that both name is not made anew.
    heads.name(row.definition, definition)
    hide(owner, key)
    rows.set(`${owner} ${key}`, row)
    tally.add(owner, row, nameOf(row))
    readers.countRows(`${row.region}/${row.zone}`, owner, 1)
    index.put(standIn(owner, key, row), definition)
  }

  const refresh = (owner: OwnerId, key: string): void => {
    const parts = parseRecordKey(key)
    // A kind that only newer owners know is kept in the set and shown to nobody.
    if (parts?.kind === 'zone') refreshReading(owner, key, `${parts.region}/${parts.zone}`)
    else if (parts?.kind === 'summary') refreshRow(owner, key)
  }

  const refreshReading = (owner: OwnerId, key: string, zone: string): void => {
    try {
      const record = sources.record(owner, key)
      const isThere = record !== undefined && record.body !== null
      const reading = isThere ? decodeZoneReading(record) : undefined
      if (reading) assertOwn(owner, reading.region)
      readers.read(zone, owner, reading?.state)
    } catch (cause) {
      readers.read(zone, owner, undefined)
      sources.onUnreadable(owner, key, reasonOf(cause))
    }
  }

  const refreshRow = (owner: OwnerId, key: string): void => {
    heldBack.release(owner, key)
    try {
      const row = read(sources, owner, key)
      const definition = row && sources.definition(row.definition)
      if (row && definition) show(owner, key, row, definition)
      else {
        hide(owner, key)
        if (row) heldBack.hold(owner, key, row.definition)
      }
    } catch (cause) {
      // What one owner sends must not keep the others from being read.
      hide(owner, key)
      sources.onUnreadable(owner, key, reasonOf(cause))
    }
  }

  /** Rows that match as far as summaries can tell, each zone from one replica only. */
  function* matching(query: Query): Generator<SummaryRow> {
    for (const { owner, spec, locality } of index.matching(coarsen(query))) {
      const row = rows.get(`${owner} ${spec.id}`)
      const view = readers.of(`${locality.region}/${locality.zone}`)
      if (row && view?.owner === owner) yield row
    }
  }

  return {
    apply(owner, events) {
      for (const { key } of events) refresh(owner, key)
      readers.settle()
    },
    definitionsArrived(ids) {
      for (const id of ids) {
        for (const [owner, key] of heldBack.waitingFor(id)) refresh(owner, key)
      }
    },
    get heldBack() {
      return heldBack.size
    },

    presenceChanged: (owner) => {
      readers.presenceChanged(owner)
    },

    candidates: () => ({ candidates: [], panic: false }),
    head: (id) => heads.get(id),

    finder,
    definitionsOf: (query) => new Set([...matching(query)].map(({ definition }) => definition)),
    server(name) {
      const versions = new ServerVersions(name)
      for (const row of matching({ kind: 'is', field: 'server', value: name })) {
        const head = heads.get(row.definition)
        if (head) versions.add(head, `${row.region}/${row.zone}`, row)
      }
      return versions.result()
    },

    nearest({ definitionId, server }, from) {
      let nearest: Ring | undefined
      for (const row of matching({ kind: 'is', field: 'server', value: server })) {
        if (row.definition !== definitionId || row.passing + row.warning === 0) continue
        const ring = ringOf(from, { region: row.region, zone: row.zone, node: '' })
        // Which node it is on is not known here.
        const least = ring === 0 ? 1 : ring
        if (nearest === undefined || least < nearest) nearest = least
      }
      return nearest
    },

    regionsWith(query) {
      const regions = new Set<string>()
      for (const { region } of matching(query)) regions.add(region)
      return [...regions].sort()
    },

    staleZones() {
      const unread = [...readers.entries()].flatMap(([zone, { state }]) =>
        state === 'unknown' ? [zone] : [],
      )
      return [...unread, ...readers.lost(sources.forgetMs)].sort()
    },

    *placed(query) {
      for (const row of matching(query)) {
        const head = heads.get(row.definition)
        if (head) yield { head, region: row.region, zone: row.zone, counts: row }
      }
    },

    tallies: () => [],

    regions(): Topology['regions'] {
      const regions = new Map<string, (readonly [string, SummaryZoneTally])[]>()
      for (const entry of tally.zones((zone) => readers.of(zone)?.owner)) {
        const [, { region }] = entry
        const zones = regions.get(region)
        if (zones) zones.push(entry)
        else regions.set(region, [entry])
      }
      return [...regions].map(([region, zones]) => {
        const instances = noCounts()
        for (const [, { counts }] of zones) addCounts(instances, counts)
        return {
          region,
          instances,
          zones: zones.map(([name, { zone, servers, counts }]) => ({
            zone,
            servers: servers.size,
            instances: { ...counts },
            state: readers.of(name)?.state ?? 'unknown',
          })),
        }
      })
    },
  }
}

/** The row as the index takes it: an instance that stands for its zone. */
function standIn(owner: OwnerId, key: string, row: SummaryRow) {
  return {
    owner,
    locality: { region: row.region, zone: row.zone, node: '' },
    spec: {
      id: key,
      definition: row.definition,
      endpoint: { transport: 'streamable-http' as const, url: '' },
      metadata: {},
      capacity: Math.max(1, row.capacity),
    },
    state: { id: key, status: bestStatus(row), weight: 1, draining: false },
  }
}

function bestStatus(row: SummaryRow): InstanceStatus {
  if (row.passing > 0) return 'passing'
  if (row.warning > 0) return 'warning'
  return row.gated > 0 ? 'gated' : 'critical'
}

/** Throws where the record cannot be read, or speaks for a region that is not its owner's. */
function read(
  { record }: SummariesCatalogSources,
  owner: OwnerId,
  key: string,
): SummaryRow | undefined {
  const found = record(owner, key)
  if (found === undefined || found.body === null) return undefined
  const row = decodeSummaryRow(found)
  assertOwn(owner, row.region)
  return row
}

function assertOwn(owner: OwnerId, region: string): void {
  if (parseOwnerId(owner)?.region === region) return
  throw new MeridianError('invalid_message', `a summary of ${region} is not ${owner}'s to give`)
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/**
 * The query as far as summaries can answer it: what differs by instance (status, metadata, node,
 * transport) counts as fulfilled, whether asked for or excluded, so that no region is left out
 * that has a match.
 */
export function coarsen(query: Query): Query {
  if (query.kind === 'all') return query
  return coarsenPart(query, false) ?? { kind: 'all' }
}

/** Undefined stands for true. */
function coarsenPart(part: QueryPart, negated: boolean): QueryPart | undefined {
  switch (part.kind) {
    case 'is':
    case 'begins': {
      if (isInstanceField(part.field)) return undefined
      return negated ? { kind: 'not', of: part } : part
    }
    case 'not':
      return coarsenPart(part.of, !negated)
    case 'and':
    case 'or': {
      // De Morgan: below a NOT, AND and OR change places.
      const kind = (part.kind === 'and') === negated ? 'or' : 'and'
      const parts = part.of.map((each) => coarsenPart(each, negated))
      const known = parts.filter((each) => each !== undefined)
      if (kind === 'or' && known.length < parts.length) return undefined
      // In normal form: an AND holds no AND, an OR no OR.
      const flat = known.flatMap((each) => (each.kind === kind ? each.of : [each]))
      return flat.length > 1 ? { kind, of: flat } : flat[0]
    }
    default:
      return part satisfies never
  }
}
