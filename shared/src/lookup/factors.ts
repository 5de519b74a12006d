/**
 * Why a candidate weighs what it weighs. `explain` shows these; tiers send them along with their
 * results, so that whoever gives the answer draws anew, with what it knows itself.
 *
 *     weight = health × operator's weight × match × capacity left ÷ (latency × (1 + pending))
 */
export interface SelectionFactors {
  /** 1 passing, 0.1 warning or on a suspect node, 0.05 gated, 0 for what takes no work. */
  readonly health: number
  readonly latencyMs: number
  /** Calls being served. */
  readonly pending: number
  /** Calls it can serve at once. */
  readonly capacity: number
  /** 1 being the default. */
  readonly operatorWeight: number
  /** How much of what was asked for it has, 0 to 1: see `matchOf`. */
  readonly match: number
}

/** Calls it could still take on; never below 1 %, so that all being full is no dead end. */
export function capacityLeft({ capacity, pending }: SelectionFactors): number {
  return Math.max(capacity - pending, capacity * 0.01)
}

export function weightOfFactors(factors: SelectionFactors): number {
  const { health, latencyMs, pending, operatorWeight, match } = factors
  return (
    (health * operatorWeight * match * capacityLeft(factors)) /
    (Math.max(1, latencyMs) * (1 + pending))
  )
}
