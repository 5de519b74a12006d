import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ManualClock } from './manual-clock.ts'

it('runs timers in the order of their moments, and those of one moment as they were set', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ delay: fc.nat(20), cancelled: fc.boolean() }), { maxLength: 50 }),
      (timers) => {
        const clock = new ManualClock()
        const ran: string[] = []
        timers.forEach(({ delay, cancelled }, index) => {
          const cancel = clock.after(delay, () => ran.push(`${clock.now()}#${index}`))
          if (cancelled) cancel()
        })
        clock.tick(20)
        const expected = timers
          .map((timer, index) => ({ ...timer, index }))
          .filter((timer) => !timer.cancelled)
          .toSorted((a, b) => a.delay - b.delay || a.index - b.index)
          .map(({ delay, index }) => `${delay}#${index}`)
        expect(ran).toEqual(expected)
        expect(clock.now()).toBe(20)
        expect(clock.nextDueAt()).toBeUndefined()
      },
    ),
  )
})

it('runs what a timer sets, when that is due within the same tick', () => {
  const clock = new ManualClock()
  const ran: number[] = []
  clock.after(5, () => clock.after(3, () => ran.push(clock.now())))
  clock.tick(7)
  expect(ran).toEqual([])
  clock.tick(1)
  expect(ran).toEqual([8])
})

it('lets promises continue between two timers', async () => {
  const clock = new ManualClock()
  const seen: string[] = []
  const wait = (delay: number) =>
    new Promise<void>((resolve) => {
      clock.after(delay, resolve)
    })
  const loop = async () => {
    for (let round = 0; round < 3; round++) {
      await wait(10)
      seen.push(`${round} at ${clock.now()}`)
    }
  }
  const done = loop()
  await clock.advance(30)
  await done
  expect(seen).toEqual(['0 at 10', '1 at 20', '2 at 30'])
})

it('steps the wall clock without moving the monotonic one', () => {
  const clock = new ManualClock({ now: 100, wall: 1_000 })
  clock.stepWall(-500)
  clock.tick(10)
  expect([clock.now(), clock.wall()]).toEqual([110, 510])
})
