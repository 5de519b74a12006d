import {
  candidatesFrom,
  composeAnswer,
  poolCandidates,
  type Clock,
  type LookupAnswer,
  type LookupParams,
  type LookupReply,
  type LookupRequest,
  type Outliers,
  type Random,
} from '@meridian/shared'
import type { Place } from '../config.ts'

export interface DrawnLookupOptions {
  readonly place: Place
  readonly lookup: (request: LookupRequest) => Promise<LookupReply>
  readonly outliers: Outliers
  readonly clock: Clock
  readonly random: Random
}

/** Lookups of a registry's own callers: drawn from what it, and whoever it asked, had to offer. */
export function createDrawnLookup(
  options: DrawnLookupOptions,
): (params: LookupParams) => Promise<LookupAnswer> {
  const { place, lookup, outliers, clock, random } = options
  return async (params) => {
    const { q, limit, near, scope, min, deadline, maxAgeMs, staleIfErrorMs } = params
    const { order = 'balanced' } = params
    const from = near ?? { region: place.region, zone: place.zone, node: '' }
    const reply = await lookup({
      q,
      limit: Math.max(limit, poolCandidates),
      from,
      deadlineMs: deadline,
      final: false,
      scope,
      order,
      min,
      maxAgeMs,
      staleIfErrorMs,
    })
    const { query, answeredBy, scopes, cache, ageMs } = reply
    return {
      ...composeAnswer({ query, answeredBy, scopes }, candidatesFrom(reply, from), {
        limit,
        order,
        random,
        outliers,
        now: clock.now(),
        affinity: params.affinity,
        explain: params.explain,
      }),
      ...(cache !== undefined && { cache }),
      ...(ageMs !== undefined && { ageMs }),
    }
  }
}
