import type { Order } from '../capability-index/capability-index.ts'
import type { Ring } from '../model/index.ts'
import type { Millis, Random } from '../ports/index.ts'
import { affinityScore } from './affinity.ts'
import { weightOfFactors, type SelectionFactors } from './factors.ts'
import { outlierLimits, type Outliers } from './outliers.ts'
import { loadOf, regionTakes, spillShare, type LevelLoad } from './spill.ts'

/** One that may be called, and what is known of it. */
export interface Candidate<T> {
  readonly item: T
  /** Names the instance: what callers report under. */
  readonly key: string
  readonly ring: Ring
  readonly region: string
  /** To its region, where it is another one; Infinity where nobody measured. */
  readonly distanceMs: number
  readonly factors: SelectionFactors
}

export interface ArrangeOptions {
  readonly limit: number
  readonly order: Order
  readonly random: Random
  readonly outliers: Outliers
  readonly now: Millis
  readonly affinity?: string | undefined
}

/** A candidate in its place, and why it stands there. */
export interface Placed<T> {
  readonly candidate: Candidate<T>
  readonly weight: number
  /** Left out for what callers reported, so it comes last. */
  readonly ejected: boolean
}

/** That a ring had more to do than its threshold allows, and what came of it. */
export interface Spill {
  readonly ring: Ring
  readonly load: number
  /** The share of calls that goes further out. */
  readonly share: number
  /** Whether this one did. */
  readonly drawn: boolean
  /** Where to: the next ring, or a region. */
  readonly to?: string
}

export interface Arranged<T> {
  readonly placed: readonly Placed<T>[]
  readonly spills: readonly Spill[]
  /** Candidates that stand last for what callers reported. */
  readonly ejected: number
}

/**
 * Puts candidates in the order in which to try them: rings outwards, regions by distance, inside
 * each a weighted draw. A ring with too much to do lets the next go first, for a share of calls.
 *
 *     ring 1 (load 0.9) ─draw 0.71─▶ ring 2 first, ring 1 behind it
 */
export function arrange<T>(
  candidates: readonly Candidate<T>[],
  options: ArrangeOptions,
): Arranged<T> {
  const bands = bandsOf(candidates)
  let ejected = 0
  const drawn = bands.map((band) => {
    const weighed = weigh(band.candidates, options)
    ejected += weighed.filter((one) => one.ejected).length
    return drawFrom(weighed, options)
  })
  const { sequence, spills } =
    options.order === 'balanced' && options.affinity === undefined
      ? spillOver(bands, options.random)
      : { sequence: bands.map((_, at) => at), spills: [] }
  const placed = sequence.flatMap((at) => drawn[at] ?? [])
  return { placed: placed.slice(0, options.limit), spills, ejected }
}

interface Band<T> {
  readonly ring: Ring
  readonly distanceMs: number
  readonly candidates: readonly Candidate<T>[]
}

function bandsOf<T>(candidates: readonly Candidate<T>[]): Band<T>[] {
  const bands = new Map<string, { ring: Ring; distanceMs: number; candidates: Candidate<T>[] }>()
  for (const candidate of candidates) {
    const { ring } = candidate
    const distanceMs = ring === 3 ? candidate.distanceMs : 0
    const name = `${ring} ${distanceMs}`
    const band = bands.get(name)
    if (band) band.candidates.push(candidate)
    else bands.set(name, { ring, distanceMs, candidates: [candidate] })
  }
  return [...bands.values()].sort(
    (a, b) => a.ring - b.ring || (a.distanceMs < b.distanceMs ? -1 : 1),
  )
}

function weigh<T>(candidates: readonly Candidate<T>[], options: ArrangeOptions): Placed<T>[] {
  const { outliers, now } = options
  // One of a few may be left out, never all of them: then reports say nothing about any.
  const mayEject = Math.max(
    candidates.length > 1 ? 1 : 0,
    Math.floor(candidates.length * outlierLimits.shareMax),
  )
  let left = outliers.size === 0 ? 0 : mayEject
  return candidates.map((candidate) => {
    const ejected = left > 0 && outliers.isEjected(candidate.key, now)
    if (ejected) left -= 1
    const measured = outliers.size === 0 ? undefined : outliers.latencyMs(candidate.key)
    const factors =
      measured === undefined
        ? candidate.factors
        : { ...candidate.factors, latencyMs: mixed(candidate.factors.latencyMs, measured) }
    return { candidate, ejected, weight: ejected ? 0 : weightOfFactors(factors) }
  })
}

/** What callers here measured counts as much as what the instance's own node says. */
function mixed(saidMs: number, measuredMs: number): number {
  return (saidMs + measuredMs) / 2
}

function drawFrom<T>(weighed: readonly Placed<T>[], options: ArrangeOptions): Placed<T>[] {
  const { order, random, affinity } = options
  if (affinity !== undefined) {
    return byScore(weighed, ({ candidate, weight }) =>
      affinityScore(affinity, candidate.key, weight),
    )
  }
  if (order === 'ranked') return byScore(weighed, ({ weight }) => weight)
  // Efraimidis and Spirakis: sorting by u^(1/w) is a weighted draw without replacement.
  return byScore(
    weighed,
    ({ weight }) => {
      if (!(weight > 0)) return -1
      return random() ** (1 / (order === 'random' ? 1 : weight))
    },
    order === 'balanced',
  )
}

function byScore<T>(
  weighed: readonly Placed<T>[],
  score: (placed: Placed<T>) => number,
  scaled = false,
): Placed<T>[] {
  // With tiny weights every u^(1/w) would be 0: relative to the heaviest they are not tiny.
  const most = scaled ? Math.max(...weighed.map(({ weight }) => weight)) : 1
  return weighed
    .map((placed) => {
      const relative = scaled && most > 0 ? { ...placed, weight: placed.weight / most } : placed
      return [placed, score(relative)] as const
    })
    .sort(([, a], [, b]) => b - a)
    .map(([placed]) => placed)
}

function spillOver<T>(
  bands: readonly Band<T>[],
  random: Random,
): { sequence: number[]; spills: Spill[] } {
  const sequence = bands.map((_, at) => at)
  const spills: Spill[] = []
  let at = 0
  for (; at + 1 < bands.length; at += 1) {
    const band = bands[at] as Band<T>
    const next = bands[at + 1] as Band<T>
    const level = levelOf(band.candidates)
    const wanted = spillShare(band.ring, level)
    if (wanted === 0) break
    const share =
      next.ring === 3 ? Math.min(wanted, regionTakes(level, levelOf(next.candidates))) : wanted
    const drawn = random() < share
    spills.push({
      ring: band.ring,
      load: loadOf(level),
      share,
      drawn,
      to: next.ring === 3 ? namesOf(next) : `ring ${next.ring}`,
    })
    if (!drawn) break
  }
  // The rings that were passed over come behind the one that was reached, nearest first.
  const [reached] = sequence.splice(at, 1)
  return { sequence: reached === undefined ? sequence : [reached, ...sequence], spills }
}

function namesOf<T>(band: Band<T>): string {
  return [...new Set(band.candidates.map(({ region }) => region))].join(', ')
}

function levelOf<T>(candidates: readonly Candidate<T>[]): LevelLoad {
  let pending = 0
  let capacity = 0
  for (const { factors } of candidates) {
    if (factors.health === 0) continue
    pending += factors.pending
    capacity += factors.capacity
  }
  return { pending, capacity }
}
