import type { Millis } from '@meridian/shared'
import { createHash } from 'node:crypto'

/** Lines kept for whoever has to understand a failure. */
const tailMax = 250

/**
 * What happened, line by line. Everything goes into the hash, so that two runs with one hash are
 * the same run; the last lines are kept.
 */
export class Trace {
  readonly #hash = createHash('sha256')
  readonly #tail: string[] = []
  readonly #now: () => Millis
  readonly #onLine: ((line: string) => void) | undefined
  #lines = 0

  constructor(now: () => Millis, onLine?: (line: string) => void) {
    this.#now = now
    this.#onLine = onLine
  }

  get lines(): number {
    return this.#lines
  }

  write(text: string): void {
    const line = `${this.#now()} ${text}`
    this.#lines += 1
    this.#hash.update(line)
    this.#hash.update('\n')
    this.#tail.push(line)
    if (this.#tail.length > 2 * tailMax) this.#tail.splice(0, tailMax)
    this.#onLine?.(line)
  }

  /** The last lines, oldest first. */
  tail(): readonly string[] {
    return this.#tail.slice(-tailMax)
  }

  /** Of everything so far. */
  digest(): string {
    return this.#hash.copy().digest('hex')
  }
}
