import type { Millis, Random } from '@meridian/shared'

/** When a server that ended by itself is started again. Pure. */
export const restartLimits = {
  /** The longest wait after the first failure; doubles with each further one. */
  delayMsBase: 500,
  delayMsMax: 30_000,
  /** The shortest wait: a server that ends at once must not keep the host busy. */
  delayMsMin: 100,
  /** A server that ran this long has recovered, and its failures are forgotten. */
  stableMs: 60_000,
  /** Failures in a row; with the waits above, some two minutes of trying. */
  failuresMax: 10,
} as const

export type RestartStep =
  | { readonly kind: 'wait'; readonly failures: number; readonly delayMs: Millis }
  | { readonly kind: 'give-up'; readonly failures: number }

/** Full jitter: servers that fell together do not rise together. */
export function afterFailure(failuresBefore: number, ranMs: Millis, random: Random): RestartStep {
  const failures = (ranMs >= restartLimits.stableMs ? 0 : failuresBefore) + 1
  if (failures > restartLimits.failuresMax) return { kind: 'give-up', failures }
  const ceiling = Math.min(
    restartLimits.delayMsMax,
    restartLimits.delayMsBase * 2 ** (failures - 1),
  )
  const delayMs = Math.max(restartLimits.delayMsMin, Math.round(random() * ceiling))
  return { kind: 'wait', failures, delayMs }
}
