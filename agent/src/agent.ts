import { randomId, type Clock, type Locality, type Random, type Transport } from '@meridian/shared'
import { listen, type Listening } from '@meridian/shared/http'
import type { Logger } from '@meridian/shared/log'
import {
  databaseId,
  openDatabase,
  SqliteOwnerStore,
  SqliteReplicaStore,
  type SqliteDatabase,
} from '@meridian/shared/sqlite'
import { join } from 'node:path'
import { createAgentRoutes } from './http/routes.ts'
import { createNode, type AgentNode } from './node.ts'
import { introspect } from './registration/introspection/introspect.ts'
import { createProbePolicy } from './registration/probe-targets.ts'
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

export interface Agent extends Pick<AgentNode, 'restored' | 'published' | 'settled'> {
  readonly url: string
  readonly locality: Locality
  /** Twice is fine. The transport stays open: it is the caller's. */
  close(): Promise<void>
}

const pulseMsDefault = 2_000
const version = '0.1.0'

/**
 * Starts the agent of one node: opens its databases, listens, follows its zone, and announces what
 * it has. Errors: those of `openDatabase` and `listen`.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { locality, transport, clock, random, log, pulseMs = pulseMsDefault } = options
  const databases: SqliteDatabase[] = []
  const closeDatabases = () => {
    for (const db of databases) db.close()
  }
  let node: AgentNode
  let listening: Listening
  try {
    const db = openDatabase({
      path: pathIn(options.dataDir, 'agent.db'),
      migrationsDir: join(options.migrationsDir, 'agent'),
      durability: 'full',
      ifLost: 'the servers of this host have to register again',
      log,
    })
    databases.push(db)
    const zoneDb = openDatabase({
      path: pathIn(options.dataDir, 'zone.db'),
      migrationsDir: join(options.migrationsDir, 'registry'),
      durability: 'normal',
      log,
    })
    databases.push(zoneDb)
    const policy = createProbePolicy({ allow: options.probeAllow })
    node = createNode({
      locality,
      store: new SqliteOwnerStore(db),
      registrations: createRegistrationTable(db),
      zoneStore: new SqliteReplicaStore(zoneDb),
      agentId: databaseId(db, () => randomId(random)),
      introspect: (endpoint, fallbackName) =>
        introspect(endpoint, {
          policy,
          fallbackName,
          clientInfo: { name: 'meridian-agent', version },
        }),
      pulseMs,
      transport,
      clock,
      random,
      log,
    })
    listening = await listen(createAgentRoutes(node.api, { log }), { ...options.http, log })
  } catch (error) {
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
    close: () =>
      (closing ??= (async () => {
        await listening.close()
        node.close()
        closeDatabases()
        log.info({ locality }, 'agent closed')
      })()),
  }
}

function pathIn(dataDir: string, file: string): string {
  return dataDir === ':memory:' ? dataDir : join(dataDir, file)
}
