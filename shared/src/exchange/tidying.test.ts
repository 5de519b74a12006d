import { expect, it } from 'vitest'
import {
  createLinearIndex,
  type CapabilityIndex,
  type IndexChange,
} from '../capability-index/index.ts'
import { ManualClock } from '../ports/manual-clock.ts'
import { keepTidy } from './tidying.ts'

it('tidies in pieces after a change, until nothing is left, and not after it was closed', async () => {
  const clock = new ManualClock()
  const listeners: ((change: IndexChange) => void)[] = []
  let left = 3
  let pieces = 0
  const index: CapabilityIndex = {
    ...createLinearIndex(),
    onChange: (listener) => {
      listeners.push(listener)
      return () => listeners.splice(0)
    },
    maintain: () => {
      pieces += 1
      left -= 1
      return left > 0
    },
  }
  const tidying = keepTidy(index, clock)
  await clock.advance(1_000)
  expect(pieces).toBe(0)

  const change = { kind: 'added' } as IndexChange
  for (const listener of listeners) listener(change)
  await clock.advance(1_000)
  expect(pieces).toBe(3)

  for (const listener of listeners) listener(change)
  tidying.close()
  await clock.advance(1_000)
  expect(pieces).toBe(3)
  expect(listeners).toEqual([])
})
