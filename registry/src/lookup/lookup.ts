import {
  asStale,
  candidatesFrom,
  isAskersFault,
  isMeridianError,
  lookupLimits,
  lookupReplySchema,
  poolCandidates,
  referralSchema,
  spillShare,
  unreachable,
  verdictOf,
  zoneOf,
  type AnsweredBy,
  type Candidate,
  type Clock,
  type Freshness,
  type LookupPlan,
  type LookupPlans,
  type LookupReply,
  type LookupRequest,
  type LookupResult,
  type Millis,
  type Query,
  type Referral,
  type RemoteAnswer,
  type RemoteAnswers,
  type ScopeReport,
  type ZoneLiveness,
} from '@meridian/shared'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { Place } from '../config.ts'
import type { TierRole } from '../tier.ts'
import type { Askers } from './askers.ts'
import { etagOf } from './etag.ts'
import { Referrals } from './referrals.ts'
import { scopeOf } from './scope.ts'
import type { TouchFeed } from './touch-feed.ts'

export interface RegistryLookupOptions {
  readonly role: TierRole
  readonly answersAs: AnsweredBy
  readonly place: Place
  readonly catalog: TierCatalog
  /** How far what is held can be trusted. */
  readonly freshness: () => Freshness
  readonly liveness: ZoneLiveness
  readonly askers: Askers
  /** What others answered: L2 in a zone, other regions' answers elsewhere. */
  readonly remote: RemoteAnswers
  /** Queries, understood. */
  readonly plans: LookupPlans
  /** Tells those who keep answers what changed, where there are such. */
  readonly touches?: Pick<TouchFeed, 'asked' | 'feed'> | undefined
  readonly clock: Clock
}

const limits = {
  /** Kept back from the deadline, so that the answer still reaches whoever asked. */
  returnMs: 20,
  /** Regions asked for one lookup. A company has a dozen; a thousand would answer nobody in time. */
  regionsAskedMax: 64,
  /** Of regions whose distance is known so many are asked at once, the nearest first. */
  regionsAtOnce: 4,
  /** A region that is late for whoever asks may take so long for whoever asks next. */
  lateMs: 5_000,
  /** Zones named as stale in one referral: a world in which more are tells that much by then. */
  staleZonesMax: 100,
} as const

interface Gathered {
  readonly candidates: readonly Candidate<LookupResult>[]
  readonly scopes: readonly ScopeReport[]
  readonly answeredBy: AnsweredBy
  readonly cache?: LookupReply['cache']
  readonly ageMs?: number
}

/**
 * Answers from what this tier holds, else asks on: a zone its region, a region the others that
 * the global tier names. Each region is asked once; a referred request is final.
 */
export function createRegistryLookup(
  options: RegistryLookupOptions,
): (request: LookupRequest) => Promise<LookupReply> {
  const { role, answersAs, place, catalog, freshness, liveness, askers, remote } = options
  const { plans, touches, clock } = options
  const referrals = new Referrals(clock)

  return async (request) => {
    const expiresAt = clock.now() + request.deadlineMs
    const plan = plans.of(request.q)
    const { from, limit, order, min = 1, scope = 'global' } = request
    if (!request.final && from.region === place.region) touches?.asked(from.zone)
    const feed = touches?.feed
    const { candidates, panic } = catalog.candidates(plan, {
      from,
      limit,
      order,
      now: clock.now(),
    })
    const degraded = isDegraded(candidates)
    const own: ScopeReport = {
      ...scopeOf(role, place),
      ...freshness(),
      ...(degraded && { degraded }),
      ...(panic && { panic }),
    }
    const held: Gathered = { candidates, scopes: [own], answeredBy: answersAs }
    const remainingMs = () => Math.max(0, expiresAt - clock.now() - limits.returnMs)
    const reply = replyOf(await gather(), request, plan)
    return feed === undefined ? reply : { ...reply, feed }

    async function gather(): Promise<Gathered> {
      if (request.final || scope === 'zone') return held
      const isEnough = candidates.length >= min
      if (role.asks === 'parent') {
        // Seen from another zone, what is here is not the nearest; the region knows both.
        const isNear = from.region === place.region && from.zone === place.zone
        if (isEnough && isNear) return held
        return await askParent(held, plan, request, remainingMs())
      }
      const atHome: Gathered =
        role.holds === 'instances' ? { ...held, cache: 'l3' } : { ...held, cache: 'miss' }
      if (scope === 'region' && role.holds === 'instances') return atHome
      // A region with too much to do asks others for relief, which is not worth much waiting.
      if (isEnough && !spills(candidates)) return atHome
      return await askRegions(atHome, plan, request, remainingMs, isEnough)
    }
  }

  function replyOf(
    { candidates, scopes, answeredBy, cache, ageMs }: Gathered,
    request: LookupRequest,
    plan: LookupPlan,
  ): LookupReply {
    const shown = candidates.slice(0, request.limit)
    const results = shown.map(({ item }) => item)
    const factors = shown.map((one) => ({ ...one.factors }))
    const etag = etagOf(results, factors, scopes)
    // What is old grows older: that has to be said each time.
    const unchanged = request.etag === etag && cache !== 'stale'
    const distances = new Map<string, number>()
    for (const { region, ring, distanceMs } of shown) {
      if (ring === 3 && distanceMs !== Infinity) distances.set(region, distanceMs)
    }
    return {
      query: plan.text,
      answeredBy,
      ...verdictOf(scopes, results.length),
      results: unchanged ? [] : results,
      factors: unchanged ? [] : factors,
      replica: place.replica,
      etag,
      ...(unchanged && { unchanged }),
      ...(cache !== undefined && { cache }),
      ...(ageMs !== undefined && ageMs > 0 && { ageMs }),
      ...(distances.size > 0 && { distances: Object.fromEntries(distances) }),
    }
  }

  /** Whether the nodes that answer may be gone. */
  function isDegraded(candidates: readonly Candidate<LookupResult>[]): boolean {
    if (role.holds === 'summaries') return false
    const zones = new Set(candidates.map(({ item }) => zoneOf(item.locality)))
    if (role.scope === 'zone') zones.add(`${place.region}/${place.zone}`)
    return [...zones].some((zone) => liveness.stateOf(zone) !== 'fresh')
  }

  async function askParent(
    held: Gathered,
    plan: LookupPlan,
    request: LookupRequest,
    deadlineMs: number,
  ): Promise<Gathered> {
    const { region } = place
    try {
      const answered = await remote.get({
        key: keyOf(region, plan, request),
        terms: plan.terms,
        ask: (etag) =>
          askers
            .region(region)
            .ask(
              'lookup',
              { ...request, deadlineMs, etag },
              { deadlineMs, reply: lookupReplySchema },
            ),
        waitMs: deadlineMs,
        maxAgeMs: request.maxAgeMs,
        staleIfErrorMs: request.staleIfErrorMs,
      })
      const { reply, from, ageMs } = answered
      const scopes = from === 'stale' ? asStale(reply.scopes, ageMs, answered.error) : reply.scopes
      return {
        candidates: candidatesFrom(reply, request.from),
        scopes: from === 'stale' ? [...held.scopes, ...scopes] : scopes,
        answeredBy: reply.answeredBy,
        // What is kept for a moment of what is no longer good is no better for that.
        cache: reply.cache === 'stale' ? 'stale' : (levels[from] ?? reply.cache),
        ageMs,
      }
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      const scopes = [...held.scopes, unreachable({ scope: 'region', name: region }, error)]
      return { ...held, scopes }
    }
  }

  async function askRegions(
    held: Gathered,
    plan: LookupPlan,
    request: LookupRequest,
    remainingMs: () => number,
    isRelief: boolean,
  ): Promise<Gathered> {
    let referred: Referral
    try {
      referred = await referral(plan, remainingMs(), request.maxAgeMs)
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      if (isRelief) return held
      return {
        ...held,
        scopes: [...held.scopes, unreachable({ scope: 'world', name: '*' }, error)],
      }
    }
    const others = referred.regions.filter((region) => region !== place.region)
    const asked = others.slice(0, limits.regionsAskedMax)
    const answers: RegionAnswer[] = []
    let found = held.candidates.length
    for (const wave of wavesOf(asked)) {
      const waitMs = isRelief ? Math.min(remainingMs(), 50) : remainingMs()
      const group = await Promise.all(
        wave.map((region) => askRegion(region, plan, request, waitMs)),
      )
      answers.push(...group)
      for (const { candidates } of group) found += candidates.length
      if (found >= (request.min ?? 1) && !isRelief) break
    }
    const reports = answers
      .map(({ report }) => report)
      .filter(({ state }) => !isRelief || state !== 'unreachable')
    const scopes: ScopeReport[] = [...held.scopes, ...reports]
    if (role.holds === 'instances' && !isRelief) {
      scopes.push(worldOf(referred))
    }
    // Those that were asked, and the own region, know better than their summaries.
    const heard = new Set([place.region, ...answers.map(({ report }) => report.name)])
    for (const name of isRelief ? [] : referred.staleZones) {
      if (!heard.has(name.slice(0, name.indexOf('/')))) scopes.push(staleZone(name))
    }
    for (const name of others.slice(limits.regionsAskedMax)) {
      const reason = `only ${limits.regionsAskedMax} regions are asked`
      scopes.push({ scope: 'region', name, state: 'unreachable', reason })
    }
    const elsewhere = interleave(answers.map(({ candidates }) => candidates))
    return {
      candidates: [...held.candidates, ...elsewhere],
      scopes,
      answeredBy: isRelief ? held.answeredBy : 'global',
      cache: answers.some(({ from }) => from === 'stale')
        ? 'stale'
        : answers.length > 0 && answers.every(({ from }) => from === 'cache')
          ? 'l3'
          : 'miss',
      ageMs: Math.max(0, ...answers.map((answer) => answer.ageMs)),
    }
  }

  /** Known distances in small groups, nearest first; then all the others at once. */
  function wavesOf(regions: readonly string[]): string[][] {
    const distance = new Map(regions.map((name) => [name, askers.distanceMs(name)]))
    const near = regions
      .filter((name) => distance.get(name) !== undefined)
      .sort((a, b) => (distance.get(a) ?? 0) - (distance.get(b) ?? 0))
    const waves: string[][] = []
    for (let at = 0; at < near.length; at += limits.regionsAtOnce) {
      waves.push(near.slice(at, at + limits.regionsAtOnce))
    }
    const rest = regions.filter((name) => distance.get(name) === undefined)
    // Whoever was never asked may be nearer than all others.
    return rest.length > 0 ? [[...(waves[0] ?? []), ...rest], ...waves.slice(1)] : waves
  }

  async function referral(
    plan: LookupPlan,
    deadlineMs: number,
    maxAgeMs: Millis | undefined,
  ): Promise<Referral> {
    if (role.holds === 'summaries') return referralOf(catalog, plan.query, freshness())
    const ask = () =>
      askers.world().ask('refer', { q: plan.text }, { deadlineMs, reply: referralSchema })
    return await referrals.of(plan.text, ask, maxAgeMs)
  }

  async function askRegion(
    region: string,
    plan: LookupPlan,
    request: LookupRequest,
    waitMs: number,
  ): Promise<RegionAnswer> {
    const scope = { scope: 'region', name: region } as const
    const deadlineMs = Math.min(lookupLimits.deadlineMsMax, Math.max(waitMs, limits.lateMs))
    const limit = Math.max(request.limit, poolCandidates)
    const referred: LookupRequest = { ...request, limit, deadlineMs, final: true }
    try {
      const answered = await remote.get({
        key: keyOf(region, plan, referred),
        terms: plan.terms,
        ask: (etag) =>
          askers
            .region(region)
            .ask('lookup', { ...referred, etag }, { deadlineMs, reply: lookupReplySchema }),
        waitMs,
        maxAgeMs: request.maxAgeMs,
        staleIfErrorMs: request.staleIfErrorMs,
      })
      const { reply, from, ageMs } = answered
      // A region knows best how far it can be trusted.
      const scopes = from === 'stale' ? asStale(reply.scopes, ageMs, answered.error) : reply.scopes
      const report = scopes.find((each) => each.scope === 'region' && each.name === region)
      const distanceMs = askers.distanceMs(region)
      const distances = distanceMs === undefined ? {} : { [region]: Math.round(distanceMs) }
      return {
        candidates: candidatesFrom({ ...reply, distances }, request.from),
        report: report ?? { ...scope, state: 'fresh' },
        from,
        ageMs,
      }
    } catch (error) {
      if (!isMeridianError(error)) throw error
      return { candidates: [], report: unreachable(scope, error), from: 'asked', ageMs: 0 }
    }
  }
}

/** Which regions may have it, by what they summarised. */
export function referralOf(catalog: TierCatalog, query: Query, { state }: Freshness): Referral {
  const staleZones = catalog.staleZones().slice(0, limits.staleZonesMax)
  const regions = catalog.regionsWith(query)
  return { regions, staleZones, ...(state === 'stale' && { stale: true }) }
}

function worldOf({ stale }: Referral): ScopeReport {
  const world = { scope: 'world', name: '*' } as const
  if (stale !== true) return { ...world, state: 'fresh' }
  const reason = 'who was asked has not heard from all regions since its start'
  return { ...world, state: 'stale', reason }
}

/** It may have what its summary does not name. */
function staleZone(name: string): ScopeReport {
  const reason = 'no replica of its region reads it at present'
  return { scope: 'zone', name, state: 'stale', reason }
}

interface RegionAnswer {
  readonly candidates: readonly Candidate<LookupResult>[]
  readonly report: ScopeReport
  readonly from: RemoteAnswer['from']
  readonly ageMs: number
}

const levels = { cache: 'l2', stale: 'stale', asked: undefined } as const

/** Whoever asks for the same as seen from the same place may share an answer. */
function keyOf(to: string, plan: LookupPlan, request: LookupRequest): string {
  const { from, limit, order = 'balanced', scope = 'global', min = 1 } = request
  return `${to}\n${plan.text}\n${from.region}/${from.zone}\n${limit} ${order} ${scope} ${min}`
}

function spills(candidates: readonly Candidate<LookupResult>[]): boolean {
  let pending = 0
  let capacity = 0
  for (const { factors } of candidates) {
    pending += factors.pending
    capacity += factors.capacity
  }
  return spillShare(2, { pending, capacity: Math.max(1, capacity) }) > 0
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
