import { describe, expect, it } from 'vitest'
import { afterFailure, restartLimits } from './restart-policy.ts'

const latest = () => 1
const earliest = () => 0

describe('afterFailure', () => {
  it('waits longer after each failure, up to a ceiling, and then gives up', () => {
    const waits: number[] = []
    let failures = 0
    for (;;) {
      const step = afterFailure(failures, 10, latest)
      failures = step.failures
      if (step.kind === 'give-up') break
      waits.push(step.delayMs)
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000])
    expect(failures).toBe(restartLimits.failuresMax + 1)
  })

  it('spreads the waits, but never starts again at once', () => {
    expect(afterFailure(5, 10, earliest)).toMatchObject({ delayMs: restartLimits.delayMsMin })
    expect(afterFailure(5, 10, () => 0.5)).toMatchObject({ delayMs: 8_000 })
  })

  it('forgets the failures of a server that ran for long', () => {
    expect(afterFailure(10, restartLimits.stableMs, latest)).toEqual({
      kind: 'wait',
      failures: 1,
      delayMs: 500,
    })
    expect(afterFailure(10, restartLimits.stableMs - 1, latest)).toMatchObject({ kind: 'give-up' })
  })
})
