import type { LoadMeter } from './load-meter.ts'

/**
 * What is used of a server made with the MCP SDK, version 1 or 2: `McpServer`, or the `Server`
 * inside it. The types are of neither, so that no SDK is needed beside the one that you have.
 */
export interface SdkServer {
  // A method's argument may be narrower than what is passed here; a property's may not.
  connect(transport: never): Promise<void>
  close(): Promise<void>
  sendToolListChanged?(): unknown
  sendResourceListChanged?(): unknown
  sendPromptListChanged?(): unknown
  readonly server?: object | undefined
}

/** A server, or a function that makes one for each session or request. */
export type AdvertisedServer = SdkServer | (() => SdkServer)

interface Transport {
  onmessage?: ((message: unknown, ...rest: unknown[]) => void) | undefined
  onclose?: (() => void) | undefined
  send(message: unknown, ...rest: unknown[]): Promise<void>
}

type Patchable = Record<string, ((...given: unknown[]) => unknown) | undefined>

/** What a server does for its clients; listings and handshakes are no load. */
const work: ReadonlySet<unknown> = new Set([
  'tools/call',
  'resources/read',
  'prompts/get',
  'completion/complete',
])

const announcements = ['sendToolListChanged', 'sendResourceListChanged', 'sendPromptListChanged']

const tracked = new WeakSet()

/**
 * Counts what the server is asked from now on, over whatever transport, and hears when its lists
 * change. Does so once for each server.
 */
export function trackServer(server: SdkServer, meter: LoadMeter, onListChanged: () => void): void {
  if (tracked.has(server)) return
  tracked.add(server)
  for (const layer of new Set([server, server.server ?? server])) {
    for (const name of announcements) {
      patch(layer, name, (send) => {
        onListChanged()
        return send()
      })
    }
  }
  // `McpServer` connects the `Server` inside it.
  patch(server.server ?? server, 'connect', (connect, transport, ...rest) => {
    countCalls(transport as Transport, meter)
    return connect(transport, ...rest)
  })
}

function patch(
  object: object,
  name: string,
  around: (call: (...given: unknown[]) => unknown, ...given: unknown[]) => unknown,
): void {
  const methods = object as Patchable
  const before = methods[name]
  if (before === undefined) return
  methods[name] = (...given) => around((...passed) => before.apply(object, passed), ...given)
}

/** Both SDKs call the handlers that a transport has already, before their own. */
function countCalls(transport: Transport, meter: LoadMeter): void {
  const running = new Map<unknown, () => void>()
  const { onmessage, onclose } = transport
  transport.onmessage = (message, ...rest) => {
    const { id, method, params } = fieldsOf(message)
    if (id !== undefined && work.has(method)) {
      running.get(id)?.()
      running.set(id, meter.begin())
    } else if (method === 'notifications/cancelled') {
      end(running, fieldsOf(params).requestId)
    }
    onmessage?.call(transport, message, ...rest)
  }
  transport.onclose = () => {
    for (const done of running.values()) done()
    running.clear()
    onclose?.call(transport)
  }
  const send = transport.send.bind(transport)
  transport.send = (message, ...rest) => {
    const { id, method } = fieldsOf(message)
    if (id !== undefined && method === undefined) end(running, id)
    return send(message, ...rest)
  }
}

function end(running: Map<unknown, () => void>, id: unknown): void {
  running.get(id)?.()
  running.delete(id)
}

function fieldsOf(message: unknown): {
  readonly id?: unknown
  readonly method?: unknown
  readonly params?: unknown
  readonly requestId?: unknown
} {
  return typeof message === 'object' && message !== null ? message : {}
}
