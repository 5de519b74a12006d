import { MeridianError } from '@meridian/shared'

/** Lets so many through at once; the rest waits in line, up to a limit. */
export class Limiter {
  readonly #atOnceMax: number
  readonly #waitingMax: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(atOnceMax: number, waitingMax: number) {
    this.#atOnceMax = atOnceMax
    this.#waitingMax = waitingMax
  }

  /** Errors: `busy` when too many wait already; those of `work`. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnceMax) await this.#turn()
    else this.#running += 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      // The place goes on to whoever waits, so that nobody slips in between.
      if (next) next()
      else this.#running -= 1
    }
  }

  #turn(): Promise<unknown> {
    if (this.#waiting.length >= this.#waitingMax) {
      throw new MeridianError('busy', `${this.#waitingMax} wait in line already, the limit`)
    }
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#waiting.push(() => {
      resolve(undefined)
    })
    return promise
  }
}
