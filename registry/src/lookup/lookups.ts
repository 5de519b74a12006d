import {
  countsOf,
  createCapabilityIndex,
  DefinitionSearch,
  findAnswerOf,
  findCacheLimits,
  findRequestOf,
  InstanceCatalog,
  LookupPlans,
  Outliers,
  randomId,
  RemoteAnswers,
  WatchHub,
  type AnsweredBy,
  type Clock,
  type DefinitionId,
  type ExposedLookups,
  type FindReply,
  type Freshness,
  type Log,
  type LookupPlan,
  type LookupRequest,
  type LookupScope,
  type Random,
  type RemoteView,
  type ScopeReport,
  type Subscription,
  type Transport,
  type ZoneLiveness,
} from '@meridian/shared'
import type { LookupApi } from '@meridian/shared/http'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { Place } from '../config.ts'
import type { TierRole, TierSubjects } from '../tier.ts'
import type { Askers } from './askers.ts'
import { createRegistryDefinitions } from './definitions.ts'
import { createDrawnLookup } from './drawn-lookup.ts'
import { createRegistryLookup } from './lookup.ts'
import { scopeOf } from './scope.ts'
import { serveLookups } from './serve.ts'
import { followTouches, TouchFeed } from './touch-feed.ts'

export interface RegistryLookupsOptions {
  readonly role: TierRole
  readonly at: TierSubjects
  readonly answersAs: AnsweredBy
  readonly place: Place
  readonly catalog: TierCatalog
  /** The canonical JSON of a definition, where it is held. */
  readonly canonical: (id: DefinitionId) => Uint8Array | undefined
  /** How far what is held can be trusted. */
  readonly freshness: () => Freshness
  readonly liveness: ZoneLiveness
  readonly askers: Askers
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface RegistryLookups {
  readonly api: LookupApi
  /** How lookups fare, for metrics. */
  readonly counts: ExposedLookups
  /** Answers what other tiers look up here. */
  serve(): Subscription[]
  /** Ends every watch; twice is fine. */
  close(): void
}

/** Results of one watch that lie beyond what is held here. */
const beyondMax = 100
const beyondDeadlineMs = 2_000

/** Everything that is looked up at a registry, by its own callers and by other tiers. */
export function createRegistryLookups(options: RegistryLookupsOptions): RegistryLookups {
  const { role, at, answersAs, place, catalog, canonical, freshness, liveness } = options
  const { askers } = options
  const { transport, clock, random, log } = options
  const run = randomId(random)
  const remote = new RemoteAnswers(clock)
  const remoteFinds = new RemoteAnswers<FindReply>(clock, findCacheLimits)
  const outliers = new Outliers()
  const plans = new LookupPlans()
  const { instances } = catalog
  // A region tells its zones what changed; nobody keeps what a zone answers.
  const touches =
    instances === undefined || role.asks === 'parent'
      ? undefined
      : new TouchFeed({
          catalog: instances,
          region: place.region,
          source: `${place.region}/${place.replica}/${run}`,
          transport,
          clock,
        })
  const lookup = createRegistryLookup({
    role,
    answersAs,
    place,
    catalog,
    freshness,
    liveness,
    askers,
    remote,
    plans,
    touches,
    clock,
  })
  const search = new DefinitionSearch({
    finder: catalog.finder,
    definitionsOf: (query) => catalog.definitionsOf(query),
    nearest: (definition, from) => catalog.nearest(definition, from),
    clock,
  })
  const definitions = createRegistryDefinitions({
    role,
    answersAs,
    place,
    catalog,
    search,
    canonical,
    freshness,
    askers,
    remote: remoteFinds,
    touches,
    clock,
  })
  const drawn = createDrawnLookup({ place, lookup, outliers, clock, random })
  const here = { region: place.region, zone: place.zone, node: '' }
  const scope = scopeOf(role, place)
  const hub = new WatchHub({
    catalog: instances ?? noInstances(),
    from: here,
    own: (): ScopeReport => ({ ...scope, ...freshness() }),
    // Where no instances are held, all of them are beyond.
    goesBeyond: (wanted) =>
      wanted === 'global' ||
      role.holds === 'summaries' ||
      (wanted === 'region' && scope.scope === 'zone'),
    remote: beyond,
    run,
    clock,
    random,
  })

  /** Everything that matches beyond what is held here, as far as it is followed. */
  async function beyond(plan: LookupPlan, wanted: LookupScope): Promise<RemoteView> {
    const request: LookupRequest = {
      q: plan.text,
      limit: beyondMax,
      min: beyondMax,
      from: here,
      scope: wanted,
      order: 'ranked',
      deadlineMs: beyondDeadlineMs,
      final: false,
    }
    const { results, scopes } = await lookup(request)
    const isHere = (locality: string) =>
      locality.startsWith(scope.scope === 'zone' ? `${scope.name}/` : `${place.region}/`)
    return {
      results: results.filter(({ locality }) => !isHere(locality)),
      scopes: scopes.filter((one) => one.scope !== scope.scope || one.name !== scope.name),
    }
  }

  return {
    api: {
      async lookup(params, signal) {
        const { index, waitMs, scope: wanted = 'global' } = params
        if (index === undefined) return await drawn(params)
        if (waitMs !== undefined) {
          await hub.changed(plans.of(params.q), wanted, index, waitMs, signal)
        }
        const position = hub.index
        return { ...(await drawn(params)), index: position }
      },
      index: () => hub.index,
      watch: ({ q, scope: wanted = 'global', index }, caller, sink) =>
        hub.watch({ plan: plans.of(q), scope: wanted, index, caller }, sink),
      reportCalls: (calls) => {
        for (const { instance, ok, latencyMs } of calls) {
          outliers.report(instance, { ok, latencyMs }, clock.now())
        }
      },
      async find(params) {
        // Nothing is near to the whole world.
        const from = params.near ?? (role.holds === 'summaries' ? undefined : here)
        const reply = await definitions.find(findRequestOf(params, from))
        return findAnswerOf(reply, params, random)
      },
      server: (name, deadlineMs) => definitions.server(name, deadlineMs),
      definition: (id, deadlineMs) => definitions.definition(id, deadlineMs),
    },
    counts: {
      cache: () => countsOf([remote.cache, remoteFinds.cache]),
      watchers: () => hub.watchers,
      watchersDropped: () => hub.dropped,
    },
    serve: () => [
      ...serveLookups({
        freshness,
        transport,
        log,
        role,
        at,
        queue: answersAs,
        replica: place.replica,
        catalog,
        lookup,
        definitions,
      }),
      ...(role.asks === 'parent'
        ? [followTouches(at.rpc('touched'), [remote.cache, remoteFinds.cache], { transport, log })]
        : []),
    ],
    close() {
      search.close()
      touches?.close()
      hub.close()
    },
  }
}

/** What the world's registry holds of instances. */
function noInstances(): InstanceCatalog {
  return new InstanceCatalog({
    index: createCapabilityIndex(),
    record: () => undefined,
    definition: () => undefined,
    onUnreadable: () => undefined,
  })
}
