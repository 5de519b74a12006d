import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { orderHits, type OrderedHit } from './order-hits.ts'

interface Named extends OrderedHit {
  readonly name: string
}

const hit = (name: string, score: number, ring?: 0 | 1 | 2 | 3): Named => ({
  name,
  score,
  ...(ring !== undefined && { ring }),
})
const names = (hits: readonly Named[]) => hits.map(({ name }) => name).join('')
const never = () => {
  throw new Error('nothing is drawn')
}

/** Best first: a, b and c match alike, b and c the same; d is another matter. */
const hits = [hit('a', 10, 3), hit('b', 9.5, 2), hit('c', 9.5, 0), hit('d', 5, 0)]

describe('hits', () => {
  it('that are ranked go by words alone; of the same score the nearer goes first', () => {
    expect(names(orderHits(hits, 'ranked', never))).toBe('acbd')
  })

  it('that match alike go nearer first where a balance is wanted', () => {
    expect(names(orderHits(hits, 'balanced', () => 0.5))).toBe('cbad')
  })

  it('that nobody serves at present go behind those far away', () => {
    expect(names(orderHits([hit('a', 1), hit('b', 1, 3)], 'ranked', never))).toBe('ba')
  })

  it.each(['balanced', 'random'] as const)('that are as near take turns: %s', (order) => {
    const equals = [hit('a', 10, 1), hit('b', 10, 1), hit('c', 9.9, 1)]
    const first = new Set(
      [0, 0.4, 0.99].map((chance) => names(orderHits(equals, order, () => chance))[0]),
    )
    expect(first.size).toBeGreaterThan(1)
  })

  it('that match worse never pass those that match better than alike, and none is lost', () => {
    const arbitrary = fc.array(
      fc.record({ name: fc.string(), score: fc.double({ min: 0.01, max: 100, noNaN: true }) }),
      { maxLength: 30 },
    )
    const orders = fc.constantFrom('ranked' as const, 'balanced' as const, 'random' as const)
    fc.assert(
      fc.property(
        arbitrary,
        orders,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (any, order, chance) => {
          const best = any.toSorted((a, b) => b.score - a.score)
          const ordered = orderHits(best, order, () => chance)
          expect(new Set(ordered)).toEqual(new Set(best))
          expect(ordered).toHaveLength(best.length)
          let least = Infinity
          for (const { score } of ordered) {
            expect(score * 0.9).toBeLessThanOrEqual(least)
            least = Math.min(least, score)
          }
        },
      ),
    )
  })
})
