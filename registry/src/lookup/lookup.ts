import {
  answerFrom,
  ask,
  isAskersFault,
  isMeridianError,
  lookupAnswerSchema,
  parseQuery,
  printQuery,
  referralSchema,
  subjects,
  unansweredBy,
  unreachable,
  zoneOf,
  type AnsweredBy,
  type AnswerHead,
  type Clock,
  type Freshness,
  type LookupAnswer,
  type LookupRequest,
  type LookupResult,
  type Query,
  type ScopeReport,
  type Transport,
  type ZoneLiveness,
} from '@meridian/shared'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { Place } from '../config.ts'
import type { TierRole } from '../tier.ts'

export interface RegistryLookupOptions {
  readonly role: TierRole
  readonly answersAs: AnsweredBy
  readonly place: Place
  readonly catalog: TierCatalog
  /** How far what is held can be trusted. */
  readonly freshness: () => Freshness
  readonly liveness: ZoneLiveness
  readonly transport: Transport
  readonly clock: Clock
}

/** Kept back from the deadline, so that the answer still reaches whoever asked. */
const returnMs = 20

/** Regions asked for one lookup. A company has a dozen; a thousand would answer nobody in time. */
const regionsAskedMax = 64

/**
 * Answers from what this tier holds, else asks on: a zone its region, a region the others that
 * the global tier names. Each region is asked once; a referred request is final.
 */
export function createRegistryLookup(
  options: RegistryLookupOptions,
): (request: LookupRequest) => Promise<LookupAnswer> {
  const { role, answersAs, place, catalog, freshness, liveness, transport, clock } = options

  return async (request) => {
    const expiresAt = clock.now() + request.deadlineMs
    const query = parseQuery(request.q)
    const results = catalog.lookup(query, request.from, request.limit)
    const degraded = isDegraded(results)
    const own: ScopeReport = {
      ...scopeOf(role, place),
      ...freshness(),
      ...(degraded && { degraded }),
    }
    const head = { query: printQuery(query), answeredBy: answersAs, scopes: [own] }
    const remainingMs = () => Math.max(0, expiresAt - clock.now() - returnMs)
    if (request.final) return answerFrom(head, results)
    if (role.asks === 'parent') {
      // Seen from another zone, what is here is not the nearest; the region knows both.
      const isNear = request.from.region === place.region && request.from.zone === place.zone
      if (results.length > 0 && isNear) return answerFrom(head, results)
      return await askParent(head, request, results, remainingMs())
    }
    if (results.length > 0) return answerFrom(head, results)
    return await askRegions(head, query, request, remainingMs)
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
    const subject = subjects.rpcRegional(region, 'lookup')
    try {
      return await ask(
        transport,
        subject,
        { ...request, deadlineMs },
        { deadlineMs, reply: lookupAnswerSchema },
      )
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      return unansweredBy(head, results, { scope: 'region', name: region }, error)
    }
  }

  async function askRegions(
    head: AnswerHead,
    query: Query,
    request: LookupRequest,
    remainingMs: () => number,
  ): Promise<LookupAnswer> {
    let regions: readonly string[]
    try {
      regions = await referral(query, request.q, remainingMs())
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      return unansweredBy(head, [], { scope: 'world', name: '*' }, error)
    }
    const others = regions.filter((region) => region !== place.region)
    const deadlineMs = remainingMs()
    const answers = await Promise.all(
      others.slice(0, regionsAskedMax).map((region) => askRegion(region, request, deadlineMs)),
    )
    const results = interleave(answers.map((answer) => answer.results)).slice(0, request.limit)
    const scopes: ScopeReport[] = [...head.scopes, ...answers.map((answer) => answer.report)]
    if (role.holds === 'instances') scopes.push({ scope: 'world', name: '*', state: 'fresh' })
    for (const name of others.slice(regionsAskedMax)) {
      const reason = `only ${regionsAskedMax} regions are asked`
      scopes.push({ scope: 'region', name, state: 'unreachable', reason })
    }
    return answerFrom({ query: head.query, answeredBy: 'global', scopes }, results)
  }

  async function referral(query: Query, q: string, deadlineMs: number): Promise<readonly string[]> {
    if (role.holds === 'summaries') return catalog.regionsWith(query)
    const reply = await ask(
      transport,
      subjects.rpcGlobal('refer'),
      { q },
      { deadlineMs, reply: referralSchema },
    )
    return reply.regions
  }

  async function askRegion(
    region: string,
    request: LookupRequest,
    deadlineMs: number,
  ): Promise<{ readonly results: readonly LookupResult[]; readonly report: ScopeReport }> {
    const scope = { scope: 'region', name: region } as const
    const referred: LookupRequest = { ...request, deadlineMs, final: true }
    try {
      const { results, scopes } = await ask(
        transport,
        subjects.rpcRegional(region, 'lookup'),
        referred,
        { deadlineMs, reply: lookupAnswerSchema },
      )
      // A region knows best how far it can be trusted.
      const report = scopes.find((each) => each.scope === 'region' && each.name === region)
      return { results, report: report ?? { ...scope, state: 'fresh' } }
    } catch (error) {
      if (!isMeridianError(error)) throw error
      return { results: [], report: unreachable(scope, error) }
    }
  }
}

function scopeOf(role: TierRole, place: Place): Pick<ScopeReport, 'scope' | 'name'> {
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
