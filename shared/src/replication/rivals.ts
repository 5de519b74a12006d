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
 * the holder of the name is no longer alive; another run on the same database at once, because
 * that is a restart, unless the run before it goes on speaking.
 */
export class IdentityBook {
  readonly #holders = new Map<OwnerId, { holder: Identity; pastRuns: string[] }>()

  /** `isAlive`: whether the replica judges the owner to be alive or suspect now. */
  heard(owner: OwnerId, speaker: Identity, isAlive: boolean): IdentityVerdict {
    const entry = this.#holders.get(owner)
    if (!entry || (entry.holder.agentId !== speaker.agentId && !isAlive)) {
      this.#holders.set(owner, { holder: speaker, pastRuns: [] })
      return { kind: 'accepted' }
    }
    const { holder, pastRuns } = entry
    if (holder.agentId !== speaker.agentId) return { kind: 'refused', holder }
    if (holder.runId === speaker.runId) {
      entry.holder = speaker
      return { kind: 'accepted' }
    }
    if (pastRuns.includes(speaker.runId)) return { kind: 'rivals', holder, other: speaker }
    entry.holder = speaker
    entry.pastRuns = [...pastRuns.slice(1 - pastRunsMax), holder.runId]
    return { kind: 'accepted' }
  }

  holder(owner: OwnerId): Identity | undefined {
    return this.#holders.get(owner)?.holder
  }

  /** The owner was let go. */
  forget(owner: OwnerId): void {
    this.#holders.delete(owner)
  }
}
