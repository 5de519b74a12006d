import type { Cancel, Clock, Millis } from '@meridian/shared'
import type { RegistrationRow } from './registration-row.ts'

export interface DrainsOptions {
  readonly clock: Clock
  /** Calls that the instance is serving; undefined where nobody says. */
  readonly inFlight: (id: string) => number | undefined
  /** Its work is done, or its time is over. */
  readonly onDrained: (id: string) => void
}

/** Others go on sending work until they have heard that it is draining. */
const heardMs = 1_000
const askEveryMs = 250

/**
 * Waits for instances that are to go once they are drained: until nothing is in flight, where that
 * is known, and at most as long as whoever drained it allows.
 */
export class Drains {
  readonly #options: DrainsOptions
  readonly #waiting = new Map<string, Cancel>()

  constructor(options: DrainsOptions) {
    this.#options = options
  }

  watch({ spec: { id }, drain }: Pick<RegistrationRow, 'spec' | 'drain'>): void {
    if (drain?.thenDeregister !== true) {
      this.forget(id)
      return
    }
    if (this.#waiting.has(id)) return
    const { clock } = this.#options
    // Anew after a restart of the agent: no clock says how long that took.
    const until = clock.now() + drain.waitMs
    this.#askIn(id, Math.min(heardMs, drain.waitMs), until)
  }

  forget(id: string): void {
    this.#waiting.get(id)?.()
    this.#waiting.delete(id)
  }

  close(): void {
    for (const cancel of this.#waiting.values()) cancel()
    this.#waiting.clear()
  }

  #askIn(id: string, delayMs: Millis, until: Millis): void {
    const { clock, inFlight, onDrained } = this.#options
    const cancel = clock.after(delayMs, () => {
      if (clock.now() >= until || inFlight(id) === 0) {
        this.#waiting.delete(id)
        onDrained(id)
      } else this.#askIn(id, Math.min(askEveryMs, until - clock.now()), until)
    })
    this.#waiting.set(id, cancel)
  }
}
