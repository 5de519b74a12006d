import type { InstanceStatus, Millis } from '@meridian/shared'

/**
 * What a row of results makes of one check. Pure: results and time go in, the status comes out.
 *
 * A status is not the last result. It turns bad after so many bad results in a row, and good again
 * after so many good ones, so that one lost packet moves nobody:
 *
 *     passing ──bad × failuresBeforeWarning──▶ warning ──bad × failuresBeforeCritical──▶ critical
 *        ▲                                        │                                          │
 *        └──────────────── good × successBeforePassing (× damping) ─────────────────────────┘
 *
 * A check that falls again and again is *damped*: each fall adds to a penalty that halves with
 * time, and a penalty asks for more good results before the check passes again. So a server that
 * restarts every few seconds settles on `critical` here, at its source, instead of sending two
 * changes a round to everybody who follows this node.
 */
export interface CheckRules {
  readonly successBeforePassing: number
  readonly failuresBeforeWarning: number
  readonly failuresBeforeCritical: number
}

/** `gated`: alive, but it wants credentials. As good as `passing` for everything but its name. */
export type CheckOutcome = 'passing' | 'warning' | 'gated' | 'critical'

export interface CheckState {
  readonly status: InstanceStatus
  /** Good results in a row. */
  readonly successes: number
  /** Bad ones. */
  readonly failures: number
  /** Falls from good to bad, each halved every `dampingHalfLifeMs` since. */
  readonly penalty: number
  readonly penaltyAt: Millis
}

/**
 * A server that falls every 30 s, as one with three failures at 10 s apart may, comes to a penalty
 * of about 6 with this half-life, and so to the full factor; one that falls every 10 minutes stays
 * below 2, without any.
 */
export const dampingHalfLifeMs = 120_000
/** 2⁴ times as many good results, at the most. */
export const dampingDoublingsMax = 4

export function startCheck(status: InstanceStatus, now: Millis): CheckState {
  return { status, successes: 0, failures: 0, penalty: 0, penaltyAt: now }
}

/** The state after one more result. The status may be the one before. */
export function afterResult(
  rules: CheckRules,
  state: CheckState,
  outcome: CheckOutcome,
  now: Millis,
): CheckState {
  switch (outcome) {
    case 'passing':
    case 'gated':
      return afterGood(rules, state, outcome, now)
    case 'warning':
      return afterWarning(rules, state, now)
    case 'critical':
      return afterBad(rules, state, now)
    default:
      return outcome satisfies never
  }
}

/** Whether the last results point elsewhere than the status: the next result matters more. */
export function isTurning({ status, successes, failures }: CheckState): boolean {
  return isGood(status)
    ? failures > 0
    : status === 'warning'
      ? failures > 0 || successes > 0
      : successes > 0
}

/** Good results in a row that it takes to pass again, at `now`. */
export function successesNeeded(rules: CheckRules, state: CheckState, now: Millis): number {
  const falls = Math.floor(decayed(state, now))
  return rules.successBeforePassing * 2 ** Math.min(dampingDoublingsMax, Math.max(0, falls - 1))
}

function afterGood(
  rules: CheckRules,
  state: CheckState,
  outcome: 'passing' | 'gated',
  now: Millis,
): CheckState {
  const successes = state.successes + 1
  const recovered = isGood(state.status) || successes >= successesNeeded(rules, state, now)
  return { ...state, successes, failures: 0, status: recovered ? outcome : state.status }
}

/** The server says of itself that it is not quite well: no streak, but a way out of `critical`. */
function afterWarning(rules: CheckRules, state: CheckState, now: Millis): CheckState {
  if (state.status !== 'critical') {
    return fallTo('warning', { ...state, successes: 0, failures: 0 }, now)
  }
  const successes = state.successes + 1
  const recovered = successes >= successesNeeded(rules, state, now)
  return recovered
    ? { ...state, status: 'warning', successes: 0, failures: 0 }
    : { ...state, successes, failures: 0 }
}

function afterBad(rules: CheckRules, state: CheckState, now: Millis): CheckState {
  const failures = state.failures + 1
  const next = { ...state, successes: 0, failures }
  if (failures >= rules.failuresBeforeCritical) return fallTo('critical', next, now)
  if (failures >= rules.failuresBeforeWarning && isGood(state.status)) {
    return fallTo('warning', next, now)
  }
  return next
}

function fallTo(status: 'warning' | 'critical', state: CheckState, now: Millis): CheckState {
  if (!isGood(state.status)) return { ...state, status }
  return { ...state, status, penalty: decayed(state, now) + 1, penaltyAt: now }
}

function decayed({ penalty, penaltyAt }: CheckState, now: Millis): number {
  return penalty * 2 ** (-Math.max(0, now - penaltyAt) / dampingHalfLifeMs)
}

function isGood(status: InstanceStatus): boolean {
  return status === 'passing' || status === 'gated'
}

const badness: Record<InstanceStatus, number> = { passing: 0, warning: 1, gated: 2, critical: 3 }

/** An instance is as well as the worst of its checks; without any it passes. */
export function worstOf(statuses: Iterable<InstanceStatus>): InstanceStatus {
  let worst: InstanceStatus = 'passing'
  for (const status of statuses) if (badness[status] > badness[worst]) worst = status
  return worst
}
