import type { Millis, Random } from '../ports/index.ts'
import { exchangeLimits } from './limits.ts'

/**
 * Full jitter: a uniform time up to a bound that doubles with each failure, so that a thousand
 * callers who failed together do not come back together.
 */
export function backoffMs(failures: number, random: Random): Millis {
  const { retryFirstMs, retryMostMs } = exchangeLimits
  const bound = Math.min(retryMostMs, retryFirstMs * 2 ** Math.min(failures, 16))
  return bound * random()
}
