import {
  meterLookup,
  meterTransport,
  randomId,
  traceLookup,
  traceTransport,
  type Clock,
  type LivenessSettings,
  type Random,
  type Tier,
  type Tracing,
  type Transport,
} from '@meridian/shared'
import { TokenBook } from '@meridian/shared/access'
import { listen, traceApp, type Listening, type ServingOptions } from '@meridian/shared/http'
import type { Logger } from '@meridian/shared/log'
import { createPrometheusMetrics } from '@meridian/shared/metrics'
import { databaseId, openCopy, SqliteOwnerStore, SqliteReplicaStore } from '@meridian/shared/sqlite'
import { systemSha256 } from '@meridian/shared/system'
import { join } from 'node:path'
import type { Place } from './config.ts'
import { readConsoleFiles } from './console/files.ts'
import { createListingTable } from './directory/listing-table.ts'
import { createEventTable } from './events/event-table.ts'
import { createRegistryRoutes } from './http/routes.ts'
import { createSnapshots } from './operate/snapshots.ts'
import { createReplica, type Replica } from './replica.ts'

export interface RegistryOptions {
  readonly tier: Tier
  readonly place: Place
  /** Folder of the database; `:memory:` keeps nothing. */
  readonly dataDir: string
  /** Folder of the migrations' folders. */
  readonly migrationsDir: string
  /** Folder of the built console; without, `/` says how to build it. */
  readonly consoleDir?: string
  readonly http: ServingOptions
  readonly pulseMs?: number
  /** `livenessDefaults` unless given. */
  readonly liveness?: LivenessSettings
  readonly transport: Transport
  /** Where requests are recorded; nowhere unless given. The caller closes it. */
  readonly tracing?: Tracing | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

export interface Registry {
  readonly url: string
  readonly tier: Tier
  readonly place: Place
  /** Whether all who live below have been heard since the start; stale until then. */
  readonly settled: boolean
  /** Reads tokens and certificate anew. Errors: `config_invalid`; the old stay then. */
  reload(): void
  /** Twice is fine. The transport stays open: it is the caller's. */
  close(): Promise<void>
}

const pulseMsDefault = 2_000

/**
 * Starts one replica of one tier: opens its database, shows what it gives back, follows what lies
 * below, and answers. Errors: those of `openDatabase` and `listen`.
 */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { tier, place, transport, tracing, clock, random, log } = options
  const { pulseMs = pulseMsDefault } = options
  const db = openCopy({
    path: options.dataDir === ':memory:' ? ':memory:' : join(options.dataDir, 'registry.db'),
    migrationsDir: join(options.migrationsDir, 'registry'),
    durability: 'normal',
    log,
  })
  const metrics = createPrometheusMetrics({
    program: 'registry',
    version: '0.1.0',
    labels: { tier },
    log,
  })
  let replica: Replica
  let listening: Listening
  let tokens: TokenBook | undefined
  try {
    replica = createReplica({
      tier,
      place,
      store: new SqliteReplicaStore(db),
      ownStore: new SqliteOwnerStore(db),
      listingStore: createListingTable(db),
      eventStore: createEventTable(db),
      databaseId: databaseId(db, () => randomId(random)),
      pulseMs,
      ...(options.liveness && { livenessSettings: options.liveness }),
      transport: meterTransport(tracing ? traceTransport(transport, tracing) : transport, metrics),
      metrics,
      clock,
      random,
      sha256: systemSha256,
      log,
    })
    const { names = [], tokensFile, rates, ...where } = options.http
    tokens = tokensFile === undefined ? undefined : new TokenBook(tokensFile, clock)
    const { api } = replica
    const { lookup } = meterLookup(
      (...args: Parameters<typeof api.lookup>) => api.lookup(...args),
      metrics,
    )
    const snapshots =
      options.dataDir === ':memory:'
        ? undefined
        : createSnapshots({
            db,
            folder: join(options.dataDir, 'snapshots'),
            label: `${tier}-${place.replica}`,
            clock,
            log,
          })
    const routes = createRegistryRoutes(
      { ...api, lookup: traceLookup(lookup, tracing), ...(snapshots && { snapshots }) },
      {
        log,
        metrics,
        hostNames: [where.host, ...names],
        access: { tokens, rates },
        ...(options.consoleDir !== undefined && {
          consoleFiles: readConsoleFiles(options.consoleDir),
        }),
      },
    )
    listening = await listen(traceApp(routes, tracing), { ...where, metrics, log })
  } catch (error) {
    metrics.close()
    db.close()
    throw error
  }
  replica.start()
  log.info({ tier, place, url: listening.url }, 'registry started')

  let closing: Promise<void> | undefined
  return {
    url: listening.url,
    tier,
    place,
    get settled() {
      return replica.settled
    },
    reload() {
      tokens?.reload()
      listening.reloadTls()
      log.info({ tier, place }, 'reloaded')
    },
    close: () =>
      (closing ??= (async () => {
        replica.endWatches()
        await listening.close()
        replica.close()
        metrics.close()
        db.close()
        log.info({ tier, place }, 'registry closed')
      })()),
  }
}
