import { describe, expect, it } from 'vitest'
import type { Ring } from '../model/index.ts'
import { arrange, type ArrangeOptions, type Candidate } from './arrange.ts'
import { Outliers } from './outliers.ts'
import { regionTakes, spillLimits, spillShare } from './spill.ts'

/** The same throws in every run. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

interface Given {
  readonly ring?: Ring
  readonly region?: string
  readonly distanceMs?: number
  readonly pending?: number
  readonly latencyMs?: number
  readonly health?: number
}

function candidate(key: string, given: Given = {}): Candidate<string> {
  const { ring = 1, region = 'eu', distanceMs = 0, ...rest } = given
  const usual = { health: 1, latencyMs: 50, pending: 0, capacity: 10, operatorWeight: 1, match: 1 }
  return { item: key, key, ring, region, distanceMs, factors: { ...usual, ...rest } }
}

function optionsOf(over: Partial<ArrangeOptions> = {}): ArrangeOptions {
  const outliers = new Outliers()
  return { limit: 10, order: 'balanced', random: dice(1), outliers, now: 0, ...over }
}

function keys(candidates: readonly Candidate<string>[], options: ArrangeOptions): string[] {
  return arrange(candidates, options).placed.map(({ candidate: { key } }) => key)
}

describe('an order', () => {
  it('goes outwards by rings, and beyond the region by distance', () => {
    const all = [
      candidate('unmeasured', { ring: 3, region: 'ap', distanceMs: Infinity }),
      candidate('us', { ring: 3, region: 'us', distanceMs: 80 }),
      candidate('region', { ring: 2 }),
      candidate('zone'),
      candidate('uk', { ring: 3, region: 'uk', distanceMs: 12 }),
      candidate('node', { ring: 0 }),
    ]
    expect(keys(all, optionsOf())).toEqual(['node', 'zone', 'region', 'uk', 'us', 'unmeasured'])
    expect(keys(all, optionsOf({ limit: 2 }))).toEqual(['node', 'zone'])
  })

  it('draws by weight inside a ring, without replacement', () => {
    const random = dice(7)
    const all = [candidate('slow', { latencyMs: 150 }), candidate('fast')]
    const first = Array.from({ length: 2_000 }, () => keys(all, optionsOf({ random }))[0])
    const slow = first.filter((key) => key === 'slow').length
    expect(slow / first.length).toBeGreaterThan(0.2)
    expect(slow / first.length).toBeLessThan(0.3)
    expect(keys(all, optionsOf()).toSorted()).toEqual(['fast', 'slow'])
  })

  it('is the same every time when ranked, and takes no notice of weight when random', () => {
    const random = dice(7)
    const all = [candidate('slow', { latencyMs: 5_000 }), candidate('fast')]
    expect(keys(all, optionsOf({ order: 'ranked' }))).toEqual(['fast', 'slow'])
    const first = Array.from(
      { length: 500 },
      () => keys(all, optionsOf({ order: 'random', random }))[0],
    )
    const slow = first.filter((key) => key === 'slow').length
    expect(Math.abs(slow - 250)).toBeLessThan(60)
  })

  it('leaves out at most a share of what callers say fails', () => {
    const outliers = new Outliers()
    const all = Array.from({ length: 10 }, (_, i) => candidate(`i${i}`))
    for (const { key } of all) {
      for (let i = 0; i < 5; i += 1) outliers.report(key, { ok: false }, 0)
    }
    expect(arrange(all, optionsOf({ outliers })).ejected).toBe(3)
    expect(arrange(all.slice(0, 1), optionsOf({ outliers })).ejected).toBe(0)
    expect(arrange(all, optionsOf({ outliers, now: 10_000 })).ejected).toBe(0)
  })

  it('moves only the sessions of a candidate that goes', () => {
    const all = Array.from({ length: 5 }, (_, i) => candidate(`i${i}`))
    const chosen = (from: readonly Candidate<string>[], affinity: string) =>
      keys(from, optionsOf({ affinity }))[0]
    const sessions = Array.from({ length: 200 }, (_, i) => `session ${i}`)
    const stay = sessions.filter((session) => chosen(all, session) !== 'i0')
    expect(stay.length).toBeGreaterThan(130)
    const before = stay.map((session) => chosen(all, session))
    expect(stay.map((session) => chosen(all.slice(1), session))).toEqual(before)
  })
})

describe('a ring with too much to do', () => {
  it('sends on more the more it has, and nothing below its threshold', () => {
    for (const [at, threshold] of spillLimits.thresholds.entries()) {
      const ring = at as Ring
      const share = (load: number) => spillShare(ring, { pending: load * 100, capacity: 100 })
      expect(share(threshold)).toBe(0)
      expect(share((1 + threshold) / 2)).toBeCloseTo(0.5)
      expect(share(1)).toBe(1)
      expect(share(2)).toBe(1)
    }
    expect(spillShare(3, { pending: 100, capacity: 100 })).toBe(0)
  })

  it('lets the next ring go first for that share of calls', () => {
    const random = dice(3)
    const all = [candidate('zone', { pending: 9 }), candidate('region', { ring: 2 })]
    const first = Array.from({ length: 1_000 }, () => keys(all, optionsOf({ random }))[0])
    const spilled = first.filter((key) => key === 'region').length / first.length
    expect(Math.abs(spilled - (0.9 - 0.65) / 0.35)).toBeLessThan(0.06)
  })

  it('goes on to the ring after that when the next is as busy', () => {
    const all = [
      candidate('node', { ring: 0, pending: 10 }),
      candidate('zone', { pending: 10 }),
      candidate('region', { ring: 2 }),
    ]
    expect(keys(all, optionsOf())).toEqual(['region', 'node', 'zone'])
    expect(arrange(all, optionsOf()).spills).toMatchObject([
      { ring: 0, drawn: true, to: 'ring 1' },
      { ring: 1, drawn: true, to: 'ring 2' },
    ])
  })

  it('never gives a region more than it has room for, nor more than a share', () => {
    const home = { pending: 100, capacity: 100 }
    expect(regionTakes(home, { pending: 0, capacity: 1_000 })).toBe(spillLimits.regionShareMax)
    expect(regionTakes(home, { pending: 70, capacity: 100 })).toBeCloseTo(0.1)
    expect(regionTakes(home, { pending: 81, capacity: 100 })).toBe(0)
    const random = dice(5)
    const all = [
      candidate('region', { ring: 2, pending: 10 }),
      candidate('us', { ring: 3, region: 'us', distanceMs: 80, pending: 9 }),
    ]
    const first = Array.from({ length: 200 }, () => keys(all, optionsOf({ random }))[0])
    expect(first).not.toContain('us')
  })
})
