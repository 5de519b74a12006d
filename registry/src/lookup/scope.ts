import type { ScopeReport } from '@meridian/shared'
import type { Place } from '../config.ts'
import type { TierRole } from '../tier.ts'

/** What a tier answers for, as answers name it. */
export function scopeOf(role: TierRole, place: Place): Pick<ScopeReport, 'scope' | 'name'> {
  switch (role.scope) {
    case 'zone':
      return { scope: 'zone', name: `${place.region}/${place.zone}` }
    case 'region':
      return { scope: 'region', name: place.region }
    case 'world':
      return { scope: 'world', name: '*' }
    default:
      return role.scope satisfies never
  }
}
