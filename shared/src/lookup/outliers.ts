import type { Millis } from '../ports/index.ts'

export const outlierLimits = {
  /** Instances that are remembered by what calls to them came to. */
  instances: 10_000,
  /** One without a report for so long is forgotten, its ejections too. */
  forgetMs: 600_000,
  /** Failures in a row that take an instance out. */
  failuresInARow: 5,
  /** The first ejection lasts so long; each further one so much longer, up to `ejectMostMs`. */
  ejectFirstMs: 10_000,
  ejectMostMs: 300_000,
  /** So long without an ejection forgives one. */
  forgiveMs: 60_000,
  /** At most this share of the candidates of a ring is left out, whatever is reported. */
  shareMax: 0.3,
} as const

/** Smoothing of reported latencies: the last ten or so count. */
const smoothing = 0.2

interface Record {
  failures: number
  ejections: number
  ejectedUntil: Millis
  calmSince: Millis
  heardAt: Millis
  latencyMs: number | undefined
}

/** What came of one call. */
export interface CallReport {
  readonly ok: boolean
  readonly latencyMs?: number | undefined
}

/**
 * What callers found out by calling. Checks see that an instance answers; only its callers see
 * that it answers wrongly, or slowly, for them.
 *
 *     5 failures in a row ─▶ out 10 s ─▶ back, again 5 ─▶ out 20 s ─▶ …   a calm minute forgives one
 */
export class Outliers {
  readonly #records = new Map<string, Record>()
  #ejections = 0

  /** Ejections so far. */
  get ejections(): number {
    return this.#ejections
  }

  /** How many instances something is known of. */
  get size(): number {
    return this.#records.size
  }

  report(key: string, { ok, latencyMs }: CallReport, now: Millis): void {
    const record = this.#take(key, now)
    record.heardAt = now
    if (ok && latencyMs !== undefined) {
      record.latencyMs =
        record.latencyMs === undefined
          ? latencyMs
          : record.latencyMs + smoothing * (latencyMs - record.latencyMs)
    }
    if (ok) {
      record.failures = 0
      return
    }
    record.failures += 1
    if (record.failures < outlierLimits.failuresInARow || now < record.ejectedUntil) return
    const forgiven = Math.floor((now - record.calmSince) / outlierLimits.forgiveMs)
    record.ejections = Math.max(0, record.ejections - forgiven) + 1
    const backoffMs = outlierLimits.ejectFirstMs * 2 ** (record.ejections - 1)
    record.ejectedUntil = now + Math.min(outlierLimits.ejectMostMs, backoffMs)
    record.calmSince = record.ejectedUntil
    record.failures = 0
    this.#ejections += 1
  }

  isEjected(key: string, now: Millis): boolean {
    return now < (this.#records.get(key)?.ejectedUntil ?? 0)
  }

  /** As its callers measured it, smoothed; undefined where nobody did. */
  latencyMs(key: string): number | undefined {
    return this.#records.get(key)?.latencyMs
  }

  /** Known again after the others: the first in the map is the one not heard of for longest. */
  #take(key: string, now: Millis): Record {
    const known = this.#records.get(key)
    if (known) this.#records.delete(key)
    const record =
      known && now - known.heardAt < outlierLimits.forgetMs
        ? known
        : {
            failures: 0,
            ejections: 0,
            ejectedUntil: 0,
            calmSince: now,
            heardAt: now,
            latencyMs: undefined,
          }
    const [oldest] = this.#records.keys()
    if (this.#records.size >= outlierLimits.instances && oldest !== undefined) {
      this.#records.delete(oldest)
    }
    this.#records.set(key, record)
    return record
  }
}
