import {
  summaryKey,
  type IndexChange,
  type IndexedInstance,
  type InstanceStatus,
  type SummaryRow,
} from '@meridian/shared'

type Bucket = InstanceStatus | 'draining'
type MutableRow = { -readonly [K in keyof SummaryRow]: SummaryRow[K] }

interface Contribution {
  readonly row: string
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
  readonly #rows = new Map<string, MutableRow>()
  readonly #contributions = new Map<string, Contribution>()

  /** Which rows the change touched. */
  take(change: IndexChange): SummaryTouch[] {
    const { instance } = change
    const id = `${instance.owner}/${instance.spec.id}`
    const before = this.#contributions.get(id)
    const after = change.kind === 'removed' ? undefined : contributionOf(instance)
    if (before && after && same(before, after)) return []
    const touched = new Map<string, boolean>()
    if (before) {
      touched.set(before.row, this.#count(before, -1))
      this.#contributions.delete(id)
    }
    if (after) {
      const appears = !this.#rows.has(after.row)
      if (appears) this.#rows.set(after.row, emptyRow(instance))
      this.#count(after, 1)
      this.#contributions.set(id, after)
      touched.set(after.row, (touched.get(after.row) ?? false) !== appears)
    }
    return [...touched].map(([key, atOnce]) => ({ key, atOnce }))
  }

  get(key: string): SummaryRow | undefined {
    return this.#rows.get(key)
  }

  keys(): Iterable<string> {
    return this.#rows.keys()
  }

  /** Whether the row is empty now, and so gone. */
  #count({ row: key, bucket, capacity }: Contribution, sign: 1 | -1): boolean {
    const row = this.#rows.get(key)
    if (!row) throw new Error(`the summary row ${key} is counted down but was never counted up`)
    row[bucket] += sign
    if (bucket === 'passing') row.capacity += sign * capacity
    const empty = row.passing + row.warning + row.gated + row.critical + row.draining === 0
    if (empty) this.#rows.delete(key)
    return empty
  }
}

/** What nobody can reach serves nobody, whatever its own checks said last. */
function bucketOf({ state, liveness }: IndexedInstance): Bucket {
  if (liveness === 'unreachable') return 'critical'
  return state.draining || state.weight === 0 ? 'draining' : state.status
}

function contributionOf(instance: IndexedInstance): Contribution {
  const { spec, locality } = instance
  return {
    row: summaryKey(locality.region, locality.zone, spec.definition),
    bucket: bucketOf(instance),
    capacity: spec.capacity,
  }
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
