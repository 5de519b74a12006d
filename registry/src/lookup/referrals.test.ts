import { ManualClock } from '@meridian/shared/manual-clock'
import { expect, it } from 'vitest'
import { referralLimits, Referrals } from './referrals.ts'

function createRig() {
  const clock = new ManualClock()
  const referrals = new Referrals(clock)
  let asked = 0
  const ask = (maxAgeMs?: number) =>
    referrals.of(
      'tool:x',
      () => {
        asked += 1
        return Promise.resolve({ regions: ['us'], staleZones: [] })
      },
      maxAgeMs,
    )
  return { clock, ask, asked: () => asked }
}

it('remembers a referral for its lease', async () => {
  const { clock, ask, asked } = createRig()
  await ask()
  await clock.advance(referralLimits.leaseMs)
  await ask()
  expect(asked()).toBe(1)
  await clock.advance(1)
  await ask()
  expect(asked()).toBe(2)
})

it('gives nothing older than the asker takes', async () => {
  const { clock, ask, asked } = createRig()
  await ask()
  await clock.advance(50)
  await ask(100)
  expect(asked()).toBe(1)
  await ask(0)
  expect(asked()).toBe(2)
})
