import type { Cancel, Clock, Millis } from '@meridian/shared'
import type { RegistrationRow } from './registration-row.ts'

export interface DrainsOptions {
  readonly clock: Clock
  /** Calls that the instance is serving; undefined where nobody says. */
  readonly inFlight: (id: string) => number | undefined
  /** Its work is done, or its time is over. */
  readonly onDrained: (id: string) => void
  /** Its drain was to last for so long, and has. */
  readonly onRested?: (id: string) => void
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
  /** Drains that end by themselves: since when, so that one that was asked for anew is told apart. */
  readonly #resting = new Map<string, { readonly sinceWall: number; readonly cancel: Cancel }>()

  constructor(options: DrainsOptions) {
    this.#options = options
  }

  watch({ spec: { id }, drain }: Pick<RegistrationRow, 'spec' | 'drain'>): void {
    const { clock } = this.#options
    if (drain?.thenEnds === true) this.#rest(id, drain.sinceWall, drain.waitMs)
    else this.#restNoMore(id)
    if (drain?.thenDeregister !== true) {
      this.#waitNoMore(id)
      return
    }
    if (this.#waiting.has(id)) return
    // Anew after a restart of the agent: no clock says how long that took.
    const until = clock.now() + drain.waitMs
    this.#askIn(id, Math.min(heardMs, drain.waitMs), until)
  }

  forget(id: string): void {
    this.#waitNoMore(id)
    this.#restNoMore(id)
  }

  close(): void {
    for (const id of [...this.#waiting.keys(), ...this.#resting.keys()]) this.forget(id)
  }

  #waitNoMore(id: string): void {
    this.#waiting.get(id)?.()
    this.#waiting.delete(id)
  }

  /** Anew after a restart of the agent, as above. */
  #rest(id: string, sinceWall: number, forMs: Millis): void {
    if (this.#resting.get(id)?.sinceWall === sinceWall) return
    this.#restNoMore(id)
    const cancel = this.#options.clock.after(forMs, () => {
      this.#resting.delete(id)
      this.#options.onRested?.(id)
    })
    this.#resting.set(id, { sinceWall, cancel })
  }

  #restNoMore(id: string): void {
    this.#resting.get(id)?.cancel()
    this.#resting.delete(id)
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
