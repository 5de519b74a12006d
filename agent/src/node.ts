import {
  agentOwnerId,
  createCapabilityIndex,
  Follower,
  FreshnessWatch,
  Holdings,
  InstanceCatalog,
  InstanceLoads,
  keepTidy,
  logFailure,
  Publisher,
  pulseIntervalMs,
  Quarantining,
  randomId,
  readDefinition,
  serveHoldings,
  settleSet,
  showNode,
  startEpoch,
  startPulsing,
  subjects,
  VitalsWatch,
  type Clock,
  type DefinitionId,
  type Epoch,
  type ExposedReplication,
  type Locality,
  type LivenessSettings,
  type Log,
  type OwnerStore,
  type Quarantine,
  type Random,
  type ReplicaStore,
  type Sha256,
  type Subscription,
  type Transport,
  type ZoneLiveness,
} from '@meridian/shared'
import { serveCommands } from './commands.ts'
import type { AgentApi } from './http/routes.ts'
import { createAgentLookups, type LookupCounts } from './lookup/lookups.ts'
import { Rivalry } from './rivalry.ts'
import type { CheckCount } from './registration/checks/check-counts.ts'
import { Keeper, type KeeperOptions } from './registration/keeper.ts'
import type { RegistrationStore } from './registration/registration-row.ts'
import { createServiceFiles, noServices } from './registration/service-files/index.ts'
import type { ServiceFolder } from './registration/service-files/folder.ts'

export interface NodeOptions {
  readonly locality: Locality
  /** The truth about this node's own instances. */
  readonly store: OwnerStore
  readonly registrations: RegistrationStore
  /** What was last heard of the zone. */
  readonly zoneStore: ReplicaStore
  /** Names the database behind `store`. */
  readonly agentId: string
  readonly introspect: KeeperOptions['introspect']
  /** Looks at instances; without, none is looked at, and registrants' words hold. */
  readonly prober?: KeeperOptions['prober']
  /** Hears of changed lists; without, servers are asked from time to time. */
  readonly follow?: KeeperOptions['follow']
  /** Runs commands for registrants; absent where the operator does not allow it. */
  readonly stdio?: KeeperOptions['stdio']
  readonly commandsFrom?: KeeperOptions['commandsFrom']
  /** The folder of service files; absent where none are read. */
  readonly services?: ServiceFolder | undefined
  /** What operators said of the whole node; kept in memory unless given. */
  readonly nodeWords?: KeeperOptions['nodeWords']
  /** When what came together is written together; at the end of the present task unless given. */
  readonly defer?: KeeperOptions['defer']
  readonly pulseMs: number
  /** When nodes that are gone are forgotten; `livenessDefaults` unless given. */
  readonly livenessSettings?: LivenessSettings
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** What definitions are named and verified with; `portableSha256` unless given. */
  readonly sha256?: Sha256
}

/**
 * An agent without its borders: everything it does, over ports. A process adds SQLite, HTTP and
 * NATS (`agent.ts`); a simulation adds its own.
 */
export interface AgentNode {
  readonly api: AgentApi
  readonly liveness: ZoneLiveness
  /** Records of the zone that are held, and that this release cannot read. */
  readonly quarantine: Quarantine
  /** Instances that the store gave back. */
  readonly restored: number
  /** Instances that others hear of; private ones are not. */
  readonly published: number
  /** Whether one local and one regional replica hold all that is registered here. */
  readonly settled: boolean
  /** What is counted while it runs, for metrics. */
  readonly counted: NodeCounts
  /** Ends every watch, so that the connections they are on can be closed. */
  endWatches(): void
  /** Follows the zone and announces what is registered here. */
  start(): void
  close(): void
}

export interface NodeCounts {
  readonly lookups: () => LookupCounts
  readonly checks: () => Iterable<CheckCount>
  readonly replication: ExposedReplication
  /** What waits, by queue. */
  readonly queues: Readonly<Record<string, () => number>>
}

/** Of a set that has never been spoken for. */
const firstEpochNumber = 1

/** Takes in what the stores hold; says and hears nothing before `start`. */
export function createNode(options: NodeOptions): AgentNode {
  const { locality, store, zoneStore, transport, clock, random, log, sha256 } = options
  const { region, zone } = locality
  const zoneName = `${region}/${zone}`
  const owner = agentOwnerId(locality)
  const holdings = new Holdings()
  const definitionBytes = (id: DefinitionId) => store.definition(id) ?? zoneStore.definition(id)
  const quarantining = new Quarantining(clock, log)
  const catalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: (of, key) => (of === owner ? own.set : holdings.get(of))?.records.get(key),
    definition: (id) => {
      const bytes = definitionBytes(id)
      return bytes && readDefinition(bytes)
    },
    onUnreadable: quarantining.onUnreadable,
  })
  const loads = new InstanceLoads(catalog.index, (of, id) => {
    lookups.loadChanged(of, id)
  })
  const keeper = new Keeper({
    owner,
    store,
    registrations: options.registrations,
    catalog,
    clock,
    random,
    log,
    introspect: options.introspect,
    prober: options.prober,
    follow: options.follow,
    stdio: options.stdio,
    commandsFrom: options.commandsFrom,
    defer: options.defer,
    nodeWords: options.nodeWords,
    sha256,
    onCommitted: () => {
      publisher.changed()
    },
    isSettled: () => publisher.settled,
  })
  const { registrar } = keeper
  const services = options.services && createServiceFiles(options.services, keeper, options)
  const own = registrar.instances
  const restored = own.size
  own.showStored()

  const publisher = new Publisher({
    transport,
    clock,
    random,
    log,
    set: own.set,
    subject: subjects.delta(locality),
    tiers: ['local', 'regional'],
    definition: (id) => store.definition(id),
    mayStartEpoch: () => rivalry.isAlone,
    startEpochAbove: (above) => {
      begin(above)
    },
  })
  // Before the follower listens to the transport: it notes until when all was well.
  const freshness = new FreshnessWatch(clock, transport, () => follower.upToDate)
  const follower = new Follower({
    transport,
    clock,
    random,
    log,
    ...(sha256 && { sha256 }),
    holdings,
    store: zoneStore,
    subscribe: [subjects.delta({ region, zone, node: '*' })],
    takes: (of) => of.region === region && of.zone === zone,
    own: new Set([owner]),
    ownSubject: subjects.delta(locality),
    signs: { replica: locality.node, tier: 'agent' },
    acknowledges: false,
    bulk: {
      name: `${region}/${zone}`,
      scope: [`${region}/${zone}`],
      subject: (method) => subjects.rpcLocal({ region, zone }, method),
    },
    onStaged: (records) => {
      catalog.prepare(records)
    },
    onEvents: (of, events) => {
      quarantining.changed(of, events)
      catalog.apply(of, events)
    },
    onDefinitions: (ids) => {
      catalog.definitionsArrived(ids)
    },
  })

  const watch: VitalsWatch = new VitalsWatch({
    transport,
    clock,
    random,
    log,
    subject: subjects.vitals({ region, zone }, '*'),
    holdings,
    follower,
    onNode: (node) => {
      // Nobody knows better than this agent that it lives, and what its servers do.
      if (node.owner !== owner) showNode(catalog.index, loads, node)
    },
    definition: definitionBytes,
    fellows: (of) => watch.nodesOf(of),
    settings: options.livenessSettings,
  })
  /** In a large zone everybody speaks less often. */
  const pulseMs = () =>
    Math.ceil((options.pulseMs * pulseIntervalMs(watch.nodesOf(zoneName))) / pulseIntervalMs(1))

  const runId = randomId(random)
  const begin = (above?: Epoch) => {
    const change = startEpoch(own.set, random, above)
    store.commit(change)
    settleSet(own.set, change)
  }
  const tryToBegin = (): boolean => {
    try {
      begin()
      return true
    } catch (error) {
      // Whoever holds more than this disk says so, and then an epoch is tried for again.
      logFailure(log, error, { owner }, 'epoch not begun')
      return false
    }
  }
  const rivalry = new Rivalry({
    owner,
    subject: subjects.pulse(locality),
    pulseMs,
    self: () => ({ agentId: options.agentId, runId, epoch: own.set.version.epoch }),
    onAlone: () => {
      // Every new disk begins in its first epoch, and chance would decide between this one and that
      // of a host that is given the same name one day: its set would stand in for all that is here.
      if (own.set.version.epoch.number > firstEpochNumber || !tryToBegin()) return
      publisher.changed()
    },
    onYield: () => {
      publisher.pause()
    },
    onComeBack: () => {
      tryToBegin()
      publisher.resume()
    },
    transport,
    clock,
    random,
    log,
  })

  const lookups = createAgentLookups({
    liveness: watch,
    locality,
    catalog,
    freshness: () => freshness.now(),
    canonical: definitionBytes,
    transport,
    clock,
    random,
  })
  const api: AgentApi = {
    register: (id, registration, rights) => registrar.register(id, registration, { rights }),
    deregister: (id, registrant) => {
      registrar.deregister(id, registrant)
    },
    registerMany: (items, rights) => keeper.registerMany(items, rights),
    serverOf: (id) => own.get(id)?.definition.name,
    report: (id, check, report, registrant) => {
      keeper.report(id, check, report, registrant)
    },
    patch: (id, patch) => registrar.patch(id, patch),
    drain: (id, drain) => registrar.drain(id, drain),
    undrain: (id) => registrar.undrain(id),
    maintain: (id, { reason }) => registrar.maintain(id, reason),
    endMaintenance: (id) => registrar.endMaintenance(id),
    told: (waitMs) => keeper.told(waitMs),
    leave: (waitMs) => keeper.leave(waitMs),
    stay: () => keeper.stay(),
    instance: (id) => registrar.get(id),
    instances: (after, limit) => registrar.page(after, limit),
    services: () => services?.status() ?? noServices,
    reloadServices: async () => (await services?.reload()) ?? noServices,
    ...lookups.api,
    follow: (index) => lookups.follow(index),
    readiness: () => {
      const reasons = [
        ...(transport.status === 'connected' ? [] : ['the transport is disconnected']),
        ...(rivalry.hasYielded ? ['rival: another process runs under this node’s name'] : []),
        ...(follower.compared ? [] : ['the zone has not been read from its registry yet']),
      ]
      return { ready: reasons.length === 0, reasons }
    },
  }

  const tidying = keepTidy(catalog.index, clock)
  let subscriptions: Subscription[] = []
  let pulsing: { close(): void } | undefined
  return {
    api,
    liveness: watch,
    quarantine: quarantining.quarantine,
    restored,
    get published() {
      return own.published
    },
    get settled() {
      return publisher.settled
    },
    counted: {
      lookups: () => lookups.counts(),
      checks: () => keeper.checkCounts,
      replication: {
        owners: () => [...holdings.values()].map(({ owner: of }) => of),
        behind: () => follower.behind,
        now: () => clock.now(),
        counts: () => follower.counts,
        deltaRetries: () => publisher.retries,
      },
      queues: {
        deltas: () => publisher.pending,
        definitions_wanted: () => follower.definitionsWanted,
        search: () => catalog.finder.behind,
        checks: () => keeper.queues.checks,
        registrations: () => keeper.queues.registrations,
      },
    },
    endWatches() {
      lookups.close()
    },
    start() {
      subscriptions = [
        serveHoldings({
          transport,
          clock,
          log,
          subject: (method) => subjects.rpcNode(locality, method),
          find: (of) => (of === owner && !rivalry.hasYielded ? own.set : undefined),
          definition: definitionBytes,
        }),
        ...serveCommands({
          locality,
          keeper,
          hasYielded: () => rivalry.hasYielded,
          transport,
          clock,
          log,
        }),
      ]
      keeper.start()
      services?.start()
      follower.start(() => {
        watch.start()
      })
      publisher.start()
      rivalry.start()
      pulsing = startPulsing({
        transport,
        clock,
        log,
        set: own.set,
        subject: subjects.pulse(locality),
        runId,
        isSilent: () => rivalry.hasYielded,
        agentId: options.agentId,
        pulseMs,
        loads: () => {
          const busy = keeper.loads()
          loads.apply(owner, busy)
          return busy
        },
      })
    },
    close() {
      tidying.close()
      services?.close()
      lookups.close()
      keeper.close()
      pulsing?.close()
      rivalry.close()
      publisher.close()
      watch.close()
      follower.close()
      freshness.close()
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}
