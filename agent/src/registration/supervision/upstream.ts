import { setTimeout as delay } from 'node:timers/promises'
import {
  Client,
  type Implementation,
  type ServerCapabilities,
  type SubscriptionFilter,
} from '@modelcontextprotocol/client'
import type { Log } from '@meridian/shared'
import { createStdioTransport } from './stdio-transport.ts'
import type { SupervisedChild } from './supervised-child.ts'

/** A connected stdio server, as the proxy sees it. */
export interface Upstream {
  readonly client: Client
  readonly serverInfo: Implementation | undefined
  readonly capabilities: ServerCapabilities
  readonly instructions: string | undefined
  readonly era: 'modern' | 'legacy'
  /** The revision that was agreed on, such as `2024-11-05`. */
  readonly protocol: string | undefined
  /** How long, and by whom, a modern server's own description may be held. */
  readonly discoverHint:
    { readonly ttlMs: number; readonly cacheScope: 'public' | 'private' } | undefined
  /** Requests that wait for its answer. */
  inFlight: number
  /** Moving average over what its calls took; 0 while there were none. */
  latencyMs: number
}

export type ListKind = 'tools' | 'resources' | 'prompts'

export interface UpstreamOptions {
  readonly clientInfo: Implementation
  /** `legacy` skips the question, for servers that end when they are asked. */
  readonly era: 'unknown' | 'legacy'
  readonly log: Log
  readonly onListChanged: (kind: ListKind) => void
  readonly onResourceUpdated: (uri: string) => void
}

/** From the start of the process to the end of the handshake. */
const handshakeMsMax = 30_000
/** A server of an older era may ignore the question for its era; then it is asked the old way. */
const probeMsMax = 5_000
/** Before the stream of a modern server's changes is asked for again. */
const relistenMs = 5_000

/** Shakes hands with a freshly started server. Rejects when it ends or does not answer. */
export async function connectUpstream(
  child: SupervisedChild,
  { clientInfo, era, log, onListChanged, onResourceUpdated }: UpstreamOptions,
): Promise<Upstream> {
  const client = new Client(clientInfo, {
    capabilities: {},
    versionNegotiation:
      era === 'legacy' ? { mode: 'legacy' } : { mode: 'auto', probe: { timeoutMs: probeMsMax } },
    // What a server wants to know goes to whoever asked, not to us.
    inputRequired: { autoFulfill: false },
  })
  client.onerror = (error) => {
    log.debug({ pid: child.pid, err: error }, 'stdio server error')
  }
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    onListChanged('tools')
  })
  client.setNotificationHandler('notifications/resources/list_changed', () => {
    onListChanged('resources')
  })
  client.setNotificationHandler('notifications/prompts/list_changed', () => {
    onListChanged('prompts')
  })
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    onResourceUpdated(params.uri)
  })
  await client.connect(createStdioTransport(child, log), { timeout: handshakeMsMax })

  const capabilities = client.getServerCapabilities() ?? {}
  const modern = client.getProtocolEra() === 'modern'
  if (modern) void listen(client, child, capabilities, log)
  return {
    client,
    serverInfo: client.getServerVersion(),
    capabilities,
    instructions: client.getInstructions(),
    era: modern ? 'modern' : 'legacy',
    protocol: client.getNegotiatedProtocolVersion(),
    discoverHint: hintOf(client.getDiscoverResult()),
    inFlight: 0,
    latencyMs: 0,
  }
}

function hintOf(discover: object | undefined): Upstream['discoverHint'] {
  if (discover === undefined) return undefined
  const { ttlMs, cacheScope } = discover as { ttlMs?: unknown; cacheScope?: unknown }
  return {
    ttlMs: typeof ttlMs === 'number' && Number.isSafeInteger(ttlMs) && ttlMs > 0 ? ttlMs : 0,
    cacheScope: cacheScope === 'public' ? 'public' : 'private',
  }
}

/** Older servers announce changes unasked; modern ones on a stream that is asked for. */
async function listen(
  client: Client,
  child: SupervisedChild,
  offers: ServerCapabilities,
  log: Log,
): Promise<void> {
  const filter: SubscriptionFilter = {
    ...(offers.tools?.listChanged === true ? { toolsListChanged: true } : {}),
    ...(offers.resources?.listChanged === true ? { resourcesListChanged: true } : {}),
    ...(offers.prompts?.listChanged === true ? { promptsListChanged: true } : {}),
  }
  if (Object.keys(filter).length === 0) return
  const gone = new AbortController()
  void child.exited.then(() => {
    gone.abort()
  })
  while (!gone.signal.aborted) {
    try {
      const subscription = await client.listen(filter)
      if ((await subscription.closed) === 'local') return
    } catch (error) {
      log.debug({ pid: child.pid, err: error }, 'stdio server does not announce changes')
    }
    await delay(relistenMs, undefined, { signal: gone.signal, ref: false }).catch(() => undefined)
  }
}
