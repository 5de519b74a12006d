import type { IncomingMessage } from 'node:http'
import type { AnswerText } from '../../api/answer-text.ts'
import { requestIdOf, securityHeaders, type Border } from './border.ts'
import type { Direct } from './edge.ts'
import type { Caller, Via } from './guard.ts'
import type { LookupApi, UnderstoodLookups } from './lookup-routes.ts'

const path = '/v1/lookup'
const prefix = `${path}?`

const own = ['content-type', 'etag', 'x-meridian-index', 'x-request-id'] as const

/** Names and values by turns, in the order in which the routes' answers have them. */
const template: readonly string[] = [
  ...securityHeaders,
  ...own.map((name): [string, string] => [name, '']),
]
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .flat()

const valueAt = (name: (typeof own)[number]) => template.indexOf(name) + 1
const contentTypeAt = valueAt('content-type')
const etagAt = valueAt('etag')
const indexAt = valueAt('x-meridian-index')
const requestIdAt = valueAt('x-request-id')

/**
 * `GET /v1/lookup`, answered on Node's own request and response where the zone's index is enough:
 * a router, a `Request`, a `Response` and their headers would cost more than all else of it
 * (`npm run bench:http`). Whoever asks is judged by the same border, and what is not answered here
 * (another path, a bad parameter, a lookup that goes further) goes to the routes, with that
 * judgement, so that nobody is counted twice. Both ways answer the same bytes;
 * `direct-lookups.test.ts` holds them against each other.
 */
export function answerLookupsDirectly(
  border: Border,
  api: LookupApi,
  understood: UnderstoodLookups,
): Direct {
  const served = border.meter.of(path, 'GET', 200)
  const known = border.meter.of(path, 'GET', 304)
  return (request, response, via) => {
    const { url = '', method, headers } = request
    if (method !== 'GET' || !url.startsWith(prefix) || hasBody(request)) return undefined
    const begun = performance.now()
    let caller: Caller | undefined
    let answer: AnswerText | undefined
    let index: string
    try {
      border.refuseForeignHost(headers.host)
      caller = border.admit({
        method,
        path,
        authorization: headers.authorization,
        via,
        address: addressOf(request, via),
      })
      const params = understood.of(url.slice(prefix.length))
      if (params.fields !== undefined) return { caller }
      // Before it is answered: what changes meanwhile comes after it.
      index = api.index()
      answer = api.lookupText?.(params)
    } catch (refused) {
      // A refused parameter or query is told by the routes, which come to the same; whoever is not
      // let in is told what they were told here.
      return caller === undefined ? { refused } : { caller }
    }
    if (answer === undefined) return { caller }
    const { body, etag } = answer
    const given = headers['x-request-id']
    const requestId = requestIdOf(typeof given === 'string' ? given : undefined)
    const told = template.slice()
    told[etagAt] = etag
    told[indexAt] = index
    told[requestIdAt] = requestId
    const status = headers['if-none-match'] === etag ? 304 : 200
    if (status === 304) {
      told.splice(contentTypeAt - 1, 2)
      response.writeHead(304, told).end()
    } else {
      told[contentTypeAt] = 'application/json'
      told.push('Content-Length', String(body.length))
      response.writeHead(200, told).end(body, 'latin1')
    }
    const now = performance.now()
    ;(status === 200 ? served : known)(now - begun)
    if (border.requests.isSampled(now)) {
      border.requests.tell({ requestId, method: 'GET', path, status }, now - begun)
    }
    return 'answered'
  }
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}

/** Asking a socket for its peer is not for nothing. */
export function addressOf({ socket }: IncomingMessage, via: Via): string | undefined {
  return via === 'socket' ? undefined : socket.remoteAddress
}
