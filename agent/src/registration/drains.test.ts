import { ManualClock } from '@meridian/shared/manual-clock'
import { beforeEach, expect, it } from 'vitest'
import { Drains } from './drains.ts'

let clock: ManualClock
let drained: string[]
let inFlight: Map<string, number>
let drains: Drains

beforeEach(() => {
  clock = new ManualClock()
  drained = []
  inFlight = new Map()
  drains = new Drains({
    clock,
    inFlight: (id) => inFlight.get(id),
    onDrained: (id) => {
      drained.push(id)
    },
  })
})

function drain(id: string, waitMs: number, thenDeregister = true): void {
  drains.watch({
    spec: {
      id,
      definition: '',
      endpoint: { transport: 'sse', url: 'http://127.0.0.1/' },
      metadata: {},
      capacity: 1,
    },
    drain: { sinceWall: 0, thenDeregister, waitMs },
  })
}

it('lets an instance go once nothing is in flight', () => {
  inFlight.set('a', 2)
  drain('a', 60_000)
  clock.tick(10_000)
  expect(drained).toEqual([])
  inFlight.set('a', 0)
  clock.tick(250)
  expect(drained).toEqual(['a'])
})

it('gives others a moment to hear of it', () => {
  inFlight.set('a', 0)
  drain('a', 60_000)
  clock.tick(999)
  expect(drained).toEqual([])
  clock.tick(1)
  expect(drained).toEqual(['a'])
})

it('waits no longer than it may, and just so long where nobody says what is in flight', () => {
  inFlight.set('busy', 1)
  drain('busy', 30_000)
  drain('silent', 20_000)
  clock.tick(19_999)
  expect(drained).toEqual([])
  clock.tick(1)
  expect(drained).toEqual(['silent'])
  clock.tick(10_000)
  expect(drained).toEqual(['silent', 'busy'])
})

it('forgets an instance whose drain is undone, or that is only to be quiet', () => {
  drain('a', 5_000)
  drain('a', 5_000, false)
  drain('b', 5_000, false)
  clock.tick(60_000)
  expect(drained).toEqual([])
})

it('does not begin again when it is told twice', () => {
  drain('a', 5_000)
  clock.tick(3_000)
  drain('a', 5_000)
  clock.tick(2_000)
  expect(drained).toEqual(['a'])
})
