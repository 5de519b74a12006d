import type { Client, SubscriptionFilter } from '@modelcontextprotocol/client'
import { MeridianError, type Endpoint } from '@meridian/shared'
import { openSession, type Session } from '../introspection/session.ts'
import { openProbe, type ProbeConnection } from '../probe-fetch.ts'
import type { ProbePolicy } from '../probe-targets.ts'
import { refreshLimits } from './limits.ts'

export interface FollowRequest {
  readonly endpoint: Endpoint
  readonly era: 'modern' | 'legacy'
  /** Which lists the server promises to announce changes of. */
  readonly kinds: {
    readonly tools: boolean
    readonly resources: boolean
    readonly prompts: boolean
  }
  /** The server will be heard from now on. */
  readonly onOpen: () => void
  readonly onChanged: () => void
  readonly signal: AbortSignal
}

/**
 * Listens to a server's announcements of changed lists. Resolves when that is over: `ended` when
 * the stream broke, `unsupported` when the server has none. Rejects when it cannot be reached, and
 * with the signal's reason.
 */
export type Follow = (request: FollowRequest) => Promise<'ended' | 'unsupported'>

/**
 * In the modern era a stream that is asked for (`subscriptions/listen`); before, whatever the
 * session's own stream says unasked.
 */
export function createFollow(
  policy: ProbePolicy,
  clientInfo: { readonly name: string; readonly version: string },
): Follow {
  return async (request) => {
    const { endpoint, signal } = request
    if (endpoint.transport === 'websocket') return 'unsupported'
    const url = new URL(endpoint.url)
    const target = await policy.check(url, signal)
    const { followBytesMax: bytesMax } = refreshLimits
    const connection = openProbe(target, { bytesMax, signal })
    const stream = watchServerStream(connection)
    const session = openSession(url, endpoint.transport, stream.connection, clientInfo, {
      serverStream: true,
    })
    const over = whenAborted(signal)
    try {
      return await Promise.race([visit(session, stream, request), over.promise])
    } finally {
      over.cancel()
      await session.close(!signal.aborted)
      await connection.close()
    }
  }
}

async function visit(
  session: Session,
  stream: ServerStream,
  request: FollowRequest,
): Promise<'ended' | 'unsupported'> {
  const { client } = session
  for (const kind of ['tools', 'resources', 'prompts'] as const) {
    client.setNotificationHandler(`notifications/${kind}/list_changed`, () => {
      request.onChanged()
    })
  }
  await session.connect(refreshLimits.followOpenMsMax)
  return client.getProtocolEra() === 'modern'
    ? await listen(client, request)
    : await overhear(stream, request)
}

async function listen(client: Client, request: FollowRequest): Promise<'ended' | 'unsupported'> {
  const { tools, resources, prompts } = request.kinds
  const filter: SubscriptionFilter = {
    ...(tools && { toolsListChanged: true }),
    ...(resources && { resourcesListChanged: true }),
    ...(prompts && { promptsListChanged: true }),
  }
  const subscription = await client.listen(filter, { timeout: refreshLimits.followOpenMsMax })
  const honored = Object.values(subscription.honoredFilter).some((kind) => kind === true)
  if (!honored) {
    await subscription.close()
    return 'unsupported'
  }
  request.onOpen()
  await subscription.closed
  return 'ended'
}

async function overhear(
  stream: ServerStream,
  request: FollowRequest,
): Promise<'ended' | 'unsupported'> {
  // Some servers send not even the head of an answer before there is something to say.
  if (!(await within(refreshLimits.followOpenMsMax, stream.opened))) return 'unsupported'
  request.onOpen()
  await stream.ended
  return 'ended'
}

interface ServerStream {
  readonly connection: ProbeConnection
  /** False: the server has no stream of its own. */
  readonly opened: Promise<boolean>
  readonly ended: Promise<unknown>
}

/** The SDK opens an older server's stream by itself and says nothing of its fate; its GET tells. */
function watchServerStream(connection: ProbeConnection): ServerStream {
  const opened = Promise.withResolvers<boolean>()
  const ended = Promise.withResolvers<undefined>()
  const wrapped: ProbeConnection = {
    evidence: connection.evidence,
    close: () => connection.close(),
    async fetch(input, init) {
      if ((init?.method ?? 'GET') !== 'GET') return await connection.fetch(input, init)
      let response: Response
      try {
        response = await connection.fetch(input, init)
      } catch (error) {
        opened.resolve(false)
        throw error
      }
      const isStream =
        response.headers.get('content-type')?.startsWith('text/event-stream') === true
      if (!response.ok || !isStream || response.body === null) {
        opened.resolve(false)
        return response
      }
      opened.resolve(true)
      const [body, gone] = whenOver(response.body)
      void gone.then(() => {
        ended.resolve(undefined)
      })
      return new Response(body, { status: response.status, headers: response.headers })
    },
  }
  return { connection: wrapped, opened: opened.promise, ended: ended.promise }
}

/** The same stream, and a promise of its end, however it ends. */
function whenOver(
  body: ReadableStream<Uint8Array>,
): [ReadableStream<Uint8Array>, Promise<unknown>] {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const reader = body.getReader()
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (done) {
          resolve(undefined)
          controller.close()
        } else controller.enqueue(value)
      } catch (error) {
        resolve(undefined)
        controller.error(error)
      }
    },
    async cancel(reason) {
      resolve(undefined)
      await reader.cancel(reason)
    },
  })
  return [stream, promise]
}

/** False when it takes longer. */
async function within(ms: number, promise: Promise<boolean>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => {
    late.resolve(false)
  }, ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function whenAborted(signal: AbortSignal): { promise: Promise<never>; cancel(): void } {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => {
    reject(new MeridianError('not_found', 'the instance is not followed any more'))
  }
  promise.catch(() => undefined)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return {
    promise,
    cancel() {
      signal.removeEventListener('abort', onAbort)
    },
  }
}
