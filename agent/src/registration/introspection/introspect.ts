import { MeridianError, type Endpoint } from '@meridian/shared'
import { openProbe, type ProbeConnection } from '../probe-fetch.ts'
import type { ProbePolicy } from '../probe-targets.ts'
import { toFailure } from './failure.ts'
import {
  introspectionDeadlineMs,
  introspectionLimits,
  type Introspection,
  type IntrospectionLimits,
} from './introspection.ts'
import { readServer } from './read-server.ts'
import { openSession, type Session } from './session.ts'

export interface IntrospectOptions {
  /** Which addresses may be connected to. */
  readonly policy: ProbePolicy
  /** How the agent introduces itself to the server. */
  readonly clientInfo: { readonly name: string; readonly version: string }
  /** For everything together, the resolution of the name included. */
  readonly deadlineMs?: number
  readonly limits?: Partial<IntrospectionLimits>
  /** The name of a server that gives none; the instance's id serves well. */
  readonly fallbackName?: string
  readonly signal?: AbortSignal
}

/**
 * Asks a running MCP server what it is and what it offers: connects (any protocol revision from
 * 2024-10-07 on), follows every page of tools, resources, resource templates and prompts, and
 * disconnects. Sends no credentials. Whatever the server does, this ends by the deadline and
 * leaves no socket, timer or session behind.
 *
 * Errors: `address_not_allowed`; `endpoint_unreachable`, which may pass (nothing there, HTTP 429
 * or 5xx, a broken connection); `endpoint_gated` (HTTP 401, 402, 403, 407); `endpoint_not_mcp`;
 * `invalid_request`, naming the limit or rule that the server's lists break; `deadline_exceeded`;
 * and the reason of `signal` when that aborts.
 *
 *     const { definitionInput } = await introspect(
 *       { transport: 'streamable-http', url: 'http://127.0.0.1:3001/mcp' },
 *       { policy: createProbePolicy(), clientInfo: { name: 'meridian-agent', version: '0.1.0' } },
 *     )
 */
export async function introspect(
  endpoint: Endpoint,
  options: IntrospectOptions,
): Promise<Introspection> {
  const { transport } = endpoint
  if (transport === 'websocket') {
    throw new MeridianError(
      'invalid_request',
      'a websocket endpoint cannot be introspected; register it with its capabilities given',
    )
  }
  const url = new URL(endpoint.url)
  const limits = { ...introspectionLimits, ...options.limits }
  const deadlineMs = options.deadlineMs ?? introspectionDeadlineMs
  const patience = startPatience(url, deadlineMs, options.signal)
  const { signal } = patience
  let connection: ProbeConnection | undefined
  let session: Session | undefined
  try {
    const target = await options.policy.check(url, signal)
    connection = openProbe(target, { bytesMax: limits.bytesMax, signal })
    const opened = openSession(url, transport, connection, options.clientInfo)
    session = opened
    const visit = async (): Promise<Introspection> => {
      await opened.connect(deadlineMs)
      const fallbackName = options.fallbackName ?? ''
      const timeoutMs = deadlineMs
      return await readServer(opened.client, { limits, fallbackName, timeoutMs, signal })
    }
    return await Promise.race([visit(), opened.failed, patience.over])
  } catch (error) {
    // The end of our patience makes everything else fail too; it is the reason.
    signal.throwIfAborted()
    throw toFailure(error, { url: url.href, transport, evidence: connection?.evidence })
  } finally {
    await session?.close(!signal.aborted)
    await connection?.close()
    patience.end()
  }
}

interface Patience {
  readonly signal: AbortSignal
  /** Rejects with the signal's reason. */
  readonly over: Promise<never>
  /** Stops the clock. */
  end(): void
}

function startPatience(url: URL, deadlineMs: number, outer: AbortSignal | undefined): Patience {
  const controller = new AbortController()
  const timer = setTimeout(() => {
    controller.abort(
      new MeridianError('deadline_exceeded', `${url.href} did not finish within ${deadlineMs} ms`),
    )
  }, deadlineMs)
  const onOuterAbort = () => {
    controller.abort(outer?.reason)
  }
  if (outer?.aborted === true) onOuterAbort()
  outer?.addEventListener('abort', onOuterAbort, { once: true })
  const over = new Promise<never>((_, reject) => {
    const { signal } = controller
    const onAbort = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)))
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  // Whoever waits for it waits in a race, which may be over by then.
  over.catch(() => undefined)
  return {
    signal: controller.signal,
    over,
    end() {
      clearTimeout(timer)
      outer?.removeEventListener('abort', onOuterAbort)
    },
  }
}
