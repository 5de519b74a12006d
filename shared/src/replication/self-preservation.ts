import type { OwnerId } from '../model/index.ts'
import type { Millis } from '../ports/clock.ts'
import { hash128 } from './hash128.ts'
import type { LivenessSettings } from './liveness-settings.ts'

/**
 * When much of a zone falls silent at once, the network is more likely at fault than the nodes.
 * Then the zone is preserved: nodes are taken out a few a window, in an order that every replica
 * draws alike, and never the last passing instance of something.
 *
 *     silent nodes       ▁▁▁▇▇▇▇▇▇▇▇▇▅▅▅▃▃▁▁▁      more than 15 % and 3 within a window: preserved
 *     out, a window         ▂ ▂ ▂ ▂ ▂              at most max(1, 15 %)
 *     state              normal│ preserved │normal  nobody waits any more, or preserveMs over
 */
export interface Preservation {
  readonly state: 'normal' | 'preserved'
  /** An operator's word stands above the count until it is taken back. */
  readonly override: PreservationOverride
  /** Counts windows since the zone was preserved, from 0. */
  readonly window: number
}

/** `on` preserves the zone without end, `off` never does. */
export type PreservationOverride = 'none' | 'on' | 'off'

/** A node that has been without a pulse for longer than its suspicion. */
export interface SilentNode {
  readonly owner: OwnerId
  /** When it became suspect. */
  readonly since: Millis
  /** Silent for long enough to be unreachable. */
  readonly isDue: boolean
  /** Taken out already. */
  readonly isOut: boolean
}

export class SelfPreservation {
  readonly #zone: string
  readonly #settings: LivenessSettings
  #override: PreservationOverride = 'none'
  #preservedAt: Millis | undefined
  #sizeAtStart = 0
  #window = 0
  /** When nodes were taken out, within the last window. */
  #outAt: Millis[] = []

  constructor(zone: string, settings: LivenessSettings) {
    this.#zone = zone
    this.#settings = settings
  }

  get status(): Preservation {
    return {
      state: this.#preservedAt === undefined ? 'normal' : 'preserved',
      override: this.#override,
      window: this.#window,
    }
  }

  /** An operator's word. It counts from the next sweep on. */
  override(override: PreservationOverride): void {
    this.#override = override
  }

  /**
   * Which of the nodes that are due may be taken out now. `size` is the number of nodes of the
   * zone, silent ones included; `protects` tells whether a node serves the last passing instance
   * of something, with `out` taken out already.
   */
  admit(
    silent: readonly SilentNode[],
    size: number,
    now: Millis,
    protects: (owner: OwnerId, out: ReadonlySet<OwnerId>) => boolean,
  ): OwnerId[] {
    const { preserveWindowMs } = this.#settings
    this.#outAt = this.#outAt.filter((at) => now - at < preserveWindowMs)
    this.#judge(silent, size, now)
    const due = silent.filter((node) => node.isDue && !node.isOut).map(({ owner }) => owner)
    const admitted =
      this.#preservedAt === undefined
        ? due
        : this.#choose(due, silent, this.#preservedAt, now, protects)
    for (let i = 0; i < admitted.length; i++) this.#outAt.push(now)
    return admitted
  }

  #judge(silent: readonly SilentNode[], size: number, now: Millis): void {
    if (this.#isPreserved(silent, size, now)) {
      if (this.#preservedAt === undefined) {
        this.#preservedAt = now
        this.#sizeAtStart = size
      }
      this.#sizeAtStart = Math.max(this.#sizeAtStart, size)
    } else {
      this.#preservedAt = undefined
      this.#window = 0
    }
  }

  #isPreserved(silent: readonly SilentNode[], size: number, now: Millis): boolean {
    if (this.#override !== 'none') return this.#override === 'on'
    const { preserveWindowMs, preserveMs } = this.#settings
    const fellSilent = silent.filter(({ since }) => now - since < preserveWindowMs).length
    if (this.#preservedAt === undefined) return this.#isTooMany(fellSilent, size)
    if (now - this.#preservedAt >= preserveMs) return false
    // It goes on until every silent node has come back or been taken out at its turn.
    if (silent.some(({ isOut }) => !isOut)) return true
    return this.#isTooMany(fellSilent, Math.max(size, this.#sizeAtStart))
  }

  #isTooMany(nodes: number, size: number): boolean {
    const { preserveShare, preserveNodesMin } = this.#settings
    return nodes >= preserveNodesMin && nodes > size * preserveShare
  }

  #choose(
    due: readonly OwnerId[],
    silent: readonly SilentNode[],
    preservedAt: Millis,
    now: Millis,
    protects: (owner: OwnerId, out: ReadonlySet<OwnerId>) => boolean,
  ): OwnerId[] {
    const { preserveShare, preserveWindowMs } = this.#settings
    this.#window = Math.floor((now - preservedAt) / preserveWindowMs)
    const quota = Math.max(1, Math.floor(this.#sizeAtStart * preserveShare))
    const out = new Set(silent.filter(({ isOut }) => isOut).map(({ owner }) => owner))
    const chosen: OwnerId[] = []
    for (const owner of this.#inOrder(due)) {
      if (this.#outAt.length + chosen.length >= quota) break
      if (protects(owner, out)) continue
      chosen.push(owner)
      out.add(owner)
    }
    return chosen
  }

  /** The same at every replica, and another in the next window. */
  #inOrder(owners: readonly OwnerId[]): OwnerId[] {
    const rank = (owner: OwnerId) => hashText(`${this.#zone}\0${this.#window}\0${owner}`)
    return owners
      .map((owner) => ({ owner, at: rank(owner) }))
      .sort((a, b) => a.at - b.at || (a.owner < b.owner ? -1 : 1))
      .map(({ owner }) => owner)
  }
}

const encoder = new TextEncoder()

function hashText(text: string): number {
  const bytes = encoder.encode(text)
  const words = new Uint32Array(4)
  hash128(bytes, bytes.length, words)
  return words[0] ?? 0
}
