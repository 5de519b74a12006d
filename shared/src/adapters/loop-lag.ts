const sampleMs = 250

/** How late the event loop ran at the last look, four times a second. Keeps no process alive. */
export class LoopLag {
  #dueAt = performance.now() + sampleMs
  #ms = 0

  constructor() {
    const timer = setInterval(() => {
      const now = performance.now()
      this.#ms = Math.max(0, now - this.#dueAt)
      this.#dueAt = now + sampleMs
    }, sampleMs)
    timer.unref()
  }

  /** Also counts what is late just now. */
  get ms(): number {
    return Math.max(this.#ms, performance.now() - this.#dueAt)
  }
}
