import {
  answerFrom,
  ask,
  isAskersFault,
  isMeridianError,
  lookupAnswerSchema,
  parseQuery,
  printQuery,
  subjects,
  toLookupResult,
  unansweredBy,
  type Clock,
  type Freshness,
  type InstanceCatalog,
  type Locality,
  type LookupAnswer,
  type LookupParams,
  type LookupRequest,
  type Random,
  type Transport,
  type ZoneLiveness,
} from '@meridian/shared'

export interface AgentLookupOptions {
  readonly locality: Locality
  readonly catalog: InstanceCatalog
  /** How far what is held of the zone can be trusted. */
  readonly freshness: () => Freshness
  readonly liveness: ZoneLiveness
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
}

/**
 * Answers from the zone's own index, without the network; asks the zone's registry only when the
 * zone has nothing.
 */
export function createAgentLookup(
  options: AgentLookupOptions,
): (params: LookupParams) => Promise<LookupAnswer> {
  const { locality, catalog, freshness, liveness, transport, clock, random } = options
  const { region, zone } = locality
  const subject = subjects.rpcLocal({ region, zone }, 'lookup')

  return async ({ q, limit, near, deadline }) => {
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
    if (zoneFirst) {
      const hits = catalog.index.lookup(query, { from, limit, random })
      if (hits.length > 0) {
        return answerFrom(
          own,
          hits.map((hit) => toLookupResult(catalog, hit)),
        )
      }
    }
    const deadlineMs = deadline - (clock.now() - startedAt)
    try {
      const request: LookupRequest = { q, limit, from, deadlineMs, final: false }
      return await ask(transport, subject, request, { deadlineMs, reply: lookupAnswerSchema })
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      const hits = catalog.index.lookup(query, { from, limit, random })
      const results = hits.map((hit) => toLookupResult(catalog, hit))
      return unansweredBy(own, results, { scope: 'region', name: region }, error)
    }
  }
}
