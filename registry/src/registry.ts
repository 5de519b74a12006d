import {
  completeSet,
  createLinearIndex,
  Follower,
  Holdings,
  InstanceCatalog,
  lookupRequestSchema,
  parseQuery,
  readDefinition,
  referRequestSchema,
  serveHoldings,
  serveRpc,
  type Clock,
  type Definition,
  type DefinitionId,
  type OwnerId,
  type Random,
  type Subscription,
  type Tier,
  type Transport,
} from '@meridian/shared'
import { listen, type Listening } from '@meridian/shared/http'
import type { Logger } from '@meridian/shared/log'
import { openDatabase, SqliteOwnerStore, SqliteReplicaStore } from '@meridian/shared/sqlite'
import { join } from 'node:path'
import { createInstancesCatalog } from './catalog/instances.ts'
import { createSummariesCatalog } from './catalog/summaries.ts'
import type { TierCatalog } from './catalog/tier-catalog.ts'
import type { Place } from './config.ts'
import { createRegistryRoutes } from './http/routes.ts'
import { createRegistryLookup } from './lookup/lookup.ts'
import { tierRoles, tierSubjects } from './tier.ts'
import { createSummaries } from './uplink/summaries.ts'

export interface RegistryOptions {
  readonly tier: Tier
  readonly place: Place
  /** Folder of the database; `:memory:` keeps nothing. */
  readonly dataDir: string
  /** Folder of the migrations' folders. */
  readonly migrationsDir: string
  readonly http: {
    readonly host: string
    readonly port: number
    readonly names?: readonly string[]
  }
  readonly pulseMs?: number
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

export interface Registry {
  readonly url: string
  readonly tier: Tier
  readonly place: Place
  /** Twice is fine. The transport stays open: it is the caller's. */
  close(): Promise<void>
}

const pulseMsDefault = 2_000

/**
 * Starts one replica of one tier: opens its database, shows what it gives back, follows what lies
 * below, and answers. Errors: those of `openDatabase` and `listen`.
 */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { tier, place, transport, clock, random, log, pulseMs = pulseMsDefault } = options
  const role = tierRoles[tier]
  const at = tierSubjects[tier](place)
  const db = openDatabase({
    path: options.dataDir === ':memory:' ? ':memory:' : join(options.dataDir, 'registry.db'),
    migrationsDir: join(options.migrationsDir, 'registry'),
    durability: 'normal',
    log,
  })
  const store = new SqliteReplicaStore(db)
  const holdings = new Holdings()
  const index = createLinearIndex()
  const sources = {
    index,
    record: (owner: OwnerId, key: string) => holdings.get(owner)?.records.get(key),
    definition: (id: DefinitionId): Definition | undefined => {
      const bytes = store.definition(id)
      return bytes && readDefinition(bytes)
    },
    onUnreadable: (owner: OwnerId, key: string, reason: string) =>
      log.warn({ owner, key, reason }, 'record set aside'),
  }
  const catalog: TierCatalog =
    role.holds === 'instances'
      ? createInstancesCatalog(new InstanceCatalog(sources), random)
      : createSummariesCatalog(sources)

  // Before the index is filled, because it counts what comes in.
  const summaries = role.summarises
    ? createSummaries({
        region: place.region,
        replica: place.replica,
        index,
        store: new SqliteOwnerStore(db),
        definition: (id) => store.definition(id),
        transport,
        clock,
        random,
        log,
        holdings,
        pulseMs,
      })
    : undefined

  const follower = new Follower({
    transport,
    clock,
    random,
    log,
    holdings,
    store,
    subscribe: at.follows,
    takes: at.takes,
    own: new Set(),
    acknowledgesAs: { replica: place.replica, tier },
    onEvents: (owner, events) => catalog.apply(owner, events),
    onDefinitions: (ids) => catalog.definitionsArrived(ids),
  })
  const lookup = createRegistryLookup({
    role,
    answersAs: tier,
    place,
    catalog,
    transport,
    clock,
  })

  const app = createRegistryRoutes(
    {
      lookup: ({ q, limit, near, deadline }) =>
        lookup({
          q,
          limit,
          from: near ?? { region: place.region, zone: place.zone, node: '' },
          deadlineMs: deadline,
          final: false,
        }),
      servers: (query, after, limit) => catalog.servers(query, after, limit),
      topology: () => ({ tier, replica: place.replica, regions: catalog.regions() }),
      readiness: () => {
        const reasons =
          transport.status === 'connected' ? [] : [`the transport is ${transport.status}`]
        return { ready: reasons.length === 0, reasons }
      },
    },
    { log, hostNames: options.http.names ?? [] },
  )
  let listening: Listening
  try {
    listening = await listen(app, options.http)
  } catch (error) {
    db.close()
    throw error
  }

  follower.start()
  summaries?.start()
  const subscriptions: Subscription[] = [
    serveHoldings({
      transport,
      log,
      subject: at.rpc,
      queue: tier,
      holdings,
      find: (owner) => completeSet(holdings, owner),
      definition: (id) => store.definition(id),
    }),
    serveRpc(
      transport,
      at.rpc('lookup'),
      { request: lookupRequestSchema, queue: tier, log },
      lookup,
    ),
  ]
  if (role.holds === 'summaries') {
    subscriptions.push(
      serveRpc(
        transport,
        at.rpc('refer'),
        { request: referRequestSchema, queue: tier, log },
        ({ q }) => ({ regions: catalog.regionsWith(parseQuery(q)) }),
      ),
    )
  }
  log.info({ tier, place, url: listening.url }, 'registry started')

  let closing: Promise<void> | undefined
  return {
    url: listening.url,
    tier,
    place,
    close: () =>
      (closing ??= (async () => {
        await listening.close()
        for (const subscription of subscriptions) subscription.unsubscribe()
        summaries?.close()
        follower.close()
        db.close()
        log.info({ tier, place }, 'registry closed')
      })()),
  }
}
