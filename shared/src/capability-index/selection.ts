import type { Random } from '../ports/index.ts'
import { isUsable, standingOf } from './standing.ts'
import type { Hit, IndexedInstance, Order } from './capability-index.ts'
import type { Ring } from '../model/index.ts'

/**
 * Selection inside a ring. Taking the best would send every asker to the same instance; drawing
 * over everything would cost more with every instance. So the draw is made from a *pool*:
 *
 *     groups in canonical order, from a random point on:   … G7 G9 | G1 G4 G2 …   (best bucket
 *                                                                                   first)
 *     the first 32 (or `limit`, if more), each with up to 8 of its instances
 *     weighted draw without replacement from those
 *
 * The canonical order is a function of the records alone, so that two indexes which hold the same
 * records, whatever they went through, answer the same for the same chance (invariant 6).
 */
export const selectionLimits = {
  /** Groups in a pool: an instance's share then varies by about 1/√32 = 18 % from the mean. */
  poolGroups: 32,
  /** Instances of one group in a pool; its other instances lend them their weight. */
  poolInstancesPerGroup: 8,
} as const

/** How many groups of a ring the pool takes when `wanted` hits are still missing. */
export function poolSize(wanted: number): number {
  return Math.max(selectionLimits.poolGroups, wanted)
}

/**
 * What makes an instance likely to be drawn. `weight` is
 * health ÷ (latency × (1 + pending)) × capacity left × operator's weight.
 */
export interface Factors {
  /** 1 passing, 0.1 warning or on a suspect node, 0.05 gated; their product. */
  readonly health: number
  readonly latencyMs: number
  readonly pending: number
  /** Calls it could take on; never below 1 % of its capacity, so that all being full is no dead end. */
  readonly capacityLeft: number
  /** The operator's, 1 being the default of 100. */
  readonly operatorWeight: number
}

/** Assumed while an instance has not answered yet: newcomers neither flood nor starve. */
const latencyUnknownMs = 50
const latencyMsMin = 1
const capacityLeftShareMin = 0.01

const statusHealth = { passing: 1, warning: 0.1, gated: 0.05, critical: 0 } as const

export function factorsOf(instance: IndexedInstance): Factors {
  const { state, load, spec, liveness } = instance
  const usable = isUsable(standingOf(state, liveness))
  return {
    health: usable ? statusHealth[state.status] * (liveness === 'suspect' ? 0.1 : 1) : 0,
    latencyMs: Math.max(load.latencyMs === 0 ? latencyUnknownMs : load.latencyMs, latencyMsMin),
    pending: load.inFlight,
    capacityLeft: Math.max(spec.capacity - load.inFlight, spec.capacity * capacityLeftShareMin),
    operatorWeight: state.weight / 100,
  }
}

/** 0 for what takes no work. */
export function weightOf(instance: IndexedInstance): number {
  const { health, latencyMs, pending, capacityLeft, operatorWeight } = factorsOf(instance)
  return ((health * operatorWeight) / (latencyMs * (1 + pending))) * capacityLeft
}

/** How busy it is: 0 idle, 1 full. */
export function loadShare(instance: IndexedInstance): number {
  return Math.min(1, instance.load.inFlight / instance.spec.capacity)
}

/** Points in canonical order from which a lookup starts; both 0 when chance has no say. */
export interface Starts {
  /** Among groups: a 32-bit number. */
  readonly group: number
  /** Among a group's instances: a share, 0 to 1. */
  readonly instance: number
}

const ringTurn = 2 ** 32

export function startsOf(order: Order, random: Random): Starts {
  if (order === 'ranked') return { group: 0, instance: 0 }
  const group = Math.floor(random() * ringTurn)
  return { group, instance: random() }
}

export interface Choice {
  /** A ring's groups in canonical order, each its matching instances in canonical order. */
  readonly pool: readonly (readonly IndexedInstance[])[]
  readonly ring: Ring
  readonly wanted: number
  readonly order: Order
  readonly starts: Starts
  readonly random: Random
  readonly weigh: (instance: IndexedInstance) => number
}

/** Appends up to `wanted` hits of one ring to `hits`, in the order in which to try them. */
export function choose(choice: Choice, hits: Hit[]): void {
  const { pool, ring, wanted, order, starts, random, weigh } = choice
  const perGroup = Math.max(selectionLimits.poolInstancesPerGroup, wanted - pool.length + 1)
  const instances: IndexedInstance[] = []
  const weights: number[] = []
  for (const group of pool) {
    const taken = order === 'ranked' ? group.length : Math.min(group.length, perGroup)
    const first = taken < group.length ? Math.floor(starts.instance * group.length) : 0
    const lent = group.length / taken
    for (let i = 0; i < taken; i += 1) {
      const instance = group[(first + i) % group.length] as IndexedInstance
      const weight = weigh(instance)
      instances.push(instance)
      weights.push(order === 'random' ? (weight > 0 ? lent : 0) : weight * lent)
    }
  }
  if (order === 'ranked') takeBest(instances, weights, ring, wanted, hits)
  else draw(instances, weights, ring, wanted, random, hits)
}

function takeBest(
  instances: readonly IndexedInstance[],
  weights: readonly number[],
  ring: Ring,
  wanted: number,
  hits: Hit[],
): void {
  const order = instances.map((_, at) => at)
  // Stable: the canonical order decides between equals.
  order.sort((a, b) => (weights[b] as number) - (weights[a] as number))
  for (const at of order.slice(0, wanted)) {
    hits.push({ instance: instances[at] as IndexedInstance, ring, weight: weights[at] as number })
  }
}

/** Without replacement; what weighs nothing comes last, in canonical order. */
function draw(
  instances: IndexedInstance[],
  weights: number[],
  ring: Ring,
  wanted: number,
  random: Random,
  hits: Hit[],
): void {
  let left = weights.length
  let total = 0
  for (const weight of weights) total += weight
  for (let drawn = 0; drawn < wanted && left > 0; drawn += 1) {
    const at = total > 0 ? pick(weights, left, random() * total) : 0
    const instance = instances[at] as IndexedInstance
    const weight = weights[at] as number
    hits.push({ instance, ring, weight })
    // Keeps the order of the rest, which decides between those that weigh nothing.
    instances.splice(at, 1)
    weights.splice(at, 1)
    left -= 1
    // Summed anew: subtracting would leave a rest that is no weight of anybody.
    total = 0
    for (let i = 0; i < left; i += 1) total += weights[i] as number
  }
}

function pick(weights: readonly number[], left: number, point: number): number {
  let rest = point
  let last = 0
  for (let at = 0; at < left; at += 1) {
    const weight = weights[at] as number
    if (weight <= 0) continue
    last = at
    rest -= weight
    if (rest < 0) return at
  }
  // Rounding can leave the point just beyond the end.
  return last
}
