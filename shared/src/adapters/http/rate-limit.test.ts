import { describe, expect, it } from 'vitest'
import { isMeridianError } from '../../errors.ts'
import { RateLimit } from './rate-limit.ts'

function create(perSecond: number, burst: number) {
  let now = 0
  const limit = new RateLimit({ perSecond, burst }, () => now)
  return {
    pass(ms: number) {
      now += ms
    },
    /** 0 when it was let through, else after how many ms it may come again. */
    waitOf(caller: string, cost = 1): number {
      try {
        limit.take(caller)
        limit.owe(caller, cost - 1)
        return 0
      } catch (error) {
        if (!isMeridianError(error, 'rate_limited')) throw error
        return error.retryAfterMs ?? Number.NaN
      }
    },
  }
}

describe('a limit of rate', () => {
  it('lets a burst through, then so many a second', () => {
    const { pass, waitOf } = create(10, 3)
    expect([0, 1, 2, 3].map(() => waitOf('a'))).toEqual([0, 0, 0, 100])
    pass(100)
    expect([waitOf('a'), waitOf('a')]).toEqual([0, 100])
    pass(60_000)
    expect([0, 1, 2, 3].map(() => waitOf('a'))).toEqual([0, 0, 0, 100])
  })

  it('keeps callers apart', () => {
    const { waitOf } = create(1, 1)
    expect([waitOf('a'), waitOf('b'), waitOf('a')]).toEqual([0, 0, 1_000])
  })

  it('serves what costs more than the burst, and has it waited for afterwards', () => {
    const { pass, waitOf } = create(10, 5)
    expect(waitOf('a', 25)).toBe(0)
    expect(waitOf('a')).toBe(2_100)
    pass(2_100)
    expect(waitOf('a')).toBe(0)
  })

  it('forgets whoever was silent longest when there are too many', () => {
    const { waitOf } = create(0.001, 1)
    for (let at = 0; at < 10_000; at += 1) waitOf(`caller-${at}`)
    expect(waitOf('caller-0')).toBeGreaterThan(0)
    expect(waitOf('one more')).toBe(0)
    expect(waitOf('caller-1')).toBe(0)
    expect(waitOf('caller-0')).toBeGreaterThan(0)
  })
})
