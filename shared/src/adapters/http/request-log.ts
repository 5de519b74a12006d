import type { Logger } from 'pino'

/** At most one line in so many milliseconds: a line costs as much as an answer. */
const everyMs = 1_000

export interface ServedRequest {
  readonly requestId: string
  readonly method: string
  readonly path: string
  readonly status: number
}

/**
 * The access log, sampled: one request a second at most, with how many there were since the line
 * before. Failures of ours are logged by themselves, and counts are metrics.
 */
export class RequestLog {
  readonly #log: Logger
  #due = Number.NEGATIVE_INFINITY
  #since = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** `now`: monotonic milliseconds, when it was answered. Whether this one is to be told of. */
  isSampled(now: number): boolean {
    this.#since += 1
    if (now < this.#due) return false
    this.#due = now + everyMs
    return true
  }

  tell(request: ServedRequest, durationMs: number): void {
    const requests = this.#since
    this.#since = 0
    this.#log.debug({ ...request, durationMs: Number(durationMs.toFixed(3)), requests }, 'served')
  }
}
