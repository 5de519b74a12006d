import {
  completeSet,
  createCapabilityIndex,
  eventLimits,
  type EventKind,
  Follower,
  FreshnessWatch,
  Holdings,
  InstanceLoads,
  InstanceCatalog,
  keepTidy,
  livenessDefaults,
  noMetrics,
  randomId,
  parseQuery,
  Quarantining,
  readDefinition,
  regionCommandSchema,
  serveRpc,
  serveHoldings,
  subjects,
  type Clock,
  type Definition,
  type DefinitionId,
  type LivenessSettings,
  type Log,
  type Metrics,
  type OwnerId,
  type OwnerRecord,
  type OwnerStore,
  type Quarantine,
  type Random,
  type ReplicaStore,
  type Sha256,
  type Subscription,
  type SyncMethod,
  type Tier,
  type Transport,
  type ZoneLiveness,
} from '@meridian/shared'
import { unwellIn, withSince } from './browse/since.ts'
import { createBrowse } from './browse/browse.ts'
import { LagBook } from './browse/lag-book.ts'
import { createSearch } from './browse/search.ts'
import { halved, heldRequestSchema } from './browse/gather.ts'
import { createInstancesCatalog } from './catalog/instances.ts'
import { createSummariesCatalog, type SummariesCatalog } from './catalog/summaries.ts'
import type { TierCatalog } from './catalog/tier-catalog.ts'
import type { Place } from './config.ts'
import { EventLog } from './events/event-log.ts'
import { gatheredEvents } from './events/gathered-events.ts'
import { ownHistory } from './events/history.ts'
import { halfOf, regionEvents, regionEventsRequestSchema } from './events/region-events.ts'
import { InMemoryEventStore, type EventStore } from './events/event-store.ts'
import { SinceWhen } from './events/since-when.ts'
import { Witness } from './events/witness.ts'
import type { RegistryApi } from './http/routes.ts'
import { createAskers } from './lookup/askers.ts'
import { createRegistryLookups } from './lookup/lookups.ts'
import { FreshDefinitions } from './imports/fresh-definitions.ts'
import { Importer } from './imports/importer.ts'
import { ServerDirectory } from './directory/directory.ts'
import { ListingRecords } from './directory/listing-records.ts'
import { InMemoryListingStore, type ListingStore } from './directory/listing-store.ts'
import { ServerList } from './directory/servers.ts'
import { createLiveness } from './downlink/liveness.ts'
import { exposeReplica } from './metrics/replica-metrics.ts'
import { endpointsOf } from './official/endpoints.ts'
import { OfficialList } from './official/listing.ts'
import { readOfficialServer } from './official/server-json.ts'
import { SummaryReplicas } from './downlink/summary-replicas.ts'
import { Chronicle } from './operate/chronicle.ts'
import { createOperations } from './operate/operations.ts'
import { createPerform } from './operate/perform.ts'
import {
  halfOfQuarantine,
  heldQuarantine,
  heldQuarantineRequestSchema,
} from './operate/quarantine-pages.ts'
import { tierRoles, tierSubjects } from './tier.ts'
import { createRoundTrips } from './uplink/round-trips.ts'
import { createSummaries } from './uplink/summaries.ts'

export interface ReplicaOptions {
  readonly tier: Tier
  readonly place: Place
  /** What it holds of others. */
  readonly store: ReplicaStore
  /** What it owns itself: summaries, where its tier sends any. */
  readonly ownStore: OwnerStore
  /** Names the database behind the stores: what is imported is owned under it. */
  readonly databaseId?: string
  /** Where what it holds is shown; nowhere unless given. */
  readonly metrics?: Metrics
  /** What it saw happen; in memory unless given. */
  readonly eventStore?: EventStore
  /** What it remembers of what is listed; in memory unless given. */
  readonly listingStore?: ListingStore
  readonly pulseMs: number
  /** How nodes are judged; `livenessDefaults` unless given. */
  readonly livenessSettings?: LivenessSettings
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** What definitions are named and verified with; `portableSha256` unless given. */
  readonly sha256?: Sha256
}

/**
 * A registry without its borders: one replica of one tier, over ports. A process adds SQLite, HTTP
 * and NATS (`registry.ts`); a simulation adds its own.
 */
export interface Replica {
  readonly api: RegistryApi
  readonly liveness: ZoneLiveness
  /** Records that are held and passed on, and that this release cannot read. */
  readonly quarantine: Quarantine
  /** Whether all who live below have had the time to say so: what is not here is nowhere then. */
  readonly settled: boolean
  /** Shows what the store gives back, follows what lies below, and answers. */
  start(): void
  /** Ends every watch, so that the connections they are on can be closed. */
  endWatches(): void
  close(): void
}

export function createReplica(options: ReplicaOptions): Replica {
  const { tier, place, store, transport, clock, random, log, sha256, pulseMs } = options
  const role = tierRoles[tier]
  const at = tierSubjects[tier](place)
  const holdings = new Holdings()
  const index = createCapabilityIndex()
  const quarantining = new Quarantining(clock, log)
  const fresh = new FreshDefinitions()
  const sources = {
    index,
    record: (owner: OwnerId, key: string) => holdings.get(owner)?.records.get(key),
    definition: (id: DefinitionId): Definition | undefined => {
      const bytes = store.definition(id)
      return bytes && (fresh.take(id) ?? readDefinition(bytes))
    },
    onUnreadable: quarantining.onUnreadable,
  }
  const directory = new ServerDirectory({
    store: options.listingStore ?? new InMemoryListingStore(),
    serverOf: (id) => {
      const bytes = store.definition(id)
      return bytes && JSON.stringify(readOfficialServer(bytes).server)
    },
    clock,
    log,
  })
  const listings = new ListingRecords({ ...sources, head: (id) => catalog.head(id), directory })
  const events = new EventLog({ store: options.eventStore ?? new InMemoryEventStore(), clock, log })
  const indexed = { ...sources, headsFollowers: [directory] }
  // Judged or followed by what is made below, for which the index has to be there.
  const known: ZoneLiveness = {
    stateOf: (zone) => liveness.stateOf(zone),
    statusOf: (owner) => liveness.statusOf(owner),
  }
  const ofSummaries: SummariesCatalog | undefined =
    role.holds === 'summaries'
      ? createSummariesCatalog({
          ...indexed,
          lives: (owner) => below?.lives(owner) ?? false,
          now: () => clock.now(),
          forgetMs: (options.livenessSettings ?? livenessDefaults).forgetMs,
        })
      : undefined
  const catalog: TierCatalog =
    ofSummaries ?? createInstancesCatalog(new InstanceCatalog(indexed), known, random)

  const recent = (kinds: readonly EventKind[]) =>
    events.older({ kind: [...kinds], limit: eventLimits.limitMax }).events
  const sinceWhen = new SinceWhen({ unwell: () => unwellIn(catalog), recent, clock })
  const witness = new Witness({
    events,
    head: (id) => catalog.head(id),
    definitionOf: (owner, instance) => index.get(owner, instance)?.spec.definition,
    liveness: known,
    recent,
    zones: function* () {
      for (const { region, zone } of catalog.tallies()) yield `${region}/${zone}`
    },
    clock,
  })
  directory.onConflict((name, version) => {
    witness.onConflict(name, version)
  })

  // Before the index is filled, because it counts what comes in.
  const summaries = role.summarises
    ? createSummaries({
        region: place.region,
        replica: place.replica,
        index,
        store: options.ownStore,
        definition: (id) => store.definition(id),
        transport,
        clock,
        random,
        log,
        holdings,
        pulseMs,
        uncomparedZones: () => liveness.uncomparedZones,
      })
    : undefined

  const chronicle = new Chronicle({ role, place, events, transport, clock, log })
  const lags = new LagBook(clock)
  const follower = new Follower({
    transport,
    clock,
    random,
    log,
    ...(sha256 && { sha256 }),
    holdings,
    store,
    subscribe: at.follows,
    takes: at.takes,
    own: new Set(),
    signs: { replica: place.replica, tier },
    acknowledges: true,
    // Fellows above hold what no owner can give any more.
    ...(role.holds === 'instances' && {
      others: {
        name: place.region,
        subject: (method: SyncMethod) => subjects.rpcRegional(place.region, method),
      },
    }),
    namesToo: (id) => summaries?.names(id) ?? false,
    ...(role.holds === 'instances' && {
      onStaged: (records: readonly OwnerRecord[]) => catalog.instances?.prepare(records),
    }),
    onEvents: (owner, changes) => {
      quarantining.changed(owner, changes)
      witness.beforeRecords(owner, changes)
      catalog.apply(owner, changes)
      listings.apply(owner, changes)
      summaries?.recordsChanged(owner, changes)
      witness.onRecords(owner, changes)
    },
    onDefinitions: (ids) => {
      catalog.definitionsArrived(ids)
      listings.definitionsArrived(ids)
    },
    onPulse: (pulse) => {
      if (role.judges) lags.heard(pulse.owner, pulse.version)
      return liveness.onPulse(pulse)
    },
    onHeard: (owner) => below?.onHeard(owner),
    onAdvanced: (owner, fromOwner) => {
      liveness.onAdvanced(owner, fromOwner)
    },
  })
  const below: SummaryReplicas | undefined =
    ofSummaries &&
    new SummaryReplicas({
      holdings,
      follower,
      onPresence: (owner) => {
        ofSummaries.presenceChanged(owner)
      },
      pulseMs,
      settings: options.livenessSettings,
      transport,
      clock,
      log,
    })
  const liveness = createLiveness({
    role,
    at,
    place,
    holdings,
    index,
    loads: new InstanceLoads(index),
    follower,
    definition: (id) => store.definition(id),
    onNode: (node) => {
      witness.onNode(node)
    },
    onVersions: (held) => {
      for (const { owner, version } of held) lags.heard(owner, version)
    },
    onZone: (reading) => summaries?.zoneRead(reading),
    onNote: (note) => {
      chronicle.take(note)
    },
    pulseMs,
    settings: options.livenessSettings,
    transport,
    clock,
    random,
    log,
  })
  /** What the disk gave back may be old, or nothing at all: until others have spoken it is stale. */
  const isWhole = () => follower.restored && liveness.isSettled && (below?.isSettled ?? true)
  const freshness = new FreshnessWatch(clock, transport, isWhole)
  const askers = createAskers({ transport, clock, random })
  const lookups = createRegistryLookups({
    role,
    askers,
    at,
    answersAs: tier,
    place,
    catalog,
    canonical: (id) => store.definition(id),
    freshness: () => freshness.now(),
    liveness,
    transport,
    clock,
    random,
    log,
  })
  /** Whoever has this replica's word asks this replica. */
  const serveAlone = () =>
    serveHoldings({
      transport,
      clock,
      log,
      subject: (method) => subjects.rpcLocal(place, method, place.replica),
      holdings,
      find: (owner) => completeSet(holdings, owner),
      definition: (id) => store.definition(id),
    })

  const servers = new ServerList(directory, catalog, clock)
  const { held, browse } = createBrowse({
    tier,
    role,
    place,
    index,
    catalog,
    directory,
    servers,
    holdings,
    liveness,
    lags,
    transport,
    clock,
    random,
  })

  const regions = () => catalog.regions().map(({ region }) => region)
  const gathered =
    role.holds === 'summaries'
      ? gatheredEvents({ log: events, transport, regions, clock })
      : undefined
  const perform = createPerform({
    role,
    at,
    place,
    holdings,
    regions,
    judgesOf: (zone) => liveness.judgesOf(zone),
    desk: liveness.desk,
    transport,
    clock,
  })
  const { quarantine } = quarantining
  const operate = createOperations({
    perform,
    chronicle,
    quarantine,
    regions: role.holds === 'summaries' ? regions : undefined,
    transport,
    clock,
  })
  const search = createSearch({
    index,
    catalog,
    servers,
    find: (params) => lookups.api.find(params),
  })

  const importer = role.judges
    ? new Importer({
        place,
        store: options.ownStore,
        agentId: options.databaseId ?? randomId(random),
        pulseMs,
        transport,
        clock,
        random,
        log,
        fresh,
        sha256,
      })
    : undefined
  const readiness = () => {
    const reasons = [
      ...(transport.status === 'connected' ? [] : [`the transport is ${transport.status}`]),
      ...(follower.restored ? [] : ['what is on disk is still being read']),
    ]
    return { ready: reasons.length === 0, reasons }
  }
  exposeReplica({
    metrics: options.metrics ?? noMetrics,
    index,
    catalog,
    holdings,
    directory,
    events,
    follower,
    liveness,
    lookups: lookups.counts,
    cacheLevel: role.cacheLevel,
    publishers: [summaries, importer].flatMap((each) => each?.publisher ?? []),
    readiness,
    clock,
  })
  const official = new OfficialList({
    directory,
    servers,
    placed: (query) => catalog.placed(query),
    endpointsOf: (name, id) => (role.holds === 'instances' ? endpointsOf(index, name, id) : []),
    definition: (id) => store.definition(id),
  })

  const roundTrips =
    role.asks === 'other-regions'
      ? createRoundTrips({
          askers,
          clock,
          random,
          log,
          ...(role.holds === 'summaries'
            ? { regions: () => catalog.regionsWith(parseQuery('')) }
            : { region: place.region }),
        })
      : undefined

  let subscriptions: Subscription[] = []
  /** Once all that was on disk is shown: a summary of half of it would empty the other half. */
  const answerOthers = () => {
    directory.start()
    events.start()
    witness.start()
    sinceWhen.start()
    liveness.start()
    importer?.start()
    below?.start()
    summaries?.start()
    roundTrips?.start()
    subscriptions = [
      serveHoldings({
        transport,
        clock,
        log,
        subject: at.rpc,
        queue: tier,
        holdings,
        find: (owner) => completeSet(holdings, owner),
        definition: (id) => store.definition(id),
      }),
      ...lookups.serve(),
      ...(role.judges ? [serveAlone()] : []),
      ...(role.scope === 'region'
        ? [
            serveRpc(
              transport,
              subjects.operateRegion(place.region),
              { request: regionCommandSchema, queue: tier, log },
              async (command) => {
                if (command.kind !== 'note') return await perform(place.region, command)
                chronicle.take(command.note)
                return { at: clock.wall() }
              },
            ),
          ]
        : []),
    ]
    if (role.holds === 'summaries') return
    const serving = { queue: tier, log }
    // Each replica counts what it saw for itself: whoever has read a page of one goes on with it.
    for (const replica of [undefined, place.replica]) {
      subscriptions.push(
        serveRpc(
          transport,
          at.rpc('events', replica),
          { ...serving, request: regionEventsRequestSchema, shrink: halfOf },
          (request) => regionEvents(events, place.replica, request),
        ),
      )
    }
    subscriptions.push(
      serveRpc(
        transport,
        at.rpc('quarantine'),
        { ...serving, request: heldQuarantineRequestSchema, shrink: halfOfQuarantine },
        (request) => heldQuarantine(quarantine, clock, request),
      ),
    )
    for (const method of ['instances', 'nodes'] as const) {
      subscriptions.push(
        serveRpc(
          transport,
          at.rpc(method),
          { queue: tier, log, request: heldRequestSchema, shrink: halved },
          (request) => held(method, request),
        ),
      )
    }
  }

  const tidying = keepTidy(index, clock)
  return {
    liveness,
    quarantine,
    api: {
      ...lookups.api,
      ...browse,
      ...search,
      events: gathered ?? ownHistory(events),
      official,
      imports: importer,
      operate,
      topology: () => ({
        ...withSince(browse.topology(), {
          state: (place, state) => witness.sinceOf(place) ?? sinceWhen.of(place, state),
          instances: (place, what) => sinceWhen.of(place, what),
        }),
        ...(roundTrips && { roundTrips: [...roundTrips.measured] }),
      }),
      readiness,
    },
    get settled() {
      return isWhole()
    },
    start() {
      follower.start(answerOthers)
    },
    endWatches() {
      events.end()
      lookups.close()
    },
    close() {
      tidying.close()
      lookups.close()
      for (const subscription of subscriptions) subscription.unsubscribe()
      importer?.close()
      witness.close()
      sinceWhen.close()
      gathered?.close()
      events.close()
      directory.close()
      summaries?.close()
      below?.close()

      roundTrips?.close()
      liveness.close()
      follower.close()
      freshness.close()
    },
  }
}
