import {
  candidatesOf,
  hitsInPanic,
  ignoringHealth,
  PanicWatch,
  type IndexedInstance,
  type InstanceCatalog,
  type InstanceStatus,
  type NodeStatus,
  type Random,
  type ZoneLiveness,
} from '@meridian/shared'
import { addStatus, noCounts, ServerTally, type MutableCounts } from './tally.ts'
import type { TierCatalog } from './tier-catalog.ts'

/** A catalog of instances: what local and regional registries know. */
export function createInstancesCatalog(
  catalog: InstanceCatalog,
  liveness: ZoneLiveness,
  random: Random,
): TierCatalog {
  const { index } = catalog
  // All that is held is one place to it: a zone, or a region.
  const panics = new PanicWatch(catalog, () => true)
  return {
    apply: (owner, events) => catalog.apply(owner, events),
    definitionsArrived: (ids) => catalog.definitionsArrived(ids),
    get heldBack() {
      return catalog.heldBack
    },

    finder: catalog.finder,
    definitionsOf: (query) => catalog.definitionsOf(query),
    server: (name) => catalog.server(name),

    candidates(plan, { from, limit, order = 'balanced', now }) {
      const { query, alternatives } = plan
      const panicking = panics.of(plan, now)
      if (panicking !== undefined) {
        const hits = hitsInPanic(panicking, from)
        return {
          candidates: ignoringHealth(candidatesOf(catalog, hits, alternatives)),
          panic: true,
        }
      }
      const hits = index.lookup(query, { from, limit, random, order })
      return { candidates: candidatesOf(catalog, hits, alternatives), panic: false }
    },

    regionsWith: (query) => index.count(query).regions.map(({ region }) => region),

    servers(query, after, limit) {
      const tally = new ServerTally()
      for (const instance of index.matching(query)) {
        const { owner, spec, locality } = instance
        if (liveness.statusOf(owner) === 'reaped') continue
        const head = catalog.head(spec.definition)
        if (!head) continue
        const counts = noCounts()
        addStatus(counts, shownStatus(instance))
        tally.add(head, `${locality.region}/${locality.zone}`, counts)
      }
      const { servers, total, more } = tally.page(after, limit)
      const last = servers.at(-1)
      return { servers, total, ...(more && last && { nextCursor: last.name }) }
    },

    staleZones: () => [],

    regions() {
      const regions = new Map<string, RegionTally>()
      for (const instance of index.matching({ kind: 'all' })) {
        const { owner, spec, locality } = instance
        const status = shownStatus(instance)
        const name = catalog.head(spec.definition)?.name ?? spec.definition
        const region = entry(regions, locality.region, newRegion)
        const zone = entry(region.zones, locality.zone, newZone)
        const node = entry(zone.nodes, locality.node, newNode)
        node.state = liveness.statusOf(owner) ?? 'alive'
        addStatus(region.counts, status)
        for (const tally of [zone, node]) {
          addStatus(tally.counts, status)
          tally.servers.add(name)
        }
      }
      return sorted(regions).map(([region, { counts, zones }]) => ({
        region,
        instances: counts,
        zones: sorted(zones).map(([zone, tally]) => ({
          zone,
          servers: tally.servers.size,
          instances: tally.counts,
          state: liveness.stateOf(`${region}/${zone}`),
          nodes: sorted(tally.nodes).map(([node, { state, servers, counts: instances }]) => ({
            node,
            state,
            servers: servers.size,
            instances,
          })),
        })),
      }))
    },
  }
}

interface Tally {
  readonly servers: Set<string>
  readonly counts: MutableCounts
}
interface ZoneTally extends Tally {
  readonly nodes: Map<string, NodeTally>
}
interface NodeTally extends Tally {
  state: NodeStatus
}
interface RegionTally {
  readonly counts: MutableCounts
  readonly zones: Map<string, ZoneTally>
}

function newRegion(): RegionTally {
  return { counts: noCounts(), zones: new Map() }
}

function newZone(): ZoneTally {
  return { ...newTally(), nodes: new Map() }
}

function newNode(): NodeTally {
  return { ...newTally(), state: 'alive' }
}

/** Nobody serves from a node that cannot be reached, whatever its checks said last. */
function shownStatus({ state, liveness }: IndexedInstance): InstanceStatus {
  return liveness === 'unreachable' ? 'critical' : state.status
}

function newTally(): Tally {
  return { servers: new Set(), counts: noCounts() }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
