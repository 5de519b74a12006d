import {
  completeSet,
  livenessDefaults,
  parseOwnerId,
  type Cancel,
  type Clock,
  type Follower,
  type Holdings,
  type LivenessSettings,
  type Millis,
  type Log,
  type OwnerId,
  type Transport,
} from '@meridian/shared'
import { ReplicaPresence } from './replica-presence.ts'

export interface SummaryReplicasOptions {
  readonly holdings: Holdings
  readonly follower: Pick<Follower, 'letGo'>
  /** A replica has come to life, or is gone. */
  readonly onPresence: (owner: OwnerId) => void
  /** How often they say that they live. */
  readonly pulseMs: number
  readonly settings?: LivenessSettings | undefined
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
}

const sweepMs = 1_000

/** Follows which of the replicas that summarise live, and lets go of those long gone. */
export class SummaryReplicas {
  readonly #options: SummaryReplicasOptions
  readonly #settings: LivenessSettings
  readonly #presence: ReplicaPresence
  #sweep: Cancel | undefined
  #stopStatus: (() => void) | undefined
  /** Since when it listens without a gap. */
  #listensSince: Millis | undefined

  constructor(options: SummaryReplicasOptions) {
    const { pulseMs, clock, settings = livenessDefaults } = options
    this.#options = options
    this.#settings = settings
    const leaseMs = pulseMs * settings.unreachableAfterPulses
    this.#presence = new ReplicaPresence(leaseMs, sweepMs, clock.now())
  }

  lives(owner: OwnerId): boolean {
    return this.#presence.lives(owner)
  }

  /**
   * Whether each replica that lives has had the time to say so, since this process listens, and
   * whatever it says is here.
   */
  get isSettled(): boolean {
    const { clock, pulseMs, holdings } = this.#options
    if (this.#listensSince === undefined) return false
    if (clock.now() - this.#listensSince < 2 * pulseMs) return false
    return this.#presence.living().every((owner) => completeSet(holdings, owner) !== undefined)
  }

  /** For `Follower`. */
  onHeard(owner: OwnerId): void {
    const { clock, log, onPresence } = this.#options
    if (!this.#presence.heard(owner, clock.now())) return
    log.info({ owner }, 'replica heard')
    onPresence(owner)
  }

  /** Call it once the holdings are what the store gave back. */
  start(): void {
    const { holdings, clock, transport } = this.#options
    if (transport.status === 'connected') this.#listensSince = clock.now()
    this.#stopStatus = transport.onStatus((status) => {
      this.#listensSince = status === 'connected' ? clock.now() : undefined
    })
    for (const { owner } of holdings.values()) this.#presence.expect(owner, clock.now())
    this.#sweepLater()
  }

  close(): void {
    this.#sweep?.()
    this.#stopStatus?.()
  }

  #sweepLater(): void {
    const { clock, transport, log, onPresence } = this.#options
    this.#sweep = clock.after(sweepMs, () => {
      this.#sweepLater()
      for (const owner of this.#presence.sweep(clock.now(), transport.status === 'connected')) {
        log.warn({ owner }, 'replica silent')
        onPresence(owner)
      }
      this.#letGo()
    })
  }

  /** The last of its region is kept: what lies behind a cut link is not gone. */
  #letGo(): void {
    const { clock, holdings, follower } = this.#options
    const { forgetMs, forgetVersionMs } = this.#settings
    const silent = this.#presence.silentFor(forgetMs, clock.now())
    if (silent.length === 0) return
    const livingRegions = new Set<string | undefined>()
    for (const { owner } of holdings.values()) {
      if (this.lives(owner)) livingRegions.add(parseOwnerId(owner)?.region)
    }
    const replaced = silent.filter((owner) => livingRegions.has(parseOwnerId(owner)?.region))
    const drop = new Set(this.#presence.silentFor(forgetVersionMs, clock.now()))
    const isKept = (owner: OwnerId) => holdings.get(owner)?.trust !== 'forgotten'
    follower.letGo({
      forget: replaced.filter((owner) => !drop.has(owner) && isKept(owner)),
      drop: replaced.filter((owner) => drop.has(owner)),
    })
    for (const owner of replaced) if (drop.has(owner)) this.#presence.forget(owner)
  }
}
