import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Postings } from './postings.ts'

const words = 8
const listMax = 70

test('every form of a posting holds what a set holds', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'add', 'add', 'remove', 'move', 'thin', 'tidy'),
    term: fc.nat(2),
    shelf: fc.constantFrom(0, 1, 2, 3, 9, 500),
    slot: fc.nat(words * 32 - 1),
    other: fc.nat(words * 32 - 1),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 600 }), (steps) => {
      const postings = new Postings()
      postings.reserve(3)
      const model = new Map<string, Set<number>>()
      const setOf = (term: number, shelf: number) => {
        const key = `${term} ${shelf}`
        const set = model.get(key) ?? new Set<number>()
        model.set(key, set)
        return set
      }
      const clearBit = (term: number, shelf: number, slot: number) => {
        postings.read(term, shelf)
        const bits = postings.bitsets[postings.data] as Uint32Array
        bits[slot >>> 5] = (bits[slot >>> 5] as number) & ~(1 << (slot & 31))
        if (postings.changeRows(term, shelf, -1) < listMax / 4) postings.toList(term, shelf)
      }
      for (const { kind, term, shelf, slot, other } of steps) {
        const set = setOf(term, shelf)
        const isDense = postings.read(term, shelf) && postings.dense
        if (kind === 'add' && !set.has(slot)) {
          postings.add(term, shelf, slot, listMax, words, () => undefined)
          set.add(slot)
        } else if (kind === 'remove') {
          if (isDense) {
            if (set.has(slot)) clearBit(term, shelf, slot)
          } else expect(postings.remove(term, shelf, slot)).toBe(set.has(slot))
          set.delete(slot)
        } else if (kind === 'move' && !isDense && set.has(slot) && !set.has(other)) {
          postings.move(term, shelf, slot, other)
          set.delete(slot)
          set.add(other)
        } else if (kind === 'tidy') {
          postings.beginMoving()
          for (let one = 0; one < 3; one += 1) postings.moveBlocks(one)
          postings.endMoving()
        } else if (kind === 'thin' && isDense) {
          for (const one of [...set].slice(0, 60)) {
            if (!postings.read(term, shelf) || !postings.dense) break
            clearBit(term, shelf, one)
            set.delete(one)
          }
        }
      }
      for (let term = 0; term < 3; term += 1) {
        let total = 0
        for (const shelf of [0, 1, 2, 3, 9, 500]) {
          const set = setOf(term, shelf)
          total += set.size
          expect(postings.read(term, shelf)).toBe(set.size > 0)
          if (set.size > 0) expect(postings.rows).toBe(set.size)
          for (let slot = 0; slot < words * 32; slot += 1) {
            expect(postings.has(term, shelf, slot)).toBe(set.has(slot))
          }
        }
        expect(postings.rowsOf(term)).toBe(total)
        expect(postings.isUnused(term)).toBe(total === 0)
      }
    }),
    { numRuns: 40 },
  )
})
