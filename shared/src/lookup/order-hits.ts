import type { Order } from '../capability-index/capability-index.ts'
import type { Ring } from '../model/index.ts'
import type { Random } from '../ports/index.ts'

export const hitOrderLimits = {
  /** Hits from this share of the best of them on count as matching alike. */
  alikeShare: 0.9,
  /** Hits beyond those that are shown, so that equals at the end have their turn too. */
  moreHits: 20,
} as const

export interface OrderedHit {
  readonly score: number
  /** Of the nearest instance that takes work; absent where there is none. */
  readonly ring?: Ring | undefined
}

/**
 * Puts hits, best first as they come, in the order that was asked for. Words decide; only among hits
 * that match alike does anything else.
 *
 *     ranked     alike: the same score              the nearer first
 *     balanced   alike: 90 % of the best of them    the nearer first, drawn within a ring
 *     random     alike: 90 % of the best of them    drawn, near or far
 */
export function orderHits<T extends OrderedHit>(
  hits: readonly T[],
  order: Order,
  random: Random,
): T[] {
  const share = order === 'ranked' ? 1 : hitOrderLimits.alikeShare
  const ordered: T[] = []
  for (let at = 0; at < hits.length;) {
    const least = (hits[at]?.score ?? 0) * share
    let end = at + 1
    while (end < hits.length && (hits[end]?.score ?? 0) >= least) end += 1
    const alike = hits.slice(at, end)
    if (order !== 'ranked') shuffle(alike, random)
    // A stable sort: within a ring they stay as they were, or were drawn.
    if (order !== 'random') alike.sort((a, b) => distanceOf(a) - distanceOf(b))
    ordered.push(...alike)
    at = end
  }
  return ordered
}

/** What nobody serves at present comes after what is far away. */
function distanceOf({ ring }: OrderedHit): number {
  return ring ?? 4
}

function shuffle<T>(items: T[], random: Random): void {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const at = Math.floor(random() * (last + 1))
    const taken = items[last] as T
    items[last] = items[at] as T
    items[at] = taken
  }
}
