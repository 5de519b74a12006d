import {
  answerFrom,
  isAskersFault,
  isMeridianError,
  lookupReplySchema,
  parseQuery,
  printQuery,
  referralSchema,
  unansweredBy,
  unreachable,
  zoneOf,
  type AnsweredBy,
  type AnswerHead,
  type Clock,
  type Freshness,
  type LookupAnswer,
  type LookupReply,
  type LookupRequest,
  type LookupResult,
  type Query,
  type Referral,
  type ScopeReport,
  type ZoneLiveness,
} from '@meridian/shared'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { Place } from '../config.ts'
import type { TierRole } from '../tier.ts'
import type { Askers } from './askers.ts'
import { scopeOf } from './scope.ts'

export interface RegistryLookupOptions {
  readonly role: TierRole
  readonly answersAs: AnsweredBy
  readonly place: Place
  readonly catalog: TierCatalog
  /** How far what is held can be trusted. */
  readonly freshness: () => Freshness
  readonly liveness: ZoneLiveness
  readonly askers: Askers
  readonly clock: Clock
}

/** Kept back from the deadline, so that the answer still reaches whoever asked. */
const returnMs = 20
/** Regions asked for one lookup. A company has a dozen; a thousand would answer nobody in time. */
const regionsAskedMax = 64

/** Zones named as stale in one referral: a world in which more are tells that much by then. */
const staleZonesMax = 100

/**
 * Answers from what this tier holds, else asks on: a zone its region, a region the others that
 * the global tier names. Each region is asked once; a referred request is final.
 */
export function createRegistryLookup(
  options: RegistryLookupOptions,
): (request: LookupRequest) => Promise<LookupReply> {
  const { role, answersAs, place, catalog, freshness, liveness, askers, clock } = options

  return async (request) => {
    const expiresAt = clock.now() + request.deadlineMs
    const query = parseQuery(request.q)
    const { from, limit, order, min = 1, scope = 'global' } = request
    const results = catalog.lookup(query, { from, limit, order })
    const degraded = isDegraded(results)
    const own: ScopeReport = {
      ...scopeOf(role, place),
      ...freshness(),
      ...(degraded && { degraded }),
    }
    const head = { query: printQuery(query), answeredBy: answersAs, scopes: [own] }
    const remainingMs = () => Math.max(0, expiresAt - clock.now() - returnMs)
    const answer = await complete()
    return { ...answer, replica: place.replica }

    async function complete(): Promise<LookupAnswer> {
      if (request.final || scope === 'zone') return answerFrom(head, results)
      const isEnough = results.length >= min
      if (role.asks === 'parent') {
        // Seen from another zone, what is here is not the nearest; the region knows both.
        const isNear = from.region === place.region && from.zone === place.zone
        if (isEnough && isNear) return answerFrom(head, results)
        return await askParent(head, request, results, remainingMs())
      }
      if (isEnough || (scope === 'region' && role.holds === 'instances')) {
        return answerFrom(head, results)
      }
      return await askRegions(head, query, request, results, remainingMs)
    }
  }

  /** Whether the nodes that answer may be gone. */
  function isDegraded(results: readonly LookupResult[]): boolean {
    if (role.holds === 'summaries') return false
    const zones = new Set(results.map(({ locality }) => zoneOf(locality)))
    if (role.scope === 'zone') zones.add(`${place.region}/${place.zone}`)
    return [...zones].some((zone) => liveness.stateOf(zone) !== 'fresh')
  }

  async function askParent(
    head: AnswerHead,
    request: LookupRequest,
    results: readonly LookupResult[],
    deadlineMs: number,
  ): Promise<LookupAnswer> {
    const { region } = place
    try {
      return await askers
        .region(region)
        .ask('lookup', { ...request, deadlineMs }, { deadlineMs, reply: lookupReplySchema })
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      return unansweredBy(head, results, { scope: 'region', name: region }, error)
    }
  }

  async function askRegions(
    head: AnswerHead,
    query: Query,
    request: LookupRequest,
    own: readonly LookupResult[],
    remainingMs: () => number,
  ): Promise<LookupAnswer> {
    let referred: Referral
    try {
      referred = await referral(query, request.q, remainingMs())
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      return unansweredBy(head, own, { scope: 'world', name: '*' }, error)
    }
    const others = referred.regions.filter((region) => region !== place.region)
    const deadlineMs = remainingMs()
    const answers = await Promise.all(
      others.slice(0, regionsAskedMax).map((region) => askRegion(region, request, deadlineMs)),
    )
    const elsewhere = interleave(answers.map((answer) => answer.results))
    const results = [...own, ...elsewhere].slice(0, request.limit)
    const scopes: ScopeReport[] = [...head.scopes, ...answers.map((answer) => answer.report)]
    if (role.holds === 'instances') scopes.push({ scope: 'world', name: '*', state: 'fresh' })
    // Those that were asked, and the own region, know better than their summaries.
    const heard = new Set([place.region, ...others.slice(0, regionsAskedMax)])
    for (const name of referred.staleZones) {
      if (!heard.has(name.slice(0, name.indexOf('/')))) scopes.push(staleZone(name))
    }
    for (const name of others.slice(regionsAskedMax)) {
      const reason = `only ${regionsAskedMax} regions are asked`
      scopes.push({ scope: 'region', name, state: 'unreachable', reason })
    }
    return answerFrom({ query: head.query, answeredBy: 'global', scopes }, results)
  }

  async function referral(query: Query, q: string, deadlineMs: number): Promise<Referral> {
    if (role.holds === 'summaries') return referralOf(catalog, query)
    return await askers.world().ask('refer', { q }, { deadlineMs, reply: referralSchema })
  }

  async function askRegion(
    region: string,
    request: LookupRequest,
    deadlineMs: number,
  ): Promise<{ readonly results: readonly LookupResult[]; readonly report: ScopeReport }> {
    const scope = { scope: 'region', name: region } as const
    const referred: LookupRequest = { ...request, deadlineMs, final: true }
    try {
      const { results, scopes } = await askers
        .region(region)
        .ask('lookup', referred, { deadlineMs, reply: lookupReplySchema })
      // A region knows best how far it can be trusted.
      const report = scopes.find((each) => each.scope === 'region' && each.name === region)
      return { results, report: report ?? { ...scope, state: 'fresh' } }
    } catch (error) {
      if (!isMeridianError(error)) throw error
      return { results: [], report: unreachable(scope, error) }
    }
  }
}

/** What summaries tell of who may have it. */
export function referralOf(catalog: TierCatalog, query: Query): Referral {
  const staleZones = catalog.staleZones().slice(0, staleZonesMax)
  return { regions: catalog.regionsWith(query), staleZones }
}

/** It may have what its summary does not name. */
function staleZone(name: string): ScopeReport {
  const reason = 'no replica of its region reads it at present'
  return { scope: 'zone', name, state: 'stale', reason }
}

/** One of each in turn, so that no region fills the answer alone. */
function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  const merged: T[] = []
  for (let at = 0; at < longest; at += 1) {
    for (const list of lists) {
      const item = list[at]
      if (item !== undefined) merged.push(item)
    }
  }
  return merged
}
