import {
  decodeMessageOf,
  isMeridianError,
  logFailure,
  mayWrite,
  parseSubject,
  RivalWatch,
  type Cancel,
  type Clock,
  type Identity,
  type Log,
  type Millis,
  type OwnerId,
  type Random,
  type Subscription,
  type Transport,
} from '@meridian/shared'

export interface RivalryOptions {
  readonly owner: OwnerId
  /** The subject of this node's pulses. */
  readonly subject: string
  readonly self: () => Identity
  /** How often a process of this zone speaks. */
  readonly pulseMs: () => Millis
  /** Once, as soon as `isAlone` holds. */
  readonly onAlone: () => void
  /** Another process goes on under this name: nothing more may be said. */
  readonly onYield: () => void
  /** The other has fallen silent: begin an epoch, then speak again. */
  readonly onComeBack: () => void
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const sweepMs = 1_000
/** A life shows by its second pulse; some come late. */
const pulsesUntilHeard = 2.5

/**
 * Listens for another process under this node's name, as a copied disk or configuration brings
 * about, and has the lower of the two stop. `RivalWatch` decides; this performs.
 */
export class Rivalry {
  readonly #options: RivalryOptions
  readonly #watch: RivalWatch
  /** The run about which the log has been told. */
  #told: string | undefined
  #subscription: Subscription | undefined
  #sweep: Cancel | undefined
  #listeningSince: Millis | undefined
  #stopStatus: (() => void) | undefined
  #wasAlone = false

  constructor(options: RivalryOptions) {
    this.#options = options
    this.#watch = new RivalWatch(options.random)
  }

  /** Whether nothing may be said, because another process speaks under this name. */
  get hasYielded(): boolean {
    return this.#watch.hasYielded
  }

  /**
   * Whether this process has listened for long enough to know that it is alone. One whose disk is
   * behind what others hold must not set itself above them before: what they hold may be a living
   * process's, whose servers would be gone from lookups until one of the two has yielded.
   */
  get isAlone(): boolean {
    const { clock, pulseMs } = this.#options
    if (this.#listeningSince === undefined || this.hasYielded) return false
    return clock.now() - this.#listeningSince >= pulsesUntilHeard * pulseMs()
  }

  start(): void {
    const { transport, clock, subject, log } = this.#options
    const listen = () => {
      this.#listeningSince = transport.status === 'connected' ? clock.now() : undefined
    }
    listen()
    this.#stopStatus = transport.onStatus(listen)
    this.#subscription = transport.subscribe(subject, ({ subject: from, body }) => {
      try {
        this.#hear(from, body)
      } catch (error) {
        if (!isMeridianError(error)) throw error
        logFailure(log, error, { subject }, 'message not taken')
      }
    })
    this.#sweepLater()
  }

  close(): void {
    this.#stopStatus?.()
    this.#subscription?.unsubscribe()
    this.#sweep?.()
  }

  #hear(from: string, body: Uint8Array): void {
    const { owner, self, clock, log, onYield } = this.#options
    const { pulse } = decodeMessageOf('pulse', body)
    const parsed = parseSubject(from)
    if (pulse.owner !== owner || !parsed || !mayWrite(parsed, pulse.owner)) return
    const { version, agentId, runId, number } = pulse
    const before = this.#watch.hasYielded
    const heard = { agentId, runId, epoch: version.epoch, number }
    const verdict = this.#watch.heard(self(), heard, clock.now())
    if (verdict.kind === 'none') return
    const isNews = this.#told !== runId || this.#watch.hasYielded !== before
    this.#told = runId
    if (isNews) {
      const message =
        verdict.kind === 'yield'
          ? 'another process runs under this node’s name: this one publishes nothing more'
          : 'another process runs under this node’s name, and has to stop'
      log.error({ owner, rival: verdict.rival }, message)
    }
    if (verdict.kind === 'yield' && !before) onYield()
  }

  #sweepLater(): void {
    const { clock, log, owner, onAlone, onComeBack } = this.#options
    this.#sweep = clock.after(sweepMs, () => {
      this.#sweepLater()
      if (!this.#wasAlone && this.isAlone) {
        this.#wasAlone = true
        onAlone()
      }
      if (this.#watch.sweep(clock.now()) === 'wait') return
      this.#told = undefined
      log.info({ owner }, 'the other process under this name is silent: publishing again')
      onComeBack()
    })
  }
}
