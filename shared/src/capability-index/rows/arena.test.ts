import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Arena, sameCapacity } from './arena.ts'

test('blocks keep what they hold through growth, reuse and moving', () => {
  const step = fc.record({
    kind: fc.constantFrom('take', 'take', 'take', 'give', 'move'),
    size: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 70_000 })),
    which: fc.nat(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const arena = new Arena<Uint16Array>((length) => new Uint16Array(length))
      const blocks: { address: number; size: number; mark: number }[] = []
      steps.forEach(({ kind, size, which }, at) => {
        if (kind === 'take') {
          const address = arena.allocate(size)
          const chunk = arena.chunks[Math.floor(address / 65_536)] as Uint16Array
          chunk.fill(at + 1, address % 65_536, (address % 65_536) + size)
          blocks.push({ address, size, mark: at + 1 })
        } else if (kind === 'give' && blocks.length > 0) {
          const [gone] = blocks.splice(which % blocks.length, 1)
          if (gone !== undefined) arena.release(gone.address, gone.size)
        } else if (kind === 'move') {
          arena.beginMoving()
          for (const block of blocks) block.address = arena.moved(block.address, block.size)
          arena.endMoving()
        }
        for (const { address, size: length, mark } of blocks) {
          const chunk = arena.chunks[Math.floor(address / 65_536)] as Uint16Array
          const start = address % 65_536
          expect(chunk.subarray(start, start + length).every((value) => value === mark)).toBe(true)
        }
      })
    }),
    { numRuns: 60 },
  )
})

test('what a first chunk, still small, has left serves only once it is there', () => {
  const arena = new Arena<Uint16Array>((length) => new Uint16Array(length))
  arena.allocate(1)
  arena.allocate(65_535)
  const address = arena.allocate(50_000)
  const chunk = arena.chunks[Math.floor(address / 65_536)] as Uint16Array
  expect(chunk.length).toBeGreaterThanOrEqual((address % 65_536) + 50_000)
})

test('a block that was released is used again', () => {
  const arena = new Arena<Uint8Array>((length) => new Uint8Array(length))
  const address = arena.allocate(100)
  arena.release(address, 100)
  expect(sameCapacity(100, 98)).toBe(true)
  expect(arena.allocate(98)).toBe(address)
})

test('what was outgrown is given back by moving the rest', () => {
  const arena = new Arena<Uint8Array>((length) => new Uint8Array(length))
  const kept: number[] = []
  for (let i = 0; i < 4_000; i += 1) {
    const address = arena.allocate(64)
    if (i % 8 === 0) kept.push(address)
    else arena.release(address, 64)
  }
  // Released blocks serve again, so little is used; what fragments is what cannot serve.
  expect(arena.isWasteful).toBe(false)
  for (let i = 0; i < 2_000; i += 1) kept.push(arena.allocate(1_000))
  for (const address of kept.splice(500, 1_900)) arena.release(address, 1_000)
  expect(arena.isWasteful).toBe(true)
  const before = arena.bytes
  arena.beginMoving()
  kept.forEach((address, at) => (kept[at] = arena.moved(address, at < 500 ? 64 : 1_000)))
  arena.endMoving()
  expect(arena.isWasteful).toBe(false)
  expect(arena.bytes).toBeLessThan(before / 4)
})
