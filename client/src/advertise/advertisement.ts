import {
  isMeridianError,
  MeridianError,
  type Cancel,
  type CheckInput,
  type Clock,
  type DefinitionInput,
  type Millis,
  type Random,
  type RegisteredInstance,
  type RegistrationInput,
} from '@meridian/shared'
import type { HttpClientOptions } from '../http-client.ts'
import { advertiseCheck, createAgentPort, type AgentPort } from './agent-port.ts'
import { runtimeClock } from './clock.ts'
import { describeServer } from './describe-server.ts'
import { advertiseLimits } from './limits.ts'
import { LoadMeter, type Load } from './load-meter.ts'
import { trackServer, type AdvertisedServer, type SdkServer } from './sdk-server.ts'

export interface AdvertiseOptions {
  /** The instance's id on its host, such as `flights-1`. */
  readonly id: string
  /** Where clients reach the server; a function where that is known only once it listens. */
  readonly url: string | URL | (() => string | URL)
  readonly transport?: 'streamable-http' | 'sse' | 'websocket'
  /** The agent of this host; `http://127.0.0.1:7800` unless given. */
  readonly agent?: string | HttpClientOptions
  /**
   * Who registers, the same after a restart. Two processes that must not share an id take
   * different names. `advertise` unless given.
   */
  readonly registrant?: string
  readonly tags?: readonly string[]
  readonly metadata?: Readonly<Record<string, string>>
  readonly weight?: number
  readonly capacity?: number
  /** Vouches that lists do not differ from caller to caller, should the server not say so. */
  readonly publish?: boolean
  /**
   * Who says what the server offers: the agent asks it at its URL (the default); or, where
   * strangers are not answered there, the server itself, asked in this process: for that it has
   * to be given as a function that makes one. Or write it down in `definition`.
   */
  readonly introspect?: boolean
  readonly definition?: DefinitionInput
  /** Without a word from here for so long, the server is in no answer. */
  readonly ttlMs?: Millis
  /** Without a word for so long, it is deregistered. */
  readonly deregisterAfterMs?: Millis
  /** How the agent itself looks at the server, beside hearing from it; not at all unless given. */
  readonly checks?: readonly CheckInput[]
  /** How long calls in flight may take once it is to end. */
  readonly drainMs?: Millis
  /**
   * No timers: for runtimes that run only while there is a request. Call `renew` from a schedule,
   * more often than `ttlMs`.
   */
  readonly manual?: boolean
  /** What went wrong; it is tried again all the same. */
  readonly onError?: (error: MeridianError) => void
  readonly clock?: Clock
  readonly random?: Random
}

export type AdvertisementState = 'registering' | 'registered' | 'draining' | 'closed'

/** A server that the registry knows of for as long as this lasts. */
export interface Advertisement<Server extends AdvertisedServer = SdkServer> {
  readonly id: string
  readonly state: AdvertisementState
  /** Why the agent was not told the last time; undefined while all is well. */
  readonly lastError: MeridianError | undefined
  readonly load: Load
  /** Resolves when it is registered for the first time; never rejects. */
  readonly registered: Promise<RegisteredInstance>
  /** Resolves when it is over. */
  readonly closed: Promise<void>
  /** What was advertised, counted: pass this on where a function is wanted that makes servers. */
  readonly server: Server
  /** Counts what another server object is asked, such as that of one session. */
  track<S extends SdkServer>(server: S): S
  /** Counts work of another kind. */
  measure<T>(work: () => T | Promise<T>): Promise<T>
  /** What the server offers has changed; needed only where no SDK tells. */
  changed(): void
  /** Registers or renews at once. Errors: as the agent's. */
  renew(): Promise<void>
  /** No new work; then, once nothing is in flight, `close`. */
  drain(): Promise<void>
  /** Deregisters, if the agent can be reached. Never rejects; twice is fine. */
  close(): Promise<void>
}

/** See `advertise`. */
export function startAdvertising<Server extends AdvertisedServer>(
  server: Server,
  options: AdvertiseOptions,
): Advertisement<Server> {
  const agent: HttpClientOptions =
    typeof options.agent === 'object'
      ? options.agent
      : { url: options.agent ?? agentUrlDefault, timeoutMs: advertiseLimits.callMsMax }
  return new Advertising(server, options, createAgentPort(agent))
}

const agentUrlDefault = 'http://127.0.0.1:7800'

/**
 * Keeps one instance registered, whatever becomes of the agent:
 *
 *     registering ──201──▶ registered ──drain──▶ draining ──idle──▶ closed
 *          ▲  │ away: 0.5 s … 30 s   │
 *          └──┴───── 404, changed ───┘
 */
class Advertising<Server extends AdvertisedServer> implements Advertisement<Server> {
  readonly id: string
  readonly server: Server
  readonly registered: Promise<RegisteredInstance>
  readonly closed: Promise<void>
  lastError: MeridianError | undefined
  state: AdvertisementState = 'registering'
  readonly #options: AdvertiseOptions
  readonly #agent: AgentPort
  readonly #clock: Clock
  readonly #meter: LoadMeter
  readonly #registrant: string
  readonly #ttlMs: Millis
  readonly #tell: (instance: RegisteredInstance) => void
  readonly #tellEnd: () => void
  #timer: Cancel | undefined
  #renewing: Promise<void> | undefined
  #ending: Promise<void> | undefined
  /** What it offers is to be told anew. */
  #isStale = true
  #failures = 0
  #toldAt = 0
  #toldLoad: Load = { inFlight: 0, latencyMs: 0 }

  constructor(server: Server, options: AdvertiseOptions, agent: AgentPort) {
    this.id = options.id
    this.#options = options
    this.#agent = agent
    this.#clock = options.clock ?? runtimeClock
    this.#registrant = options.registrant ?? 'advertise'
    this.#ttlMs = options.ttlMs ?? advertiseLimits.ttlMsDefault
    this.#meter = new LoadMeter(() => this.#clock.now())
    const { promise, resolve } = Promise.withResolvers<RegisteredInstance>()
    this.registered = promise
    this.#tell = resolve
    const end = Promise.withResolvers<undefined>()
    this.closed = end.promise.then(() => undefined)
    this.#tellEnd = () => {
      end.resolve(undefined)
    }
    this.server =
      typeof server === 'function'
        ? ((() => this.track(server())) as Server)
        : (this.track(server) as Server)
    if (options.introspect === false && !options.definition && typeof server !== 'function') {
      throw new MeridianError(
        'config_invalid',
        'a server can describe itself only if it is given as a function that makes one',
      )
    }
    if (options.manual !== true) this.#renewIn(0)
  }

  get load(): Load {
    return this.#meter.load
  }

  track<S extends SdkServer>(server: S): S {
    trackServer(server, this.#meter, () => {
      this.changed()
    })
    return server
  }

  async measure<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.#meter.begin()
    try {
      return await work()
    } finally {
      done()
    }
  }

  changed(): void {
    // Not yet told, or told soon, in any case.
    if (this.#isStale || this.state !== 'registered') return
    this.#isStale = true
    if (this.#options.manual !== true) this.#renewIn(advertiseLimits.changedMs)
  }

  renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  drain(): Promise<void> {
    this.#ending ??= this.#end(this.#options.drainMs ?? advertiseLimits.drainMsDefault)
    return this.#ending
  }

  close(): Promise<void> {
    this.#ending ??= this.#end(0)
    return this.#ending
  }

  async #renewOnce(): Promise<void> {
    if (this.state === 'draining' || this.state === 'closed') return
    try {
      const isNew = this.#isStale || this.state === 'registering'
      const instance = isNew ? await this.#register() : undefined
      await this.#report()
      this.#failures = 0
      this.lastError = undefined
      if (instance) this.#tell(instance)
    } catch (error) {
      const known = toKnown(error)
      // The agent has another disk, or an operator has taken the instance out.
      if (known.code === 'not_found' && this.#isRegistered()) this.state = 'registering'
      this.#failures += 1
      this.lastError = known
      this.#options.onError?.(known)
      throw known
    }
  }

  async #register(): Promise<RegisteredInstance> {
    this.#isStale = false
    try {
      const instance = await this.#agent.register(this.id, await this.#registration())
      if (this.state === 'registering') this.state = 'registered'
      return instance
    } catch (error) {
      this.#isStale = true
      throw error
    }
  }

  async #report(): Promise<void> {
    const load = this.#meter.load
    await this.#agent.report(this.id, this.#registrant, { load })
    this.#toldAt = this.#clock.now()
    this.#toldLoad = load
  }

  async #registration(): Promise<RegistrationInput> {
    const { tags, metadata, weight, capacity, publish, checks = [] } = this.#options
    const definition = await this.#definition()
    const { url, transport = 'streamable-http' } = this.#options
    const endpoint: RegistrationInput['endpoint'] = {
      transport,
      url: String(typeof url === 'function' ? url() : url),
    }
    const deregisterAfterCriticalMs =
      this.#options.deregisterAfterMs ?? advertiseLimits.deregisterMsDefault
    return {
      endpoint,
      registrant: this.#registrant,
      checks: [
        { kind: 'ttl', name: advertiseCheck, ttlMs: this.#ttlMs, deregisterAfterCriticalMs },
        ...checks,
      ],
      ...(definition && { definition }),
      ...(tags && { tags: [...tags] }),
      ...(metadata && { metadata }),
      ...(weight !== undefined && { weight }),
      ...(capacity !== undefined && { capacity }),
      ...(publish === true && !definition && { publish }),
    }
  }

  /** Undefined: the agent asks. */
  async #definition(): Promise<DefinitionInput | undefined> {
    const { definition, introspect } = this.#options
    if (definition || introspect !== false) return definition
    const { server } = this
    if (typeof server !== 'function') return undefined
    return await describeServer(server(), this.id)
  }

  #renewIn(delayMs: Millis): void {
    this.#timer?.()
    this.#timer = this.#clock.after(delayMs, () => {
      void this.#renewAndGoOn()
    })
  }

  async #renewAndGoOn(): Promise<void> {
    let waitMs: Millis
    try {
      if (this.#isDue()) await this.renew()
      // It may have changed again while that was told.
      waitMs = this.#isStale ? advertiseLimits.changedMs : this.#lookAgainMs()
    } catch (error) {
      waitMs = this.#afterFailureMs(toKnown(error))
    }
    if (this.#isRegistered() || this.state === 'registering') this.#renewIn(waitMs)
  }

  /** Whether the agent wants to hear something. */
  #isDue(): boolean {
    if (this.state === 'registering' || this.#isStale || this.#failures > 0) return true
    const { inFlight, latencyMs } = this.#meter.load
    const isOther =
      inFlight !== this.#toldLoad.inFlight || Math.abs(latencyMs - this.#toldLoad.latencyMs) >= 1
    const sinceMs = this.#clock.now() - this.#toldAt
    // The next look would be too late.
    return isOther || sinceMs + this.#lookAgainMs() > this.#ttlMs * advertiseLimits.renewPart
  }

  #lookAgainMs(): Millis {
    return Math.min(advertiseLimits.reportMs, this.#ttlMs * advertiseLimits.renewPart)
  }

  #afterFailureMs({ code, retryable }: MeridianError): Millis {
    const { tryAgainMsMin, tryAgainMsMax, refusedAgainMs } = advertiseLimits
    // At once, and once: what is registered anew may be refused again.
    if (code === 'not_found' && this.#failures === 1) return 0
    const ceiling = Math.min(tryAgainMsMax, tryAgainMsMin * 2 ** Math.min(this.#failures, 10))
    const most = retryable ? ceiling : refusedAgainMs
    return most / 2 + (most / 2) * (this.#options.random ?? Math.random)()
  }

  async #end(waitMs: Millis): Promise<void> {
    const wasRegistered = this.#isRegistered()
    this.#timer?.()
    this.state = 'draining'
    await this.#renewing?.catch(() => undefined)
    if (wasRegistered && waitMs > 0) {
      await this.#tried(() => this.#agent.drain(this.id, waitMs))
      const late = Promise.withResolvers<undefined>()
      const cancel = this.#clock.after(waitMs, () => {
        late.resolve(undefined)
      })
      await Promise.race([this.#meter.idle(), late.promise])
      cancel()
    }
    this.state = 'closed'
    if (wasRegistered) {
      await this.#tried(() => this.#agent.deregister(this.id, this.#registrant))
    }
    this.#tellEnd()
  }

  /** At the end nothing is tried twice: the lease ends by itself. */
  async #tried(call: () => Promise<void>): Promise<void> {
    try {
      await call()
    } catch (error) {
      const known = toKnown(error)
      if (known.code === 'not_found') return
      this.lastError = known
      this.#options.onError?.(known)
    }
  }

  #isRegistered(): boolean {
    return this.state === 'registered'
  }
}

function toKnown(error: unknown): MeridianError {
  if (isMeridianError(error)) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new MeridianError('internal', `not advertised: ${reason}`, { cause: error })
}
