import type { Topology } from '@meridian/shared'

/** Says of what is not as it should be since when, where `sinceOf` knows. */
export function withSince(
  topology: Topology,
  sinceOf: (place: string) => string | undefined,
): Topology {
  const since = (place: string, isWell: boolean) => {
    const at = isWell ? undefined : sinceOf(place)
    return at === undefined ? {} : { since: at }
  }
  return {
    ...topology,
    regions: topology.regions.map(({ region, zones, ...rest }) => ({
      region,
      ...rest,
      zones: zones.map(({ zone, nodes, ...about }) => ({
        zone,
        ...about,
        ...since(`${region}/${zone}`, about.state === 'fresh'),
        ...(nodes && {
          nodes: nodes.map((node) => ({
            ...node,
            ...since(`${region}/${zone}/${node.node}`, node.state === 'alive'),
          })),
        }),
      })),
    })),
  }
}
