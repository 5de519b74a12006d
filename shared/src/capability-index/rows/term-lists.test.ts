import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Arena } from './arena.ts'
import { TermLists } from './term-lists.ts'

test('gives back the terms of every row of a page', () => {
  const terms = fc
    .uniqueArray(fc.oneof(fc.nat(200), fc.nat(20_000), fc.nat(2 ** 31 - 1)), { maxLength: 300 })
    .map((list) => list.sort((a, b) => a - b))
  const step = fc.record({ slot: fc.nat(95), terms: fc.option(terms), tidy: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const arena = new Arena<Uint8Array>((length) => new Uint8Array(length))
      const lists = new TermLists(arena)
      lists.grow(3)
      const model = new Map<number, number[]>()
      for (const { slot, terms: list, tidy } of steps) {
        if (list !== null) {
          lists.write(slot, list, list.length)
          model.set(slot, list)
        } else if (model.delete(slot)) lists.remove(slot)
        if (!tidy) continue
        arena.beginMoving()
        lists.moveBlocks(0, 3)
        arena.endMoving()
      }
      for (const [slot, list] of model) {
        const read: number[] = []
        read.length = lists.read(slot, read)
        expect(read).toEqual(list)
      }
    }),
    { numRuns: 100 },
  )
})
