import type { Clock, OwnerId, Version } from '@meridian/shared'

/** Owners whose last pulse is remembered: more than a zone has. The oldest go first. */
const ownersMax = 50_000

/** What owners last said of themselves in pulses: how far what is held of them is behind. */
export class PulseBook {
  readonly #clock: Clock
  readonly #heard = new Map<OwnerId, { readonly version: Version; readonly at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  heard(owner: OwnerId, version: Version): void {
    this.#heard.delete(owner)
    this.#heard.set(owner, { version, at: this.#clock.now() })
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > ownersMax && oldest !== undefined) this.#heard.delete(oldest)
  }

  /** Nothing of owners that are not heard here. */
  lagOf(owner: OwnerId, held: Version): { behind?: number; pulseAgeMs?: number } {
    const last = this.#heard.get(owner)
    if (!last) return {}
    const { epoch, counter } = last.version
    const isSame = epoch.number === held.epoch.number && epoch.tag === held.epoch.tag
    return {
      pulseAgeMs: Math.round(this.#clock.now() - last.at),
      // What is held may be newer: a delta is faster than the next pulse.
      ...(isSame && { behind: Math.max(0, counter - held.counter) }),
    }
  }
}
