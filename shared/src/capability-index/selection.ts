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

/**
 * 0 for what takes no work. Rounded to 8 significant bits (0.4 %), because indexes keep one for
 * every instance: `packWeight` makes 16 bits of it, and `unpackWeight` the same weight again.
 */
export function weightOf(instance: IndexedInstance): number {
  const { health, latencyMs, pending, capacityLeft, operatorWeight } = factorsOf(instance)
  const exact = ((health * operatorWeight) / (latencyMs * (1 + pending))) * capacityLeft
  return unpackWeight(packWeight(exact))
}

const asFloat = new Float32Array(1)
const asBits = new Uint32Array(asFloat.buffer)

/** The upper half of a 32-bit float, rounded; 0 for 0 only. */
export function packWeight(weight: number): number {
  asFloat[0] = weight
  const bits = ((asBits[0] as number) + 0x8000) >>> 16
  return bits === 0 && weight > 0 ? 1 : bits
}

export function unpackWeight(packed: number): number {
  asBits[0] = packed << 16
  return asFloat[0] as number
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

/**
 * Chooses from a ring's pool. Its groups are added in canonical order, each with its matching
 * instances in canonical order; then `finish` appends the hits. One object serves many lookups.
 */
export class Draw {
  readonly #order: Order
  readonly #weigh: (instance: IndexedInstance) => number
  readonly #instances: (IndexedInstance | number)[] = []
  readonly #weights: number[] = []
  /** How much of both is in use: cutting them short would give up their memory. */
  #count = 0
  #best = new Int32Array(32)
  #wanted = 0
  #perGroup = 0
  #start = 0

  constructor(order: Order, weigh: (instance: IndexedInstance) => number) {
    this.#order = order
    this.#weigh = weigh
  }

  begin(wanted: number, groups: number, starts: Starts): void {
    this.#wanted = wanted
    this.#start = starts.instance
    // Few groups must not mean few hits: the last of them alone could have to fill the rest.
    const perGroup = Math.max(selectionLimits.poolInstancesPerGroup, wanted - groups + 1)
    this.#perGroup = this.#order === 'ranked' ? Infinity : perGroup
    this.#count = 0
  }

  addGroup(instances: readonly IndexedInstance[]): void {
    const { length } = instances
    if (length <= this.#perGroup) {
      for (const instance of instances) this.#add(instance, 1)
      return
    }
    const first = Math.floor(this.#start * length)
    for (let i = 0; i < this.#perGroup; i += 1) {
      const at = first + i
      const instance = instances[at < length ? at : at - length] as IndexedInstance
      this.#add(instance, length / this.#perGroup)
    }
  }

  /** A group with one matching instance. */
  addSingle(instance: IndexedInstance): void {
    this.#add(instance, 1)
  }

  /** The same, where the weight is known: the instance is asked for by `place` if it is drawn. */
  addKnown(place: number, weight: number): void {
    this.#append(place, this.#order === 'random' && weight > 0 ? 1 : weight)
  }

  /** `instanceAt` is asked for what `addKnown` added. */
  finish(
    ring: Ring,
    random: Random,
    hits: Hit[],
    instanceAt: (place: number) => IndexedInstance = nobody,
  ): void {
    if (this.#order === 'ranked') this.#takeBest(ring, hits, instanceAt)
    else this.#draw(ring, random, hits, instanceAt)
  }

  /** `share`: how many instances it stands for. */
  #add(instance: IndexedInstance, share: number): void {
    const weight = this.#weigh(instance)
    if (!(weight > 0)) this.#append(instance, 0)
    else this.#append(instance, this.#order === 'random' ? share : weight * share)
  }

  #append(instance: IndexedInstance | number, weight: number): void {
    this.#instances[this.#count] = instance
    this.#weights[this.#count] = weight
    this.#count += 1
  }

  /** Heaviest first; the canonical order decides between equals. */
  #takeBest(ring: Ring, hits: Hit[], instanceAt: InstanceAt): void {
    const weights = this.#weights
    const count = this.#count
    const taken = Math.min(this.#wanted, count)
    if (this.#best.length < taken) this.#best = new Int32Array(taken)
    const best = this.#best
    let size = 0
    for (let at = 0; at < count; at += 1) {
      const weight = weights[at] as number
      if (size === taken) {
        if (weight <= (weights[best[taken - 1] as number] as number)) continue
      } else size += 1
      let place = size - 1
      while (place > 0 && (weights[best[place - 1] as number] as number) < weight) {
        best[place] = best[place - 1] as number
        place -= 1
      }
      best[place] = at
    }
    for (let i = 0; i < taken; i += 1) hits.push(this.#hit(best[i] as number, ring, instanceAt))
  }

  /** Without replacement; what weighs nothing comes last, in canonical order. */
  #draw(ring: Ring, random: Random, hits: Hit[], instanceAt: InstanceAt): void {
    const weights = this.#weights
    const count = this.#count
    let missing = Math.min(this.#wanted, count)
    let total = sumOf(weights, count)
    while (missing > 0 && total > 0) {
      const at = pick(weights, count, random() * total)
      const weight = weights[at] as number
      hits.push(this.#hit(at, ring, instanceAt))
      missing -= 1
      weights[at] = drawn
      // Subtracting most of a sum would leave little but the rounding of it.
      total = weight * 2 > total ? sumOf(weights, count) : total - weight
    }
    for (let at = 0; missing > 0 && at < count; at += 1) {
      if (weights[at] !== 0) continue
      hits.push(this.#hit(at, ring, instanceAt))
      missing -= 1
    }
  }

  #hit(at: number, ring: Ring, instanceAt: InstanceAt): Hit {
    const found = this.#instances[at] as IndexedInstance | number
    const instance = typeof found === 'number' ? instanceAt(found) : found
    return { instance, ring, weight: this.#weights[at] as number }
  }
}

type InstanceAt = (place: number) => IndexedInstance

function nobody(): never {
  throw new Error('no instance was added by its place')
}

/** In the place of the weight of what was drawn already. */
const drawn = -1

function sumOf(weights: readonly number[], count: number): number {
  let total = 0
  for (let at = 0; at < count; at += 1) {
    const weight = weights[at] as number
    if (weight > 0) total += weight
  }
  return total
}

/** The first whose weights up to it reach beyond `point`. */
function pick(weights: readonly number[], count: number, point: number): number {
  let rest = point
  let last = 0
  for (let at = 0; at < count; at += 1) {
    const weight = weights[at] as number
    if (weight <= 0) continue
    rest -= weight
    if (rest < 0) return at
    last = at
  }
  // Rounding can leave the point just beyond the end.
  return last
}
