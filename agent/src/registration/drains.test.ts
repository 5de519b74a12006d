import { ManualClock } from '@meridian/shared/manual-clock'
import { beforeEach, expect, it } from 'vitest'
import { Drains } from './drains.ts'

let clock: ManualClock
let drained: string[]
let rested: string[]
let inFlight: Map<string, number>
let drains: Drains

beforeEach(() => {
  clock = new ManualClock()
  drained = []
  rested = []
  inFlight = new Map()
  drains = new Drains({
    clock,
    inFlight: (id) => inFlight.get(id),
    onDrained: (id) => {
      drained.push(id)
    },
    onRested: (id) => {
      rested.push(id)
    },
  })
})

function rest(id: string, forMs: number, sinceWall = 0): void {
  const drain = { sinceWall, thenDeregister: false, waitMs: forMs, thenEnds: true }
  drains.watch({ ...instance(id), drain })
}

function drain(id: string, waitMs: number, thenDeregister = true): void {
  drains.watch({ ...instance(id), drain: { sinceWall: 0, thenDeregister, waitMs } })
}

function instance(id: string) {
  return {
    spec: {
      id,
      definition: '',
      endpoint: { transport: 'sse', url: 'http://127.0.0.1/' },
      metadata: {},
      capacity: 1,
    },
  } as const
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

it('ends a drain after so long, counted anew when it is asked for anew', () => {
  rest('a', 5_000)
  clock.tick(4_000)
  rest('a', 5_000)
  clock.tick(1_000)
  expect(rested).toEqual(['a'])
  rest('b', 5_000, 1)
  clock.tick(4_000)
  rest('b', 5_000, 2)
  clock.tick(4_999)
  expect(rested).toEqual(['a'])
  clock.tick(1)
  expect([rested, drained]).toEqual([['a', 'b'], []])
})

it('ends no drain that was undone, or that lasts until it is', () => {
  rest('a', 5_000)
  drain('a', 0, false)
  rest('b', 5_000)
  drains.forget('b')
  clock.tick(60_000)
  expect(rested).toEqual([])
})
