import type { Ring } from '../model/index.ts'

/**
 * A ring above its threshold sends a share of its new calls to the next one, growing from nothing
 * at the threshold to all of them at full load, so that nothing flips. Figures as Meta's
 * ServiceRouter has them: what is near fills first, what is far keeps room for its own.
 */
export const spillLimits = {
  /** Load (calls served ÷ capacity) above which a ring spills: node, zone, region. */
  thresholds: [0.55, 0.65, 0.8],
  /** At most this share of calls goes to one other region, whatever room it has. */
  regionShareMax: 0.25,
} as const

/** How much a ring, or a region in ring 3, has to do. */
export interface LevelLoad {
  readonly pending: number
  readonly capacity: number
}

export function loadOf({ pending, capacity }: LevelLoad): number {
  return capacity > 0 ? pending / capacity : 1
}

/** The share of new calls, 0 to 1, that a ring with this load sends on. Ring 3 has no next. */
export function spillShare(ring: Ring, level: LevelLoad): number {
  if (ring === 3) return 0
  const threshold = spillLimits.thresholds[ring]
  return Math.min(1, Math.max(0, (loadOf(level) - threshold) / (1 - threshold)))
}

/**
 * How much of a spill of `home` a region takes: no more than it has room for below its own
 * threshold, and never more than its share. A region that is itself above takes nothing: one
 * region's fall must not pull down the next.
 */
export function regionTakes(home: LevelLoad, region: LevelLoad): number {
  const room = spillLimits.thresholds[2] * region.capacity - region.pending
  if (room <= 0) return 0
  return Math.min(spillLimits.regionShareMax, room / Math.max(1, home.pending))
}
