import type { Clock, OwnerId, Version } from '@meridian/shared'

/** Owners of whom it is remembered what was heard: more than a region has. The oldest go first. */
const ownersMax = 200_000

/**
 * What was last heard of owners' versions, in their own pulses or from the registries of their zones:
 * how far what is held of them is behind.
 */
export class LagBook {
  readonly #clock: Clock
  readonly #heard = new Map<OwnerId, { readonly version: Version; readonly at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  heard(owner: OwnerId, version: Version): void {
    const known = this.#heard.get(owner)
    // One replica may be behind another.
    const isOlder =
      known && isSameEpoch(known.version, version) && known.version.counter > version.counter
    this.#heard.delete(owner)
    this.#heard.set(owner, { version: isOlder ? known.version : version, at: this.#clock.now() })
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > ownersMax && oldest !== undefined) this.#heard.delete(oldest)
  }

  /** Nothing of owners that were not heard of here. */
  lagOf(owner: OwnerId, held: Version): { behind?: number; heardAgeMs?: number } {
    const last = this.#heard.get(owner)
    if (!last) return {}
    return {
      heardAgeMs: Math.round(this.#clock.now() - last.at),
      // What is held may be newer: a delta is faster than the next pulse.
      ...(isSameEpoch(last.version, held) && {
        behind: Math.max(0, last.version.counter - held.counter),
      }),
    }
  }
}

function isSameEpoch(a: Version, b: Version): boolean {
  return a.epoch.number === b.epoch.number && a.epoch.tag === b.epoch.tag
}
