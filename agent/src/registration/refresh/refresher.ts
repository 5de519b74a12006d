import type { Cancel, Clock, Endpoint, Log, Millis, Random } from '@meridian/shared'
import { isDeepStrictEqual } from 'node:util'
import type { Introspection } from '../introspection/introspection.ts'
import { Limiter } from '../limiter.ts'
import type { Reintrospected } from '../registrar.ts'
import type { RegistrationRow } from '../registration-row.ts'
import type { Follow } from './follow.ts'
import { refreshLimits } from './limits.ts'

export interface RefresherOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly introspect: (endpoint: Endpoint, fallbackName: string) => Promise<Introspection>
  /** Hears of changed lists; without, servers are only asked from time to time. */
  readonly follow?: Follow | undefined
  /** Takes in what was found. */
  readonly take: (id: string, asked: Endpoint, found: Introspection) => Promise<Reintrospected>
  /** Another server answers at the endpoint; undefined: the one that was registered. */
  readonly onMoved: (id: string, reason: string | undefined) => void
}

export type Refreshed = Pick<RegistrationRow, 'spec' | 'definition' | 'introspected'>

/**
 * Keeps what was introspected true: asks again when the server says that its lists have changed,
 * and from time to time where it does not say. What is as before is told to nobody.
 *
 *     list_changed ──200 ms──┐
 *     recovered, new stream ─┼──▶ ask (single flight, at most once a second) ──▶ the registrar
 *     min(ttlMs, cap) ± 20 % ┘
 */
export class Refresher {
  readonly #options: RefresherOptions
  readonly #servers = new Map<string, Server>()
  readonly #asking = new Limiter(refreshLimits.atOnceMax, Infinity)
  #follows = 0
  #closed = false

  constructor(options: RefresherOptions) {
    this.#options = options
  }

  /** Refreshes an instance from now on, or as it is now; one that was not introspected is let be. */
  watch(row: Refreshed): void {
    const { id, endpoint } = row.spec
    const { introspected } = row
    const before = this.#servers.get(id)
    if (!introspected) {
      this.forget(id)
      return
    }
    const isSame =
      before !== undefined &&
      isDeepStrictEqual(before.endpoint, endpoint) &&
      before.era === introspected.era &&
      isDeepStrictEqual(before.kinds, introspected.listChanged)
    if (isSame) {
      before.ttlMs = introspected.ttlMs
      before.name = row.definition.name
      return
    }
    this.forget(id)
    const server: Server = {
      id,
      endpoint,
      name: row.definition.name,
      era: introspected.era,
      kinds: introspected.listChanged,
      ttlMs: introspected.ttlMs,
      timer: undefined,
      dueAt: Infinity,
      askedAt: -Infinity,
      asking: false,
      again: false,
      failures: 0,
      following: false,
      followFailures: 0,
      followTimer: undefined,
      over: new AbortController(),
    }
    this.#servers.set(id, server)
    this.#pollLater(server)
    const announces = Object.values(server.kinds).some((kind) => kind)
    if (this.#options.follow && announces) this.#follow(server)
  }

  forget(id: string): void {
    const server = this.#servers.get(id)
    if (!server) return
    this.#servers.delete(id)
    server.timer?.()
    server.followTimer?.()
    server.over.abort()
  }

  /** Its lists may have changed. */
  changed(id: string): void {
    const server = this.#servers.get(id)
    if (!server) return
    if (server.asking) server.again = true
    else this.#askIn(server, this.#soonest(server))
  }

  /** Whether the server tells of its changes at present. */
  follows(id: string): boolean {
    return this.#servers.get(id)?.following ?? false
  }

  close(): void {
    this.#closed = true
    for (const id of this.#servers.keys()) this.forget(id)
  }

  #soonest({ askedAt }: Server): Millis {
    const sinceMs = this.#options.clock.now() - askedAt
    return Math.max(refreshLimits.coalesceMs, refreshLimits.gapMsMin - sinceMs)
  }

  #pollLater(server: Server): void {
    const { pollMsMax, pollMsMin, pollMsDefault, jitter } = refreshLimits
    const usual = server.following
      ? pollMsMax
      : Math.min(pollMsMax, Math.max(pollMsMin, server.ttlMs ?? pollMsDefault))
    // A server that is away is its checks' business.
    const waitMs = Math.min(pollMsMax, usual * 2 ** Math.min(server.failures, 8))
    this.#askIn(server, waitMs * (1 + jitter * (2 * this.#options.random() - 1)))
  }

  /** The earlier of what is due already and this. */
  #askIn(server: Server, delayMs: Millis): void {
    const { clock } = this.#options
    const dueAt = clock.now() + delayMs
    if (server.timer && server.dueAt <= dueAt) return
    server.timer?.()
    server.dueAt = dueAt
    server.timer = clock.after(delayMs, () => {
      server.timer = undefined
      void this.#ask(server)
    })
  }

  async #ask(server: Server): Promise<void> {
    const { introspect, take, onMoved, log, clock } = this.#options
    const { id, endpoint } = server
    server.asking = true
    try {
      await this.#asking.run(async () => {
        if (!this.#isCurrent(server)) return
        server.askedAt = clock.now()
        server.again = false
        const found = await introspect(endpoint, id)
        if (!this.#isCurrent(server)) return
        const outcome = await take(id, endpoint, found)
        server.failures = 0
        if (outcome.kind === 'moved') {
          onMoved(
            id,
            `the server at ${endpoint.url} now calls itself ${outcome.name}, not ${server.name}: register it as what it is`,
          )
        } else if (outcome.kind !== 'gone') onMoved(id, undefined)
        if (outcome.kind === 'changed') log.info({ instance: id }, 'server has changed its lists')
      })
    } catch (error) {
      server.failures += 1
      log.debug({ err: error, instance: id, failures: server.failures }, 'server not asked again')
    } finally {
      server.asking = false
    }
    if (!this.#isCurrent(server)) return
    if (server.again) this.#askIn(server, this.#soonest(server))
    else this.#pollLater(server)
  }

  #follow(server: Server): void {
    const { follow } = this.#options
    if (!follow || !this.#isCurrent(server)) return
    if (this.#follows >= refreshLimits.followsMax) {
      this.#followIn(server, refreshLimits.unsupportedMs)
      return
    }
    this.#follows += 1
    void this.#followOnce(server, follow).finally(() => {
      this.#follows -= 1
      server.following = false
    })
  }

  async #followOnce(server: Server, follow: Follow): Promise<void> {
    const { log, random } = this.#options
    const { id, endpoint, era, kinds } = server
    let waitMs: Millis
    try {
      const end = await follow({
        endpoint,
        era,
        kinds,
        signal: server.over.signal,
        onOpen: () => {
          server.following = true
          // What changed before it was open was told to nobody.
          if (server.followFailures > 0) this.changed(id)
          server.followFailures = 0
        },
        onChanged: () => {
          this.changed(id)
        },
      })
      waitMs = end === 'unsupported' ? refreshLimits.unsupportedMs : 0
    } catch (error) {
      log.debug({ err: error, instance: id }, 'changes not followed')
      waitMs = 0
    }
    if (!this.#isCurrent(server)) return
    const wasFollowing = server.following
    server.following = false
    if (waitMs === 0) {
      const { followAgainMsMin, followAgainMsMax } = refreshLimits
      const ceiling = Math.min(followAgainMsMax, followAgainMsMin * 2 ** server.followFailures)
      waitMs = followAgainMsMin / 2 + random() * ceiling
      server.followFailures = Math.min(16, server.followFailures + 1)
    }
    // Until there is a stream again its own interval counts.
    if (wasFollowing && !server.asking) this.#pollLater(server)
    this.#followIn(server, waitMs)
  }

  #followIn(server: Server, waitMs: Millis): void {
    server.followTimer = this.#options.clock.after(waitMs, () => {
      server.followTimer = undefined
      this.#follow(server)
    })
  }

  #isCurrent(server: Server): boolean {
    return !this.#closed && this.#servers.get(server.id) === server
  }
}

interface Server {
  readonly id: string
  readonly endpoint: Endpoint
  name: string
  readonly era: 'modern' | 'legacy'
  readonly kinds: {
    readonly tools: boolean
    readonly resources: boolean
    readonly prompts: boolean
  }
  ttlMs: number | undefined
  timer: Cancel | undefined
  dueAt: Millis
  askedAt: Millis
  asking: boolean
  /** It changed while it was being asked: the answer may be of before. */
  again: boolean
  failures: number
  following: boolean
  followFailures: number
  followTimer: Cancel | undefined
  readonly over: AbortController
}
