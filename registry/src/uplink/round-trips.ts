import {
  isMeridianError,
  logFailure,
  referralSchema,
  type Cancel,
  type Clock,
  type Log,
  type Random,
} from '@meridian/shared'
import type { Askers } from '../lookup/askers.ts'

export interface RoundTripsOptions {
  /** The own region, which is not measured; absent where there is none. */
  readonly region?: string
  /** Every region that has anything; asked of the top unless given. */
  readonly regions?: () => readonly string[]
  readonly askers: Askers
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface RoundTrip {
  readonly region: string
  readonly ms: number
}

export interface RoundTrips {
  /** What was measured last, nearest first. */
  readonly measured: readonly RoundTrip[]
  start(): void
  close(): void
}

const limits = {
  /** On average; distances change when routes do. */
  everyMs: 15_000,
  /** A region that answers later than that is far however far it is. */
  pingMs: 2_000,
  atOnceMax: 16,
  regionsMax: 1_024,
} as const

/**
 * Measures how far other regions are, so that lookups ask the nearest first: a question without
 * work to each of their registries, four times a minute.
 */
export function createRoundTrips(options: RoundTripsOptions): RoundTrips {
  const { askers, clock, random, log } = options
  let measured: readonly RoundTrip[] = []
  let timer: Cancel | undefined
  const end = new AbortController()

  async function measureAll(): Promise<void> {
    const regions = await knownRegions()
    const others = regions.filter((name) => name !== options.region).slice(0, limits.regionsMax)
    const found: RoundTrip[] = []
    for (let at = 0; at < others.length && !end.signal.aborted; at += limits.atOnceMax) {
      const some = others.slice(at, at + limits.atOnceMax)
      for (const each of await Promise.all(some.map(measure))) if (each) found.push(each)
    }
    measured = found.sort((a, b) => a.ms - b.ms)
  }

  async function knownRegions(): Promise<readonly string[]> {
    if (options.regions) return options.regions()
    const question = { deadlineMs: limits.pingMs, reply: referralSchema }
    return (await askers.world().ask('refer', { q: '' }, question)).regions
  }

  async function measure(region: string): Promise<RoundTrip | undefined> {
    const asker = askers.region(region)
    try {
      await asker.ping(limits.pingMs)
    } catch (error) {
      if (!isMeridianError(error)) throw error
      asker.forgetPings()
      return undefined
    }
    return { region, ms: asker.roundTripMs ?? 0 }
  }

  function measureLater(ms: number): void {
    timer = clock.after(ms, () => {
      measureAll()
        .catch((error: unknown) => {
          if (!end.signal.aborted) logFailure(log, error, {}, 'round trips not measured')
        })
        .finally(() => {
          if (!end.signal.aborted) measureLater(limits.everyMs * (0.5 + random()))
        })
    })
  }

  return {
    get measured() {
      return measured
    },
    start() {
      // Not all at once where a whole tier starts.
      measureLater(1_000 * random())
    },
    close() {
      end.abort()
      timer?.()
    },
  }
}
