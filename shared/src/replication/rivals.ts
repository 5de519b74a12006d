import { compareEpochs, type Epoch, type OwnerId } from '../model/index.ts'
import type { Millis } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'

/** Who speaks for an owner: the database, and the process that runs on it now. */
export interface Identity {
  readonly agentId: string
  readonly runId: string
  readonly epoch: Epoch
}

/** Another process heard under one's own name, by its pulses. */
export interface HeardPulse extends Identity {
  readonly number: number
}

/** A rival that is silent for so long is gone: it would be unreachable by then. */
const rivalGoneMs = 15_000
/** The wait beyond that is drawn up to this, so that two that yielded do not come back together. */
const comeBackMs = 15_000

export type RivalVerdict =
  /** Oneself, or a run that has ended. */
  | { readonly kind: 'none' }
  /** A rival lives and has to stop; tell the operator. */
  | { readonly kind: 'stand'; readonly rival: Identity }
  /** Stop publishing, loudly: the rival goes on. */
  | { readonly kind: 'yield'; readonly rival: Identity }

/**
 * An agent's ear on its own pulse subject. Two processes under one name, by a copied disk or a
 * copied configuration, would start epochs above each other for ever and each remove what the
 * other registered. Of two living ones the lower (epoch, runId) stops.
 *
 * One pulse of another run may be the last that a predecessor sent; two, with a rising number,
 * are a life.
 */
export class RivalWatch {
  readonly #random: Random
  #rival: (HeardPulse & { readonly isAlive: boolean }) | undefined
  #yieldedUntil: Millis | undefined

  constructor(random: Random) {
    this.#random = random
  }

  /** Whether one has yielded: nothing may be published. */
  get hasYielded(): boolean {
    return this.#yieldedUntil !== undefined
  }

  heard(own: Identity, pulse: HeardPulse, now: Millis): RivalVerdict {
    if (pulse.runId === own.runId) return { kind: 'none' }
    const before = this.#rival?.runId === pulse.runId ? this.#rival : undefined
    const isAlive =
      before !== undefined &&
      (before.isAlive ||
        compareEpochs(pulse.epoch, before.epoch) > 0 ||
        pulse.number > before.number)
    this.#rival = { ...pulse, isAlive }
    if (!isAlive) return { kind: 'none' }
    const { agentId, runId, epoch } = pulse
    const rival = { agentId, runId, epoch }
    if (this.#yieldedUntil === undefined && compareRuns(own, rival) > 0) {
      return { kind: 'stand', rival }
    }
    this.#yieldedUntil = now + rivalGoneMs + this.#random() * comeBackMs
    return { kind: 'yield', rival }
  }

  /**
   * After having yielded: `come-back` once, when the rival has been silent for long enough. Begin
   * an epoch then, before anything is published.
   */
  sweep(now: Millis): 'wait' | 'come-back' {
    if (this.#yieldedUntil === undefined || now < this.#yieldedUntil) return 'wait'
    this.#yieldedUntil = undefined
    this.#rival = undefined
    return 'come-back'
  }
}

function compareRuns(a: Identity, b: Identity): number {
  return compareEpochs(a.epoch, b.epoch) || (a.runId < b.runId ? -1 : 1)
}

export type IdentityVerdict =
  /** The holder, or a new run on its database. */
  | { readonly kind: 'accepted' }
  /** Another database claims the name while its holder lives: its pulses do not count. */
  | { readonly kind: 'refused'; readonly holder: Identity }
  /** A run that was thought to be over speaks again: both live. Tell the operator and both. */
  | { readonly kind: 'rivals'; readonly holder: Identity; readonly other: Identity }

/** Runs on one database that are remembered as over. */
const pastRunsMax = 8

/**
 * A replica's memory of who speaks for each owner. Another database is accepted under a name once
 * the holder of the name has been silent for its lease; another run on the same database at once,
 * because that is a restart, unless it was thought to be over while the present one goes on
 * speaking.
 *
 * Only the holder's own pulses count for it. Whoever takes a host over sends deltas before its
 * pulses, and those make the node alive, but not the one that has gone.
 */
export class IdentityBook {
  readonly #entries = new Map<OwnerId, Entry>()

  /**
   * A pulse came, at a time on the clock of leases; its holder is taken to live for `leaseMs` from
   * then on.
   */
  heard(owner: OwnerId, speaker: Identity, at: Millis, leaseMs: Millis): IdentityVerdict {
    const entry = this.#entries.get(owner)
    const livesUntil = at + leaseMs
    if (!entry) {
      this.#entries.set(owner, { holder: speaker, livesUntil, pastRuns: [] })
      return { kind: 'accepted' }
    }
    const { holder } = entry
    const isSame = holder.agentId === speaker.agentId
    if (!isSame || holder.runId !== speaker.runId) {
      const lives = at < entry.livesUntil
      if (!isSame && lives) return { kind: 'refused', holder }
      if (lives && entry.pastRuns.includes(speaker.runId)) {
        return { kind: 'rivals', holder, other: speaker }
      }
      entry.pastRuns = isSame
        ? [...entry.pastRuns.filter((run) => run !== speaker.runId), holder.runId].slice(
            -pastRunsMax,
          )
        : []
    }
    entry.holder = speaker
    entry.livesUntil = livesUntil
    return { kind: 'accepted' }
  }

  holder(owner: OwnerId): Identity | undefined {
    return this.#entries.get(owner)?.holder
  }

  /** The owner was let go. */
  forget(owner: OwnerId): void {
    this.#entries.delete(owner)
  }
}

interface Entry {
  holder: Identity
  livesUntil: Millis
  /** Runs on the holder's database that are over, as far as is known. */
  pastRuns: readonly string[]
}
