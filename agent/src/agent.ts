import {
  agentOwnerId,
  createLinearIndex,
  Follower,
  Holdings,
  InstanceCatalog,
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
  type Random,
  type Transport,
} from '@meridian/shared'
import { listen, type Listening } from '@meridian/shared/http'
import type { Logger } from '@meridian/shared/log'
import {
  databaseId,
  openDatabase,
  SqliteOwnerStore,
  SqliteReplicaStore,
} from '@meridian/shared/sqlite'
import { join } from 'node:path'
import { createAgentRoutes, type AgentApi } from './http/routes.ts'
import { createAgentLookup } from './lookup/lookup.ts'
import { introspect } from './registration/introspection/introspect.ts'
import { createProbePolicy } from './registration/probe-targets.ts'
import { Registrar } from './registration/registrar.ts'
import { createRegistrationTable } from './registration/registration-table.ts'

export interface AgentOptions {
  readonly locality: Locality
  /** Folder of the databases; `:memory:` keeps nothing. */
  readonly dataDir: string
  /** Folder of the migrations' folders. */
  readonly migrationsDir: string
  readonly http: { readonly host: string; readonly port: number }
  /** Host names and CIDRs, beside this host's own addresses, that may be probed. */
  readonly probeAllow: readonly string[]
  readonly pulseMs?: number
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

export interface Agent {
  readonly url: string
  readonly locality: Locality
  /** Instances that the disk gave back at the start. */
  readonly restored: number
  /** Instances that others hear of; private ones are not. */
  readonly published: number
  /** Whether one local and one regional replica hold all that is registered here. */
  readonly settled: boolean
  /** Twice is fine. The transport stays open: it is the caller's. */
  close(): Promise<void>
}

export const pulseMsDefault = 2_000
const version = '0.1.0'

/**
 * Starts the agent of one node: opens its databases, listens, follows its zone, and announces what
 * it has. Errors: those of `openDatabase` and `listen`.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { locality, transport, clock, random, log, pulseMs = pulseMsDefault } = options
  const { region, zone } = locality
  const owner = agentOwnerId(locality)
  const runId = randomId(random)

  const db = openDatabase({
    path: pathIn(options.dataDir, 'agent.db'),
    migrationsDir: join(options.migrationsDir, 'agent'),
    durability: 'full',
    ifLost: 'the servers of this host have to register again',
    log,
  })
  const zoneDb = openDatabase({
    path: pathIn(options.dataDir, 'zone.db'),
    migrationsDir: join(options.migrationsDir, 'registry'),
    durability: 'normal',
    log,
  })
  const store = new SqliteOwnerStore(db)
  const zoneStore = new SqliteReplicaStore(zoneDb)
  const holdings = new Holdings()
  const definitionBytes = (id: DefinitionId) => store.definition(id) ?? zoneStore.definition(id)
  const catalog = new InstanceCatalog({
    index: createLinearIndex(),
    record: (of, key) => (of === owner ? registrar.set : holdings.get(of))?.records.get(key),
    definition: (id) => {
      const bytes = definitionBytes(id)
      return bytes && readDefinition(bytes)
    },
    onUnreadable: (of, key, reason) => log.warn({ owner: of, key, reason }, 'record set aside'),
  })
  const policy = createProbePolicy({ allow: options.probeAllow })
  const registrar = new Registrar({
    owner,
    store,
    registrations: createRegistrationTable(db),
    catalog,
    random,
    log,
    introspect: (endpoint, fallbackName) =>
      introspect(endpoint, {
        policy,
        fallbackName,
        clientInfo: { name: 'meridian-agent', version },
      }),
    onCommitted: () => publisher.changed(),
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
    bulk: {
      name: `${region}/${zone}`,
      scope: [`${region}/${zone}`],
      subject: (method) => subjects.rpcLocal({ region, zone }, method),
    },
    onEvents: (of, events) => catalog.apply(of, events),
    onDefinitions: (ids) => catalog.definitionsArrived(ids),
  })

  const api: AgentApi = {
    register: (id, registration) => registrar.register(id, registration),
    deregister: (id, registrant) => registrar.deregister(id, registrant),
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
  let listening: Listening
  try {
    listening = await listen(createAgentRoutes(api, { log }), options.http)
  } catch (error) {
    db.close()
    zoneDb.close()
    throw error
  }

  const answering = serveHoldings({
    transport,
    log,
    subject: (method) => subjects.rpcNode(locality, method),
    find: (of) => (of === owner ? registrar.set : undefined),
    definition: definitionBytes,
  })
  follower.start()
  publisher.start()
  const pulsing = startPulsing({
    transport,
    clock,
    set: registrar.set,
    subject: subjects.pulse(locality),
    runId,
    agentId: databaseId(db, () => randomId(random)),
    pulseMs,
  })
  const stopStatus = transport.onStatus((status) => {
    if (status === 'connected') publisher.retryNow()
  })
  log.info({ locality, url: listening.url, restored }, 'agent started')

  let closing: Promise<void> | undefined
  return {
    url: listening.url,
    locality,
    restored,
    get published() {
      return registrar.published
    },
    get settled() {
      return publisher.settled
    },
    close: () =>
      (closing ??= (async () => {
        await listening.close()
        stopStatus()
        pulsing.close()
        publisher.close()
        follower.close()
        answering.unsubscribe()
        zoneDb.close()
        db.close()
        log.info({ locality }, 'agent closed')
      })()),
  }
}

function pathIn(dataDir: string, file: string): string {
  return dataDir === ':memory:' ? dataDir : join(dataDir, file)
}
