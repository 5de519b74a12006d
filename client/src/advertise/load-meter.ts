import { advertiseLimits } from './limits.ts'

export interface Load {
  /** Calls that are being served. */
  readonly inFlight: number
  /** Moving average over what calls took; 0 while there were none. */
  readonly latencyMs: number
}

/** Counts calls in flight, and what they take. */
export class LoadMeter {
  readonly #now: () => number
  #inFlight = 0
  #latencyMs = 0
  readonly #idle = new Set<() => void>()

  constructor(now: () => number) {
    this.#now = now
  }

  get load(): Load {
    return { inFlight: this.#inFlight, latencyMs: Math.round(this.#latencyMs * 10) / 10 }
  }

  /** A call begins; call what it returns when it ends. Twice is fine. */
  begin(): () => void {
    const startedAt = this.#now()
    let isOver = false
    this.#inFlight += 1
    return () => {
      if (isOver) return
      isOver = true
      this.#inFlight -= 1
      const tookMs = this.#now() - startedAt
      this.#latencyMs =
        this.#latencyMs === 0
          ? tookMs
          : this.#latencyMs + advertiseLimits.latencyWeight * (tookMs - this.#latencyMs)
      if (this.#inFlight > 0) return
      for (const wake of this.#idle) wake()
      this.#idle.clear()
    }
  }

  /** Resolves as soon as nothing is in flight. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.add(resolve)
    })
  }
}
