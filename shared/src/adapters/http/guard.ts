import type { IncomingMessage } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import { MeridianError } from '../../errors.ts'
import type { Millis } from '../../ports/index.ts'
import { allows, allowsName, type Need, type Scope, type TokenBook } from '../access/index.ts'
import { RateLimit, type Rate } from './rate-limit.ts'

/** How a request came here: through a Unix socket, from this host, or from elsewhere. */
export type Via = 'socket' | 'loopback' | 'network'

export interface EdgeEnv {
  readonly Bindings: { readonly via?: Via; readonly incoming?: IncomingMessage }
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

/**
 * Who is let in, and how often: a token says what its holder may; a Unix socket lets in whom its
 * file's mode lets in, for everything; callers over TCP without a token may what the program leaves
 * open on loopback, and from elsewhere nothing.
 */
export function createGuard(
  options: GuardOptions,
  isRoute: (method: string, path: string) => boolean,
): MiddlewareHandler<EdgeEnv> {
  const { tokens, needOf, openOnLoopback, rates } = options
  const now = options.now ?? (() => performance.now())
  const limits = rates && {
    reads: new RateLimit(rates.reads, now),
    writes: new RateLimit(rates.writes, now),
  }

  return async (c, next) => {
    const { method } = c.req
    const need = needOf(method, c.req.path)
    const isRead = method === 'GET' || method === 'HEAD' || need === 'lookup'
    const limit = isRead ? limits?.reads : limits?.writes
    const peer = peerOf(c)
    const via = viaOf(c)
    const given = bearerOf(c)
    const holder = given === undefined ? undefined : tokens?.holder(given)
    const name = holder ? `the token ${holder.name} (${holder.id})` : peer
    // Before it is judged: who tries tokens is counted too.
    if (need !== 'nothing') limit?.take(name)
    if (given !== undefined && tokens && !holder) {
      throw new MeridianError(
        'unauthorized',
        'the token is unknown here, or has expired: ask the operator for another',
      )
    }
    const scopes = holder?.scopes ?? withoutToken(via, openOnLoopback)
    // What is not there is no secret, and is told as such.
    if (!allows(scopes, need) && isRoute(method, c.req.path)) {
      throw refusal(holder !== undefined, tokens !== undefined, need, name)
    }
    c.set('caller', {
      name,
      may: (what) => allows(scopes, what),
      mayRegister: (serverName) => allowsName(scopes, serverName),
      charge: (cost) => limit?.owe(name, cost),
    })
    await next()
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

function bearerOf(c: Context<EdgeEnv>): string | undefined {
  return /^bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1]
}

/** Absent with app.request(), which is this process. */
function viaOf(c: Context<EdgeEnv>): Via {
  const env: EdgeEnv['Bindings'] | undefined = c.env
  return env?.via ?? 'loopback'
}

function peerOf(c: Context<EdgeEnv>): string {
  const env: EdgeEnv['Bindings'] | undefined = c.env
  if (env?.via === 'socket') return 'whoever uses the socket'
  const address = env?.incoming?.socket.remoteAddress ?? 'this process'
  // Who has an IPv6 network has 2^64 addresses, and is one caller all the same.
  const isNetwork = address.includes(':') && !address.includes('.') && address !== '::1'
  return isNetwork ? `${address.split(':').slice(0, 4).join(':')}::/64` : address
}
