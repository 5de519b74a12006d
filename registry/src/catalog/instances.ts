import {
  candidatesOf,
  hitsInPanic,
  ignoringHealth,
  nearestRing,
  nodeStatuses,
  PanicWatch,
  type InstanceCatalog,
  type InstanceStatus,
  type NodeStatus,
  type OwnerId,
  type Random,
  type StatusCounts,
  type Topology,
  type ZoneLiveness,
} from '@meridian/shared'
import { NodeTally, shownStatus, type OwnerTally } from './node-tally.ts'
import { addCounts, noCounts, type MutableCounts } from './tally.ts'
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
  const tally = new NodeTally(
    index,
    ({ spec }) => catalog.head(spec.definition)?.name ?? spec.definition,
  )
  return {
    apply: (owner, events) => catalog.apply(owner, events),
    definitionsArrived: (ids) => catalog.definitionsArrived(ids),
    get heldBack() {
      return catalog.heldBack
    },

    head: (id) => catalog.head(id),
    instances: catalog,
    finder: catalog.finder,
    definitionsOf: (query) => catalog.definitionsOf(query),
    server: (name) => catalog.server(name),
    nearest: (definition, from) =>
      nearestRing(index, definition, { from, hasVersions: catalog.hasVersions, random }),

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

    *placed(query) {
      for (const instance of index.matching(query)) {
        const { owner, spec, locality } = instance
        if (liveness.statusOf(owner) === 'reaped') continue
        const head = catalog.head(spec.definition)
        if (!head) continue
        const { region, zone } = locality
        yield { head, region, zone, counts: oneOf[shownStatus(instance)] }
      }
    },

    staleZones: () => [],
    tallies: () => tally.zones(),

    regions() {
      const regions = new Map<string, { counts: MutableCounts; zones: ZoneTopology[] }>()
      for (const { region, zone, counts, servers, owners } of tally.zones()) {
        const entry = regions.get(region) ?? { counts: noCounts(), zones: [] }
        regions.set(region, entry)
        addCounts(entry.counts, counts)
        entry.zones.push({
          zone,
          servers: servers.size,
          instances: { ...counts },
          state: liveness.stateOf(`${region}/${zone}`),
          nodes: nodesOf(owners.values()),
        })
      }
      return sorted(regions).map(([region, { counts, zones }]) => ({
        region,
        instances: counts,
        zones: zones.sort((a, b) => (a.zone < b.zone ? -1 : 1)),
      }))
    },
  }

  function nodesOf(owners: Iterable<OwnerTally>): NonNullable<ZoneTopology['nodes']> {
    const nodes = Map.groupBy(owners, ({ node }) => node)
    return sorted(nodes).map(([node, parts]) => {
      const instances = noCounts()
      let draining = 0
      for (const part of parts) {
        addCounts(instances, part.counts)
        draining += part.draining
      }
      return {
        node,
        state: nodeState(
          liveness,
          parts.map(({ owner }) => owner),
        ),
        servers: new Set(parts.flatMap(({ servers }) => [...servers])).size,
        instances,
        ...(draining > 0 && { draining }),
      }
    })
  }
}

type ZoneTopology = Topology['regions'][number]['zones'][number]

/** A node stands as its agent does; where only importers are known, as the best of them. */
export function nodeState(liveness: ZoneLiveness, owners: readonly OwnerId[]): NodeStatus {
  const states = owners.map((owner) => liveness.statusOf(owner) ?? 'alive')
  const agent = owners.findIndex((owner) => owner.endsWith('/agent'))
  return states[agent] ?? nodeStatuses.find((state) => states.includes(state)) ?? 'alive'
}

/** The counts of one instance, by its status. */
const oneOf: Readonly<Record<InstanceStatus, StatusCounts>> = {
  passing: { ...noCounts(), passing: 1 },
  warning: { ...noCounts(), warning: 1 },
  gated: { ...noCounts(), gated: 1 },
  critical: { ...noCounts(), critical: 1 },
}

function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
