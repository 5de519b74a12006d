import {
  isUsable,
  standingOf,
  type CapabilityIndex,
  type DefinitionId,
  type Endpoint,
} from '@meridian/shared'

/** Endpoints of the usable instances of a definition, the healthiest first, each once. */
export function endpointsOf(index: CapabilityIndex, name: string, id: DefinitionId): Endpoint[] {
  const found: { readonly rank: number; readonly endpoint: Endpoint }[] = []
  for (const { spec, state, liveness } of index.matching({
    kind: 'is',
    field: 'server',
    value: name,
  })) {
    const standing = standingOf(state, liveness)
    if (spec.definition !== id || !isUsable(standing)) continue
    found.push({ rank: ranks.indexOf(standing), endpoint: spec.endpoint })
  }
  found.sort((a, b) => a.rank - b.rank || (a.endpoint.url < b.endpoint.url ? -1 : 1))
  return found.map(({ endpoint }) => endpoint)
}

const ranks: readonly string[] = ['passing', 'warning', 'gated']
