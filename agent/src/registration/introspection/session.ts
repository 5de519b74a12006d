import {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Implementation,
} from '@modelcontextprotocol/client'
import type { ProbeConnection } from '../probe-fetch.ts'

/** One visit to a server, from the handshake to the goodbye. */
export interface Session {
  readonly client: Client
  /** Shakes hands, in whichever era the server speaks. */
  connect(timeoutMs: number): Promise<void>
  /** Rejects when an answer cannot be read, which the SDK reports beside the waiting request. */
  readonly failed: Promise<never>
  /** With `polite`, a server that keeps sessions is told that this one is over. */
  close(polite: boolean): Promise<void>
}

export interface SessionOptions {
  /** Whether an older server's own messages are wanted, beside answers. */
  readonly serverStream?: boolean
}

/** How long a server may take to acknowledge the end of its session. */
const goodbyeMs = 500

export function openSession(
  url: URL,
  kind: 'streamable-http' | 'sse',
  connection: ProbeConnection,
  clientInfo: Implementation,
  { serverStream = false }: SessionOptions = {},
): Session {
  const transport =
    kind === 'sse'
      ? // oxlint-disable-next-line typescript/no-deprecated -- it is what older servers speak
        new SSEClientTransport(url, { fetch: connection.fetch })
      : new StreamableHTTPClientTransport(url, {
          fetch: serverStream ? connection.fetch : withoutServerStream(connection.fetch),
          reconnectionOptions: noReconnection,
        })
  const client = new Client(clientInfo, {
    capabilities: {},
    // HTTP+SSE ended before the modern era began: there is nothing to negotiate on it.
    versionNegotiation: { mode: kind === 'sse' ? 'legacy' : 'auto' },
  })
  const failed = new Promise<never>((_, reject) => {
    // An unreadable message leaves its request without an answer: end now, not at the deadline.
    // Set before connecting, because the SDK chains the handler that it finds.
    transport.onerror = (error) => {
      if (connection.evidence.broken !== undefined || isUnreadable(error)) reject(error)
    }
  })
  // Whoever waits for it waits in a race, which may be over by then.
  failed.catch(() => undefined)

  return {
    client,
    failed,
    async connect(timeoutMs) {
      await client.connect(transport, { timeout: timeoutMs })
    },
    async close(polite) {
      if (polite && transport instanceof StreamableHTTPClientTransport) await endSession(transport)
      await client.close()
      // The client closes only what it has finished connecting.
      await transport.close()
    },
  }
}

/** A refused or slow goodbye is the server's own affair. */
async function endSession(transport: StreamableHTTPClientTransport): Promise<void> {
  if (transport.sessionId === undefined) return
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, goodbyeMs)
  })
  const goodbye = transport.terminateSession().catch(() => undefined)
  await Promise.race([goodbye, patience])
  clearTimeout(timer)
}

/** The SDK would open a stream for messages of the server's own; lists need none. */
function withoutServerStream(fetch: ProbeConnection['fetch']): ProbeConnection['fetch'] {
  return async (input, init) =>
    init?.method === 'GET' ? new Response(null, { status: 405 }) : await fetch(input, init)
}

/** A visit that breaks is over; the next one starts afresh. */
const noReconnection = {
  initialReconnectionDelay: 0,
  maxReconnectionDelay: 0,
  reconnectionDelayGrowFactor: 1,
  maxRetries: 0,
}

/** Not JSON, or JSON that is no JSON-RPC message. */
function isUnreadable(error: Error): boolean {
  return ['SyntaxError', 'ZodError', '$ZodError'].includes(error.name)
}
