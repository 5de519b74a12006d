import {
  answerFrom,
  isAskersFault,
  isMeridianError,
  lookupReplySchema,
  parseQuery,
  printQuery,
  toLookupResult,
  unansweredBy,
  withoutReplica,
  type Clock,
  type Freshness,
  type InstanceCatalog,
  type Locality,
  type LookupAnswer,
  type LookupParams,
  type LookupRequest,
  type Random,
  type TierAsker,
  type ZoneLiveness,
} from '@meridian/shared'

export interface AgentLookupOptions {
  readonly locality: Locality
  readonly catalog: InstanceCatalog
  /** How far what is held of the zone can be trusted. */
  readonly freshness: () => Freshness
  readonly liveness: ZoneLiveness
  /** Asks the zone's registry. */
  readonly asker: TierAsker
  readonly clock: Clock
  readonly random: Random
}

/**
 * Answers from the zone's own index, without the network; asks the zone's registry only when the
 * zone has too little.
 */
export function createAgentLookup(
  options: AgentLookupOptions,
): (params: LookupParams) => Promise<LookupAnswer> {
  const { locality, catalog, freshness, liveness, asker, clock, random } = options
  const { region, zone } = locality

  return async ({ q, limit, near, deadline, scope = 'global', order = 'balanced', min = 1 }) => {
    const startedAt = clock.now()
    const query = parseQuery(q)
    const from = near ?? locality
    // Seen from elsewhere, this zone is not the nearest.
    const zoneFirst = from.region === region && from.zone === zone
    const name = `${region}/${zone}`
    const degraded = liveness.stateOf(name) !== 'fresh'
    const zoneReport = {
      scope: 'zone',
      name,
      ...freshness(),
      ...(degraded && { degraded }),
    } as const
    const own = { query: printQuery(query), answeredBy: 'agent', scopes: [zoneReport] } as const
    const hits = catalog.index.lookup(query, { from, limit, random, order })
    const results = hits.map((hit) => toLookupResult(catalog, hit))
    if (scope === 'zone' || (zoneFirst && hits.length >= min)) return answerFrom(own, results)
    const deadlineMs = deadline - (clock.now() - startedAt)
    try {
      const request: LookupRequest = {
        q,
        limit,
        from,
        deadlineMs,
        final: false,
        scope,
        order,
        min,
      }
      const reply = await asker.ask('lookup', request, {
        deadlineMs,
        reply: lookupReplySchema,
      })
      return withoutReplica(reply)
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      return unansweredBy(own, results, { scope: 'region', name: region }, error)
    }
  }
}
