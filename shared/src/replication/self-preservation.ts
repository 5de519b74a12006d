import type { OwnerId } from '../model/index.ts'
import type { Millis } from '../ports/clock.ts'
import { hash128 } from './hash128.ts'
import type { LivenessSettings } from './liveness-settings.ts'

/**
 * When much of a zone falls silent at once, the network is more likely at fault than the nodes.
 * Then the zone is preserved: nodes are taken out a few a window, in an order that every replica
 * draws alike, and never the last passing instance of something.
 *
 * What one replica takes out is gone for everybody, so replicas that choose differently take out
 * more than the quota. Therefore the turn of a node does not depend on when a replica looks, nor
 * on when its windows begin: all that are silent stand in one order, whether they are due or not,
 * and those whose turn it is are taken out once they are.
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
    const waiting = silent.filter(({ isOut }) => !isOut)
    const turns =
      this.#preservedAt === undefined
        ? waiting
        : this.#choose(waiting, silent, this.#preservedAt, now, protects)
    const admitted = turns.filter(({ isDue }) => isDue).map(({ owner }) => owner)
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

  /** Those whose turn comes within this window. */
  #choose(
    waiting: readonly SilentNode[],
    silent: readonly SilentNode[],
    preservedAt: Millis,
    now: Millis,
    protects: (owner: OwnerId, out: ReadonlySet<OwnerId>) => boolean,
  ): SilentNode[] {
    const { preserveShare, preserveWindowMs } = this.#settings
    this.#window = Math.floor((now - preservedAt) / preserveWindowMs)
    const quota = Math.max(1, Math.floor(this.#sizeAtStart * preserveShare))
    const room = quota - this.#outAt.length
    if (room <= 0 || !waiting.some(({ isDue }) => isDue)) return []
    const out = new Set(silent.filter(({ isOut }) => isOut).map(({ owner }) => owner))
    const chosen: SilentNode[] = []
    for (const node of this.#inOrder(waiting)) {
      if (chosen.length >= room) break
      if (protects(node.owner, out)) continue
      chosen.push(node)
      out.add(node.owner)
    }
    return chosen
  }

  /** The same at every replica, whenever its windows began. */
  #inOrder(nodes: readonly SilentNode[]): SilentNode[] {
    return nodes
      .map((node) => ({ node, at: hashText(`${this.#zone}\0${node.owner}`) }))
      .sort((a, b) => a.at - b.at || (a.node.owner < b.node.owner ? -1 : 1))
      .map(({ node }) => node)
  }
}

const encoder = new TextEncoder()

function hashText(text: string): number {
  const bytes = encoder.encode(text)
  const words = new Uint32Array(4)
  hash128(bytes, bytes.length, words)
  return words[0] ?? 0
}
