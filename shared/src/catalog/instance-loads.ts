import { idle, type CapabilityIndex } from '../capability-index/index.ts'
import type { OwnerId } from '../model/index.ts'
import type { PulseLoad } from '../replication/index.ts'

/**
 * What owners' pulses say of the load of their instances, put into the index. A pulse names those
 * that are not idle; those that it does not name any more are.
 */
export class InstanceLoads {
  readonly #index: CapabilityIndex
  readonly #busy = new Map<OwnerId, ReadonlySet<string>>()

  constructor(index: CapabilityIndex) {
    this.#index = index
  }

  apply(owner: OwnerId, loads: readonly PulseLoad[]): void {
    const before = this.#busy.get(owner)
    if (!before && loads.length === 0) return
    const busy = new Set<string>()
    for (const { id, inFlight, latencyMs } of loads) {
      // Of an instance that is not here yet nothing is kept; the next pulse says it again.
      if (this.#index.setLoad(owner, id, { inFlight, latencyMs })) busy.add(id)
    }
    for (const id of before ?? []) if (!busy.has(id)) this.#index.setLoad(owner, id, idle)
    if (busy.size === 0) this.#busy.delete(owner)
    else this.#busy.set(owner, busy)
  }
}
