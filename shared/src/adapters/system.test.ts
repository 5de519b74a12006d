import { expect, it } from 'vitest'
import { createSystemClock, systemClock, systemRandom } from './system.ts'

it('never runs backwards', () => {
  const first = systemClock.now()
  expect(systemClock.now()).toBeGreaterThanOrEqual(first)
})

it('runs a task later, never at once, unless it is cancelled', async () => {
  const ran: string[] = []
  const done = new Promise<void>((resolve) => {
    systemClock.after(0, () => {
      ran.push('kept')
      resolve()
    })
  })
  const cancel = systemClock.after(0, () => ran.push('cancelled'))
  cancel()
  expect(ran).toEqual([])
  await done
  cancel()
  expect(ran).toEqual(['kept'])
})

it('does not run at once what is due in more than 24.8 days', async () => {
  let ran = false
  const clock = createSystemClock({ keepsProcessAlive: false })
  const cancel = clock.after(2 ** 32, () => {
    ran = true
  })
  await new Promise<void>((resolve) => {
    clock.after(2, resolve)
    setTimeout(() => {}, 20)
  })
  cancel()
  expect(ran).toBe(false)
})

it('draws from [0, 1)', () => {
  const draws = Array.from({ length: 100 }, () => systemRandom())
  expect(draws.every((draw) => draw >= 0 && draw < 1)).toBe(true)
})
