import { describe, expect, test } from 'vitest'
import type { InstanceState } from '../model/index.ts'
import type { Hit, IndexedInstance, Order } from './capability-index.ts'
import {
  Draw,
  packWeight,
  poolSize,
  selectionLimits,
  startsOf,
  unpackWeight,
  weightOf,
} from './selection.ts'

function instance(change: Partial<IndexedInstance> & { weight?: number } = {}): IndexedInstance {
  const state: InstanceState = {
    id: 'i',
    status: 'passing',
    weight: change.weight ?? 100,
    draining: false,
  }
  return {
    owner: 'eu/a/n1/agent',
    locality: { region: 'eu', zone: 'a', node: 'n1' },
    spec: {
      id: 'i',
      definition: '0'.repeat(64),
      endpoint: { transport: 'streamable-http', url: 'http://127.0.0.1/' },
      metadata: {},
      capacity: 100,
    },
    state,
    load: { inFlight: 0, latencyMs: 100 },
    liveness: 'alive',
    ...change,
  }
}

/** Chance that is always in the middle of what is left to choose. */
const middle = () => 0.5

function choose(order: Order, groups: IndexedInstance[][], wanted: number, random = middle): Hit[] {
  const hits: Hit[] = []
  const draw = new Draw(order, weightOf)
  draw.begin(wanted, groups.length, startsOf(order, random))
  for (const group of groups) draw.addGroup(group)
  draw.finish(1, random, hits)
  return hits
}

describe('an instance weighs', () => {
  const plain = weightOf(instance())

  test.each([
    ['half when twice as slow', instance({ load: { inFlight: 0, latencyMs: 200 } }), 0.5],
    ['half with one call pending', instance({ load: { inFlight: 1, latencyMs: 100 } }), 0.5 * 0.99],
    ['more with more capacity', instance({ spec: { ...instance().spec, capacity: 200 } }), 2],
    ['as its operator says', instance({ weight: 50 }), 0.5],
    ['a tenth on a suspect node', instance({ liveness: 'suspect' }), 0.1],
    [
      'as one of middling speed while nothing is known',
      instance({ load: { inFlight: 0, latencyMs: 0 } }),
      2,
    ],
    ['nothing on a silent node', instance({ liveness: 'unreachable' }), 0],
    ['nothing with weight 0', instance({ weight: 0 }), 0],
  ])('%s', (_, one, share) => {
    // Weights are rounded to 8 bits.
    expect(Math.abs(weightOf(one) - plain * share)).toBeLessThanOrEqual(plain * share * 0.008)
  })

  test('something even when it is full, so that all being full is no dead end', () => {
    expect(weightOf(instance({ load: { inFlight: 500, latencyMs: 100 } }))).toBeGreaterThan(0)
  })

  test('what its 16 bits say', () => {
    for (const weight of [0, 1e-30, 0.001, 1, 3.14159, 99.5, 1e7]) {
      const packed = packWeight(weight)
      expect(packed).toBeLessThan(65_536)
      expect(packWeight(unpackWeight(packed))).toBe(packed)
      expect(Math.abs(unpackWeight(packed) - weight)).toBeLessThanOrEqual(weight * 0.004)
    }
    expect(packWeight(1e-45)).toBe(1)
  })
})

describe('the draw', () => {
  const slow = instance({ load: { inFlight: 0, latencyMs: 300 } })
  const fast = instance({ load: { inFlight: 0, latencyMs: 100 } })
  const out = instance({ weight: 0 })
  const out2 = instance({ weight: 0 })

  test('ranked: heaviest first, the rest in canonical order', () => {
    const other = instance()
    const hits = choose('ranked', [[out], [slow], [fast], [other], [out2]], 5)
    expect(hits.map((hit) => hit.instance)).toEqual([fast, other, slow, out, out2])
    expect(hits[0]?.instance).toBe(fast)
    expect(hits[3]?.instance).toBe(out)
  })

  test('takes without replacement, and what weighs nothing last', () => {
    for (const order of ['balanced', 'random'] as const) {
      let at = 0
      const hits = choose(
        order,
        [[out, slow], [fast], [out2]],
        9,
        () => [0.99, 0.3, 0.7, 0.1][(at += 1) % 4] ?? 0,
      )
      expect(new Set(hits.map((hit) => hit.instance))).toEqual(new Set([out, slow, fast, out2]))
      expect(hits.slice(2).map((hit) => hit.instance)).toEqual([out, out2])
    }
  })

  test('follows the weights', () => {
    let state = 1
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
    const counts = { balanced: 0, random: 0 }
    for (let i = 0; i < 8_000; i += 1) {
      for (const order of ['balanced', 'random'] as const) {
        if (choose(order, [[slow], [fast]], 1, random)[0]?.instance === slow) counts[order] += 1
      }
    }
    // 1 : 3, and even.
    expect(counts.balanced / 8_000).toBeCloseTo(0.25, 1)
    expect(counts.random / 8_000).toBeCloseTo(0.5, 1)
  })

  test('spreads evenly over the replicas of one group', () => {
    let state = 7
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
    const group = Array.from({ length: 40 }, () => instance())
    const counts = new Map(group.map((one) => [one, 0]))
    for (let i = 0; i < 40_000; i += 1) {
      const [hit] = choose('balanced', [group], 1, random)
      if (hit !== undefined) counts.set(hit.instance, (counts.get(hit.instance) ?? 0) + 1)
    }
    const most = Math.max(...counts.values())
    expect(most / 1_000).toBeLessThan(1.2)
  })

  test('gives a large group the weight of all its replicas', () => {
    let state = 7
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
    const large = Array.from({ length: 90 }, () => instance())
    const small = instance()
    const small9 = Array.from({ length: 9 }, () => instance())
    let hits = 0
    for (let i = 0; i < 20_000; i += 1) {
      if (
        large.includes(
          choose('balanced', [large, [small], small9], 1, random)[0]?.instance ?? small,
        )
      )
        hits += 1
    }
    expect(hits / 20_000).toBeCloseTo(0.9, 1)
  })

  test('fills the answer from one group when there is no other', () => {
    const group = Array.from({ length: 40 }, () => instance())
    expect(choose('balanced', [group], 30)).toHaveLength(30)
    expect(choose('balanced', [group.slice(0, 20), [fast]], 21)).toHaveLength(21)
  })

  test('has a pool that is bounded, and never smaller than what is wanted', () => {
    expect(poolSize(1)).toBe(selectionLimits.poolGroups)
    expect(poolSize(100)).toBe(100)
  })
})
