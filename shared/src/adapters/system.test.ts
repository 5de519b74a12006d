import { expect, it, vi } from 'vitest'
import { portableSha256 } from '../model/index.ts'
import { createSystemClock, systemClock, systemRandom, systemSha256 } from './system.ts'

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

it('waits for no millisecond where there is no delay', async () => {
  const setTimer = vi.spyOn(globalThis, 'setTimeout')
  await new Promise<void>((resolve) => {
    createSystemClock({ keepsProcessAlive: true }).after(0, resolve)
  })
  expect(setTimer).not.toHaveBeenCalled()
  setTimer.mockRestore()
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

it('hashes as the portable one does', () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1_000, 100_000]) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 31 + length) % 256)
    expect(systemSha256(bytes)).toBe(portableSha256(bytes))
    expect(systemSha256(bytes.subarray(length >> 1))).toBe(portableSha256(bytes.slice(length >> 1)))
  }
})
