import { isUsable, standingOf, type CapabilityIndex } from '../capability-index/index.ts'
import type { DefinitionId, OwnerId } from '../model/index.ts'

/**
 * Looks at who serves what, and returns whether taking an owner out, with `out` taken out already,
 * would leave one of its definitions without an instance that takes work.
 */
export function protectLastInstances(
  index: CapabilityIndex,
): (owner: OwnerId, out: ReadonlySet<OwnerId>) => boolean {
  const servers = new Map<DefinitionId, Set<OwnerId>>()
  for (const { owner, spec, state, liveness } of index.matching({ kind: 'all' })) {
    if (!isUsable(standingOf(state, liveness))) continue
    const owners = servers.get(spec.definition) ?? new Set<OwnerId>()
    servers.set(spec.definition, owners.add(owner))
  }
  return (owner, out) => {
    for (const { spec, state, liveness } of index.ofOwner(owner)) {
      if (!isUsable(standingOf(state, liveness))) continue
      const owners = servers.get(spec.definition) ?? []
      if ([...owners].every((other) => other === owner || out.has(other))) return true
    }
    return false
  }
}
