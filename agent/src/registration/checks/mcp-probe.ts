import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/client'
import { createParser } from 'eventsource-parser'
import { openSession } from '../introspection/session.ts'
import { openProbe, type ProbeConnection, type ProbeDispatchers } from '../probe-fetch.ts'
import type { ProbePolicy } from '../probe-targets.ts'
import { judgeFailure, judgeStatus } from './probe-result.ts'
import type { ProbeRequest, ProbeResult } from './probe.ts'

/** The revisions that are spoken first; servers answer with one that they know. */
const modernRevision = '2026-07-28'
const legacyRevision = '2025-11-25'

/** A server's description of itself, with instructions of the largest size that is kept. */
const answerBytesMax = 1024 * 1024

/** Sessions that are kept with older servers; the longest unused goes first. */
const sessionsMax = 10_000

/** How long the end of a session may take. */
const goodbyeMsMax = 1_000

/** What is remembered between two looks at one instance. */
interface Memory {
  era: 'modern' | 'legacy'
  /** Where the session was begun. */
  url?: URL
  /** Of an older server that keeps sessions. */
  sessionId?: string | undefined
  revision?: string | undefined
}

type Era = Memory['era']

/**
 * Whether an MCP server answers: `server/discover` in the modern era, `ping` before. One request
 * where the era is known and, with an older server, the session too: that is kept, because a
 * session for every look would fill the memory of servers that never forget one.
 *
 * The SDK's client is not used for Streamable HTTP: it would begin each look with a handshake.
 */
export class McpProbe {
  readonly #policy: ProbePolicy
  readonly #clientInfo: { readonly name: string; readonly version: string }
  readonly #dispatchers: ProbeDispatchers
  readonly #memories = new Map<string, Memory>()

  constructor(
    policy: ProbePolicy,
    clientInfo: { readonly name: string; readonly version: string },
    dispatchers: ProbeDispatchers,
  ) {
    this.#policy = policy
    this.#dispatchers = dispatchers
    this.#clientInfo = clientInfo
  }

  async probe(request: ProbeRequest, signal: AbortSignal): Promise<ProbeResult> {
    const { endpoint } = request
    const url = new URL(endpoint.url)
    const startedAt = performance.now()
    let connection: ProbeConnection | undefined
    try {
      const target = await this.#policy.check(url, signal)
      connection = openProbe(target, {
        bytesMax: answerBytesMax,
        signal,
        dispatchers: this.#dispatchers,
      })
      const result =
        endpoint.transport === 'sse'
          ? await this.#askOverSse(url, connection, signal)
          : await this.#ask(request, url, connection)
      const { latencyMs = performance.now() - startedAt } = result
      return { ...result, latencyMs }
    } catch (error) {
      signal.throwIfAborted()
      const { transport } = endpoint
      return judgeFailure(error, { url: url.href, transport, evidence: connection?.evidence })
    } finally {
      await connection?.close()
    }
  }

  forget(id: string): void {
    const memory = this.#memories.get(id)
    this.#memories.delete(id)
    if (memory) void this.#sayGoodbye(memory)
  }

  close(): void {
    this.#memories.clear()
  }

  /** A server that keeps sessions would keep this one, too. Never rejects. */
  async #sayGoodbye(memory: Memory): Promise<void> {
    const { url, sessionId } = memory
    if (!url || sessionId === undefined) return
    const signal = AbortSignal.timeout(goodbyeMsMax)
    let connection: ProbeConnection | undefined
    try {
      const target = await this.#policy.check(url, signal)
      connection = openProbe(target, { bytesMax: answerBytesMax, signal })
      const { body } = await connection.fetch(url, {
        method: 'DELETE',
        headers: sessionHeaders(memory),
      })
      await body?.cancel()
    } catch {
      // It has gone, or does not care to know.
    } finally {
      await connection?.close()
    }
  }

  async #ask(request: ProbeRequest, url: URL, connection: ProbeConnection): Promise<ProbeResult> {
    const { id, era } = request
    const memory = this.#memories.get(id)
    const first = memory?.era ?? era ?? 'modern'
    const found = await this.#askIn(first, id, url, connection)
    if (found !== 'another era') return found
    // A verdict of long ago, or none: servers are upgraded, and set back.
    const second = first === 'modern' ? 'legacy' : 'modern'
    const other = await this.#askIn(second, id, url, connection)
    if (other !== 'another era') return other
    this.#memories.delete(id)
    return {
      outcome: 'critical',
      cause: 'not-mcp',
      reason: `it answers neither server/discover nor initialize (HTTP ${connection.evidence.status ?? '?'}, ${connection.evidence.contentType ?? 'no content type'})`,
    }
  }

  async #askIn(
    era: Era,
    id: string,
    url: URL,
    connection: ProbeConnection,
  ): Promise<ProbeResult | 'another era'> {
    if (era === 'modern') return await this.#discover(id, url, connection)
    const memory = this.#memories.get(id)
    if (memory?.era === 'legacy') {
      const pinged = await this.#ping(url, connection, memory)
      // The server has forgotten the session, as after a restart.
      if (pinged !== 'another era') return pinged
    }
    return await this.#initialize(id, url, connection)
  }

  async #discover(
    id: string,
    url: URL,
    connection: ProbeConnection,
  ): Promise<ProbeResult | 'another era'> {
    const method = 'server/discover'
    const reply = await post(url, connection, {
      method,
      params: {
        _meta: {
          [PROTOCOL_VERSION_META_KEY]: modernRevision,
          [CLIENT_INFO_META_KEY]: this.#clientInfo,
          [CLIENT_CAPABILITIES_META_KEY]: {},
        },
      },
      headers: { 'mcp-protocol-version': modernRevision, 'mcp-method': method },
    })
    const judged = judge(reply, method)
    if (judged !== 'another era' && judged.outcome === 'passing') {
      this.#remember(id, { era: 'modern' })
    }
    return judged
  }

  async #initialize(
    id: string,
    url: URL,
    connection: ProbeConnection,
  ): Promise<ProbeResult | 'another era'> {
    const reply = await post(url, connection, {
      method: 'initialize',
      params: {
        protocolVersion: legacyRevision,
        capabilities: {},
        clientInfo: this.#clientInfo,
      },
      headers: {},
    })
    const judged = judge(reply, 'initialize')
    if (judged === 'another era' || judged.outcome !== 'passing') return judged
    const { protocolVersion } = (reply.answer?.result ?? {}) as { protocolVersion?: unknown }
    const memory: Memory = {
      era: 'legacy',
      url,
      sessionId: reply.sessionId,
      revision: typeof protocolVersion === 'string' ? protocolVersion : legacyRevision,
    }
    this.#remember(id, memory)
    await notify(url, connection, 'notifications/initialized', sessionHeaders(memory))
    return judged
  }

  async #ping(
    url: URL,
    connection: ProbeConnection,
    memory: Memory,
  ): Promise<ProbeResult | 'another era'> {
    const reply = await post(url, connection, { method: 'ping', headers: sessionHeaders(memory) })
    return judge(reply, 'ping')
  }

  async #askOverSse(
    url: URL,
    connection: ProbeConnection,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const session = openSession(url, 'sse', connection, this.#clientInfo)
    try {
      const visit = async (): Promise<void> => {
        // The signal, not a time of its own, ends it.
        await session.connect(2 ** 31 - 1)
        await session.client.ping({ signal })
      }
      await Promise.race([visit(), session.failed])
      return { outcome: 'passing', cause: 'ok', reason: 'it answers ping' }
    } finally {
      await session.close(!signal.aborted)
    }
  }

  #remember(id: string, memory: Memory): void {
    this.#memories.delete(id)
    this.#memories.set(id, memory)
    if (this.#memories.size <= sessionsMax) return
    const [oldest] = this.#memories.keys()
    if (oldest !== undefined) this.#memories.delete(oldest)
  }
}

function sessionHeaders({ sessionId, revision }: Memory): Record<string, string> {
  return {
    ...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
    ...(revision !== undefined && { 'mcp-protocol-version': revision }),
  }
}

interface Answer {
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string }
}

interface Reply {
  readonly status: number
  readonly contentType: string
  readonly sessionId: string | undefined
  /** Undefined: the body holds no JSON-RPC answer to what was asked. */
  readonly answer: Answer | undefined
}

const requestId = 1

async function post(
  url: URL,
  connection: ProbeConnection,
  {
    method,
    params,
    headers,
  }: {
    readonly method: string
    readonly params?: object
    readonly headers: Record<string, string>
  },
): Promise<Reply> {
  const response = await connection.fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: requestId, method, ...(params && { params }) }),
  })
  const contentType = response.headers.get('content-type') ?? ''
  const sessionId = response.headers.get('mcp-session-id') ?? undefined
  const isStream = contentType.startsWith('text/event-stream')
  const answer = isStream ? await answerOfStream(response) : await answerOfBody(response)
  return { status: response.status, contentType, sessionId, answer }
}

async function notify(
  url: URL,
  connection: ProbeConnection,
  method: string,
  headers: Record<string, string>,
): Promise<void> {
  const response = await connection.fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', method }),
  })
  await response.body?.cancel()
}

async function answerOfBody(response: Response): Promise<Answer | undefined> {
  const text = await response.text()
  return answerIn(text)
}

/** The first answer to our request; a stream may go on for ever after it, or without one. */
async function answerOfStream(response: Response): Promise<Answer | undefined> {
  const answers: Answer[] = []
  const parser = createParser({
    onEvent: ({ data }) => {
      const answer = answerIn(data)
      if (answer) answers.push(answer)
    },
  })
  const decoder = new TextDecoder()
  // Leaving the loop ends the stream.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    if (answers.length > 0) break
  }
  return answers[0]
}

function answerIn(text: string): Answer | undefined {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof message !== 'object' || message === null) return undefined
  const { jsonrpc, id, result, error } = message as Record<string, unknown>
  // A refusal may come before the id was read.
  if (jsonrpc !== '2.0' || (id !== requestId && (id != null || error === undefined)))
    return undefined
  if (typeof error === 'object' && error !== null) {
    const { code, message: said } = error as Record<string, unknown>
    return { error: { code: Number(code), message: typeof said === 'string' ? said : '' } }
  }
  return result === undefined ? undefined : { result }
}

/** What servers say to a request of another era, each its own. */
const foreignCodes: ReadonlySet<number> = new Set([
  -32_600, // invalid request
  -32_601, // no such method
  -32_602, // invalid parameters
  -32_000, // "not initialized", "no session"
  -32_001, // "session not found"
  -32_020, // headers and body of another era
  -32_022, // protocol revision not supported
])

function judge(reply: Reply, method: string): ProbeResult | 'another era' {
  const { status, answer, contentType } = reply
  const judged = judgeStatus(status)
  if (judged && judged.cause !== 'unexpected') return judged
  const { error } = answer ?? {}
  // Whoever knows no ping is none the less there.
  if (method === 'ping' && error?.code === -32_601 && status === 200) return answers(method)
  if (error && (status >= 400 || foreignCodes.has(error.code))) return 'another era'
  if (status >= 400) return 'another era'
  if (error) {
    const said = error.message.slice(0, 200)
    return {
      outcome: 'critical',
      cause: 'unexpected',
      reason: `it answers ${method} with the error ${error.code}: ${said}`,
    }
  }
  if (answer) return answers(method)
  return {
    outcome: 'critical',
    cause: 'not-mcp',
    reason: `it answers, but not as an MCP server (HTTP ${status}, ${contentType || 'no content type'})`,
  }
}

function answers(method: string): ProbeResult {
  return { outcome: 'passing', cause: 'ok', reason: `it answers ${method}` }
}
