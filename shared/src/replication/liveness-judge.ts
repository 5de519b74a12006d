import type { OwnerId } from '../model/index.ts'
import type { Millis } from '../ports/clock.ts'
import {
  comparePulses,
  noPulse,
  type Judgement,
  type NodeStatus,
  type PulseMark,
} from './judgement.ts'
import type { LivenessSettings } from './liveness-settings.ts'
import {
  SelfPreservation,
  type Preservation,
  type PreservationOverride,
  type SilentNode,
} from './self-preservation.ts'

/** A node's standing moved. */
export interface LivenessChange extends Judgement {
  readonly before: NodeStatus | undefined
}

export interface SweepStep {
  readonly changes: readonly LivenessChange[]
  /** Owners whose records are to be let go. */
  readonly forget: readonly OwnerId[]
  /** Owners whose version is to be let go too; the judge knows them no more. */
  readonly drop: readonly OwnerId[]
}

/**
 * One local replica's judgement of its zone, by monotonic time. The shell reports every pulse as
 * it comes and sweeps every `sweepMs`.
 *
 *              lease over           silent               reapMs
 *     alive ───────────▶ suspect ──────────▶ unreachable ──────▶ reaped ─▶ records, version go
 *       ◀──────────────────┴── a pulse, or a delta that advances the version ─┴┘
 *
 * Time that the judge itself was not there (a late sweep, a pause of the process, a link that was
 * down) counts for nobody: leases are measured on a clock that stands still meanwhile.
 */
export class LivenessJudge {
  readonly #settings: LivenessSettings
  readonly #preservation: SelfPreservation
  readonly #nodes = new Map<OwnerId, Node>()
  /** Time that does not count, up to now. */
  #lostMs: Millis = 0
  #lookedAt: Millis
  #linkIsDown = false
  /** Late sweeps raise it, punctual ones lower it; leases are that much longer. */
  #ownLag = 0
  #wasLate = false
  #punctualSweeps = 0

  constructor(zone: string, settings: LivenessSettings, now: Millis) {
    this.#settings = settings
    this.#preservation = new SelfPreservation(zone, settings)
    this.#lookedAt = now
  }

  get size(): number {
    return this.#nodes.size
  }

  get preservation(): Preservation {
    return this.#preservation.status
  }

  /** Whether the judge's own loop lags, so that others' judgements are better. */
  get isUnsure(): boolean {
    return this.#ownLag > 0 || this.#linkIsDown
  }

  judgementOf(owner: OwnerId): Judgement | undefined {
    const node = this.#nodes.get(owner)
    return node && { owner, status: node.status, pulse: node.pulse }
  }

  judgements(): Judgement[] {
    return [...this.#nodes].map(([owner, { status, pulse }]) => ({ owner, status, pulse }))
  }

  override(override: PreservationOverride): void {
    this.#preservation.override(override)
  }

  /**
   * An owner that the store gave back, or that a delta told of. It has one lease from now on to be
   * heard; a pulse that another replica heard outweighs this judgement meanwhile.
   */
  expect(owner: OwnerId, everyMs: Millis, now: Millis): LivenessChange | undefined {
    if (this.#nodes.has(owner)) return undefined
    return this.#enter(owner, noPulse, everyMs, this.#time(now))
  }

  /** A pulse, with the interval that its node keeps. One that is not newer counts for nothing. */
  heard(
    owner: OwnerId,
    pulse: PulseMark,
    everyMs: Millis,
    now: Millis,
  ): LivenessChange | undefined {
    const at = this.#time(now)
    const node = this.#nodes.get(owner)
    if (!node) return this.#enter(owner, pulse, everyMs, at)
    if (comparePulses(pulse, node.pulse) <= 0) return undefined
    node.pulse = pulse
    node.everyMs = everyMs
    return this.#revive(owner, node, at)
  }

  /** A delta of the owner advanced its version: it lives, pulse or no pulse. */
  advanced(owner: OwnerId, now: Millis): LivenessChange | undefined {
    const node = this.#nodes.get(owner)
    return node && this.#revive(owner, node, this.#time(now))
  }

  /**
   * Now, on the clock of leases, and how long a node that pulses every `everyMs` may be silent
   * before it is unreachable: for whoever judges something else by silence.
   */
  silence(everyMs: Millis, now: Millis): { readonly at: Millis; readonly leaseMs: Millis } {
    return {
      at: this.#time(now),
      leaseMs: this.#lease(everyMs, this.#settings.unreachableAfterPulses),
    }
  }

  /**
   * An operator says that the node is gone for good: it is hidden at once, and its records are to
   * be let go. Its next pulse brings it back all the same. Undefined for one that is not gone.
   */
  forget(owner: OwnerId, now: Millis): { readonly change: LivenessChange | undefined } | undefined {
    const at = this.#time(now)
    const node = this.#nodes.get(owner)
    if (!node || node.status === 'alive' || node.status === 'suspect') return undefined
    node.isForgotten = true
    return { change: this.#move(owner, node, 'reaped', at) }
  }

  /** The way to the broker was lost: until it is back, silence means nothing. */
  linkDown(now: Millis): void {
    this.#time(now)
    this.#linkIsDown = true
  }

  linkUp(now: Millis): void {
    this.#time(now)
    this.#linkIsDown = false
  }

  /** `protects`: see `SelfPreservation`. */
  sweep(now: Millis, protects: (owner: OwnerId, out: ReadonlySet<OwnerId>) => boolean): SweepStep {
    const at = this.#time(now)
    this.#noteOwnLag()
    if (this.#linkIsDown) return { changes: [], forget: [], drop: [] }
    return {
      changes: [...this.#suspect(at), ...this.#takeOut(at, protects), ...this.#reap(at)],
      ...this.#letGo(at),
    }
  }

  /** The clock of leases. Whatever passed beyond one sweep interval is not counted. */
  #time(now: Millis): Millis {
    const passed = now - this.#lookedAt
    const { sweepMs, latenessMinMs } = this.#settings
    if (this.#linkIsDown) this.#lostMs += passed
    else if (passed > sweepMs + latenessMinMs) {
      this.#lostMs += passed - sweepMs
      this.#wasLate = true
    }
    this.#lookedAt = now
    return now - this.#lostMs
  }

  #noteOwnLag(): void {
    if (this.#wasLate) {
      this.#wasLate = false
      this.#ownLag = Math.min(ownLagMax, this.#ownLag + 1)
      this.#punctualSweeps = 0
    } else if (this.#ownLag > 0 && ++this.#punctualSweeps >= punctualSweepsToTrust) {
      this.#ownLag -= 1
      this.#punctualSweeps = 0
    }
  }

  #enter(owner: OwnerId, pulse: PulseMark, everyMs: Millis, at: Millis): LivenessChange {
    this.#nodes.set(owner, {
      status: 'alive',
      pulse,
      everyMs,
      heardAt: at,
      changedAt: at,
      isForgotten: false,
    })
    return { owner, status: 'alive', pulse, before: undefined }
  }

  #revive(owner: OwnerId, node: Node, at: Millis): LivenessChange | undefined {
    node.heardAt = at
    node.isForgotten = false
    return this.#move(owner, node, 'alive', at)
  }

  #move(owner: OwnerId, node: Node, status: NodeStatus, at: Millis): LivenessChange | undefined {
    const before = node.status
    if (before === status) return undefined
    node.status = status
    node.changedAt = at
    if (before === 'alive') node.silentSince = at
    if (status === 'alive') delete node.silentSince
    return { owner, status, pulse: node.pulse, before }
  }

  #suspect(at: Millis): LivenessChange[] {
    const changes: LivenessChange[] = []
    for (const [owner, node] of this.#nodes) {
      if (node.status !== 'alive') continue
      if (at - node.heardAt < this.#lease(node.everyMs, this.#settings.suspectAfterPulses)) continue
      const change = this.#move(owner, node, 'suspect', at)
      if (change) changes.push(change)
    }
    return changes
  }

  #takeOut(
    at: Millis,
    protects: (owner: OwnerId, out: ReadonlySet<OwnerId>) => boolean,
  ): LivenessChange[] {
    const silent: SilentNode[] = []
    let size = 0
    for (const [owner, node] of this.#nodes) {
      if (node.status !== 'reaped') size++
      if (node.silentSince === undefined) continue
      silent.push({
        owner,
        since: node.silentSince,
        isDue:
          at - node.heardAt >= this.#lease(node.everyMs, this.#settings.unreachableAfterPulses),
        isOut: node.status === 'unreachable' || node.status === 'reaped',
      })
    }
    const admitted = this.#preservation.admit(silent, size, at, protects)
    return admitted.flatMap((owner) => {
      const node = this.#nodes.get(owner)
      return (node && this.#move(owner, node, 'unreachable', at)) ?? []
    })
  }

  #reap(at: Millis): LivenessChange[] {
    const changes: LivenessChange[] = []
    for (const [owner, node] of this.#nodes) {
      if (node.status !== 'unreachable' || at - node.changedAt < this.#settings.reapMs) continue
      const change = this.#move(owner, node, 'reaped', at)
      if (change) changes.push(change)
    }
    return changes
  }

  #letGo(at: Millis): Pick<SweepStep, 'forget' | 'drop'> {
    const { forgetMs, forgetVersionMs } = this.#settings
    const forget: OwnerId[] = []
    const drop: OwnerId[] = []
    for (const [owner, node] of this.#nodes) {
      if (node.status !== 'reaped') continue
      const silentMs = at - node.heardAt
      if (silentMs >= forgetVersionMs) {
        this.#nodes.delete(owner)
        drop.push(owner)
      } else if (silentMs >= forgetMs && !node.isForgotten) {
        node.isForgotten = true
        forget.push(owner)
      }
    }
    return { forget, drop }
  }

  #lease(everyMs: Millis, pulses: number): Millis {
    return everyMs * pulses * (1 + this.#ownLag / 2)
  }
}

interface Node {
  status: NodeStatus
  pulse: PulseMark
  everyMs: Millis
  /** On the clock of leases, as are the next two. */
  heardAt: Millis
  changedAt: Millis
  silentSince?: Millis
  isForgotten: boolean
}

/** Leases grow to at most three times their length. */
const ownLagMax = 4
/** Five seconds of punctual sweeps take back one late one. */
const punctualSweepsToTrust = 20
