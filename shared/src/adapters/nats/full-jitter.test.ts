import { expect, it } from 'vitest'
import { fullJitter, RECONNECT_BASE_MS, RECONNECT_CAP_MS } from './full-jitter.ts'

it('draws all of the wait from a bound that doubles up to its cap', () => {
  const longest = Array.from({ length: 7 }, (_, attempt) => fullJitter(attempt, () => 1))
  expect(longest).toEqual([250, 500, 1_000, 2_000, 4_000, 4_000, 4_000])
  expect(longest[0]).toBe(RECONNECT_BASE_MS)
  expect(longest.at(-1)).toBe(RECONNECT_CAP_MS)
  expect(fullJitter(3, () => 0)).toBe(0)
  expect(fullJitter(3, () => 0.5)).toBe(1_000)
})

it('stays at its cap however often it has failed', () => {
  expect(fullJitter(1_000_000, () => 1, 1, 60_000)).toBe(60_000)
})
