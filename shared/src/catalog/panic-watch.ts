import type { IndexedInstance } from '../capability-index/index.ts'
import type { LookupPlan } from '../lookup/lookup-plans.ts'
import { panicLimits, panicOf } from '../lookup/panic.ts'
import type { Locality } from '../model/index.ts'
import type { Millis } from '../ports/index.ts'
import type { InstanceCatalog } from './instance-catalog.ts'

interface Seen {
  readonly at: Millis
  readonly instances: readonly IndexedInstance[] | undefined
}

/** Whether health is to be ignored for a query, found out at most once a second. */
export class PanicWatch {
  readonly #catalog: InstanceCatalog
  readonly #inPlace: (locality: Locality) => boolean
  readonly #seen = new WeakMap<LookupPlan, Seen>()

  /** `inPlace`: of the zone or region that is judged as one. */
  constructor(catalog: InstanceCatalog, inPlace: (locality: Locality) => boolean) {
    this.#catalog = catalog
    this.#inPlace = inPlace
  }

  /** Those to be drawn from whatever their health; undefined where health counts. */
  of(plan: LookupPlan, now: Millis): readonly IndexedInstance[] | undefined {
    const seen = this.#seen.get(plan)
    if (seen !== undefined && now - seen.at < panicLimits.holdsMs) {
      return seen.instances && this.#stillThere(seen.instances)
    }
    const instances = this.#hasMany(plan)
      ? undefined
      : panicOf(this.#catalog.index, plan.query, this.#inPlace)
    this.#seen.set(plan, { at: now, instances })
    return instances
  }

  /** What has gone since, or serves something else, is not returned for the time that this holds. */
  #stillThere(instances: readonly IndexedInstance[]): readonly IndexedInstance[] {
    return instances.flatMap(({ owner, spec }) => {
      const present = this.#catalog.index.get(owner, spec.id)
      return present?.spec.definition === spec.definition ? [present] : []
    })
  }

  /** With so many that take work nobody has to be tried in spite of their health. */
  #hasMany(plan: LookupPlan): boolean {
    const limit = panicLimits.candidatesMax + 1
    const from = { region: '', zone: '', node: '' }
    const hits = this.#catalog.index.lookup(plan.query, {
      from,
      limit,
      order: 'ranked',
      random: () => 0,
    })
    return hits.length === limit
  }
}
