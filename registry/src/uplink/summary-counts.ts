import {
  mapIn,
  summaryKey,
  type DefinitionId,
  type IndexChange,
  type IndexedInstance,
  type InstanceStatus,
  type OwnerId,
  type SummaryRow,
} from '@meridian/shared'

type Bucket = InstanceStatus | 'draining'
type MutableRow = { -readonly [K in keyof SummaryRow]: SummaryRow[K] }

interface Row {
  readonly key: string
  readonly counts: MutableRow
}

interface Contribution {
  readonly row: Row
  readonly bucket: Bucket
  readonly capacity: number
}

/** How urgently a row has to be told: one that appears or vanishes changes who is asked at all. */
export interface SummaryTouch {
  readonly key: string
  readonly atOnce: boolean
}

/**
 * Counts per (definition, zone), kept up as instances come, change and go; nothing is ever counted
 * over again.
 */
export class SummaryCounts {
  readonly #rows = new Map<string, Row>()
  /** The same by region, zone and definition, so that finding one spells out no key. */
  readonly #places = new Map<string, Map<string, Map<DefinitionId, Row>>>()
  /** By owner and instance. */
  readonly #contributions = new Map<OwnerId, Map<string, Contribution>>()

  /** Which rows the change touched. */
  take({ kind, instance }: IndexChange): SummaryTouch[] {
    const { owner, spec } = instance
    const own = this.#contributions.get(owner)
    const before = own?.get(spec.id)
    const row = kind === 'removed' ? undefined : this.#rowOf(instance)
    const after = row && { row, bucket: bucketOf(instance), capacity: spec.capacity }
    if (before && after && same(before, after)) return []
    const touched = new Map<string, boolean>()
    if (before) {
      touched.set(before.row.key, this.#count(before, -1))
      own?.delete(spec.id)
      if (own?.size === 0) this.#contributions.delete(owner)
    }
    if (after) {
      const { key } = after.row
      const appears = !this.#rows.has(key)
      if (appears) this.#enter(after.row)
      this.#count(after, 1)
      mapIn(this.#contributions, owner).set(spec.id, after)
      touched.set(key, (touched.get(key) ?? false) !== appears)
    }
    return [...touched].map(([key, atOnce]) => ({ key, atOnce }))
  }

  get(key: string): SummaryRow | undefined {
    return this.#rows.get(key)?.counts
  }

  keys(): Iterable<string> {
    return this.#rows.keys()
  }

  /** The instance's row; a new one, not entered yet, where there is none. */
  #rowOf(instance: IndexedInstance): Row {
    const { spec, locality } = instance
    const { region, zone } = locality
    const known = this.#places.get(region)?.get(zone)?.get(spec.definition)
    return known ?? { key: summaryKey(region, zone, spec.definition), counts: emptyRow(instance) }
  }

  #enter(row: Row): void {
    const { region, zone, definition } = row.counts
    this.#rows.set(row.key, row)
    mapIn(mapIn(this.#places, region), zone).set(definition, row)
  }

  #leave(row: Row): void {
    const { region, zone, definition } = row.counts
    this.#rows.delete(row.key)
    const zones = this.#places.get(region)
    const rows = zones?.get(zone)
    rows?.delete(definition)
    if (rows?.size === 0) zones?.delete(zone)
    if (zones?.size === 0) this.#places.delete(region)
  }

  /** Whether the row is empty now, and so gone. */
  #count({ row, bucket, capacity }: Contribution, sign: 1 | -1): boolean {
    const { counts } = row
    counts[bucket] += sign
    if (bucket === 'passing') counts.capacity += sign * capacity
    const { passing, warning, gated, critical, draining } = counts
    const empty = passing + warning + gated + critical + draining === 0
    if (empty) this.#leave(row)
    return empty
  }
}

/** What nobody can reach serves nobody, whatever its own checks said last. */
function bucketOf({ state, liveness }: IndexedInstance): Bucket {
  if (liveness === 'unreachable') return 'critical'
  return state.draining || state.weight === 0 ? 'draining' : state.status
}

function same(a: Contribution, b: Contribution): boolean {
  return a.row === b.row && a.bucket === b.bucket && a.capacity === b.capacity
}

function emptyRow({ spec, locality }: IndexedInstance): MutableRow {
  return {
    region: locality.region,
    zone: locality.zone,
    definition: spec.definition,
    passing: 0,
    warning: 0,
    gated: 0,
    critical: 0,
    draining: 0,
    capacity: 0,
  }
}
