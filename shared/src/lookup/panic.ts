import {
  standingOf,
  type CapabilityIndex,
  type IndexedInstance,
  type Query,
} from '../capability-index/index.ts'
import type { Locality } from '../model/index.ts'

export const panicLimits = {
  /** Of fewer, the checks of two say nothing about the checks. */
  instancesMin: 4,
  /** With a smaller share of healthy ones, the checks are believed less than the rest. */
  healthyShareMin: 0.5,
  /** Candidates that are tried in spite of their health. */
  candidatesMax: 32,
  /** How long what was found holds: it takes reading every match. */
  holdsMs: 1_000,
} as const

/**
 * Where most of what matches in a place is called unhealthy at once, more likely the checks are
 * at fault, and the few that are left would fall under what all others had to do. Then health is
 * ignored: the instances are returned whatever their checks say, the healthy ones first, so that
 * where only some are passed on, they are. (An asker in whose own zone a large node has died passes
 * over what it knows to be gone, and would be left with nothing.) Undefined where all is well, and
 * where nothing healthy is left, which is what farther rings are for.
 */
export function panicOf(
  index: CapabilityIndex,
  query: Query,
  inPlace: (locality: Locality) => boolean,
): readonly IndexedInstance[] | undefined {
  const well: IndexedInstance[] = []
  const unwell: IndexedInstance[] = []
  for (const instance of index.matching(query)) {
    if (!inPlace(instance.locality)) continue
    const standing = standingOf(instance.state, instance.liveness)
    // An operator took it out; nobody's checks did.
    if (standing === 'draining') continue
    const isWell = standing !== 'critical' && standing !== 'unreachable'
    ;(isWell ? well : unwell).push(instance)
  }
  const all = well.length + unwell.length
  if (all < panicLimits.instancesMin || well.length === 0) return undefined
  if (well.length >= all * panicLimits.healthyShareMin) return undefined
  return [...well, ...unwell]
}
