import type { OwnerId, ZoneState } from '@meridian/shared'

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
}

/**
 * Which replica is read for each zone. Several of a region summarise the same zones; read is the
 * first by name that lives, has compared what it holds with the zone since its start, and hears
 * the zone still. Where none does, whoever was read last is read on, and the zone is marked.
 *
 * A replica that has lost its disk has nothing to say of zones for a while: that it says nothing
 * makes nothing vanish.
 */
export class ZoneReaders {
  readonly #zones = new Map<string, Zone>()
  readonly #lives: (owner: OwnerId) => boolean

  constructor(lives: (owner: OwnerId) => boolean) {
    this.#lives = lives
  }

  /** `zone`: `region/zone`. */
  of(zone: string): ZoneView | undefined {
    return this.#zones.get(zone)?.view
  }

  *entries(): Generator<readonly [zone: string, view: ZoneView]> {
    for (const [name, { view }] of this.#zones) if (view) yield [name, view]
  }

  /** The replica has so many rows more, or fewer, of the zone. */
  countRows(zone: string, owner: OwnerId, by: number): void {
    const at = this.#at(zone)
    const rows = (at.rows.get(owner) ?? 0) + by
    if (rows > 0) at.rows.set(owner, rows)
    else at.rows.delete(owner)
    // Which of those that have rows is read changes with the first and the last of them.
    if (rows === 0 || rows === by) this.#choose(zone, at)
  }

  /** The replica's word on the zone; undefined when it has none any more. */
  read(zone: string, owner: OwnerId, state: ZoneState | undefined): void {
    const at = this.#at(zone)
    if (state === undefined) at.readings.delete(owner)
    else at.readings.set(owner, state)
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
    const made: Zone = { rows: new Map(), readings: new Map(), view: undefined }
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
    if (owner === undefined) this.#zones.delete(zone)
    else at.view = { owner, state: 'unknown' }
  }
}
