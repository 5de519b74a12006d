import type { InstanceStatus } from '@meridian/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterResult,
  dampingDoublingsMax,
  dampingHalfLifeMs,
  isTurning,
  startCheck,
  successesNeeded,
  worstOf,
  type CheckOutcome,
  type CheckRules,
  type CheckState,
} from './check-machine.ts'

const rules: CheckRules = {
  successBeforePassing: 2,
  failuresBeforeWarning: 2,
  failuresBeforeCritical: 3,
}
const long = 100 * dampingHalfLifeMs

function run(
  outcomes: readonly CheckOutcome[],
  { from = 'passing', stepMs = 0 }: { from?: InstanceStatus; stepMs?: number } = {},
): CheckState {
  let state = startCheck(from, 0)
  outcomes.forEach((outcome, at) => {
    state = afterResult(rules, state, outcome, at * stepMs)
  })
  return state
}

describe('one more result', () => {
  const table: Record<InstanceStatus, Record<CheckOutcome, InstanceStatus>> = {
    passing: { passing: 'passing', gated: 'gated', warning: 'warning', critical: 'passing' },
    gated: { passing: 'passing', gated: 'gated', warning: 'warning', critical: 'gated' },
    warning: { passing: 'warning', gated: 'warning', warning: 'warning', critical: 'warning' },
    critical: { passing: 'critical', gated: 'critical', warning: 'critical', critical: 'critical' },
  }
  for (const from of ['passing', 'gated', 'warning', 'critical'] as const) {
    for (const outcome of ['passing', 'gated', 'warning', 'critical'] as const) {
      it(`leads from ${from} with ${outcome} to ${table[from][outcome]}`, () => {
        expect(run([outcome], { from }).status).toBe(table[from][outcome])
      })
    }
  }
})

describe('a streak', () => {
  it('of failures warns first and is critical later', () => {
    expect(run(['critical']).status).toBe('passing')
    expect(run(['critical', 'critical']).status).toBe('warning')
    expect(run(['critical', 'critical', 'critical']).status).toBe('critical')
  })

  it('is broken by one good result', () => {
    expect(run(['critical', 'critical', 'passing', 'critical', 'critical']).status).toBe('warning')
    expect(run(['critical', 'passing', 'critical', 'passing', 'critical']).status).toBe('passing')
  })

  it('of good results passes again, with credentials wanted or not', () => {
    expect(run(['passing', 'passing'], { from: 'critical' }).status).toBe('passing')
    expect(run(['gated', 'gated'], { from: 'critical' }).status).toBe('gated')
    expect(run(['passing', 'critical', 'passing'], { from: 'critical' }).status).toBe('critical')
  })

  it('goes straight to critical where both limits are one', () => {
    const strict = { ...rules, failuresBeforeWarning: 1, failuresBeforeCritical: 1 }
    expect(afterResult(strict, startCheck('passing', 0), 'critical', 0).status).toBe('critical')
  })

  it('says when the next result may turn the status', () => {
    expect(isTurning(run([]))).toBe(false)
    expect(isTurning(run(['critical']))).toBe(true)
    expect(isTurning(run(['critical', 'critical', 'critical']))).toBe(false)
    expect(isTurning(run(['passing'], { from: 'critical' }))).toBe(true)
  })
})

describe('damping', () => {
  const fall: CheckOutcome[] = ['critical', 'critical', 'critical']

  it('lets the first fall go free', () => {
    expect(successesNeeded(rules, run(fall), 0)).toBe(2)
  })

  it('asks for more good results the more often the check falls', () => {
    let state = startCheck('passing', 0)
    const needed: number[] = []
    for (let round = 0; round < 7; round += 1) {
      for (const outcome of fall) state = afterResult(rules, state, outcome, 0)
      const wanted = successesNeeded(rules, state, 0)
      needed.push(wanted)
      for (let good = 1; good < wanted; good += 1) {
        state = afterResult(rules, state, 'passing', 0)
        expect(state.status).toBe('critical')
      }
      state = afterResult(rules, state, 'passing', 0)
      expect(state.status).toBe('passing')
    }
    expect(needed).toEqual([2, 4, 8, 16, 32, 32, 32])
  })

  it('forgets with time', () => {
    const often = run([
      ...fall,
      'passing',
      'passing',
      ...fall,
      ...Array<CheckOutcome>(4).fill('passing'),
      ...fall,
    ])
    expect(successesNeeded(rules, often, 0)).toBe(8)
    expect(successesNeeded(rules, often, dampingHalfLifeMs)).toBe(2)
  })

  it('never steps back when the clock does not move forward', () => {
    const state = afterResult(rules, startCheck('passing', 1_000), 'critical', 0)
    expect(successesNeeded(rules, state, 0)).toBe(2)
  })

  it('keeps changes few, whatever a server that flaps reports', () => {
    let state = startCheck('passing', 0)
    const eager = { successBeforePassing: 1, failuresBeforeWarning: 1, failuresBeforeCritical: 1 }
    let changes = 0
    for (let at = 0; at < 1_000; at += 1) {
      const next = afterResult(eager, state, at % 2 === 0 ? 'critical' : 'passing', at * 100)
      if (next.status !== state.status) changes += 1
      state = next
    }
    expect(changes).toBeLessThan(10)
  })
})

it('holds its rules for every row of results', () => {
  const outcome = fc.constantFrom<CheckOutcome>('passing', 'warning', 'gated', 'critical')
  const anyRules = fc.record({
    successBeforePassing: fc.integer({ min: 1, max: 4 }),
    failuresBeforeWarning: fc.integer({ min: 1, max: 4 }),
    failuresBeforeCritical: fc.integer({ min: 1, max: 4 }),
  })
  fc.assert(
    fc.property(anyRules, fc.array(outcome, { maxLength: 60 }), (drawn, outcomes) => {
      let state = startCheck('critical', 0)
      outcomes.forEach((next, at) => {
        const before = state
        state = afterResult(drawn, state, next, at * 1_000)
        // Never better than the last result, beyond what its failures in a row allow.
        if (state.status !== before.status && state.status === 'passing') {
          expect(next).toBe('passing')
          expect(state.successes).toBeGreaterThanOrEqual(1)
        }
        if (state.failures >= drawn.failuresBeforeCritical) expect(state.status).toBe('critical')
        if (state.status === 'critical' && before.status !== 'critical') {
          expect(state.failures).toBeGreaterThanOrEqual(drawn.failuresBeforeCritical)
        }
      })
      // Enough good results always end in passing.
      const enough = drawn.successBeforePassing * 2 ** dampingDoublingsMax
      for (let good = 0; good < enough; good += 1)
        state = afterResult(drawn, state, 'passing', long)
      expect(state.status).toBe('passing')
    }),
  )
})

it('makes an instance as well as the worst of its checks', () => {
  expect(worstOf([])).toBe('passing')
  expect(worstOf(['passing', 'warning'])).toBe('warning')
  expect(worstOf(['warning', 'gated', 'passing'])).toBe('gated')
  expect(worstOf(['gated', 'critical'])).toBe('critical')
})
