import {
  answerFrom,
  ask,
  isMeridianError,
  lookupAnswerSchema,
  parseQuery,
  printQuery,
  referralSchema,
  subjects,
  unansweredBy,
  unreachable,
  type AnsweredBy,
  type AnswerHead,
  type Clock,
  type LookupAnswer,
  type LookupRequest,
  type LookupResult,
  type Query,
  type ScopeReport,
  type Transport,
} from '@meridian/shared'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { Place } from '../config.ts'
import type { TierRole } from '../tier.ts'

export interface RegistryLookupOptions {
  readonly role: TierRole
  readonly answersAs: AnsweredBy
  readonly place: Place
  readonly catalog: TierCatalog
  readonly transport: Transport
  readonly clock: Clock
}

/** Kept back from the deadline, so that the answer still reaches whoever asked. */
const returnMs = 20

/**
 * Answers from what this tier holds, else asks on: a zone its region, a region the others that
 * the global tier names. Each region is asked once; a referred request is final.
 */
export function createRegistryLookup(
  options: RegistryLookupOptions,
): (request: LookupRequest) => Promise<LookupAnswer> {
  const { role, answersAs, place, catalog, transport, clock } = options
  const ownScopes = scopesOf(role, place)

  return async (request) => {
    const expiresAt = clock.now() + request.deadlineMs
    const query = parseQuery(request.q)
    const head = { query: printQuery(query), answeredBy: answersAs, scopes: ownScopes }
    const results = catalog.lookup(query, request.from, request.limit)
    if (results.length > 0 || request.final) return answerFrom(head, results)
    const remainingMs = () => Math.max(0, expiresAt - clock.now() - returnMs)
    return role.asks === 'parent'
      ? askParent(head, request, remainingMs())
      : askRegions(head, query, request, remainingMs)
  }

  async function askParent(
    head: AnswerHead,
    request: LookupRequest,
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
      if (!isMeridianError(error) || !error.retryable) throw error
      return unansweredBy(head, [], { scope: 'region', name: region }, error)
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
      if (!isMeridianError(error) || !error.retryable) throw error
      return unansweredBy(head, [], { scope: 'world', name: '*' }, error)
    }
    const others = regions.filter((region) => region !== place.region)
    const deadlineMs = remainingMs()
    const answers = await Promise.all(
      others.map((region) => askRegion(region, request, deadlineMs)),
    )
    const results = interleave(answers.map((answer) => answer.results)).slice(0, request.limit)
    const scopes: ScopeReport[] = [...head.scopes, ...answers.map((answer) => answer.report)]
    if (role.holds === 'instances') scopes.push({ scope: 'world', name: '*', state: 'fresh' })
    const complete = scopes.every(({ state }) => state === 'fresh')
    return {
      query: head.query,
      answeredBy: 'global',
      scopes,
      results,
      complete,
      outcome: results.length > 0 ? 'found' : complete ? 'none' : 'unknown',
    }
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
      const { results } = await ask(transport, subjects.rpcRegional(region, 'lookup'), referred, {
        deadlineMs,
        reply: lookupAnswerSchema,
      })
      return { results, report: { ...scope, state: 'fresh' } }
    } catch (error) {
      if (!isMeridianError(error)) throw error
      return { results: [], report: unreachable(scope, error) }
    }
  }
}

function scopesOf(role: TierRole, place: Place): readonly ScopeReport[] {
  switch (role.scope) {
    case 'zone':
      return [{ scope: 'zone', name: `${place.region}/${place.zone}`, state: 'fresh' }]
    case 'region':
      return [{ scope: 'region', name: place.region, state: 'fresh' }]
    case 'world':
      return [{ scope: 'world', name: '*', state: 'fresh' }]
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
