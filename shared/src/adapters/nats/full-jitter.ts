import type { Millis, Random } from '../../ports/index.ts'

/**
 * First step of the back-off. A server that comes back at once (a restart, a link that blinked)
 * is found within a quarter of a second; a thousand clients then come 4 a millisecond, which a
 * nats-server takes easily.
 */
export const RECONNECT_BASE_MS = 250

/**
 * Where the back-off ends. After a long outage everybody is back within 4 s of its end, 2 s on
 * average; a thousand clients that wait knock 500 times a second.
 */
export const RECONNECT_CAP_MS = 4_000

/**
 * How long to wait before attempt number `attempt` (0 is the first after a loss): anything
 * between 0 and a bound that doubles. All of the wait is drawn, not just an addition to it, so
 * that those who lost the same server at the same moment come back evenly spread.
 */
export function fullJitter(
  attempt: number,
  random: Random,
  baseMs: Millis = RECONNECT_BASE_MS,
  capMs: Millis = RECONNECT_CAP_MS,
): Millis {
  // 2^30 is far beyond any cap and still an exact number.
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
}
