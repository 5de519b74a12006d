import type {
  Definition,
  InstanceSpec,
  InstanceState,
  InstanceStatus,
  Locality,
  OwnerId,
  Ring,
} from '../model/index.ts'
import type { Random } from '../ports/index.ts'
import type { Query } from './query/index.ts'
import type { InstanceLoad, Liveness } from './standing.ts'

/**
 * Which instances can do this, near me, healthy, and not overloaded.
 *
 * An instance is known by its owner and its id. Its row is a *group*: one definition in one zone,
 * with the instances inside.
 *
 * Instances that take no work (critical, draining, weight 0, node unreachable) stay in the index:
 * `count` and `matching` see them, and so does a lookup whose query names a status, as
 * `status:critical` does. Every other lookup leaves them out.
 */
export interface CapabilityIndex {
  readonly size: IndexSize

  /**
   * Adds an instance or replaces it whole. The definition is the one that `spec.definition` names;
   * given as a function it is asked for only when the index does not know the group yet. The
   * index keeps what it needs of it, not the definition.
   *
   * An owner's liveness is kept beside its instances, so `put` does not touch it.
   */
  put(instance: InstanceInput, definition: Definition | (() => Definition)): 'added' | 'changed'

  /** Whether there was such an instance. */
  remove(owner: OwnerId, id: string): boolean
  /** How many instances left. */
  removeOwner(owner: OwnerId): number

  /** Replaces the state record. False: no such instance. */
  setState(owner: OwnerId, id: string, state: InstanceState): boolean
  /** What a pulse says of one instance. Not told to `onChange`. False: no such instance. */
  setLoad(owner: OwnerId, id: string, load: InstanceLoad): boolean
  /** What is known of all the owner's instances, those of later too, until it is said again. */
  setLiveness(owner: OwnerId, liveness: Liveness): void

  get(owner: OwnerId, id: string): IndexedInstance | undefined
  /** An owner's instances, in no particular order. */
  ofOwner(owner: OwnerId): Iterable<IndexedInstance>

  /**
   * The instances to try, in that order: nearer rings first, inside a ring as `order` says.
   * Errors: `invalid_query` when a wildcard stands for too many values here.
   */
  lookup(query: Query, options: LookupOptions): Hit[]

  /** All that match, by region and zone, unusable ones included. Errors as `lookup`. */
  count(query: Query): Count

  /** Every instance that matches, unusable ones included, in no particular order. Errors as `lookup`. */
  matching(query: Query): Iterable<IndexedInstance>

  /** Whether one instance matches. False where there is none. Errors as `lookup`. */
  matches(query: Query, owner: OwnerId, id: string): boolean

  /**
   * Names of fields that some instance has a value of, and the first so many values of one that begin
   * with `prefix`, in order: for whoever writes a query. Places and templates are not among them; what
   * went a moment ago may be.
   */
  fields(): string[]
  values(field: string, prefix: string, limit: number): string[]

  /** How `lookup` would find its answer. Errors as `lookup`. */
  explain(query: Query, options: LookupOptions): Explanation

  /** Calls `listener` after each change, synchronously. Returns how to stop. */
  onChange(listener: (change: IndexChange) => void): () => void

  /**
   * Does one bounded piece of tidying (about 0.1 ms) and says whether more is left. Answers are
   * the same before, between and after pieces.
   */
  maintain(): boolean
}

export interface IndexSize {
  readonly instances: number
  readonly groups: number
  /** About what the index takes beside the records that it was given; 0 where it holds no more. */
  readonly bytes: number
}

/** What `put` takes. */
export interface InstanceInput {
  readonly owner: OwnerId
  readonly locality: Locality
  readonly spec: InstanceSpec
  readonly state: InstanceState
  /** What was known stays if this is absent; a newcomer is idle. */
  readonly load?: InstanceLoad
}

/** An instance as the index holds it now. Its fields change with it; it is not a snapshot. */
export interface IndexedInstance {
  readonly owner: OwnerId
  readonly locality: Locality
  readonly spec: InstanceSpec
  readonly state: InstanceState
  readonly load: InstanceLoad
  readonly liveness: Liveness
}

/**
 * - `balanced`: a weighted draw, so that many askers do not choose the same instance
 * - `ranked`: the heaviest first; the same answer every time
 * - `random`: a draw in which all that are usable weigh the same
 */
export type Order = 'balanced' | 'ranked' | 'random'

export interface LookupOptions {
  /** Where the asker is: what is near is near to this. */
  readonly from: Locality
  /** 1 to `lookupHitsMax`. */
  readonly limit: number
  /** Not called when `order` is `ranked`. */
  readonly random: Random
  /** `balanced` unless given. */
  readonly order?: Order
  /** Rings nearer than this are left out; 0 unless given. */
  readonly ringMin?: Ring
  /** Rings farther than this are left out; 3 unless given. 1 is the asker's zone, 2 its region. */
  readonly ringMax?: Ring
  /** Measured round trips to other regions, nearest first in ring 3. Unknown regions come last. */
  readonly regionDistanceMs?: (region: string) => number | undefined
  /** Weighs in the place of `weightOf`; 0 for what must come last. */
  readonly weigh?: (instance: IndexedInstance) => number
}

/** Hits of one lookup. Whoever wants everything takes `matching`. */
export const lookupHitsMax = 1_000

export interface Hit {
  readonly instance: IndexedInstance
  readonly ring: Ring
  /** What it weighed in the draw; `factorsOf` says why. */
  readonly weight: number
}

export interface Tally {
  readonly groups: number
  readonly instances: number
  /** Those that take work. */
  readonly usable: number
  /** By the status that their own checks gave them. */
  readonly byStatus: Readonly<Record<InstanceStatus, number>>
  /** Calls that the usable ones can serve at once. */
  readonly capacity: number
}

export interface Count extends Tally {
  /** Sorted by name; only those with a match. */
  readonly regions: readonly RegionCount[]
}
export interface RegionCount extends Tally {
  readonly region: string
  readonly zones: readonly ZoneCount[]
}
export interface ZoneCount extends Tally {
  readonly zone: string
}

export interface Explanation {
  /** The query as it was understood. */
  readonly query: string
  readonly plan: PlanStep
  /** Groups that were looked at, whatever came of it. */
  readonly rowsTouched: number
  /** Groups in the index. */
  readonly rowsTotal: number
  readonly zones: readonly ZoneExplanation[]
  readonly hits: readonly Hit[]
}

/** How a part of the query is answered, in the order in which it is done. */
export interface PlanStep {
  /** `scan`, `list`, `bitset`, `and`, `or`, `not`, `filter`… */
  readonly how: string
  /** The part of the query, as text. */
  readonly what: string
  /** Upper bound of the groups it names, over all zones. */
  readonly rows: number
  readonly steps: readonly PlanStep[]
}

export interface ZoneExplanation {
  readonly region: string
  readonly zone: string
  readonly rowsTouched: number
  /** Why the walk ended: everything was read, or nothing later could be better. */
  readonly ended: 'exhausted' | 'early' | 'skipped'
}

export type IndexChange =
  | { readonly kind: 'added'; readonly instance: IndexedInstance }
  /** A new spec, state or liveness. */
  | { readonly kind: 'changed'; readonly instance: IndexedInstance }
  /** As it last was. */
  | { readonly kind: 'removed'; readonly instance: IndexedInstance }
