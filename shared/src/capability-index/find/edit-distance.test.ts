import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distance, patternCharsMax, patternOf } from './edit-distance.ts'

/** The table as the books have it. */
function slowDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (__, j) => (i === 0 ? j : j === 0 ? i : 0)),
  )
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, at(i - 2, j - 2) + 1)
      }
      const row = rows[i]
      if (row !== undefined) row[j] = best
    }
  }
  return at(a.length, b.length)
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: patternCharsMax })

describe('distance', () => {
  it('counts an insertion, a deletion, a replacement and a swap as one each', () => {
    const weather = patternOf('weather')
    const slips = ['weatherr', 'weathr', 'weathar', 'waether', 'weather']
    expect(slips.map((slip) => distance(weather, slip, 2))).toEqual([1, 1, 1, 1, 0])
  })

  it('equals the slow table, or is above the bound where that is', () => {
    fc.assert(
      fc.property(word, word, fc.nat(4), (a, b, max) => {
        const slow = slowDistance(a, b)
        const fast = distance(patternOf(a), b, max)
        if (slow <= max) expect(fast).toBe(slow)
        else expect(fast).toBeGreaterThan(max)
      }),
      { numRuns: 2_000 },
    )
  })
})
