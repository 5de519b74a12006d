import {
  formatVersion,
  standingOf,
  type CapabilityIndex,
  type Holdings,
  type IndexedInstance,
  type InstanceView,
  type NodeView,
  type OwnerId,
  type Query,
  type ZoneLiveness,
} from '@meridian/shared'
import { nodeState } from '../catalog/instances.ts'
import type { OwnerTally } from '../catalog/node-tally.ts'
import { addCounts, noCounts } from '../catalog/tally.ts'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import { smallestAfter } from '../directory/page.ts'
import type { LagBook } from './lag-book.ts'

export interface HeldOptions {
  readonly index: CapabilityIndex
  readonly catalog: Pick<TierCatalog, 'head' | 'tallies'>
  readonly holdings: Holdings
  readonly liveness: ZoneLiveness
  readonly lags: LagBook
}

/** A page of what is held here, and where it ended; `next` is absent on the last. */
export interface HeldPage<T> {
  readonly items: readonly T[]
  readonly next?: string
}

/**
 * Instances and nodes as this registry holds them, page by page: instances by owner and id, nodes
 * by locality.
 */
export class Held {
  readonly #options: HeldOptions

  constructor(options: HeldOptions) {
    this.#options = options
  }

  /** Those of nodes that are hidden are left out. Errors: those of the query. */
  instances(query: Query, after: string, limit: number): HeldPage<InstanceView> {
    const rows =
      query.kind === 'all'
        ? this.#everyInstance(after, limit + 1)
        : smallestAfter(this.#shown(this.#options.index.matching(query)), keyOf, after, limit + 1)
    return pageOf(rows, limit, keyOf, (instance) => this.#viewOf(instance))
  }

  /** `place`: only those there. */
  nodes(after: string, limit: number, place?: string): HeldPage<NodeView> {
    const nodes = new Map<string, OwnerId[]>()
    for (const { owner, trust } of this.#options.holdings.values()) {
      // Of whom only the version is kept: an operator, or time, has let it go.
      if (trust === 'forgotten') continue
      const node = nodeOf(owner)
      if (place !== undefined && node !== place && !node.startsWith(`${place}/`)) continue
      const owners = nodes.get(node)
      if (owners) owners.push(owner)
      else nodes.set(node, [owner])
    }
    const rows = smallestAfter(nodes, ([node]) => node, after, limit + 1)
    const wanted = new Set(rows.flatMap(([, owners]) => owners))
    const tallies = new Map<OwnerId, OwnerTally>()
    for (const { owners } of this.#options.catalog.tallies()) {
      for (const owner of wanted) {
        const tally = owners.get(owner)
        if (tally) tallies.set(owner, tally)
      }
    }
    return pageOf(
      rows,
      limit,
      ([node]) => node,
      ([locality, owners]) => this.#nodeView(locality, owners.sort(), tallies),
    )
  }

  /** Owner by owner from where the last page ended: what lies elsewhere is not looked at. */
  #everyInstance(after: string, count: number): IndexedInstance[] {
    const { index, holdings, liveness } = this.#options
    const [afterOwner = '', afterId = ''] = after.split(' ', 2)
    const owners = [...holdings.values()]
      .map(({ owner }) => owner)
      .filter((owner) => owner >= afterOwner && liveness.statusOf(owner) !== 'reaped')
      .sort()
    const found: IndexedInstance[] = []
    for (const owner of owners) {
      if (found.length >= count) break
      // By the id alone: an importer owns tens of thousands, and joined keys would be made of each.
      const from = owner === afterOwner ? afterId : ''
      found.push(...smallestAfter(index.ofOwner(owner), idOf, from, count - found.length))
    }
    return found
  }

  *#shown(instances: Iterable<IndexedInstance>): Generator<IndexedInstance> {
    const { liveness } = this.#options
    for (const instance of instances) {
      if (liveness.statusOf(instance.owner) !== 'reaped') yield instance
    }
  }

  #viewOf(instance: IndexedInstance): InstanceView[] {
    const { owner, locality, spec, state, load, liveness } = instance
    const head = this.#options.catalog.head(spec.definition)
    if (!head) return []
    return [
      {
        instance: spec.id,
        locality: `${locality.region}/${locality.zone}/${locality.node}`,
        owner,
        server: head.name,
        version: head.version,
        ...(head.title !== undefined && { title: head.title }),
        definition: spec.definition,
        endpoint: spec.endpoint,
        metadata: spec.metadata,
        capacity: spec.capacity,
        status: state.status,
        standing: standingOf(state, liveness),
        weight: state.weight,
        draining: state.draining,
        node: this.#options.liveness.statusOf(owner) ?? 'alive',
        load: { inFlight: load.inFlight, latencyMs: load.latencyMs },
      },
    ]
  }

  #nodeView(
    locality: string,
    owners: readonly OwnerId[],
    tallies: ReadonlyMap<OwnerId, OwnerTally>,
  ): NodeView[] {
    const { holdings, liveness, lags } = this.#options
    const instances = noCounts()
    const servers = new Set<string>()
    let draining = 0
    for (const owner of owners) {
      const tally = tallies.get(owner)
      if (!tally) continue
      addCounts(instances, tally.counts)
      for (const name of tally.servers) servers.add(name)
      draining += tally.draining
    }
    return [
      {
        locality,
        state: nodeState(liveness, owners),
        servers: servers.size,
        instances,
        draining,
        owners: owners.flatMap((owner) => {
          const held = holdings.get(owner)
          if (!held) return []
          const { version, trust, records } = held
          const lag = lags.lagOf(owner, version)
          return [{ owner, version: formatVersion(version), ...lag, trust, records: records.size }]
        }),
      },
    ]
  }
}

function pageOf<T, V>(
  rows: readonly T[],
  limit: number,
  key: (row: T) => string,
  view: (row: T) => readonly V[],
): HeldPage<V> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.flatMap(view),
    ...(rows.length > limit && last !== undefined && { next: key(last) }),
  }
}

/** Sorts by owner, then by id: no owner's name has a space, or anything that comes before one. */
export function instanceKey(owner: OwnerId, id: string): string {
  return `${owner} ${id}`
}

function keyOf({ owner, spec }: IndexedInstance): string {
  return instanceKey(owner, spec.id)
}

function idOf({ spec }: IndexedInstance): string {
  return spec.id
}

function nodeOf(owner: OwnerId): string {
  return owner.slice(0, owner.lastIndexOf('/'))
}
