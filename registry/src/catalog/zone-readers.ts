import type { Millis, OwnerId, ZoneState } from '@meridian/shared'

/** How a zone is read. */
export interface ZoneView {
  /** The replica whose rows of the zone are shown. */
  readonly owner: OwnerId
  /**
   * As its reader knows it now; `unknown` where no replica that lives has compared what it holds
   * with the zone, or where none hears the zone any more: what is shown is what was read last.
   */
  readonly state: ZoneState
}

interface Zone {
  /** Rows of each replica that has any. */
  readonly rows: Map<OwnerId, number>
  /** The word of each replica that has read the zone since its start. */
  readonly readings: Map<OwnerId, ZoneState>
  view: ZoneView | undefined
  /** Something was there, and nobody who has read the zone has said that it is empty. */
  isPeopled: boolean
}

/** Zones that are remembered to be lost; a region has hundreds at most. */
const lostMax = 10_000

/**
 * Which replica is read for each zone. Several of a region summarise the same zones; read is the
 * first by name that lives, has compared what it holds with the zone since its start, and hears
 * the zone still. Where none does, whoever was read last is read on, and the zone is marked.
 *
 * A replica that has lost its disk has nothing to say of zones for a while: that it says nothing
 * makes nothing vanish, as long as another has them. Where it was the only one, and cannot hear a
 * zone when it speaks again, what was known of that zone is gone with its set. The zone is *lost*
 * then: nobody may take it for empty, until somebody has read it.
 */
export class ZoneReaders {
  readonly #zones = new Map<string, Zone>()
  readonly #touched = new Set<string>()
  /** Since when. */
  readonly #lost = new Map<string, Millis>()
  readonly #lives: (owner: OwnerId) => boolean
  readonly #now: () => Millis

  constructor(lives: (owner: OwnerId) => boolean, now: () => Millis) {
    this.#lives = lives
    this.#now = now
  }

  /** `zone`: `region/zone`. */
  of(zone: string): ZoneView | undefined {
    return this.#zones.get(zone)?.view
  }

  *entries(): Generator<readonly [zone: string, view: ZoneView]> {
    for (const [name, { view }] of this.#zones) if (view) yield [name, view]
  }

  /** Zones that were lost less than `duration` ago. */
  lost(duration: Millis): string[] {
    const after = this.#now() - duration
    for (const [zone, since] of this.#lost) if (since <= after) this.#lost.delete(zone)
    return [...this.#lost.keys()]
  }

  /** All that came together is taken in: what is said of a zone now belongs together. */
  settle(): void {
    for (const name of this.#touched) {
      const at = this.#zones.get(name)
      if (at && at.rows.size === 0 && at.readings.size > 0) at.isPeopled = false
    }
    this.#touched.clear()
  }

  /** The replica has so many rows more, or fewer, of the zone. */
  countRows(zone: string, owner: OwnerId, by: number): void {
    const at = this.#at(zone)
    const rows = (at.rows.get(owner) ?? 0) + by
    if (rows > 0) {
      at.rows.set(owner, rows)
      at.isPeopled = true
      this.#lost.delete(zone)
    } else at.rows.delete(owner)
    this.#touched.add(zone)
    // Which of those that have rows is read changes with the first and the last of them.
    if (rows === 0 || rows === by) this.#choose(zone, at)
  }

  /** The replica's word on the zone; undefined when it has none any more. */
  read(zone: string, owner: OwnerId, state: ZoneState | undefined): void {
    const at = this.#at(zone)
    if (state === undefined) at.readings.delete(owner)
    else {
      at.readings.set(owner, state)
      this.#lost.delete(zone)
    }
    this.#touched.add(zone)
    this.#choose(zone, at)
  }

  /** A replica has come to life, or is gone. */
  presenceChanged(owner: OwnerId): void {
    for (const [zone, at] of this.#zones) {
      if (at.rows.has(owner) || at.readings.has(owner)) this.#choose(zone, at)
    }
  }

  #at(zone: string): Zone {
    const known = this.#zones.get(zone)
    if (known) return known
    const made: Zone = { rows: new Map(), readings: new Map(), view: undefined, isPeopled: false }
    this.#zones.set(zone, made)
    return made
  }

  #choose(zone: string, at: Zone): void {
    const known = [...new Set([...at.readings.keys(), ...at.rows.keys()])].sort()
    const current = known.find(
      (owner) => this.#lives(owner) && (at.readings.get(owner) ?? 'unknown') !== 'unknown',
    )
    if (current !== undefined) {
      at.view = { owner: current, state: at.readings.get(current) ?? 'unknown' }
      return
    }
    const last = at.view?.owner
    const owner =
      last !== undefined && known.includes(last)
        ? last
        : (known.find((each) => this.#lives(each) && at.readings.has(each)) ?? known[0])
    if (owner !== undefined) {
      at.view = { owner, state: 'unknown' }
      return
    }
    this.#zones.delete(zone)
    if (at.isPeopled && this.#lost.size < lostMax) this.#lost.set(zone, this.#now())
  }
}
