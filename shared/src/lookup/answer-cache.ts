import type { DefinitionId } from '../model/index.ts'
import type { Millis } from '../ports/index.ts'
import type { QueryTerms } from './query-terms.ts'

export interface CacheLimits {
  readonly entriesMax: number
  readonly bytesMax: number
  /** How long an answer is as good as new; nothing may be kept longer without being asked again. */
  readonly leaseMs: Millis
  /** The same for an answer without a result, and for one that is not complete. */
  readonly negativeMs: Millis
  readonly incompleteMs: Millis
  /** How long an answer is kept for when nobody can be asked. */
  readonly keepMs: Millis
  /** Asked for at least so often since it was filled, an answer is asked for again ahead of time. */
  readonly hotHits: number
  /** From this share of its lease on. */
  readonly refreshShare: number
}

export const cacheLimits: CacheLimits = {
  entriesMax: 4_096,
  bytesMax: 32 * 1024 * 1024,
  leaseMs: 2_000,
  negativeMs: 1_000,
  incompleteMs: 250,
  keepMs: 600_000,
  hotHits: 3,
  refreshShare: 0.75,
}

/** What changed somewhere, as a feed tells it. */
export interface Touch {
  /** Who tells, and where in its feed. */
  readonly source: string
  readonly position: number
  readonly terms: ReadonlySet<number>
  readonly definitions: ReadonlySet<DefinitionId>
}

/** What is kept of an answer. */
export interface Kept<V> {
  readonly value: V
  /** About what it takes, in bytes. */
  readonly bytes: number
  readonly definitions: ReadonlySet<DefinitionId>
  readonly kind: 'found' | 'none' | 'incomplete'
  /** The feed position that it reflects, where its giver has a feed. */
  readonly source?: string | undefined
  readonly position?: number | undefined
}

export type Look<V> =
  /** As good as new. `refresh`: worth asking for again before its lease ends. */
  | { readonly kind: 'fresh'; readonly value: V; readonly ageMs: Millis; readonly refresh: boolean }
  /** For when nobody can be asked; also for asking whether it still holds. */
  | { readonly kind: 'old'; readonly value: V; readonly ageMs: Millis }

export interface CacheCounts {
  hits: number
  misses: number
  /** Answers that gave way to others. */
  evicted: number
  /** Answers that a change touched. */
  touched: number
  /** Answers that came with less than was known by then: returned, not kept. */
  late: number
}

interface Entry<V> {
  kept: Kept<V>
  readonly terms: QueryTerms
  filledAt: Millis
  touched: boolean
  hits: number
}

/** A question on its way: what changes meanwhile must not be undone by its answer. */
export interface Pending {
  readonly key: string
  readonly terms: QueryTerms
  /** By source, the last position of a touch that matters to it. */
  readonly touchedAt: Map<string, number>
}

/**
 * Answers of others, bounded in number and bytes, oldest use first to go.
 *
 *     miss ─▶ begin ─▶ (question on its way; touches are noted) ─▶ fill ─▶ fresh for a lease ─▶ old
 *                                                         │
 *                       older than a touch that was seen ─┴▶ returned, not kept
 *
 * A touch makes an answer old at once. Whoever asks decides what old answers are good for.
 */
export class AnswerCache<V> {
  readonly #limits: CacheLimits
  readonly #entries = new Map<string, Entry<V>>()
  readonly #pending = new Set<Pending>()
  #bytes = 0
  readonly counts: CacheCounts = { hits: 0, misses: 0, evicted: 0, touched: 0, late: 0 }

  constructor(limits: Partial<CacheLimits> = {}) {
    this.#limits = { ...cacheLimits, ...limits }
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `maxAgeMs`: nothing older counts as fresh, whatever its lease. */
  look(key: string, now: Millis, maxAgeMs = Infinity): Look<V> | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) {
      this.counts.misses += 1
      return undefined
    }
    const ageMs = now - entry.filledAt
    if (ageMs > this.#limits.keepMs) {
      this.#drop(key, entry)
      this.counts.misses += 1
      return undefined
    }
    // The latest used stand last.
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const { value } = entry.kept
    const leaseMs = this.#leaseOf(entry.kept)
    if (entry.touched || ageMs > leaseMs || ageMs > maxAgeMs) {
      this.counts.misses += 1
      return { kind: 'old', value, ageMs }
    }
    this.counts.hits += 1
    entry.hits += 1
    const { hotHits, refreshShare } = this.#limits
    const refresh = entry.hits >= hotHits && ageMs >= leaseMs * refreshShare
    return { kind: 'fresh', value, ageMs, refresh }
  }

  /** Before a question leaves. */
  begin(key: string, terms: QueryTerms): Pending {
    const pending: Pending = { key, terms, touchedAt: new Map() }
    this.#pending.add(pending)
    return pending
  }

  /** The question came to nothing. */
  abandon(pending: Pending): void {
    this.#pending.delete(pending)
  }

  /** What the answer was; whether it is kept. */
  fill(pending: Pending, kept: Kept<V>, now: Millis): 'kept' | 'late' | 'too-big' {
    this.#pending.delete(pending)
    const { key, terms, touchedAt } = pending
    for (const [source, position] of touchedAt) {
      // Of another giver nothing is known of how much it had heard by then.
      if (kept.source === source && (kept.position ?? -1) >= position) continue
      this.counts.late += 1
      return 'late'
    }
    const before = this.#entries.get(key)
    if (before) this.#drop(key, before)
    if (kept.bytes > this.#limits.bytesMax / 8) return 'too-big'
    this.#entries.set(key, { kept, terms, filledAt: now, touched: false, hits: 0 })
    this.#bytes += kept.bytes
    this.#makeRoom()
    return 'kept'
  }

  /** Makes old whatever the change could matter to; returns how many answers that were. */
  touch(touch: Touch): number {
    let touched = 0
    for (const entry of this.#entries.values()) {
      if (entry.touched || !matters(entry.terms, entry.kept.definitions, touch)) continue
      // It reflects the change already.
      const { source, position = -1 } = entry.kept
      if (source === touch.source && position >= touch.position) continue
      entry.touched = true
      touched += 1
    }
    for (const pending of this.#pending) {
      if (!matters(pending.terms, none, touch)) continue
      const last = pending.touchedAt.get(touch.source) ?? -1
      pending.touchedAt.set(touch.source, Math.max(last, touch.position))
    }
    this.counts.touched += touched
    return touched
  }

  /** More changed than can be told: everything may have been touched. */
  touchAll({ source, position }: Pick<Touch, 'source' | 'position'>): void {
    for (const entry of this.#entries.values()) {
      if (!entry.touched) this.counts.touched += 1
      entry.touched = true
    }
    for (const { touchedAt } of this.#pending) {
      touchedAt.set(source, Math.max(touchedAt.get(source) ?? -1, position))
    }
  }

  #leaseOf({ kind }: Kept<V>): Millis {
    switch (kind) {
      case 'found':
        return this.#limits.leaseMs
      case 'none':
        return this.#limits.negativeMs
      case 'incomplete':
        return this.#limits.incompleteMs
      default:
        return kind satisfies never
    }
  }

  #makeRoom(): void {
    for (const [key, entry] of this.#entries) {
      const { entriesMax, bytesMax } = this.#limits
      if (this.#entries.size <= entriesMax && this.#bytes <= bytesMax) return
      this.#drop(key, entry)
      this.counts.evicted += 1
    }
  }

  #drop(key: string, entry: Entry<V>): void {
    this.#entries.delete(key)
    this.#bytes -= entry.kept.bytes
  }
}

export type CacheSums = CacheCounts & { readonly entries: number; readonly bytes: number }

/** Of several caches at one level, together. */
export function countsOf(
  caches: readonly Pick<AnswerCache<unknown>, 'counts' | 'size' | 'bytes'>[],
): CacheSums {
  const sums = { hits: 0, misses: 0, evicted: 0, touched: 0, late: 0, entries: 0, bytes: 0 }
  for (const { counts, size, bytes } of caches) {
    sums.hits += counts.hits
    sums.misses += counts.misses
    sums.evicted += counts.evicted
    sums.touched += counts.touched
    sums.late += counts.late
    sums.entries += size
    sums.bytes += bytes
  }
  return sums
}

const none: ReadonlySet<DefinitionId> = new Set()

function matters(terms: QueryTerms, definitions: ReadonlySet<DefinitionId>, touch: Touch): boolean {
  if (terms === 'any') return true
  for (const term of terms) if (touch.terms.has(term)) return true
  for (const id of definitions) if (touch.definitions.has(id)) return true
  return false
}
