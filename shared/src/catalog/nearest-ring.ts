import type { CapabilityIndex, Query } from '../capability-index/index.ts'
import type { DefinitionId, Locality, Ring } from '../model/index.ts'
import type { Random } from '../ports/index.ts'

/** A definition, as hits of free text name it. */
export interface NamedDefinition {
  readonly definitionId: DefinitionId
  readonly server: string
  readonly version: string
}

/** Of one name and version there are seldom two definitions, and never many. */
const namesakesMax = 16

/**
 * How near the nearest instance of a definition is that takes work; undefined where none does.
 * `hasVersions`: whether any server has more than one definition here.
 */
export function nearestRing(
  index: CapabilityIndex,
  { definitionId, server, version }: NamedDefinition,
  { from, hasVersions, random }: { from: Locality; hasVersions: boolean; random: Random },
): Ring | undefined {
  const ofServer = { kind: 'is', field: 'server', value: server } as const
  const ofVersion = { kind: 'is', field: 'version', value: version } as const
  const query: Query = hasVersions ? { kind: 'and', of: [ofServer, ofVersion] } : ofServer
  const limit = hasVersions ? namesakesMax : 1
  const hits = index.lookup(query, { from, limit, order: 'ranked', random })
  return hits.find(({ instance }) => instance.spec.definition === definitionId)?.ring
}
