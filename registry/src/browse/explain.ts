import {
  factorsOf,
  formatLocality,
  lookupHitsMax,
  parseQuery,
  standingOf,
  type CapabilityIndex,
  type ExplainParams,
  type Locality,
  type IndexExplanation,
  type Random,
  type Tier,
} from '@meridian/shared'
import { addCounts, noCounts, type MutableCounts } from '../catalog/tally.ts'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { TierRole } from '../tier.ts'

export interface ExplainOptions {
  readonly tier: Tier
  readonly role: TierRole
  /** Where the registry stands. */
  readonly here: Locality
  readonly index: CapabilityIndex
  readonly catalog: TierCatalog
  readonly random: Random
}

/**
 * How a lookup finds its answer here: the plan, what it read, who weighs what, and where it would
 * go on to. Errors: those of the query.
 */
export function createExplain(
  options: ExplainOptions,
): (params: ExplainParams) => IndexExplanation {
  const { tier, role, here, index, catalog, random } = options
  return ({ q, limit, near }) => {
    const query = parseQuery(q)
    const from = near ?? here
    const { plan, rowsTouched, rowsTotal, zones, hits, ...said } = index.explain(query, {
      from,
      limit: Math.min(limit, lookupHitsMax),
      random,
      order: 'ranked',
    })
    const shown = role.holds === 'instances' ? hits : []
    return {
      query: said.query,
      tier,
      from: formatLocality(from),
      plan,
      rowsTouched,
      rowsTotal,
      zones: [...zones],
      matches: matchesOf(),
      hits: shown.flatMap(({ instance, ring, weight }) => {
        const head = catalog.head(instance.spec.definition)
        if (!head) return []
        const { name, version } = head
        return [
          {
            instance: instance.spec.id,
            server: name,
            version,
            locality: formatLocality(instance.locality),
            ring,
            weight,
            standing: standingOf(instance.state, instance.liveness),
            factors: factorsOf(instance),
          },
        ]
      }),
      asksNext: asksNext(shown.length > 0),
    }

    function matchesOf(): IndexExplanation['matches'] {
      const places = new Map<string, { region: string; zone: string; instances: MutableCounts }>()
      for (const { region, zone, counts } of catalog.placed(query)) {
        const name = `${region}/${zone}`
        const entry = places.get(name) ?? { region, zone, instances: noCounts() }
        places.set(name, entry)
        addCounts(entry.instances, counts)
      }
      return [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place)
    }

    function asksNext(found: boolean): string[] {
      if (found) return []
      switch (role.asks) {
        case 'parent':
          return [here.region]
        case 'other-regions':
          return role.holds === 'summaries' ? catalog.regionsWith(query) : ['*']
        case 'nobody':
          return []
        default:
          return role.asks satisfies never
      }
    }
  }
}
