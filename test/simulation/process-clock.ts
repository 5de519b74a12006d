import type { Cancel, Clock, Millis } from '@meridian/shared'
import type { ManualClock } from '@meridian/shared/manual-clock'

export interface ProcessClockOptions {
  /** The time of the simulated world. */
  readonly world: ManualClock
  /** What `now()` shows when the world shows 0: monotonic time means nothing outside a process. */
  readonly origin: Millis
  /** How far the host's wall clock is off. */
  readonly wallError: () => Millis
  /** A timer's task threw: the process has crashed. */
  readonly onCrash: (error: unknown) => void
}

/** The clock of one run of a process: it can be paused, and ends with the run. */
export class ProcessClock implements Clock {
  readonly #options: ProcessClockOptions
  readonly #pending = new Map<symbol, Cancel>()
  /** Timers that fell due during a pause, in their order. */
  #held: (() => void)[] | undefined
  #stopped = false

  constructor(options: ProcessClockOptions) {
    this.#options = options
  }

  now(): Millis {
    return this.#options.world.now() + this.#options.origin
  }

  wall(): Millis {
    return this.#options.world.wall() + this.#options.wallError()
  }

  after(delay: Millis, task: () => void): Cancel {
    if (this.#stopped) return () => {}
    const id = Symbol('timer')
    const run = () => {
      if (!this.#pending.has(id)) return
      if (this.#held) {
        this.#held.push(run)
        return
      }
      this.#pending.delete(id)
      this.#perform(task)
    }
    const cancel = this.#options.world.after(delay, run)
    this.#pending.set(id, cancel)
    return () => {
      this.#pending.delete(id)
      cancel()
    }
  }

  /** Timers that are set and have not run. */
  get pending(): number {
    return this.#pending.size
  }

  pause(): void {
    this.#held ??= []
  }

  /** What fell due meanwhile runs now, each in a turn of its own. */
  resume(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const run of held) this.#options.world.after(0, run)
  }

  /** No timer runs any more: the process is gone. */
  stop(): void {
    this.#stopped = true
    for (const cancel of this.#pending.values()) cancel()
    this.#pending.clear()
    this.#held = undefined
  }

  #perform(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#options.onCrash(error)
    }
  }
}
