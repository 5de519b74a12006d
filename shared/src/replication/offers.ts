import { compareVersions, type OwnerId, type Version } from '../model/index.ts'
import type { Holding } from './holdings.ts'

/** Sets offered after one message of vitals: the others' turn comes with the next. */
const offersMax = 100

/**
 * Notices replicas that stay behind. An owner that lives tells a replica itself what it missed;
 * of one that is gone, only others who hold its set can. So whoever holds a newer set than a
 * replica states in two vitals running offers it: one message behind is ordinary delay, and so is
 * whatever came since the last message. (Offered the whole set of an owner in the midst of thousands
 * of changes, a replica that is hard pressed has three times as much to do.)
 *
 * Many notice at once; the shell lets a few of them offer.
 */
export class Offers {
  /** By replica: owners that it is behind in. */
  readonly #behind = new Map<string, Map<OwnerId, Behind>>()

  /**
   * Takes in what a replica states after a message of vitals, against the complete sets held of
   * its zone. Returns the owners to offer it, those first that wait longest.
   */
  note(
    replica: string,
    stated: ReadonlyMap<OwnerId, Version>,
    holdings: Iterable<Holding>,
  ): OwnerId[] {
    const before = this.#behind.get(replica)
    const behind = new Map<OwnerId, Behind>()
    for (const { owner, version, trust } of holdings) {
      if (trust !== 'whole') continue
      const theirs = stated.get(owner)
      if (theirs !== undefined && compareVersions(theirs, version) >= 0) continue
      const last = before?.get(owner)
      const stillLacks =
        last !== undefined && (theirs === undefined || compareVersions(theirs, last.held) < 0)
      behind.set(owner, { held: version, messages: stillLacks ? last.messages + 1 : 1 })
    }
    const offers = [...behind]
      .filter(([, { messages }]) => messages >= 2)
      .sort(([, a], [, b]) => b.messages - a.messages)
      .slice(0, offersMax)
      .map(([owner]) => owner)
    // It gets time to take what it is offered.
    for (const owner of offers) behind.delete(owner)
    if (behind.size > 0) this.#behind.set(replica, behind)
    else this.#behind.delete(replica)
    return offers
  }

  /** The replica is gone. */
  forget(replica: string): void {
    this.#behind.delete(replica)
  }
}

interface Behind {
  /** What was held here at the last message. */
  readonly held: Version
  /** For how many messages running the replica has lacked what was held here at the one before. */
  readonly messages: number
}
