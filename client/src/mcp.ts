/** MCP clients to whoever can do what a query asks for. Needs `@modelcontextprotocol/client` 2. */
import { MeridianError, type CallReports, type LookupResult } from '@meridian/shared'
import {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Implementation,
  type Transport,
} from '@modelcontextprotocol/client'
import type { LookupOptions, Lookups } from './lookups.ts'

export interface ConnectOptions {
  /** How the query is looked up. */
  readonly lookup?: LookupOptions
  /** What the client calls itself. */
  readonly clientInfo?: Implementation
  /** How long one instance may take to shake hands, in milliseconds. */
  readonly timeoutMs?: number
  /** How many instances are tried. */
  readonly attemptsMax?: number
  /** For servers that want credentials, or proxies. */
  readonly fetch?: typeof fetch
}

/** A client of the MCP SDK, connected, and whom it is connected to. */
export interface McpConnection {
  readonly client: Client
  readonly instance: LookupResult
  /** Ends the session and reports what is not reported yet. Twice is fine. */
  close(): Promise<void>
}

const defaults = { timeoutMs: 5_000, attemptsMax: 5 } as const
const clientInfoDefault = { name: 'meridian-client', version: '0.1.0' }
/** Calls that wait to be reported together, and how long at most. */
const reportLimits = { callsMax: 100, waitMs: 1_000 } as const

/**
 * Looks up, and connects to the first instance that answers: one that does not is reported and
 * the next is tried. What calls come to afterwards is reported too, so that later answers go by
 * it. Errors: those of `lookup`; `not_found` when nobody has it, `no_responders` when not everybody
 * could be asked; `endpoint_unreachable` when none of those that were tried answered.
 */
export async function connect(
  lookups: Pick<Lookups, 'lookup' | 'reportCalls'>,
  query: string,
  options: ConnectOptions = {},
): Promise<McpConnection> {
  const { timeoutMs, attemptsMax } = { ...defaults, ...options }
  const answer = await lookups.lookup(query, { limit: attemptsMax, ...options.lookup })
  const usable = answer.results.filter(({ endpoint }) => endpoint.transport !== 'websocket')
  if (usable.length === 0) {
    throw answer.outcome === 'unknown'
      ? new MeridianError(
          'no_responders',
          `nobody was found for ${query}, and not everybody could be asked`,
        )
      : new MeridianError('not_found', `nobody who speaks MCP over HTTP was found for ${query}`)
  }
  const causes: unknown[] = []
  for (const instance of usable.slice(0, attemptsMax)) {
    const outcomes = new Outcomes(lookups, instance)
    const startedAt = performance.now()
    try {
      const client = await open(instance, outcomes, timeoutMs, options)
      outcomes.add(true, performance.now() - startedAt)
      let closing: Promise<void> | undefined
      return {
        client,
        instance,
        close: () => (closing ??= end(client, outcomes)),
      }
    } catch (cause) {
      causes.push(cause)
      outcomes.add(false)
      await outcomes.flush()
    }
  }
  throw new MeridianError(
    'endpoint_unreachable',
    `none of the ${causes.length} instances that were tried for ${query} answered`,
    { cause: new AggregateError(causes, 'each of them') },
  )
}

async function end(client: Client, outcomes: Outcomes): Promise<void> {
  try {
    await client.close()
  } finally {
    await outcomes.flush()
  }
}

async function open(
  { endpoint }: LookupResult,
  outcomes: Outcomes,
  timeoutMs: number,
  { clientInfo = clientInfoDefault, fetch: send }: ConnectOptions,
): Promise<Client> {
  const url = new URL(endpoint.url)
  const isOlder = endpoint.transport === 'sse'
  const through = send === undefined ? {} : { fetch: send }
  const transport = isOlder
    ? // oxlint-disable-next-line typescript/no-deprecated -- it is what older servers speak
      new SSEClientTransport(url, through)
    : new StreamableHTTPClientTransport(url, through)
  const client = new Client(clientInfo, {
    capabilities: {},
    // HTTP+SSE ended before the modern era began: there is nothing to negotiate on it.
    versionNegotiation: { mode: isOlder ? 'legacy' : 'auto' },
  })
  outcomes.measure(transport)
  try {
    await client.connect(transport, { timeout: timeoutMs })
    return client
  } catch (error) {
    // The client closes only what it has finished connecting.
    await transport.close()
    throw error
  }
}

/** What calls to one instance came to, reported together. */
class Outcomes {
  readonly #lookups: Pick<Lookups, 'reportCalls'>
  readonly #instance: Pick<LookupResult, 'locality' | 'instance'>
  readonly #asked = new Map<string | number, number>()
  #calls: CallReports['calls'] = []
  #timer: NodeJS.Timeout | undefined

  constructor(lookups: Pick<Lookups, 'reportCalls'>, { locality, instance }: LookupResult) {
    this.#lookups = lookups
    this.#instance = { locality, instance }
  }

  /** Times requests by their answers. Before the client connects: it chains what it finds. */
  measure(transport: Transport): void {
    const send = transport.send.bind(transport)
    transport.send = async (message, options) => {
      const id = 'method' in message && 'id' in message ? message.id : undefined
      if (id !== undefined) this.#asked.set(id, performance.now())
      try {
        await send(message, options)
      } catch (error) {
        if (id !== undefined && this.#asked.delete(id)) this.add(false)
        throw error
      }
    }
    transport.onmessage = (message) => {
      if ('method' in message || !('id' in message) || message.id === undefined) return
      const startedAt = this.#asked.get(message.id)
      if (startedAt === undefined) return
      this.#asked.delete(message.id)
      // An error that the server words itself is an answer; only its own fault is a failure.
      const failed = 'error' in message && message.error.code === internalError
      this.add(!failed, performance.now() - startedAt)
    }
  }

  add(ok: boolean, latencyMs?: number): void {
    this.#calls.push({ ...this.#instance, ok, ...(latencyMs !== undefined && { latencyMs }) })
    if (this.#calls.length >= reportLimits.callsMax) void this.flush()
    // A report must not keep a process alive.
    else this.#timer ??= setTimeout(() => void this.flush(), reportLimits.waitMs).unref()
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const calls = this.#calls
    if (calls.length === 0) return
    this.#calls = []
    try {
      await this.#lookups.reportCalls(calls)
    } catch {
      // Reports lean later answers, nothing more: a lost one is followed by others.
    }
  }
}

/** JSON-RPC: the server failed, not the caller. */
const internalError = -32_603
