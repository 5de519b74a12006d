import {
  parseOwnerId,
  type CapabilityIndex,
  type IndexedInstance,
  type InstanceStatus,
  type OwnerId,
  type StatusCounts,
} from '@meridian/shared'
import { addCounts, addStatus, noCounts, type MutableCounts } from './tally.ts'

/** What the instances of one owner add up to. */
export interface OwnerTally {
  readonly owner: OwnerId
  readonly region: string
  readonly zone: string
  readonly node: string
  readonly counts: StatusCounts
  readonly draining: number
  /** Names of servers. */
  readonly servers: ReadonlySet<string>
}

/** What the instances of one zone add up to. */
export interface ZoneTally {
  readonly region: string
  readonly zone: string
  readonly counts: StatusCounts
  /** How many owners have an instance of the server. */
  readonly servers: ReadonlyMap<string, number>
  readonly owners: ReadonlyMap<OwnerId, OwnerTally>
}

interface MutableZoneTally extends ZoneTally {
  readonly counts: MutableCounts
  readonly servers: Map<string, number>
  readonly owners: Map<OwnerId, OwnerTally>
}

/**
 * Counts by node and zone, kept up: a change marks its owner, and whoever reads counts the marked
 * ones again. So reading costs what changed since the last time, and a flood of changes nothing.
 */
export class NodeTally {
  readonly #index: CapabilityIndex
  readonly #nameOf: (instance: IndexedInstance) => string
  readonly #zones = new Map<string, MutableZoneTally>()
  readonly #changed = new Set<OwnerId>()

  constructor(index: CapabilityIndex, nameOf: (instance: IndexedInstance) => string) {
    this.#index = index
    this.#nameOf = nameOf
    index.onChange(({ instance }) => {
      this.#changed.add(instance.owner)
    })
  }

  /** Zones with an instance, in no particular order. Read it at once: it changes with the index. */
  zones(): Iterable<ZoneTally> {
    for (const owner of this.#changed) this.#recount(owner)
    this.#changed.clear()
    return this.#zones.values()
  }

  #recount(owner: OwnerId): void {
    const parts = parseOwnerId(owner)
    if (!parts) return
    const { region, zone: zoneName, node } = parts
    const key = `${region}/${zoneName}`
    let zone = this.#zones.get(key)
    const before = zone?.owners.get(owner)
    if (zone && before) this.#take(zone, before)
    const counts = noCounts()
    const servers = new Set<string>()
    let draining = 0
    let some = false
    for (const instance of this.#index.ofOwner(owner)) {
      some = true
      addStatus(counts, shownStatus(instance))
      servers.add(this.#nameOf(instance))
      if (instance.state.draining) draining += 1
    }
    if (some) {
      zone ??= { region, zone: zoneName, counts: noCounts(), servers: new Map(), owners: new Map() }
      this.#zones.set(key, zone)
      zone.owners.set(owner, { owner, region, zone: zoneName, node, counts, draining, servers })
      addCounts(zone.counts, counts)
      for (const name of servers) zone.servers.set(name, (zone.servers.get(name) ?? 0) + 1)
    } else if (zone?.owners.size === 0) this.#zones.delete(key)
  }

  #take(zone: MutableZoneTally, { owner, counts, servers }: OwnerTally): void {
    zone.owners.delete(owner)
    for (const status of ['passing', 'warning', 'gated', 'critical'] as const) {
      zone.counts[status] -= counts[status]
    }
    for (const name of servers) {
      const left = (zone.servers.get(name) ?? 0) - 1
      if (left > 0) zone.servers.set(name, left)
      else zone.servers.delete(name)
    }
  }
}

/** Nobody serves from a node that cannot be reached, whatever its checks said last. */
export function shownStatus({ state, liveness }: IndexedInstance): InstanceStatus {
  return liveness === 'unreachable' ? 'critical' : state.status
}
