import type { Log, TransportStatus } from '../ports/index.ts'

/** A transport's status and who is told of its changes. */
export class StatusSource {
  readonly #log: Log | undefined
  readonly #listeners = new Set<(status: TransportStatus) => void>()
  #current: TransportStatus

  constructor(initial: TransportStatus, log: Log | undefined) {
    this.#current = initial
    this.#log = log
  }

  get current(): TransportStatus {
    return this.#current
  }

  listen(listener: (status: TransportStatus) => void): () => void {
    // A function of our own, so that one listener given twice is two.
    const entry = (status: TransportStatus) => listener(status)
    this.#listeners.add(entry)
    return () => {
      this.#listeners.delete(entry)
    }
  }

  /** Does nothing when the status is this already, or is closed, which is for good. */
  change(status: TransportStatus): void {
    if (this.#current === status || this.#current === 'closed') return
    this.#current = status
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener(status)
      } catch (error) {
        this.#log?.error({ err: error, status }, 'status listener failed')
      }
    }
  }
}
