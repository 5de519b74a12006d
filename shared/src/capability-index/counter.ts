import type { InstanceStatus } from '../model/index.ts'
import type { Count, IndexedInstance, Tally, ZoneCount } from './capability-index.ts'
import { compareText } from './canonical-order.ts'
import { isUsable, standingOf } from './standing.ts'

/** Adds instances up by region and zone. */
export interface Counter {
  /** `group` names the instance's group, however the index does. */
  add(instance: IndexedInstance, group: unknown): void
  result(): Count
}

interface Sums {
  readonly groups: Set<unknown>
  instances: number
  usable: number
  capacity: number
  readonly byStatus: Record<InstanceStatus, number>
}

export function createCounter(): Counter {
  const regions = new Map<string, Map<string, Sums>>()

  return {
    add(instance, group) {
      const { region, zone } = instance.locality
      let zones = regions.get(region)
      if (zones === undefined) regions.set(region, (zones = new Map<string, Sums>()))
      let sums = zones.get(zone)
      if (sums === undefined) zones.set(zone, (sums = emptySums()))
      sums.groups.add(group)
      sums.instances += 1
      sums.byStatus[instance.state.status] += 1
      if (!isUsable(standingOf(instance.state, instance.liveness))) return
      sums.usable += 1
      sums.capacity += instance.spec.capacity
    },

    result() {
      const counts = [...regions].sort(byName).map(([region, zones]) => {
        const inside = [...zones]
          .sort(byName)
          .map(([zone, sums]): ZoneCount => ({ zone, ...sums, groups: sums.groups.size }))
        return { region, ...sum(inside), zones: inside }
      })
      return { ...sum(counts), regions: counts }
    },
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return compareText(a, b)
}

function emptySums(): Sums {
  return { groups: new Set(), instances: 0, usable: 0, capacity: 0, byStatus: noStatus() }
}

function noStatus(): Record<InstanceStatus, number> {
  return { passing: 0, warning: 0, gated: 0, critical: 0 }
}

function sum(parts: readonly Tally[]): Tally {
  const total = { groups: 0, instances: 0, usable: 0, capacity: 0, byStatus: noStatus() }
  for (const part of parts) {
    total.groups += part.groups
    total.instances += part.instances
    total.usable += part.usable
    total.capacity += part.capacity
    for (const status of Object.keys(part.byStatus) as InstanceStatus[]) {
      total.byStatus[status] += part.byStatus[status]
    }
  }
  return total
}
