import type { Tier } from '@meridian/shared'

/** What a registry of a tier holds of the parts below it. */
export type Holdings = 'instances' | 'summaries'

/**
 * All that differs by tier, as one table: the rest of the program asks what a tier does, never
 * which it is.
 */
export interface TierRole {
  readonly holds: Holdings
  /** What the place of a replica is called, and which settings name it. */
  readonly scope: 'zone' | 'region' | 'world'
  /** Sends summaries of what it holds to the tier above. */
  readonly summarises: boolean
  /** Where a lookup goes that its own holdings cannot answer. */
  readonly asks: 'parent' | 'other-regions' | 'nobody'
}

export const tierRoles: Readonly<Record<Tier, TierRole>> = {
  local: { holds: 'instances', scope: 'zone', summarises: false, asks: 'parent' },
  regional: { holds: 'instances', scope: 'region', summarises: true, asks: 'other-regions' },
  global: { holds: 'summaries', scope: 'world', summarises: false, asks: 'other-regions' },
}
