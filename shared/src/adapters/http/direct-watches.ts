import type { IncomingMessage, ServerResponse } from 'node:http'
import { requestIdOf, securityHeaders, type Border } from './border.ts'
import { addressOf, hasBody } from './direct-lookups.ts'
import { searchOf, type Direct } from './edge.ts'
import { bufferedBytesMax, eventStreamHeaders, type EventSink } from './event-stream.ts'
import type { Caller } from './guard.ts'
import type { LookupApi } from './lookup-routes.ts'
import { readWatch } from './watch-request.ts'

const path = '/v1/watch'

/** In the order in which the routes' answers have them. */
const template: readonly (readonly [name: string, value: string])[] = [
  ...securityHeaders,
  ...Object.entries(eventStreamHeaders),
].toSorted(([a], [b]) => (a < b ? -1 : 1))

/**
 * `GET /v1/watch`, told on Node's own response: a `Request`, a `Response`, its stream and that
 * stream's reader are held for as long as somebody watches, and took more memory than the connection
 * itself. Who is let in, and what is refused, is as for lookups (`direct-lookups.ts`).
 */
export function answerWatchesDirectly(border: Border, api: Pick<LookupApi, 'watch'>): Direct {
  const served = border.meter.of(path, 'GET', 200)
  return (request, response, via) => {
    const { url = '', method, headers } = request
    if (method !== 'GET' || !isWatch(url) || hasBody(request)) return undefined
    const begun = performance.now()
    let caller: Caller | undefined
    const requestId = requestIdOf(givenId(request))
    const sink = new ResponseSink(response, requestId)
    try {
      border.refuseForeignHost(headers.host)
      caller = border.admit({
        method,
        path,
        authorization: headers.authorization,
        via,
        address: addressOf(request, via),
      })
      const params = readWatch(searchOf(url), lastEventId(request))
      sink.whenClosed(api.watch(params, caller.name, sink))
    } catch (refused) {
      return caller === undefined ? { refused } : { caller }
    }
    const now = performance.now()
    served(now - begun)
    if (border.requests.isSampled(now)) {
      border.requests.tell({ requestId, method, path, status: 200 }, now - begun)
    }
    return 'answered'
  }
}

function isWatch(url: string): boolean {
  return url.startsWith(path) && (url.length === path.length || url[path.length] === '?')
}

/** Where the events of one watcher are written. */
class ResponseSink implements EventSink {
  readonly #response: ServerResponse
  readonly #requestId: string
  #isOpen = true

  constructor(response: ServerResponse, requestId: string) {
    this.#response = response
    this.#requestId = requestId
  }

  send(bytes: Uint8Array): boolean {
    const response = this.#response
    if (!this.#isOpen || response.writableLength >= bufferedBytesMax) return false
    this.#begin()
    response.write(bytes)
    return true
  }

  end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#begin()
    this.#response.end()
  }

  /** `stop` is called when the connection is gone before all was told. */
  whenClosed(stop: () => void): void {
    this.#begin()
    this.#response.once('close', () => {
      if (!this.#isOpen) return
      this.#isOpen = false
      stop()
    })
  }

  #begin(): void {
    if (this.#response.headersSent) return
    const told = [...template, ['x-request-id', this.#requestId] as const]
    this.#response.writeHead(200, told.toSorted(([a], [b]) => (a < b ? -1 : 1)).flat())
  }
}

function givenId({ headers }: IncomingMessage): string | undefined {
  const given = headers['x-request-id']
  return typeof given === 'string' ? given : undefined
}

function lastEventId({ headers }: IncomingMessage): string {
  const given = headers['last-event-id']
  return typeof given === 'string' ? given : ''
}
