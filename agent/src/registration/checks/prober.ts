import { connect } from 'node:net'
import type { Check } from '@meridian/shared'
import { openProbe, ProbeDispatchers } from '../probe-fetch.ts'
import type { ProbePolicy, ProbeTarget } from '../probe-targets.ts'
import { McpProbe } from './mcp-probe.ts'
import { judgeFailure, judgeStatus } from './probe-result.ts'
import type { Prober, ProbeRequest, ProbeResult } from './probe.ts'

export interface ProberOptions {
  /** Which addresses may be connected to. */
  readonly policy: ProbePolicy
  /** How the agent introduces itself to servers. */
  readonly clientInfo: { readonly name: string; readonly version: string }
}

/**
 * Looks at instances over the network: at checked addresses only, following no redirect, sending
 * no credentials. Leaves nothing open but the sessions of older MCP servers.
 */
export function createProber({ policy, clientInfo }: ProberOptions): Prober {
  const dispatchers = new ProbeDispatchers()
  const mcp = new McpProbe(policy, clientInfo, dispatchers)
  return {
    async probe(request, signal) {
      const { check } = request
      switch (check.kind) {
        case 'http':
          return await probeHttp(policy, dispatchers, request, check, signal)
        case 'tcp':
          return await probeTcp(policy, request, check, signal)
        case 'mcp':
          return await mcp.probe(request, signal)
        default:
          return check satisfies never
      }
    },
    forget(id) {
      mcp.forget(id)
    },
    close() {
      mcp.close()
      dispatchers.close()
    },
  }
}

/** The body is not wanted, and may never end. */
const bodyBytesMax = 64 * 1024

async function probeHttp(
  policy: ProbePolicy,
  dispatchers: ProbeDispatchers,
  { endpoint }: ProbeRequest,
  { url: given, method }: Extract<Check, { kind: 'http' }>,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const url = new URL(given ?? endpoint.url.replace(/^ws/, 'http'))
  const startedAt = performance.now()
  let connection: ReturnType<typeof openProbe> | undefined
  try {
    const target = await policy.check(url, signal)
    connection = openProbe(target, { bytesMax: bodyBytesMax, signal, dispatchers })
    const { status, body } = await connection.fetch(url, { method })
    const latencyMs = performance.now() - startedAt
    await body?.cancel()
    // An MCP endpoint that has no stream of its own says so to a GET, and is well.
    const judged = status === 405 ? undefined : judgeStatus(status)
    return {
      ...(judged ?? { outcome: 'passing', cause: 'ok', reason: `HTTP ${status}` }),
      latencyMs,
    }
  } catch (error) {
    signal.throwIfAborted()
    return judgeFailure(error, { url: url.href, transport: 'http', evidence: connection?.evidence })
  } finally {
    await connection?.close()
  }
}

async function probeTcp(
  policy: ProbePolicy,
  { endpoint }: ProbeRequest,
  { port }: Extract<Check, { kind: 'tcp' }>,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const url = new URL(endpoint.url)
  const startedAt = performance.now()
  try {
    const target = await policy.check(url, signal)
    const reached = await connectAny(target, port ?? target.port, signal)
    const latencyMs = performance.now() - startedAt
    return { outcome: 'passing', cause: 'ok', reason: `${reached} takes connections`, latencyMs }
  } catch (error) {
    signal.throwIfAborted()
    return judgeFailure(error, { url: url.origin, transport: 'tcp', evidence: undefined })
  }
}

/** The addresses in their order; the last failure tells. */
async function connectAny(target: ProbeTarget, port: number, signal: AbortSignal): Promise<string> {
  let failure: unknown
  for (const { address } of target.addresses) {
    try {
      await connectOnce(address, port, signal)
      return `${address.includes(':') ? `[${address}]` : address}:${port}`
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function connectOnce(host: string, port: number, signal: AbortSignal): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const socket = connect({ host, port, signal })
  socket.once('error', reject)
  socket.once('connect', () => {
    // Nothing is said, so nothing is left to be read: no lingering state on either side.
    socket.destroy()
    resolve(undefined)
  })
  return promise
}
