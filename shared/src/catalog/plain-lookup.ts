import type { LookupParams } from '../api/index.ts'
import type { Hit } from '../capability-index/index.ts'
import type { LookupPlan } from '../lookup/lookup-plans.ts'
import type { Outliers } from '../lookup/outliers.ts'
import { spillShare } from '../lookup/spill.ts'
import type { Locality } from '../model/index.ts'
import type { Random } from '../ports/index.ts'
import type { InstanceCatalog } from './instance-catalog.ts'

export interface PlainLookupOptions {
  /** Where it is asked; the index holds its zone. */
  readonly locality: Locality
  readonly catalog: InstanceCatalog
  /** What callers reported. */
  readonly outliers: Outliers
  readonly random: Random
}

/** The lookups that the zone's index answers by its own draw, which are nearly all. */
export class PlainLookup {
  readonly #options: PlainLookupOptions

  constructor(options: PlainLookupOptions) {
    this.#options = options
  }

  /**
   * What the index draws, where that is enough and nothing asks for a closer look; else undefined.
   * Whether health is to be ignored (`PanicWatch`) is the caller's to know before.
   */
  hits(plan: LookupPlan, params: LookupParams): Hit[] | undefined {
    if (!this.#isPlain(params, plan)) return undefined
    const { locality, catalog, random } = this.#options
    const { limit, near, scope = 'global', order = 'balanced', min = 1 } = params
    const from = near ?? locality
    // Seen from elsewhere, this zone is not the nearest.
    const zoneFirst = from.region === locality.region && from.zone === locality.zone
    const hits = catalog.index.lookup(plan.query, { from, limit, random, order })
    const isEnough = scope === 'zone' || (zoneFirst && hits.length >= min)
    return isEnough && this.#isCalm(hits) ? hits : undefined
  }

  /** Whether nothing but the index's own draw is wanted. */
  #isPlain({ explain, affinity }: LookupParams, plan: LookupPlan): boolean {
    return (
      explain !== true &&
      affinity === undefined &&
      this.#options.outliers.size === 0 &&
      plan.alternatives.length === 0
    )
  }

  /** Whether nothing about the hits asks for a closer look: no load, no versions to choose from. */
  #isCalm(hits: readonly Hit[]): boolean {
    let pending = 0
    let capacity = 0
    for (let at = 0; at < hits.length; at += 1) {
      const { instance } = hits[at] as Hit
      pending += instance.load.inFlight
      capacity += instance.spec.capacity
    }
    return spillShare(0, { pending, capacity: Math.max(1, capacity) }) === 0 && !this.#vary(hits)
  }

  /** Whether two of the hits are different definitions of one server. */
  #vary(hits: readonly Hit[]): boolean {
    const { catalog } = this.#options
    if (!catalog.hasVersions) return false
    const first = hits[0]?.instance.spec.definition
    let at = 1
    while (at < hits.length && hits[at]?.instance.spec.definition === first) at += 1
    if (at >= hits.length) return false
    const definitions = new Map<string, string>()
    for (const { instance } of hits) {
      const { definition } = instance.spec
      const server = catalog.head(definition)?.name ?? ''
      if ((definitions.get(server) ?? definition) !== definition) return true
      definitions.set(server, definition)
    }
    return false
  }
}
