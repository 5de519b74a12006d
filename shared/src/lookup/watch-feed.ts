import type { LookupResult } from '../api/lookup.ts'
import type { Millis } from '../ports/index.ts'

export const feedLimits = {
  /** Instances that one watch follows: a snapshot of them is about a megabyte. */
  membersMax: 2_000,
  /** Events that are kept for those who come back, and how long. */
  logMax: 1_024,
  logMs: 60_000,
} as const

export type WatchChange =
  | { readonly kind: 'added' | 'changed'; readonly result: LookupResult }
  | { readonly kind: 'removed'; readonly result: Pick<LookupResult, 'instance' | 'locality'> }

interface Batch {
  /** The position after it. */
  readonly position: number
  readonly at: Millis
  readonly changes: readonly WatchChange[]
}

interface Member {
  readonly result: LookupResult
  /** As text: what differs here is a change. */
  readonly text: string
}

/**
 * What one query matches, and how that came about lately. Whoever applies the changes after a
 * position to the members at that position has the members now.
 *
 *     set, set, delete ─▶ flush ─▶ one batch of changes, at a position
 *     since(position)  ─▶ the changes after it, or undefined when they are no longer kept
 */
export class WatchFeed {
  readonly #members = new Map<string, Member>()
  /** What keys held at the last flush, for those that were set since. */
  readonly #dirty = new Map<string, Member | undefined>()
  readonly #log: Batch[] = []
  #logged = 0
  /** Everything after this position is in the log. */
  #floor: number
  #position: number

  constructor(position: number) {
    this.#floor = position
    this.#position = position
  }

  get size(): number {
    return this.#members.size
  }

  /** The position of the last change. */
  get position(): number {
    return this.#position
  }

  has(key: string): boolean {
    return this.#members.has(key)
  }

  keys(): Iterable<string> {
    return this.#members.keys()
  }

  /** Undefined takes it out. */
  set(key: string, result: LookupResult | undefined): void {
    const before = this.#members.get(key)
    const member = result && { result, text: JSON.stringify(result) }
    if (before?.text === member?.text) return
    if (!this.#dirty.has(key)) this.#dirty.set(key, before)
    if (member) this.#members.set(key, member)
    else this.#members.delete(key)
  }

  /** What changed since the last time, as one batch that ends at `position`. */
  flush(position: number, now: Millis): readonly WatchChange[] {
    const changes: WatchChange[] = []
    for (const [key, before] of this.#dirty) {
      const after = this.#members.get(key)
      if (before?.text === after?.text) continue
      if (after) changes.push({ kind: before ? 'changed' : 'added', result: after.result })
      else if (before) {
        const { instance, locality } = before.result
        changes.push({ kind: 'removed', result: { instance, locality } })
      }
    }
    this.#dirty.clear()
    if (changes.length === 0) return changes
    this.#log.push({ position, at: now, changes })
    this.#logged += changes.length
    this.#position = position
    this.#forget(now)
    return changes
  }

  /** Nothing has to be known any more of what was before: the members are as of now. */
  settle(): void {
    this.#dirty.clear()
  }

  snapshot(): LookupResult[] {
    return [...this.#members.values()].map(({ result }) => result)
  }

  /** The changes after `position`; undefined where not all of them are kept. */
  since(position: number): WatchChange[] | undefined {
    if (position < this.#floor) return undefined
    return this.#log.filter((batch) => batch.position > position).flatMap(({ changes }) => changes)
  }

  #forget(now: Millis): void {
    for (;;) {
      const [oldest] = this.#log
      if (oldest === undefined) return
      if (this.#logged <= feedLimits.logMax && now - oldest.at <= feedLimits.logMs) return
      this.#log.shift()
      this.#logged -= oldest.changes.length
      this.#floor = oldest.position
    }
  }
}
