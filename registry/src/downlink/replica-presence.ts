import type { Millis, OwnerId } from '@meridian/shared'

interface Presence {
  heardAt: Millis
  lives: boolean
}

/**
 * Which of the replicas below live, by the words that they say at an interval. Time that this
 * process itself was not there (a late sweep, a transport that was down) counts for nobody.
 */
export class ReplicaPresence {
  readonly #leaseMs: Millis
  readonly #sweepMs: Millis
  readonly #replicas = new Map<OwnerId, Presence>()
  #sweptAt: Millis

  /** `leaseMs`: who says nothing for so long is gone. `sweepMs`: how often `sweep` is called. */
  constructor(leaseMs: Millis, sweepMs: Millis, now: Millis) {
    this.#leaseMs = leaseMs
    this.#sweepMs = sweepMs
    this.#sweptAt = now
  }

  /** True when it was not taken to live until now. */
  heard(owner: OwnerId, now: Millis): boolean {
    const before = this.#replicas.get(owner)
    this.#replicas.set(owner, { heardAt: now, lives: true })
    return before?.lives !== true
  }

  /** Held from an earlier start, and not heard yet: silent from now on. */
  expect(owner: OwnerId, now: Millis): void {
    if (!this.#replicas.has(owner)) this.#replicas.set(owner, { heardAt: now, lives: false })
  }

  /** Returns those that are gone since the last sweep. */
  sweep(now: Millis, isConnected: boolean): OwnerId[] {
    const passed = now - this.#sweptAt
    const lostMs = isConnected ? Math.max(0, passed - 2 * this.#sweepMs) : passed
    this.#sweptAt = now
    const gone: OwnerId[] = []
    for (const [owner, presence] of this.#replicas) {
      presence.heardAt = Math.min(now, presence.heardAt + lostMs)
      if (!presence.lives || now - presence.heardAt < this.#leaseMs) continue
      presence.lives = false
      gone.push(owner)
    }
    return gone
  }

  lives(owner: OwnerId): boolean {
    return this.#replicas.get(owner)?.lives === true
  }

  living(): OwnerId[] {
    return [...this.#replicas].flatMap(([owner, { lives }]) => (lives ? [owner] : []))
  }

  /** Those that have been silent for so long. */
  silentFor(duration: Millis, now: Millis): OwnerId[] {
    return [...this.#replicas].flatMap(([owner, { lives, heardAt }]) =>
      !lives && now - heardAt >= duration ? [owner] : [],
    )
  }

  forget(owner: OwnerId): void {
    this.#replicas.delete(owner)
  }
}
