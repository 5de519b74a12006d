import type { IncomingMessage } from 'node:http'
import { MeridianError } from '../../errors.ts'
import type { Millis } from '../../ports/index.ts'
import { allows, allowsName, type Need, type Scope, type TokenBook } from '../access/index.ts'
import { RateLimit, type Rate } from './rate-limit.ts'

/** How a request came here: through a Unix socket, from this host, or from elsewhere. */
export type Via = 'socket' | 'loopback' | 'network'

/** What the border made of a request before the routes saw it. */
export type Admission = { readonly caller: Caller } | { readonly refused: unknown }

export interface EdgeEnv {
  readonly Bindings: {
    readonly via?: Via
    readonly incoming?: IncomingMessage
    /** Judged already: it must not be counted twice. */
    readonly admission?: Admission | undefined
  }
  readonly Variables: { requestId: string; caller: Caller }
}

/** Whoever asks, and what they may. */
export interface Caller {
  /** For people, logs and limits; never a secret. */
  readonly name: string
  may(need: Need): boolean
  /** Whether servers of that name are theirs to register. */
  mayRegister(serverName: string): boolean
  /** Counts work beyond the request itself, to be waited for before the next one. */
  charge(cost: number): void
}

export interface GuardOptions {
  /** Undefined where the operator has set none. */
  readonly tokens?: TokenBook | undefined
  /** What is asked of a request's caller. */
  readonly needOf: (method: string, path: string) => Need
  /** What callers on this host may do without a token. */
  readonly openOnLoopback: 'everything' | 'reads' | 'nothing'
  /** For each caller; unlimited where not given. */
  readonly rates?: { readonly reads: Rate; readonly writes: Rate } | undefined
  readonly now?: () => Millis
}

const everything: readonly Scope[] = ['lookup', 'operate', 'register:*']
const reads: readonly Scope[] = ['lookup']

/** What is known of a request before anything of it is read. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly via: Via
  /** Who is at the other end of the connection. */
  readonly address: string | undefined
}

/**
 * Who is let in, and how often: a token says what its holder may; a Unix socket lets in whom its
 * file's mode lets in, for everything; callers over TCP without a token may what the program leaves
 * open on loopback, and from elsewhere nothing.
 */
export class Guard {
  readonly #options: GuardOptions
  readonly #reads: RateLimit | undefined
  readonly #writes: RateLimit | undefined

  constructor(options: GuardOptions) {
    this.#options = options
    const now = options.now ?? (() => performance.now())
    this.#reads = options.rates && new RateLimit(options.rates.reads, now)
    this.#writes = options.rates && new RateLimit(options.rates.writes, now)
  }

  /**
   * Whoever asks, let in. `isRoute`: what is not there is no secret, and is told as such. Errors:
   * `rate_limited`, `unauthorized`, `forbidden`.
   */
  admit(asked: Asked, isRoute: (method: string, path: string) => boolean): Caller {
    const { tokens, needOf, openOnLoopback } = this.#options
    const { method, path, via } = asked
    const need = needOf(method, path)
    const isRead = method === 'GET' || method === 'HEAD' || need === 'lookup'
    const limit = isRead ? this.#reads : this.#writes
    const given = bearerOf(asked.authorization)
    const holder = given === undefined ? undefined : tokens?.holder(given)
    const name = holder ? `the token ${holder.name} (${holder.id})` : peerOf(asked)
    // Before it is judged: who tries tokens is counted too.
    if (need !== 'nothing') limit?.take(name)
    if (given !== undefined && tokens && !holder) {
      throw new MeridianError(
        'unauthorized',
        'the token is unknown here, or has expired: ask the operator for another',
      )
    }
    const scopes = holder?.scopes ?? withoutToken(via, openOnLoopback)
    if (!allows(scopes, need) && isRoute(method, path)) {
      throw refusal(holder !== undefined, tokens !== undefined, need, name)
    }
    return new Admitted(name, scopes, limit)
  }
}

class Admitted implements Caller {
  readonly name: string
  readonly #scopes: readonly Scope[]
  readonly #limit: RateLimit | undefined

  constructor(name: string, scopes: readonly Scope[], limit: RateLimit | undefined) {
    this.name = name
    this.#scopes = scopes
    this.#limit = limit
  }

  may(need: Need): boolean {
    return allows(this.#scopes, need)
  }

  mayRegister(serverName: string): boolean {
    return allowsName(this.#scopes, serverName)
  }

  charge(cost: number): void {
    this.#limit?.owe(this.name, cost)
  }
}

function withoutToken(via: Via, open: GuardOptions['openOnLoopback']): readonly Scope[] {
  switch (via) {
    case 'socket':
      return everything
    case 'loopback':
      return { everything, reads, nothing: [] }[open]
    case 'network':
      return []
    default:
      return via satisfies never
  }
}

function refusal(hasToken: boolean, hasBook: boolean, need: Need, name: string): MeridianError {
  if (hasToken) {
    return new MeridianError('forbidden', `${name} has not the scope ${scopeOf(need)}`)
  }
  return new MeridianError(
    'unauthorized',
    hasBook
      ? `this needs a token with the scope ${scopeOf(need)}, as Authorization: Bearer …`
      : 'this needs a token, and this program accepts none: its operator can name a tokens file (MERIDIAN_TOKENS_FILE)',
  )
}

function scopeOf(need: Need): string {
  const named = {
    nothing: '',
    any: 'lookup',
    register: 'register:…',
    change: 'operate or register:…',
  }
  return need === 'lookup' || need === 'operate' ? need : named[need]
}

function bearerOf(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : /^bearer +(\S+) *$/i.exec(authorization)?.[1]
}

function peerOf({ via, address = 'this process' }: Asked): string {
  if (via === 'socket') return 'whoever uses the socket'
  // Who has an IPv6 network has 2^64 addresses, and is one caller all the same.
  const isNetwork = address.includes(':') && !address.includes('.') && address !== '::1'
  return isNetwork ? `${address.split(':').slice(0, 4).join(':')}::/64` : address
}
