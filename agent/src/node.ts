import {
  agentOwnerId,
  createCapabilityIndex,
  Follower,
  Holdings,
  InstanceCatalog,
  keepTidy,
  Publisher,
  randomId,
  readDefinition,
  serveHoldings,
  settleSet,
  startEpoch,
  startPulsing,
  subjects,
  type Clock,
  type DefinitionId,
  type Locality,
  type Log,
  type OwnerStore,
  type Random,
  type ReplicaStore,
  type Subscription,
  type Transport,
} from '@meridian/shared'
import type { AgentApi } from './http/routes.ts'
import { createAgentLookup } from './lookup/lookup.ts'
import { Registrar, type RegistrarOptions } from './registration/registrar.ts'
import type { RegistrationStore } from './registration/registration-row.ts'

export interface NodeOptions {
  readonly locality: Locality
  /** The truth about this node's own instances. */
  readonly store: OwnerStore
  readonly registrations: RegistrationStore
  /** What was last heard of the zone. */
  readonly zoneStore: ReplicaStore
  /** Names the database behind `store`. */
  readonly agentId: string
  readonly introspect: RegistrarOptions['introspect']
  readonly pulseMs: number
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * An agent without its borders: everything it does, over ports. A process adds SQLite, HTTP and
 * NATS (`agent.ts`); a simulation adds its own.
 */
export interface AgentNode {
  readonly api: AgentApi
  /** Instances that the store gave back. */
  readonly restored: number
  /** Instances that others hear of; private ones are not. */
  readonly published: number
  /** Whether one local and one regional replica hold all that is registered here. */
  readonly settled: boolean
  /** Follows the zone and announces what is registered here. */
  start(): void
  close(): void
}

/** Takes in what the stores hold; says and hears nothing before `start`. */
export function createNode(options: NodeOptions): AgentNode {
  const { locality, store, zoneStore, transport, clock, random, log } = options
  const { region, zone } = locality
  const owner = agentOwnerId(locality)
  const holdings = new Holdings()
  const definitionBytes = (id: DefinitionId) => store.definition(id) ?? zoneStore.definition(id)
  const catalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: (of, key) => (of === owner ? registrar.set : holdings.get(of))?.records.get(key),
    definition: (id) => {
      const bytes = definitionBytes(id)
      return bytes && readDefinition(bytes)
    },
    onUnreadable: (of, key, reason) => {
      log.warn({ owner: of, key, reason }, 'record set aside')
    },
  })
  const registrar = new Registrar({
    owner,
    store,
    registrations: options.registrations,
    catalog,
    random,
    log,
    introspect: options.introspect,
    onCommitted: () => {
      publisher.changed()
    },
  })
  const restored = registrar.size
  registrar.showStored()

  const publisher = new Publisher({
    transport,
    clock,
    random,
    log,
    set: registrar.set,
    subject: subjects.delta(locality),
    tiers: ['local', 'regional'],
    definition: (id) => store.definition(id),
    startEpochAbove: (above) => {
      const change = startEpoch(registrar.set, random, above)
      store.commit(change)
      settleSet(registrar.set, change)
    },
  })
  const follower = new Follower({
    transport,
    clock,
    random,
    log,
    holdings,
    store: zoneStore,
    subscribe: [
      subjects.delta({ region, zone, node: '*' }),
      subjects.pulse({ region, zone, node: '*' }),
    ],
    takes: (of) => of.region === region && of.zone === zone,
    own: new Set([owner]),
    signs: { replica: locality.node, tier: 'agent' },
    acknowledges: false,
    bulk: {
      name: `${region}/${zone}`,
      scope: [`${region}/${zone}`],
      subject: (method) => subjects.rpcLocal({ region, zone }, method),
    },
    onEvents: (of, events) => {
      catalog.apply(of, events)
    },
    onDefinitions: (ids) => {
      catalog.definitionsArrived(ids)
    },
  })

  const api: AgentApi = {
    register: (id, registration) => registrar.register(id, registration),
    deregister: (id, registrant) => {
      registrar.deregister(id, registrant)
    },
    instance: (id) => registrar.get(id),
    instances: (after, limit) => registrar.page(after, limit),
    lookup: createAgentLookup({ locality, catalog, transport, clock, random }),
    readiness: () => {
      const reasons = [
        ...(transport.status === 'connected' ? [] : ['the transport is disconnected']),
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
    restored,
    get published() {
      return registrar.published
    },
    get settled() {
      return publisher.settled
    },
    start() {
      subscriptions = [
        serveHoldings({
          transport,
          clock,
          log,
          subject: (method) => subjects.rpcNode(locality, method),
          find: (of) => (of === owner ? registrar.set : undefined),
          definition: definitionBytes,
        }),
      ]
      follower.start()
      publisher.start()
      pulsing = startPulsing({
        transport,
        clock,
        log,
        set: registrar.set,
        subject: subjects.pulse(locality),
        runId: randomId(random),
        agentId: options.agentId,
        pulseMs: options.pulseMs,
      })
    },
    close() {
      tidying.close()
      pulsing?.close()
      publisher.close()
      follower.close()
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}
