import type { InstanceState, InstanceStatus } from '../model/index.ts'

/**
 * What a node's pulses say of all its instances. `unreachable` also stands for `reaped` while the
 * records are still shown.
 */
export type Liveness = 'alive' | 'suspect' | 'unreachable'

/**
 * One word for how an instance stands, as the query language's `status:` sees it. The last three
 * take no new work:
 *
 * - `passing`, `warning`, `gated`: as its checks say
 * - `draining`: an operator took it out (draining, or weight 0)
 * - `critical`: its checks fail, or none has run yet
 * - `unreachable`: its node fell silent
 */
export const standings = [
  'passing',
  'warning',
  'gated',
  'draining',
  'critical',
  'unreachable',
] as const
export type Standing = (typeof standings)[number]

export function standingOf(state: InstanceState, liveness: Liveness): Standing {
  if (liveness === 'unreachable') return 'unreachable'
  if (state.status === 'critical') return 'critical'
  if (state.draining || state.weight === 0) return 'draining'
  return state.status
}

/** Whether an instance of this standing takes new work. */
export function isUsable(standing: Standing): boolean {
  return standing === 'passing' || standing === 'warning' || standing === 'gated'
}

/** What an instance does right now, as its node's pulse says. */
export interface InstanceLoad {
  /** Calls being served. */
  readonly inFlight: number
  /** Moving average of answer times; 0 while unknown. */
  readonly latencyMs: number
}

export const idle: InstanceLoad = { inFlight: 0, latencyMs: 0 }

/**
 * Rank buckets: 3 classes of health, each with 8 levels of load, best first; then one for what
 * takes no work. Exact ranks would move a row with every heartbeat; with these buckets most
 * heartbeats change one number and nothing else.
 */
export const loadLevels = 8
export const healthClasses = 3
export const unusableBucket = healthClasses * loadLevels
export const bucketCount = unusableBucket + 1

const healthClass: Record<InstanceStatus, number> = {
  passing: 0,
  warning: 1,
  gated: 2,
  critical: 2,
}

export function bucketOf(
  state: InstanceState,
  liveness: Liveness,
  load: InstanceLoad,
  capacity: number,
): number {
  if (!isUsable(standingOf(state, liveness))) return unusableBucket
  const health = Math.max(healthClass[state.status], liveness === 'suspect' ? 1 : 0)
  return health * loadLevels + loadLevel(load.inFlight, capacity)
}

/** 0 idle to `loadLevels - 1` nearly full, full, or over. */
export function loadLevel(inFlight: number, capacity: number): number {
  return Math.min(loadLevels - 1, Math.floor((inFlight * loadLevels) / capacity))
}
