import type { Clock, Log, MessageHandler, Millis, TransportMessage } from '../ports/index.ts'

/** Calls handlers so that what one of them throws harms only its own message. */
export class HandlerRunner {
  readonly #log: Log | undefined
  /** Of handlers that returned one; `settle` waits for them. */
  readonly #running = new Set<Promise<void>>()

  constructor(log: Log | undefined) {
    this.#log = log
  }

  run(handler: MessageHandler, message: TransportMessage): void {
    try {
      const result = handler(message)
      if (result instanceof Promise) this.#follow(result, message.subject)
    } catch (error) {
      this.#report(error, message.subject)
    }
  }

  /** Resolves when every handler that runs now has ended, or after `limitMs`. */
  async settle(clock: Clock, limitMs: Millis): Promise<void> {
    if (this.#running.size === 0) return
    const { promise: limit, resolve } = Promise.withResolvers<undefined>()
    const cancel = clock.after(limitMs, () => {
      this.#log?.warn({ handlers: this.#running.size, limitMs }, 'closed before handlers ended')
      resolve(undefined)
    })
    await Promise.race([Promise.allSettled(this.#running), limit])
    cancel()
  }

  #follow(result: Promise<void>, subject: string): void {
    const followed = result
      .catch((error: unknown) => this.#report(error, subject))
      .finally(() => this.#running.delete(followed))
    this.#running.add(followed)
  }

  #report(error: unknown, subject: string): void {
    this.#log?.error({ err: error, subject }, 'message handler failed')
  }
}
