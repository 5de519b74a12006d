import type {
  LookupResult,
  OwnerId,
  DefinitionId,
  Locality,
  Query,
  RecordEvent,
  ServersPage,
  Topology,
} from '@meridian/shared'

/** What a registry knows, whatever its tier holds: instances, or summaries of regions. */
export interface TierCatalog {
  /** Takes in what changed in an owner's set. */
  apply(owner: OwnerId, events: readonly RecordEvent[]): void
  definitionsArrived(ids: readonly DefinitionId[]): void
  /** Records held back until a definition arrives. */
  readonly heldBack: number

  /** Instances to try, nearest first; none where only summaries are held. */
  lookup(query: Query, from: Locality, limit: number): LookupResult[]
  /** Regions that may have a match: a superset where only summaries are held. */
  regionsWith(query: Query): string[]
  /** Servers with a match, by name, those after `after` first. */
  servers(query: Query, after: string, limit: number): ServersPage
  regions(): Topology['regions']
}
