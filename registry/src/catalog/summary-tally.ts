import type { OwnerId, StatusCounts, SummaryRow } from '@meridian/shared'
import { addCounts, noCounts, subtractCounts, type MutableCounts } from './tally.ts'

/** What one replica's rows of one zone add up to. */
export interface SummaryZoneTally {
  readonly region: string
  readonly zone: string
  readonly counts: StatusCounts
  /** How many rows name a definition of the server. */
  readonly servers: ReadonlyMap<string, number>
}

interface MutableZoneTally extends SummaryZoneTally {
  readonly counts: MutableCounts
  readonly servers: Map<string, number>
}

/** Counts of summary rows by zone and by the replica that owns them, kept up row by row. */
export class SummaryTally {
  readonly #zones = new Map<string, Map<OwnerId, MutableZoneTally>>()

  add(owner: OwnerId, row: SummaryRow, server: string): void {
    const { region, zone } = row
    const owners = this.#zones.get(`${region}/${zone}`) ?? new Map<OwnerId, MutableZoneTally>()
    this.#zones.set(`${region}/${zone}`, owners)
    const servers = new Map<string, number>()
    const tally = owners.get(owner) ?? { region, zone, counts: noCounts(), servers }
    owners.set(owner, tally)
    addCounts(tally.counts, row)
    tally.servers.set(server, (tally.servers.get(server) ?? 0) + 1)
  }

  /** Of a row that was added, under the same name. */
  remove(owner: OwnerId, row: SummaryRow, server: string): void {
    const name = `${row.region}/${row.zone}`
    const owners = this.#zones.get(name)
    const tally = owners?.get(owner)
    if (!owners || !tally) return
    subtractCounts(tally.counts, row)
    const left = (tally.servers.get(server) ?? 0) - 1
    if (left > 0) tally.servers.set(server, left)
    else tally.servers.delete(server)
    if (tally.servers.size === 0) owners.delete(owner)
    if (owners.size === 0) this.#zones.delete(name)
  }

  /** By `region/zone`, in order; a zone of which `readOf` names no owner with rows is left out. */
  *zones(
    readOf: (zone: string) => OwnerId | undefined,
  ): Generator<readonly [name: string, tally: SummaryZoneTally]> {
    for (const name of [...this.#zones.keys()].sort()) {
      const owner = readOf(name)
      const tally = owner === undefined ? undefined : this.#zones.get(name)?.get(owner)
      if (tally) yield [name, tally]
    }
  }
}
