import type {
  Candidate,
  DefinitionFinder,
  DefinitionHead,
  InstanceCatalog,
  LookupPlan,
  LookupResult,
  OwnerId,
  DefinitionId,
  Locality,
  NamedDefinition,
  Order,
  Query,
  RecordEvent,
  Ring,
  ServerDetail,
  StatusCounts,
  Topology,
} from '@meridian/shared'
import type { ZoneTally } from './node-tally.ts'

export interface TierLookupOptions {
  readonly from: Locality
  readonly limit: number
  readonly order?: Order | undefined
  readonly now: number
}

export interface Candidates {
  readonly candidates: readonly Candidate<LookupResult>[]
  /** Health was ignored: most of what matches is called unhealthy at once. */
  readonly panic: boolean
}

/** Where some instances of a definition are: one of them, or a zone's as its region counted them. */
export interface Placed {
  readonly head: DefinitionHead
  readonly region: string
  readonly zone: string
  readonly counts: StatusCounts
}

/** What a registry knows, whatever its tier holds: instances, or summaries of regions. */
export interface TierCatalog {
  /** Takes in what changed in an owner's set. */
  apply(owner: OwnerId, events: readonly RecordEvent[]): void
  definitionsArrived(ids: readonly DefinitionId[]): void
  /** Records held back until a definition arrives. */
  readonly heldBack: number

  /** Name, version and counts of a definition that a row names. */
  head(id: DefinitionId): DefinitionHead | undefined
  /** Instances to draw from, nearest first; none where only summaries are held. */
  candidates(plan: LookupPlan, options: TierLookupOptions): Candidates
  /** Regions that may have a match: a superset where only summaries are held. */
  regionsWith(query: Query): string[]
  /** What matches and is shown, in no particular order. */
  placed(query: Query): Iterable<Placed>
  regions(): Topology['regions']
  /**
   * `region/zone` of those that nobody below reads at present: what is shown of them is what was
   * read last. None where instances are held: those who judge nodes tell more.
   */
  staleZones(): string[]
  /** Where instances are held: they can be watched. */
  readonly instances?: InstanceCatalog
  /** Free text over the definitions that are shown. */
  readonly finder: DefinitionFinder
  /** Definitions with a match: a superset where only summaries are held. */
  definitionsOf(query: Query): ReadonlySet<DefinitionId>
  /**
   * How near the nearest instance of it is that takes work; undefined where none does. A zone at most
   * where only summaries are held.
   */
  nearest(definition: NamedDefinition, from: Locality): Ring | undefined
  /** What runs under a server's name; undefined where nothing does. */
  server(name: string): ServerDetail | undefined
  /** By zone and owner; nothing where only summaries are held. */
  tallies(): Iterable<ZoneTally>
}
