import { subjects, TierAsker, type Clock, type Random, type Transport } from '@meridian/shared'

/** Other regions that are remembered with how they answered. */
const regionsMax = 1_024

/** Whom a registry asks, each with what is known of its answer times and replicas. */
export interface Askers {
  region(name: string): TierAsker
  world(): TierAsker
  /** Round trip to a region, in milliseconds, as measured by asking it; undefined if never asked. */
  distanceMs(region: string): number | undefined
}

export function createAskers(options: {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
}): Askers {
  const regions = new Map<string, TierAsker>()
  const world = new TierAsker({
    ...options,
    subject: (method, replica) => subjects.rpcGlobal(method, replica),
  })
  return {
    world: () => world,
    distanceMs: (name) => regions.get(name)?.roundTripMs,
    region(name) {
      const known = regions.get(name)
      if (known) return known
      const asker = new TierAsker({
        ...options,
        subject: (method, replica) => subjects.rpcRegional(name, method, replica),
      })
      // Of more regions than there are in the world the oldest is asked as if for the first time.
      const [oldest] = regions.keys()
      if (regions.size >= regionsMax && oldest !== undefined) regions.delete(oldest)
      regions.set(name, asker)
      return asker
    },
  }
}
