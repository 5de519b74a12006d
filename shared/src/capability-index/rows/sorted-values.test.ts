import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SortedValues } from './sorted-values.ts'

test('finds the values that begin alike, however they came and went', () => {
  const value = fc.string({
    unit: fc.constantFrom('a', 'b', 'é', '\ud800', '\u{1f600}'),
    maxLength: 5,
  })
  const step = fc.record({ value, keeps: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 900 }), value, fc.nat(50), (steps, prefix, max) => {
      const sorted = new SortedValues()
      const model = new Map<string, number>()
      steps.forEach(({ value: one, keeps }, at) => {
        if (keeps && !model.has(one)) {
          sorted.insert(one, at)
          model.set(one, at)
        } else if (!keeps && model.delete(one)) sorted.remove(one)
      })
      const expected = [...model].filter(([one]) => one.startsWith(prefix)).map(([, term]) => term)
      const found: number[] = []
      expect(sorted.collect(prefix, max, found)).toBe(Math.min(expected.length, max + 1))
      expect(found.length).toBe(Math.min(expected.length, max))
      expect(found.every((term) => expected.includes(term))).toBe(true)
    }),
    { numRuns: 100 },
  )
})
