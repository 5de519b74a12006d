import {
  DefinitionSearch,
  findCacheLimits,
  LookupPlans,
  nearestRing,
  Outliers,
  randomId,
  RemoteAnswers,
  subjects,
  TierAsker,
  WatchHub,
  countsOf,
  type CacheCounts,
  type Clock,
  type DefinitionId,
  type FindReply,
  type Freshness,
  type InstanceCatalog,
  type Locality,
  type OwnerId,
  type Random,
  type ScopeReport,
  type Transport,
  type ZoneLiveness,
} from '@meridian/shared'
import type { LookupApi } from '@meridian/shared/http'
import { createAgentDefinitions } from './definitions.ts'
import { InstanceFeed } from './instance-feed.ts'
import { createAgentLookup } from './lookup.ts'

export interface AgentLookupsOptions {
  readonly locality: Locality
  readonly catalog: InstanceCatalog
  /** How far what is held of the zone can be trusted. */
  readonly freshness: () => Freshness
  readonly liveness: ZoneLiveness
  /** The canonical JSON of a definition, where it is held. */
  readonly canonical: (id: DefinitionId) => Uint8Array | undefined
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
}

/** How lookups fare, for metrics. */
export interface LookupCounts {
  readonly l1: CacheCounts & { readonly entries: number; readonly bytes: number }
  /** Askers that shared another's question, and questions that were put to two replicas. */
  readonly shared: number
  readonly hedged: number
  readonly plans: { readonly hits: number; readonly misses: number }
  readonly ejections: number
  readonly watchers: number
  readonly watchersDropped: number
  /** Programs of this host that answer lookups themselves. */
  readonly followers: number
}

export interface AgentLookups {
  readonly api: LookupApi
  /** Everything that is held here, then every change. Errors: `busy`. */
  follow(index: string | undefined): ReadableStream<Uint8Array>
  /** A pulse told of another load. */
  loadChanged(owner: OwnerId, id: string): void
  counts(): LookupCounts
  /** Ends every watch; twice is fine. */
  close(): void
}

/** Everything that is looked up here. */
export function createAgentLookups(options: AgentLookupsOptions): AgentLookups {
  const { locality, catalog, freshness, liveness, canonical, transport, clock, random } = options
  const { region, zone } = locality
  const name = `${region}/${zone}`
  const asker = new TierAsker({
    transport,
    clock,
    random,
    subject: (method, replica) => subjects.rpcLocal({ region, zone }, method, replica),
  })
  const search = new DefinitionSearch({
    finder: catalog.finder,
    definitionsOf: (query) => catalog.definitionsOf(query),
    nearest: (definition, from) =>
      nearestRing(catalog.index, definition, { from, hasVersions: catalog.hasVersions, random }),
    clock,
  })
  const outliers = new Outliers()
  const remote = new RemoteAnswers(clock)
  const remoteFinds = new RemoteAnswers<FindReply>(clock, findCacheLimits)
  const plans = new LookupPlans()
  const { lookup, lookupText, beyond } = createAgentLookup({
    locality,
    catalog,
    freshness,
    liveness,
    asker,
    outliers,
    remote,
    plans,
    clock,
    random,
  })
  const own = (): ScopeReport => {
    const degraded = liveness.stateOf(name) !== 'fresh'
    return { scope: 'zone', name, ...freshness(), ...(degraded && { degraded }) }
  }
  const run = randomId(random)
  const feed = new InstanceFeed({ locality, catalog, canonical, own, run, clock })
  const hub = new WatchHub({
    catalog,
    from: locality,
    own,
    goesBeyond: (scope) => scope !== 'zone',
    remote: beyond,
    run,
    clock,
    random,
  })
  const definitions = createAgentDefinitions({
    locality,
    catalog,
    search,
    canonical,
    freshness,
    asker,
    remote: remoteFinds,
    clock,
    random,
  })
  return {
    api: {
      ...definitions,
      async lookup(params, signal) {
        const { index, waitMs, scope = 'global' } = params
        if (index === undefined) return await lookup(params)
        if (waitMs !== undefined) {
          await hub.changed(plans.of(params.q), scope, index, waitMs, signal)
        }
        const position = hub.index
        return { ...(await lookup(params)), index: position }
      },
      lookupText: (params) => (params.index === undefined ? lookupText(params) : undefined),
      index: () => hub.index,
      watch: ({ q, scope = 'global', index }, caller, sink) =>
        hub.watch({ plan: plans.of(q), scope, index, caller }, sink),
      reportCalls: (calls) => {
        for (const { instance, ok, latencyMs } of calls) {
          outliers.report(instance, { ok, latencyMs }, clock.now())
        }
      },
    },
    follow: (index) => feed.follow(index),
    loadChanged: (owner, id) => {
      feed.loadChanged(owner, id)
    },
    counts: () => ({
      l1: countsOf([remote.cache, remoteFinds.cache]),
      shared: remote.shared + remoteFinds.shared,
      hedged: asker.hedged,
      plans: { hits: plans.hits, misses: plans.misses },
      ejections: outliers.ejections,
      watchers: hub.watchers,
      watchersDropped: hub.dropped,
      followers: feed.followers,
    }),
    close() {
      search.close()
      hub.close()
      feed.close()
    },
  }
}
