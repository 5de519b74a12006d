import type { Topology } from '@meridian/shared'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { Unwell } from '../events/since-when.ts'

const unwellStatuses = ['warning', 'gated', 'critical'] as const

/** What has a time of its own in a topology, but for the states of nodes, of which events tell. */
export function* unwellIn(catalog: Pick<TierCatalog, 'tallies' | 'regions'>): Iterable<Unwell> {
  let holdsInstances = false
  for (const { region, zone, counts, owners } of catalog.tallies()) {
    holdsInstances = true
    const place = `${region}/${zone}`
    for (const what of unwellStatuses) if (counts[what] > 0) yield { place, what }
    const draining = new Set<string>()
    for (const { node, draining: count } of owners.values()) if (count > 0) draining.add(node)
    for (const node of draining) yield { place: `${place}/${node}`, what: 'draining' }
  }
  if (holdsInstances) return
  for (const { region, zones } of catalog.regions()) {
    for (const { zone, state = 'fresh', instances } of zones) {
      const place = `${region}/${zone}`
      if (state !== 'fresh') yield { place, what: state }
      for (const what of unwellStatuses) if (instances[what] > 0) yield { place, what }
    }
  }
}

/** RFC 3339, where it is known. */
export interface Times {
  /** Since when a node or a zone has that state. */
  readonly state: (place: string, state: string) => string | undefined
  /** Since when instances at a place have that status, or drain. */
  readonly instances: (place: string, what: string) => string | undefined
}

/** Says of what is not as it should be since when. */
export function withSince(topology: Topology, timeOf: Times): Topology {
  const since = (place: string, state: string | undefined, well: string) => {
    const at = state === undefined || state === well ? undefined : timeOf.state(place, state)
    return at === undefined ? {} : { since: at }
  }
  return {
    ...topology,
    regions: topology.regions.map(({ region, zones, ...rest }) => ({
      region,
      ...rest,
      zones: zones.map(({ zone, nodes, ...about }) => {
        const place = `${region}/${zone}`
        const times = unwellStatuses.flatMap((status) => {
          const at = about.instances[status] > 0 ? timeOf.instances(place, status) : undefined
          return at === undefined ? [] : [[status, at] as const]
        })
        return {
          zone,
          ...about,
          ...since(place, about.state, 'fresh'),
          ...(times.length > 0 && { instancesSince: Object.fromEntries(times) }),
          ...(nodes && {
            nodes: nodes.map((node) => {
              const name = `${place}/${node.node}`
              const drainingSince =
                (node.draining ?? 0) > 0 ? timeOf.instances(name, 'draining') : undefined
              return {
                ...node,
                ...since(name, node.state, 'alive'),
                ...(drainingSince !== undefined && { drainingSince }),
              }
            }),
          }),
        }
      }),
    })),
  }
}
