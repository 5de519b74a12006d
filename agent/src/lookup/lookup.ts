import {
  answerFrom,
  answerHeadText,
  answerText,
  asStale,
  candidatesFrom,
  candidatesOf,
  composeAnswer,
  hitsInPanic,
  ignoringHealth,
  isAskersFault,
  isMeridianError,
  lookupLimits,
  lookupReplySchema,
  PanicWatch,
  PlainLookup,
  poolCandidates,
  ResultMemo,
  resultText,
  spillShare,
  toLookupResult,
  unreachable,
  verdictOf,
  type AnswerHead,
  type AnswerHeadText,
  type AnswerText,
  type CacheLevel,
  type Candidate,
  type Clock,
  type Freshness,
  type Hit,
  type InstanceCatalog,
  type Locality,
  type LookupAnswer,
  type LookupParams,
  type LookupPlan,
  type LookupPlans,
  type LookupRequest,
  type LookupResult,
  type LookupScope,
  type Outliers,
  type Random,
  type RemoteAnswer,
  type RemoteAnswers,
  type RemoteView,
  type ScopeReport,
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
  /** What callers reported. */
  readonly outliers: Outliers
  /** What the tiers above answered: L1. */
  readonly remote: RemoteAnswers
  /** Queries, understood. */
  readonly plans: LookupPlans
  readonly clock: Clock
  readonly random: Random
}

/** How long a zone with too much to do waits to hear of others that could take some of it. */
const reliefMsMax = 100

export interface AgentLookup {
  readonly lookup: (params: LookupParams) => Promise<LookupAnswer>
  /** The same at once and written, where the zone's own index is enough; else undefined. */
  readonly lookupText: (params: LookupParams) => AnswerText | undefined
  /** Everything that matches beyond the zone, as far as it is followed. */
  readonly beyond: (plan: LookupPlan, scope: LookupScope) => Promise<RemoteView>
}

/** What one watch follows beyond the zone: as much as one answer holds. */
const beyondMax = lookupLimits.limitMax

/**
 * Answers from the zone's own index, without the network; asks the zone's registry only when the
 * zone has too little, or too much to do.
 */
export function createAgentLookup(options: AgentLookupOptions): AgentLookup {
  const { locality, catalog, freshness, liveness, asker, outliers, remote } = options
  const { plans, clock, random } = options
  const { region, zone } = locality
  const { index } = catalog
  const name = `${region}/${zone}`
  const panics = new PanicWatch(catalog, (at) => at.region === region && at.zone === zone)

  const plainLookup = new PlainLookup({ locality, catalog, outliers, random })
  /** Results as JSON. */
  const texts = new ResultMemo((hit) => resultText(toLookupResult(catalog, hit)))
  /** For as long as the plans are remembered. */
  const headsFound = new WeakMap<LookupPlan, AnswerHeadText>()
  const headsNone = new WeakMap<LookupPlan, AnswerHeadText>()

  return { lookup, lookupText, beyond }

  async function lookup(params: LookupParams): Promise<LookupAnswer> {
    const startedAt = clock.now()
    const { limit, near, scope = 'global', order = 'balanced', min = 1 } = params
    const plan = plans.of(params.q)
    const from = near ?? locality
    // Seen from elsewhere, this zone is not the nearest.
    const zoneFirst = from.region === region && from.zone === zone
    const panic = panics.of(plan, startedAt)
    const head = headOf(plan, panic !== undefined)
    const plain = panic === undefined ? plainLookup.hits(plan, params) : undefined
    if (plain) {
      return answerFrom(
        head,
        plain.map((hit) => toLookupResult(catalog, hit)),
      )
    }

    const own = candidatesHere(plan, params, from, panic && hitsInPanic(panic, from))
    const compose = (at: AnswerHead, candidates: readonly Candidate<LookupResult>[]) =>
      composeAnswer(at, candidates, {
        limit,
        order,
        random,
        outliers,
        now: clock.now(),
        affinity: params.affinity,
        explain: params.explain,
      })
    /** With what is here, of which some may have come while others were asked. */
    const withOwn = ({ reply }: RemoteAnswer) => {
      const elsewhere = candidatesFrom(reply, from)
      if (!zoneFirst) return elsewhere
      const here = own.length > 0 ? own : candidatesHere(plan, params, from, undefined)
      return merge(here, elsewhere)
    }
    const isEnough = zoneFirst && own.length >= min
    if (scope === 'zone' || (isEnough && !spills(own))) return compose(head, own)
    const leftMs = params.deadline - (clock.now() - startedAt)
    // Others are asked for relief only: it is not worth waiting for.
    const deadlineMs = isEnough ? Math.min(reliefMsMax, leftMs) : leftMs
    try {
      // The zone's registry knows the same: for relief, more is wanted than the zone has.
      const wanted = isEnough ? { ...params, min: Math.min(own.length + 1, beyondMax) } : params
      let answered = await askUp(plan, wanted, from, deadlineMs)
      let all = withOwn(answered)
      const told = answered.reply.results.length
      if (all.length === 0 && told > 0) {
        // The zone's registry had enough, but only of what is gone as far as is known here: that is
        // not yet to say that nobody has it.
        const further = { ...params, min: Math.min(told + 1, beyondMax) }
        answered = await askUp(plan, further, from, params.deadline - (clock.now() - startedAt))
        all = withOwn(answered)
      }
      return {
        ...compose(headAfter(head, plan, answered), all),
        cache: levelOf(answered),
        ...(answered.ageMs > 0 && { ageMs: answered.ageMs }),
      }
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      if (isEnough) return compose(head, own)
      const scopes = [...head.scopes, unreachable({ scope: 'region', name: region }, error)]
      return compose({ ...head, scopes }, own)
    }
  }

  /** Most answers: found here, drawn by the index itself, of results that are written already. */
  function lookupText(params: LookupParams): AnswerText | undefined {
    const plan = plans.of(params.q)
    if (panics.of(plan, clock.now()) !== undefined) return undefined
    const hits = plainLookup.hits(plan, params)
    if (hits === undefined) return undefined
    return answerText(
      headText(plan, hits.length),
      hits.map((hit) => texts.of(hit)),
    )
  }

  /** Where all is well, which is nearly always, it is the same each time. */
  function headText(plan: LookupPlan, found: number): AnswerHeadText {
    const isWell = liveness.stateOf(name) === 'fresh' && freshness().state === 'fresh'
    const written = isWell ? (found > 0 ? headsFound : headsNone) : undefined
    const known = written?.get(plan)
    if (known !== undefined) return known
    const { query, answeredBy, scopes } = headOf(plan, false)
    const head = answerHeadText({ query, answeredBy, ...verdictOf(scopes, found) })
    written?.set(plan, head)
    return head
  }

  function headOf(plan: LookupPlan, panic: boolean): AnswerHead {
    const degraded = liveness.stateOf(name) !== 'fresh'
    const zoneReport: ScopeReport = {
      scope: 'zone',
      name,
      ...freshness(),
      ...(degraded && { degraded }),
      ...(panic && { panic }),
    }
    return { query: plan.text, answeredBy: 'agent', scopes: [zoneReport] }
  }

  function candidatesHere(
    plan: LookupPlan,
    { limit, order = 'balanced', scope }: LookupParams,
    from: Locality,
    panicking: readonly Hit[] | undefined,
  ): Candidate<LookupResult>[] {
    if (panicking) return ignoringHealth(candidatesOf(catalog, panicking, plan.alternatives))
    const hits = index.lookup(plan.query, {
      from,
      limit: Math.max(poolCandidates, limit),
      random,
      order,
      ringMax: scope === 'zone' ? 1 : 3,
    })
    return candidatesOf(catalog, hits, plan.alternatives)
  }

  function askUp(
    plan: LookupPlan,
    params: LookupParams,
    from: Locality,
    deadlineMs: number,
  ): Promise<RemoteAnswer> {
    const { near, order = 'balanced', scope = 'global', min = 1, maxAgeMs } = params
    const limit = Math.min(100, Math.max(poolCandidates, params.limit))
    const { staleIfErrorMs } = params
    const at = near === undefined ? '' : `${from.region}/${from.zone}/${from.node}`
    const request: LookupRequest = {
      q: plan.text,
      limit,
      from,
      deadlineMs,
      final: false,
      scope,
      order,
      min,
      maxAgeMs,
      staleIfErrorMs,
    }
    return remote.get({
      key: `${plan.text}\n${at}\n${limit} ${order} ${scope} ${min}`,
      terms: plan.terms,
      ask: (etag) =>
        asker.ask('lookup', { ...request, etag }, { deadlineMs, reply: lookupReplySchema }),
      waitMs: deadlineMs,
      maxAgeMs,
      staleIfErrorMs,
    })
  }

  async function beyond(plan: LookupPlan, scope: LookupScope): Promise<RemoteView> {
    const deadline = lookupLimits.deadlineMsDefault
    const params: LookupParams = {
      q: plan.text,
      limit: beyondMax,
      min: beyondMax,
      scope,
      order: 'ranked',
      deadline,
    }
    try {
      const answered = await askUp(plan, params, locality, deadline)
      const { results } = answered.reply
      const elsewhere = results.filter((result) => !result.locality.startsWith(`${name}/`))
      const { scopes } = headAfter(headOf(plan, false), plan, answered)
      const reports = scopes.filter((report) => report.scope !== 'zone' || report.name !== name)
      if (results.length < beyondMax) return { results: elsewhere, scopes: reports }
      const reason = `only ${beyondMax} of what lies beyond the zone are followed`
      return {
        results: elsewhere,
        scopes: reports.map((report) => ({ ...report, state: 'stale', reason })),
      }
    } catch (error) {
      return { results: [], scopes: [unreachable({ scope: 'region', name: region }, error)] }
    }
  }

  /** What is known here of the own zone is newer than what comes back of it. */
  function merge(
    own: readonly Candidate<LookupResult>[],
    elsewhere: readonly Candidate<LookupResult>[],
  ): Candidate<LookupResult>[] {
    const known = new Set(own.map(({ key }) => key))
    const isFresh = freshness().state === 'fresh'
    const isOurs = ({ item }: Candidate<LookupResult>) => item.locality.startsWith(`${name}/`)
    return [...own, ...elsewhere.filter((one) => !known.has(one.key) && !(isFresh && isOurs(one)))]
  }
}

/** Whether a ring has so much to do that others are to be asked, too. */
function spills(candidates: readonly Candidate<LookupResult>[]): boolean {
  let pending = 0
  let capacity = 0
  for (const { factors, ring } of candidates) {
    if (ring > 1) continue
    pending += factors.pending
    capacity += factors.capacity
  }
  return spillShare(1, { pending, capacity: Math.max(1, capacity) }) > 0
}

function headAfter(own: AnswerHead, plan: LookupPlan, answered: RemoteAnswer): AnswerHead {
  const { reply, from, ageMs, error } = answered
  const head = { query: plan.text, answeredBy: reply.answeredBy, scopes: reply.scopes }
  if (from !== 'stale') return head
  return { ...head, scopes: [...own.scopes, ...asStale(reply.scopes, ageMs, error)] }
}

function levelOf({ reply, from }: RemoteAnswer): CacheLevel {
  switch (from) {
    case 'cache':
      // Kept here for a moment, but of what is no longer good.
      return reply.cache === 'stale' ? 'stale' : 'l1'
    case 'asked':
      return reply.cache ?? 'l2'
    case 'stale':
      return 'stale'
    default:
      return from satisfies never
  }
}
