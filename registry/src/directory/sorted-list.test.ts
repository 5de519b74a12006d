import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SortedList } from './sorted-list.ts'

it('holds what a sorted array of distinct texts holds, after any changes', () => {
  const texts = fc.string({ minLength: 1, maxLength: 3 })
  const changes = fc.array(fc.tuple(fc.boolean(), texts), { maxLength: 300 })
  fc.assert(
    fc.property(changes, texts, (steps, after) => {
      const list = new SortedList()
      const oracle = new Set<string>()
      for (const [adds, text] of steps) {
        expect(adds ? list.add(text) : list.remove(text)).toBe(adds !== oracle.has(text))
        if (adds) oracle.add(text)
        else oracle.delete(text)
      }
      const sorted = [...oracle].sort()
      expect(list.size).toBe(sorted.length)
      expect([...list.after('')]).toEqual(sorted)
      expect([...list.after(after)]).toEqual(sorted.filter((text) => text > after))
    }),
  )
})

it('stays in order over many chunks, whatever the order they came in', () => {
  const list = new SortedList()
  for (let at = 0; at < 5_000; at += 1) list.add(String((at * 7_919) % 5_000).padStart(4, '0'))
  expect([...list.after('4995')]).toEqual(['4996', '4997', '4998', '4999'])
  for (let at = 0; at < 5_000; at += 1)
    if (at % 1_000 !== 0) list.remove(String(at).padStart(4, '0'))
  expect([...list.after('')]).toEqual(['0000', '1000', '2000', '3000', '4000'])
})
