import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import type { Logger } from 'pino'
import { MeridianError } from '../../errors.ts'
import { Guard, type Asked, type Caller, type GuardOptions } from './guard.ts'
import type { RequestMeter } from './metering.ts'
import { RequestLog } from './request-log.ts'

export interface BorderOptions {
  readonly log: Logger
  readonly meter: RequestMeter
  /** Host names, beside `localhost`, under which clients may call; addresses always pass. */
  readonly hostNames: readonly string[]
  readonly guard: GuardOptions
  /** Whether there is such a route at all. */
  readonly isRoute: (method: string, path: string) => boolean
}

/** Host names that were judged; a browser's many are no reason to remember more. */
const judgedMax = 64

/**
 * What every request passes, whichever way it is answered: by the routes, or straight on the
 * connection (`direct-lookups.ts`).
 */
export class Border {
  readonly meter: RequestMeter
  readonly requests: RequestLog
  readonly #allowed: ReadonlySet<string>
  readonly #judged = new Set<string>()
  #judgedLast: string | undefined
  readonly #guard: Guard
  readonly #isRoute: BorderOptions['isRoute']

  constructor({ log, meter, hostNames, guard, isRoute }: BorderOptions) {
    this.meter = meter
    this.requests = new RequestLog(log)
    this.#allowed = new Set(['localhost', ...hostNames.map((name) => name.toLowerCase())])
    this.#guard = new Guard(guard)
    this.#isRoute = isRoute
  }

  /** Errors: those of `Guard.admit`. */
  admit(asked: Asked): Caller {
    return this.#guard.admit(asked, this.#isRoute)
  }

  /**
   * A web page cannot send another site's host name, except by making its own name resolve to an
   * address of ours (DNS rebinding): then the Host header betrays it. An address cannot be made to
   * mean another one. Errors: `forbidden`.
   */
  refuseForeignHost(host: string | undefined): void {
    // Absent with app.request(), over Unix sockets, and from HTTP/1.0 clients; never from a browser.
    if (host === undefined || host === this.#judgedLast) return
    if (this.#judged.has(host)) {
      this.#judgedLast = host
      return
    }
    const name = host.replace(/:\d+$/, '').toLowerCase()
    if (!this.#allowed.has(name) && isIP(name.replace(/^\[(.*)\]$/, '$1')) === 0) {
      throw new MeridianError(
        'forbidden',
        `the Host header says ${JSON.stringify(name.slice(0, 100))}, which this program does not answer to; call it by its address, localhost or a configured host name`,
      )
    }
    if (this.#judged.size < judgedMax) this.#judged.add(host)
  }
}

/**
 * What changes something is not asked for by web pages of elsewhere: a browser names the page's
 * origin, and it must be the one that is called. Reads need no such care, for the answer is kept from
 * pages of other origins. Errors: `forbidden`.
 */
export function refuseForeignOrigin(
  method: string,
  origin: string | undefined,
  host: string | undefined,
): void {
  if (origin === undefined || method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return
  if (host !== undefined && URL.parse(origin)?.host === host.toLowerCase()) return
  throw new MeridianError(
    'forbidden',
    `a page of ${JSON.stringify(origin.slice(0, 100))} may not change anything here`,
  )
}

const requestIdMax = 255

/** The caller's own, where it can be used as one. */
export function requestIdOf(given: string | undefined): string {
  if (given === undefined || given === '') return randomUUID()
  return given.length > requestIdMax || /[^\w\-=]/.test(given) ? randomUUID() : given
}

/** Sent with every answer: browsers are to read it as what it says it is, and show it to nobody else. */
export const securityHeaders: readonly (readonly [name: string, value: string])[] = [
  ['cross-origin-resource-policy', 'same-origin'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['origin-agent-cluster', '?1'],
  ['referrer-policy', 'no-referrer'],
  ['strict-transport-security', 'max-age=15552000; includeSubDomains'],
  ['x-content-type-options', 'nosniff'],
  ['x-dns-prefetch-control', 'off'],
  ['x-download-options', 'noopen'],
  ['x-frame-options', 'SAMEORIGIN'],
  ['x-permitted-cross-domain-policies', 'none'],
  ['x-xss-protection', '0'],
]
