import { idle, type CapabilityIndex, type InstanceLoad } from '../capability-index/index.ts'
import type { OwnerId } from '../model/index.ts'
import type { PulseLoad } from '../replication/index.ts'

/**
 * How much one pulse counts against those before it. A pulse tells one moment, seconds ago, and
 * all askers hear the same: taken at its word, whoever was idle just then is run over until the
 * next pulse, and whoever was busy is shunned. With a quarter, 200 clients and loads 3 s old stay
 * within a fifth of their fair share (`shared/src/lookup/herd.test.ts`); with all of it, one of
 * ten instances gets 1.4 times its share.
 */
const smoothing = 0.25
/** What is left of a load is nothing from here on. */
const nothing = 0.1

/**
 * What owners' pulses say of the load of their instances, smoothed and put into the index. A pulse
 * names those that are not idle; those that it does not name any more are becoming so.
 */
export class InstanceLoads {
  readonly #index: Pick<CapabilityIndex, 'setLoad'>
  readonly #busy = new Map<OwnerId, Map<string, InstanceLoad>>()

  /** `onLoad` hears of each load that is put into the index. */
  constructor(
    index: Pick<CapabilityIndex, 'setLoad'>,
    onLoad: (owner: OwnerId, id: string) => void = () => undefined,
  ) {
    this.#index = {
      setLoad(owner, id, load) {
        const isThere = index.setLoad(owner, id, load)
        if (isThere) onLoad(owner, id)
        return isThere
      },
    }
  }

  apply(owner: OwnerId, loads: readonly PulseLoad[]): void {
    const before = this.#busy.get(owner)
    if (!before && loads.length === 0) return
    const busy = new Map<string, InstanceLoad>()
    for (const { id, inFlight, latencyMs } of loads) {
      const known = before?.get(id)
      const load = known
        ? {
            inFlight: smoothed(known.inFlight, inFlight),
            latencyMs: smoothedLatency(known, latencyMs),
          }
        : { inFlight, latencyMs }
      // Of an instance that is not here yet nothing is kept; the next pulse says it again.
      if (this.#index.setLoad(owner, id, load)) busy.set(id, load)
    }
    for (const [id, known] of before ?? []) {
      if (busy.has(id)) continue
      const inFlight = smoothed(known.inFlight, 0)
      if (inFlight < nothing) this.#index.setLoad(owner, id, idle)
      else {
        const load = { inFlight, latencyMs: known.latencyMs }
        if (this.#index.setLoad(owner, id, load)) busy.set(id, load)
      }
    }
    if (busy.size === 0) this.#busy.delete(owner)
    else this.#busy.set(owner, busy)
  }
}

function smoothed(before: number, now: number): number {
  return before + smoothing * (now - before)
}

/** 0 is unknown, not fast. */
function smoothedLatency({ latencyMs }: InstanceLoad, now: number): number {
  if (now === 0) return latencyMs
  return latencyMs === 0 ? now : smoothed(latencyMs, now)
}
