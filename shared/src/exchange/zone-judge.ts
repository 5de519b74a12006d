import { sameEpoch, type OwnerId } from '../model/index.ts'
import type { Cancel, Clock, Log, Millis, Subscription, Transport } from '../ports/index.ts'
import {
  IdentityBook,
  LivenessJudge,
  livenessDefaults,
  VitalsWriter,
  type FollowedNode,
  type Holdings,
  type LivenessChange,
  type LivenessSettings,
  type NodeStatus,
  type NodeVitals,
  type Preservation,
  type PreservationOverride,
  type PulseLoad,
} from '../replication/index.ts'
import { decodeMessageOf, encodeMessage, subjects, type Pulse } from '../wire/index.ts'
import { guard, logFailure } from './failure.ts'
import type { Follower } from './follower.ts'
import { exchangeLimits } from './limits.ts'
import type { ZoneLiveness } from './zone-liveness.ts'

export interface ZoneJudgeOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
  readonly place: { readonly region: string; readonly zone: string; readonly replica: string }
  /** Of this process. */
  readonly runId: string
  /** What a node is expected to keep before it has said what it keeps. */
  readonly pulseMs: Millis
  readonly holdings: Holdings
  readonly letGo: Follower['letGo']
  /**
   * Begins a look at who serves what. The result tells whether taking an owner out, with `out`
   * taken out already, would leave something without a passing instance.
   */
  readonly protection: () => (owner: OwnerId, out: ReadonlySet<OwnerId>) => boolean
  readonly onNode: (node: FollowedNode) => void
  readonly settings?: LivenessSettings | undefined
}

/** What became of a node that an operator wants forgotten. */
export type ForgetOutcome = 'forgotten' | 'alive' | 'unknown'

const nothing: readonly PulseLoad[] = []

/** Somebody who is not believed to be an owner, by the pulses heard of it. */
interface Dispute {
  readonly runId: string
  readonly number: number
  readonly pulses: number
}

/** More than are ever late on their way at once: whoever goes on so lives, and is told of once. */
const pulsesOfALife = 3

/**
 * A local replica's judgement of its zone, performed: takes in pulses, sweeps, shows how nodes
 * stand, and publishes vitals, which everybody else follows. The rules are those of
 * `LivenessJudge` and `VitalsWriter`.
 */
export class ZoneJudge implements ZoneLiveness {
  readonly #options: ZoneJudgeOptions
  readonly #settings: LivenessSettings
  readonly #judge: LivenessJudge
  readonly #writer: VitalsWriter
  readonly #identities = new IdentityBook()
  /** Since when it listens without a gap. */
  #listensSince: Millis | undefined
  /** The longest interval that a node keeps, of those heard. */
  #everyMsMax = 0
  readonly #loads = new Map<OwnerId, readonly PulseLoad[]>()
  /** How many pulses came under an owner's name from a run that is not believed to be it. */
  readonly #disputes = new Map<OwnerId, Dispute>()
  /** Pulses of a node that, by the number of the next one, were sent and did not arrive. */
  pulsesMissed = 0
  #isWholeDue = true
  #wholeAt: Millis
  #wasPreserved = false
  #sweep: Cancel | undefined
  #publish: Cancel | undefined
  #subscription: Subscription | undefined
  #stopStatus: (() => void) | undefined

  constructor(options: ZoneJudgeOptions) {
    const { place, runId, clock, settings = livenessDefaults } = options
    this.#options = options
    this.#settings = settings
    this.#judge = new LivenessJudge(`${place.region}/${place.zone}`, settings, clock.now())
    this.#writer = new VitalsWriter({ ...place, runId })
    this.#wholeAt = clock.now()
  }

  /** Call it once the holdings are what the store gave back: each owner gets a lease to be heard. */
  start(): void {
    const { transport, clock, place, log, holdings } = this.#options
    for (const { owner } of holdings.values()) this.#expect(owner)
    if (transport.status === 'connected') this.#listensSince = clock.now()
    else this.#judge.linkDown(clock.now())
    this.#stopStatus = transport.onStatus((status) => {
      this.#listensSince = status === 'connected' ? clock.now() : undefined
      if (status === 'connected') {
        this.#judge.linkUp(clock.now())
        this.#isWholeDue = true
      } else this.#judge.linkDown(clock.now())
    })
    this.#subscription = transport.subscribe(
      subjects.rpcLocal(place, 'vitals', place.replica),
      (message) => {
        guard(log, message, () => {
          decodeMessageOf('vitals-request', message.body)
          this.#onRequest()
        })
      },
    )
    this.#sweepLater()
    this.#publishLater()
  }

  close(): void {
    this.#sweep?.()
    this.#publish?.()
    this.#subscription?.unsubscribe()
    this.#stopStatus?.()
  }

  /** For `Follower`: whether the pulse's speaker is believed to be its owner. */
  onPulse(pulse: Pulse): boolean {
    const { owner, version, number, everyMs, runId, agentId } = pulse
    const identity = { agentId, runId, epoch: version.epoch }
    this.#everyMsMax = Math.max(this.#everyMsMax, everyMs)
    const now = this.#options.clock.now()
    const { at, leaseMs } = this.#judge.silence(everyMs, now)
    const verdict = this.#identities.heard(owner, identity, at, leaseMs)
    if (verdict.kind !== 'accepted') this.#dispute(pulse, verdict)
    if (verdict.kind === 'refused') return false
    const last = this.#judge.judgementOf(owner)?.pulse
    if (last && sameEpoch(last.epoch, version.epoch))
      this.pulsesMissed += Math.max(0, number - last.number - 1)
    const change = this.#judge.heard(owner, { epoch: version.epoch, number }, everyMs, now)
    const loads = pulse.loads.length === 0 ? nothing : pulse.loads
    const before = this.#loads.get(owner) ?? nothing
    this.#loads.set(owner, loads)
    if (change) this.#show(change)
    else if (loads !== before) this.#options.onNode({ owner, status: this.#statusOf(owner), loads })
    return true
  }

  /** For `Follower`. */
  onAdvanced(owner: OwnerId, fromOwner: boolean): void {
    if (this.#judge.judgementOf(owner) === undefined) this.#expect(owner)
    else if (fromOwner) {
      const change = this.#judge.advanced(owner, this.#options.clock.now())
      if (change) this.#show(change)
    }
  }

  /**
   * Whether each node that lives has had the time to say what it has, since this process listens:
   * before, what came from the disk may be old, or nothing.
   */
  get isSettled(): boolean {
    const { clock, pulseMs } = this.#options
    if (this.#listensSince === undefined) return false
    // A pulse may be lost; of nodes that speak seldom one is enough.
    const waitMs = Math.max(2 * pulseMs, 1.5 * this.#everyMsMax)
    return clock.now() - this.#listensSince >= waitMs
  }

  get preservation(): Preservation {
    return this.#judge.preservation
  }

  /** An operator's word on self-preservation. */
  override(override: PreservationOverride): void {
    this.#judge.override(override)
  }

  /**
   * An operator's word that a node is gone for good: it is hidden, and its records are let go.
   * Nothing is done to one that lives, or did until a moment ago.
   */
  forget(node: string): ForgetOutcome {
    const { clock, place, letGo } = this.#options
    const prefix = `${place.region}/${place.zone}/${node}/`
    const owners = this.#judge.judgements().filter(({ owner }) => owner.startsWith(prefix))
    if (owners.length === 0) return 'unknown'
    if (owners.some(({ status }) => status === 'alive' || status === 'suspect')) return 'alive'
    for (const { owner } of owners) {
      const change = this.#judge.forget(owner, clock.now())?.change
      if (change) this.#show(change)
    }
    letGo({ forget: owners.map(({ owner }) => owner), drop: [] })
    return 'forgotten'
  }

  stateOf(): 'fresh' | 'preserved' | 'unknown' {
    if (this.#options.transport.status !== 'connected') return 'unknown'
    return this.#judge.preservation.state === 'preserved' ? 'preserved' : 'fresh'
  }

  statusOf(owner: OwnerId): NodeStatus | undefined {
    return this.#judge.judgementOf(owner)?.status
  }

  #statusOf(owner: OwnerId): NodeStatus {
    return this.#judge.judgementOf(owner)?.status ?? 'alive'
  }

  #expect(owner: OwnerId): void {
    const { pulseMs, clock } = this.#options
    const change = this.#judge.expect(owner, pulseMs, clock.now())
    if (change) this.#show(change)
  }

  #sweepLater(): void {
    const { clock } = this.#options
    this.#sweep = clock.after(this.#settings.sweepMs, () => {
      this.#sweepLater()
      const { protection, letGo } = this.#options
      let protects: ReturnType<typeof protection> | undefined
      const { changes, forget, drop } = this.#judge.sweep(clock.now(), (owner, out) => {
        // Looked at only where something is to be taken out of a preserved zone.
        protects ??= protection()
        return protects(owner, out)
      })
      for (const change of changes) this.#show(change)
      this.#tellPreservation()
      for (const owner of drop) {
        this.#identities.forget(owner)
        this.#loads.delete(owner)
        this.#disputes.delete(owner)
      }
      letGo({ forget, drop })
    })
  }

  #tellPreservation(): void {
    const { log, place } = this.#options
    const isPreserved = this.#judge.preservation.state === 'preserved'
    if (isPreserved === this.#wasPreserved) return
    this.#wasPreserved = isPreserved
    const { region, zone } = place
    if (isPreserved)
      log.error({ region, zone }, 'too many nodes fell silent: the zone is preserved')
    else log.info({ region, zone }, 'the zone is preserved no more')
  }

  #show({ owner, status, before }: LivenessChange): void {
    const { log, onNode } = this.#options
    if (status === 'unreachable' || status === 'reaped') this.#loads.delete(owner)
    if (before !== undefined) log.info({ owner, status, before }, 'node changed')
    onNode({ owner, status, loads: this.#loads.get(owner) ?? nothing })
  }

  #dispute(
    { owner, runId, number }: Pulse,
    verdict: Exclude<ReturnType<IdentityBook['heard']>, { kind: 'accepted' }>,
  ): void {
    const before = this.#disputes.get(owner)
    const isSame = before?.runId === runId
    // The last ones of a process that has ended may be late on their way, and come twice.
    if (isSame && number <= before.number) return
    const pulses = isSame ? before.pulses + 1 : 1
    this.#disputes.set(owner, { runId, number, pulses })
    if (pulses !== pulsesOfALife) return
    const { log } = this.#options
    if (verdict.kind === 'rivals') {
      const { holder, other } = verdict
      log.error({ owner, runs: [holder.runId, other.runId] }, 'two living processes of one name')
    } else {
      const { agentId } = verdict.holder
      // A host that was set up anew does this until its old self has been silent for long enough.
      log.warn({ owner, holder: agentId }, 'another database claims a name that is held; refused')
    }
  }

  #publishLater(): void {
    this.#publish = this.#options.clock.after(exchangeLimits.vitalsMs, () => {
      this.#publishLater()
      this.#publishVitals()
    })
  }

  /**
   * Whoever asks has missed something, and is told at once. Many ask at once after one message was
   * lost; one answer serves them all, and those who ask after it wait for the next that is due.
   */
  #onRequest(): void {
    this.#isWholeDue = true
    if (this.#options.clock.now() - this.#wholeAt >= exchangeLimits.vitalsMs) this.#publishVitals()
  }

  #publishVitals(): void {
    const { transport, clock, place, log } = this.#options
    // What is not written is said with what comes next.
    if (transport.status !== 'connected') return
    const head = {
      isPreserved: this.#judge.preservation.state === 'preserved',
      isUnsure: this.#judge.isUnsure,
    }
    const now = clock.now()
    const isWhole = this.#isWholeDue || now - this.#wholeAt >= exchangeLimits.vitalsWholeMs
    const messages = isWhole
      ? this.#writer.whole(this.#nodes(), head)
      : this.#writer.changes(this.#nodes(), head)
    if (isWhole) this.#wholeAt = now
    this.#isWholeDue = false
    const subject = subjects.vitals(place, place.replica)
    try {
      for (const vitals of messages) {
        transport.publish(subject, encodeMessage({ kind: 'vitals', vitals }))
      }
    } catch (error) {
      // The hole in the numbers makes everybody ask.
      logFailure(log, error, { subject }, 'not published')
    }
  }

  #nodes(): NodeVitals[] {
    const { holdings } = this.#options
    return this.#judge.judgements().map((judgement): NodeVitals => {
      const loads = this.#loads.get(judgement.owner) ?? nothing
      const holding = holdings.get(judgement.owner)
      if (holding?.trust === 'whole') return { ...judgement, held: holding.version, loads }
      const isSilent = judgement.status === 'unreachable' || judgement.status === 'reaped'
      return holding?.trust === 'forgotten' && isSilent
        ? { ...judgement, isForgotten: true, loads }
        : { ...judgement, loads }
    })
  }
}
