import { getDefaultEnvironment } from '@modelcontextprotocol/client/stdio'
import { MeridianError, type Log, type Random } from '@meridian/shared'
import { coalesce } from './coalesce.ts'
import { acquireGuardian } from './guardian.ts'
import { startHttpEndpoint, type HttpEndpoint } from './http-endpoint.ts'
import { createProxy } from './proxy.ts'
import type { EndGrace } from './supervised-child.ts'
import { createSupervisor, type SupervisorStatus } from './supervisor.ts'
import type { ListKind } from './upstream.ts'

export interface StdioServerOptions {
  /** Of the instance; for logs, errors and the guardian's journal. */
  readonly id: string
  readonly command: string
  readonly args?: readonly string[]
  /** On top of the few harmless variables that every server gets (PATH, HOME, LANG…). */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** The agent's; the guardian's journal is kept in it. */
  readonly dataDir: string
  readonly log: Log
  /** `127.0.0.1` unless given; another than a loopback address needs `open`. */
  readonly host?: string
  /** Whoever reaches the host may call the server: the endpoint asks for no credentials. */
  readonly open?: boolean
  /** A free one when absent. */
  readonly port?: number
  /** How the proxy introduces itself to an older server. */
  readonly clientInfo?: { readonly name: string; readonly version: string }
  readonly grace?: EndGrace
  readonly random?: Random
  /** After each change of `status`. */
  readonly onStatus?: (status: SupervisorStatus) => void
}

/** A stdio server that runs, served at a URL for clients of both eras. */
export interface StdioServer {
  readonly id: string
  /** `http://127.0.0.1:40123/mcp`; stays while the process behind it comes and goes. */
  readonly url: string
  readonly status: SupervisorStatus
  /** Of the process there is now, if there is one. */
  readonly pid: number | undefined
  /** The revision that the process itself speaks; undefined while it is not up. */
  readonly protocol: string | undefined
  /** Requests that wait for the server. */
  readonly inFlight: number
  /** Moving average over what its calls took; 0 while there were none. */
  readonly latencyMs: number
  /** Ends the endpoint, the process and everything it started. Twice is fine. */
  stop(): Promise<void>
  /** Resolves when it is over: `stopped`, or `failed` after too many restarts. */
  readonly exited: Promise<StdioServerEnd>
}

export type StdioServerEnd =
  { readonly kind: 'stopped' } | { readonly kind: 'failed'; readonly reason: string }

const defaultGrace: EndGrace = { inputEndMs: 1_000, termMs: 2_000 }

/** How long a request waits for a server that is being started again. */
const readyMsMax = 10_000
/** Announcements of changed lists within this time become one. */
const announceWindowMs = 250

/**
 * Runs an MCP server that speaks over its standard input and output, and serves it over
 * Streamable HTTP, on loopback unless told otherwise. It is started again when it ends by itself, and never outlives
 * this process, even if that is killed.
 *
 * Errors: `invalid_request` (no such command or folder, a host that is not loopback),
 * `port_in_use`, `data_unwritable`, and `endpoint_unreachable` when the server does not get ready
 * the first time, with what it said.
 *
 *     const server = await startStdioServer({
 *       id: 'memory-1', command: 'npx', args: ['mcp-server-memory'], dataDir, log,
 *     })
 */
export async function startStdioServer(options: StdioServerOptions): Promise<StdioServer> {
  if (process.platform === 'win32') {
    throw new MeridianError('config_invalid', 'stdio servers need process groups: Linux or macOS')
  }
  const { id, log } = options
  const grace = options.grace ?? defaultGrace
  const guardian = await acquireGuardian({ dataDir: options.dataDir, graceMs: grace.termMs, log })

  const supervisor = createSupervisor({
    id,
    command: {
      command: options.command,
      args: options.args ?? [],
      env: { ...getDefaultEnvironment(), ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    },
    guardian,
    grace,
    random: options.random ?? Math.random,
    log,
    onStatus: options.onStatus,
    upstream: {
      clientInfo: options.clientInfo ?? { name: 'meridian-agent', version: '0.1.0' },
      onListChanged: (kind) => {
        announce[kind]()
      },
      onResourceUpdated: (uri) => {
        proxy.notify.resourceUpdated(uri)
      },
    },
    onRestarted: () => {
      for (const announceOne of Object.values(announce)) announceOne()
    },
  })
  const proxy = createProxy(
    id,
    () => {
      if (supervisor.upstream === undefined) throw new Error(`the server ${id} has just ended`)
      return supervisor.upstream
    },
    log,
  )
  const announce: Record<ListKind, ReturnType<typeof coalesce>> = {
    tools: coalesce(() => {
      proxy.notify.toolsChanged()
    }, announceWindowMs),
    resources: coalesce(() => {
      proxy.notify.resourcesChanged()
    }, announceWindowMs),
    prompts: coalesce(() => {
      proxy.notify.promptsChanged()
    }, announceWindowMs),
  }

  let endpoint: HttpEndpoint | undefined
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      for (const announceOne of Object.values(announce)) announceOne.cancel()
      await proxy.close()
      await endpoint?.close()
      await supervisor.stop()
      await guardian.close()
    })()
    return closing
  }

  try {
    // The port first: a port that is taken need not cost a process.
    endpoint = await startHttpEndpoint(
      {
        host: options.host ?? '127.0.0.1',
        port: options.port ?? 0,
        ...(options.open !== undefined && { open: options.open }),
      },
      async (request) => {
        try {
          await supervisor.ready(readyMsMax)
        } catch (error) {
          return unavailable(error)
        }
        return await proxy.fetch(request)
      },
    )
    await supervisor.start()
  } catch (error) {
    await close()
    throw error
  }
  const { url } = endpoint
  const exited = supervisor.ended.then(async (reason): Promise<StdioServerEnd> => {
    await close()
    return reason === undefined ? { kind: 'stopped' } : { kind: 'failed', reason }
  })
  return {
    id,
    url,
    exited,
    get status() {
      return supervisor.status
    },
    get pid() {
      return supervisor.pid
    },
    get protocol() {
      return supervisor.upstream?.protocol
    },
    get inFlight() {
      return supervisor.upstream?.inFlight ?? 0
    },
    get latencyMs() {
      return supervisor.upstream?.latencyMs ?? 0
    },
    stop: close,
  }
}

function unavailable(error: unknown): Response {
  const message = error instanceof Error ? error.message : String(error)
  return Response.json(
    { jsonrpc: '2.0', id: null, error: { code: -32_603, message } },
    { status: 503, headers: { 'retry-after': '1' } },
  )
}
