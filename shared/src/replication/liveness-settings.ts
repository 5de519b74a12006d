import type { Millis } from '../ports/clock.ts'

/** How a zone's liveness is judged. Times are monotonic milliseconds. */
export interface LivenessSettings {
  /** How often the judge looks; a sweep later than this extends all leases. */
  readonly sweepMs: Millis
  /** Lateness below this is ordinary scheduling. */
  readonly latenessMinMs: Millis
  /** A node without a pulse for so many of its intervals is suspect: still served, ranked down. */
  readonly suspectAfterPulses: number
  /** … is unreachable: no longer served. */
  readonly unreachableAfterPulses: number
  /** Unreachable for so long, a node is reaped: hidden from listings too. */
  readonly reapMs: Millis
  /** Silent for so long, its records are let go. */
  readonly forgetMs: Millis
  /** … and its version. */
  readonly forgetVersionMs: Millis
  /** Self-preservation begins when more than this share of a zone fell silent … */
  readonly preserveShare: number
  /** … and at least so many nodes … */
  readonly preserveNodesMin: number
  /** … within this window; it is also how often as many nodes again may be taken out. */
  readonly preserveWindowMs: Millis
  /** Its end, whatever has not come back by then. */
  readonly preserveMs: Millis
}

/**
 * With pulses every 2 s a dead node is suspect within 5 s and out within 13 s, sweep and vitals
 * included. One lost pulse leaves a gap of 4 s, which is no suspicion yet.
 */
export const livenessDefaults: LivenessSettings = {
  sweepMs: 250,
  latenessMinMs: 250,
  suspectAfterPulses: 2.1,
  unreachableAfterPulses: 6,
  reapMs: 60_000,
  // A node that is off for a night comes back without a transfer; a week's holiday is a new start.
  forgetMs: 24 * 3_600_000,
  forgetVersionMs: 7 * 24 * 3_600_000,
  // Eureka's 15 %, and three nodes, so that one of a small zone's two may die.
  preserveShare: 0.15,
  preserveNodesMin: 3,
  preserveWindowMs: 60_000,
  // Long enough to repair a network or to override; Eureka's had no end, and hid real deaths.
  preserveMs: 15 * 60_000,
}

const pulseMsMin = 2_000
/** 58 KB/s in a zone of idle nodes at about 115 bytes a pulse, subject included. */
const pulsesPerSecondMax = 500

/**
 * How often a node of a zone with so many nodes says that it lives: every 2 s up to 1,000 nodes,
 * above that as seldom as keeps the zone at 500 pulses a second.
 */
export function pulseIntervalMs(zoneNodes: number): Millis {
  return Math.max(pulseMsMin, Math.ceil((zoneNodes / pulsesPerSecondMax) * 1_000))
}
