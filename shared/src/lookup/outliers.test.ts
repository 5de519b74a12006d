import { describe, expect, it } from 'vitest'
import { outlierLimits, Outliers } from './outliers.ts'

const { ejectFirstMs, ejectMostMs, failuresInARow, forgiveMs } = outlierLimits

function fail(outliers: Outliers, now: number, times: number = failuresInARow): void {
  for (let i = 0; i < times; i += 1) outliers.report('a', { ok: false }, now)
}

describe('an instance', () => {
  it('is out after so many failures in a row, and not before', () => {
    const outliers = new Outliers()
    fail(outliers, 0, failuresInARow - 1)
    outliers.report('a', { ok: true }, 0)
    fail(outliers, 0, failuresInARow - 1)
    expect(outliers.isEjected('a', 0)).toBe(false)
    fail(outliers, 0, 1)
    expect(outliers.isEjected('a', 0)).toBe(true)
    expect(outliers.isEjected('a', ejectFirstMs)).toBe(false)
  })

  it('is out longer each time, up to a bound, and a calm minute forgives one', () => {
    const outliers = new Outliers()
    let now = 0
    const lasts: number[] = []
    for (let i = 0; i < 7; i += 1) {
      fail(outliers, now)
      let lasted = 0
      while (outliers.isEjected('a', now + lasted)) lasted += 1_000
      lasts.push(lasted)
      now += lasted
    }
    expect(lasts).toEqual([1, 2, 4, 8, 16, 30, 30].map((times) => times * ejectFirstMs))
    expect(ejectMostMs).toBe(30 * ejectFirstMs)
    now += 2 * forgiveMs
    fail(outliers, now)
    expect(outliers.isEjected('a', now + ejectMostMs - 1)).toBe(true)
    expect(new Outliers().isEjected('a', 0)).toBe(false)
  })

  it('is known by the latencies of the calls that succeeded', () => {
    const outliers = new Outliers()
    outliers.report('a', { ok: true, latencyMs: 100 }, 0)
    outliers.report('a', { ok: false, latencyMs: 9_000 }, 0)
    expect(outliers.latencyMs('a')).toBe(100)
    outliers.report('a', { ok: true, latencyMs: 200 }, 0)
    expect(outliers.latencyMs('a')).toBeCloseTo(120)
  })

  it('gives way to others when there are too many', () => {
    const outliers = new Outliers()
    for (let i = 0; i <= outlierLimits.instances; i += 1) {
      outliers.report(`i${i}`, { ok: true, latencyMs: 1 }, 0)
    }
    expect(outliers.size).toBe(outlierLimits.instances)
    expect(outliers.latencyMs('i0')).toBeUndefined()
  })
})
