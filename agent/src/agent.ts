import {
  MeridianError,
  lookupBuckets,
  meterLookup,
  meterTransport,
  randomId,
  traceLookup,
  traceTransport,
  type Clock,
  type LeaveOutcome,
  type LivenessSettings,
  type Locality,
  type LookupParams,
  type Random,
  type ReloadOutcome,
  type Services,
  type Tracing,
  type Transport,
} from '@meridian/shared'
import { TokenBook } from '@meridian/shared/access'
import { listen, traceApp, type Listening, type ServingOptions } from '@meridian/shared/http'
import type { Logger } from '@meridian/shared/log'
import { createPrometheusMetrics } from '@meridian/shared/metrics'
import {
  databaseId,
  openCopy,
  openDatabase,
  SqliteOwnerStore,
  SqliteReplicaStore,
  type SqliteDatabase,
} from '@meridian/shared/sqlite'
import { systemSha256 } from '@meridian/shared/system'
import { join } from 'node:path'
import { createAgentRoutes } from './http/routes.ts'
import { exposeNode } from './node-metrics.ts'
import { createNode, type AgentNode } from './node.ts'
import { createProber } from './registration/checks/prober.ts'
import { introspect } from './registration/introspection/introspect.ts'
import { createProbePolicy, type ProbePolicy } from './registration/probe-targets.ts'
import { createFollow } from './registration/refresh/follow.ts'
import { createNodeWordTable } from './registration/node-word-table.ts'
import { createRegistrationTable } from './registration/registration-table.ts'
import { openServiceFolder } from './registration/service-files/folder.ts'
import { createReload } from './reload.ts'
import { startStdioServer } from './registration/supervision/index.ts'
import { StdioPool } from './registration/supervision/stdio-pool.ts'

export interface AgentOptions {
  readonly locality: Locality
  /** Folder of the databases; `:memory:` keeps nothing. */
  readonly dataDir: string
  /** How large the database of this node's own instances may become. */
  readonly dataBytesMax?: number | undefined
  /** Folder of the migrations' folders. */
  readonly migrationsDir: string
  readonly http: ServingOptions
  /** Host names and CIDRs, beside this host's own addresses, that may be probed. */
  readonly probeAllow: readonly string[]
  /**
   * Whether registrants may have the agent run commands, which it does as its own user. No, unless
   * the operator says so.
   */
  readonly allowStdio?: boolean
  /**
   * Address of this host at which commands are served, and which others are told: whoever reaches
   * it may call them, without credentials. Loopback unless given, which no other host can use.
   */
  readonly stdioHost?: string | undefined
  /** The folder of service files, and whether these may have the agent run commands. */
  readonly services?: { readonly folder: string; readonly allowCommands: boolean }
  /** Reads the settings anew; without, they stay as they are. Errors: `config_invalid`. */
  readonly reread?: () => RereadSettings
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

export interface RereadSettings extends Pick<ReloadOutcome, 'applied' | 'needRestart'> {
  readonly probeAllow: readonly string[]
}

export interface Agent extends Pick<AgentNode, 'restored' | 'published' | 'settled'> {
  /** Reads settings, tokens, certificate and service files anew. What cannot be read stays as it is. */
  reload(): Promise<ReloadOutcome>
  /** Reads the service files anew. */
  reloadServices(): Promise<Services>
  /** No new work for this host; resolves when none is left and others know, or after `waitMs`. */
  leave(waitMs: number): Promise<LeaveOutcome>
  readonly url: string
  readonly locality: Locality
  /** Twice is fine. The transport stays open: it is the caller's. */
  close(): Promise<void>
}

const inMemory = ':memory:'
const pulseMsDefault = 2_000
const clientInfo = { name: 'meridian-agent', version: '0.1.0' }

/**
 * Starts the agent of one node: opens its databases, listens, follows its zone, and announces what
 * it has. Errors: those of `openDatabase` and `listen`.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { locality, dataDir, transport, tracing, clock, random, log } = options
  const { pulseMs = pulseMsDefault } = options
  if (options.allowStdio === true && dataDir === inMemory) {
    throw new MeridianError(
      'config_invalid',
      'commands need a data folder: what ends them after a crash is written there',
    )
  }
  const filesRunCommands = options.services?.allowCommands === true && dataDir !== inMemory
  const databases: SqliteDatabase[] = []
  const closeDatabases = () => {
    for (const db of databases) db.close()
  }
  const metrics = createPrometheusMetrics({ program: 'agent', version: '0.1.0', log })
  let node: AgentNode
  let stdio: StdioPool | undefined
  let listening: Listening
  let reload: () => Promise<ReloadOutcome>
  try {
    const db = openDatabase({
      path: pathIn(dataDir, 'agent.db'),
      migrationsDir: join(options.migrationsDir, 'agent'),
      durability: 'full',
      ifLost: 'the servers of this host have to register again',
      bytesMax: options.dataBytesMax,
      log,
    })
    databases.push(db)
    const zoneDb = openCopy({
      path: pathIn(dataDir, 'zone.db'),
      migrationsDir: join(options.migrationsDir, 'registry'),
      durability: 'normal',
      log,
    })
    databases.push(zoneDb)
    const connecting = metrics.histogram({
      name: 'meridian_server_connection_establishment_seconds',
      help: 'How long connecting to servers of this host took, to check or read them, TLS included.',
      buckets: lookupBuckets,
    })
    const policyOf = (allow: AgentOptions['probeAllow']) =>
      createProbePolicy({ allow, onConnected: (ms) => connecting.observe({}, ms / 1_000) })
    let allowed = policyOf(options.probeAllow)
    const policy: ProbePolicy = { check: (url, signal) => allowed.check(url, signal) }
    node = createNode({
      locality,
      store: new SqliteOwnerStore(db),
      registrations: createRegistrationTable(db),
      nodeWords: createNodeWordTable(db),
      zoneStore: new SqliteReplicaStore(zoneDb),
      agentId: databaseId(db, () => randomId(random)),
      introspect: (endpoint, fallbackName) =>
        introspect(endpoint, {
          policy,
          fallbackName,
          clientInfo,
        }),
      prober: createProber({ policy, clientInfo }),
      follow: createFollow(policy, clientInfo),
      stdio:
        options.allowStdio === true || filesRunCommands
          ? (onStatus) =>
              (stdio = new StdioPool({
                start: startStdioServer,
                dataDir,
                host: options.stdioHost,
                log,
                onStatus,
              }))
          : undefined,
      commandsFrom: options.allowStdio === true ? 'everybody' : 'service-files',
      services:
        options.services &&
        openServiceFolder({ path: options.services.folder, allowCommands: filesRunCommands }),
      // After what arrived on other sockets in the same moment has been read.
      defer: (task) => setImmediate(task),
      pulseMs,
      ...(options.liveness && { livenessSettings: options.liveness }),
      transport: meterTransport(tracing ? traceTransport(transport, tracing) : transport, metrics),
      clock,
      random,
      sha256: systemSha256,
      log,
    })
    exposeNode(node, metrics)
    const { names = [], tokensFile, rates, ...where } = options.http
    const tokens = tokensFile === undefined ? undefined : new TokenBook(tokensFile, clock)
    const { api } = node
    const metered = meterLookup(
      (...args: Parameters<typeof api.lookup>) => api.lookup(...args),
      metrics,
    )
    const routes = createAgentRoutes(
      {
        ...api,
        lookup: traceLookup(metered.lookup, tracing),
        lookupText: metered.text((params: LookupParams) => api.lookupText?.(params)),
      },
      {
        log,
        metrics,
        hostNames: [where.host, ...names],
        access: { tokens, rates },
        reload: () => reload(),
      },
    )
    reload = createReload({
      settings() {
        const reread = options.reread?.()
        if (reread) allowed = policyOf(reread.probeAllow)
        return { applied: reread?.applied ?? [], needRestart: reread?.needRestart ?? [] }
      },
      tokens() {
        tokens?.reload()
        return tokens?.size
      },
      certificate() {
        listening.reloadTls()
      },
      services: () => node.api.reloadServices(),
      log,
    })
    listening = await listen(traceApp(routes, tracing), { ...where, metrics, log })
  } catch (error) {
    metrics.close()
    closeDatabases()
    throw error
  }
  node.start()
  log.info({ locality, url: listening.url, restored: node.restored }, 'agent started')

  let closing: Promise<void> | undefined
  return {
    url: listening.url,
    locality,
    restored: node.restored,
    get published() {
      return node.published
    },
    get settled() {
      return node.settled
    },
    reload: () => reload(),
    leave: (waitMs) => node.api.leave(waitMs),
    reloadServices: () => node.api.reloadServices(),
    close: () =>
      (closing ??= (async () => {
        node.endWatches()
        await listening.close()
        node.close()
        metrics.close()
        await stdio?.close()
        closeDatabases()
        log.info({ locality }, 'agent closed')
      })()),
  }
}

function pathIn(dataDir: string, file: string): string {
  return dataDir === inMemory ? dataDir : join(dataDir, file)
}
