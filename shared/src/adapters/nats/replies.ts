import { createInbox, errors, type Msg, type MsgHdrs, type NatsConnection } from 'nats'
import type { Cancel, Clock, Millis, Random } from '../../ports/index.ts'

export interface RepliesOptions {
  readonly connection: Pick<NatsConnection, 'publish' | 'subscribe'>
  readonly inboxPrefix: string | undefined
  readonly clock: Clock
  readonly random: Random
}

interface Waiting {
  readonly subject: string
  readonly resolve: (reply: Msg) => void
  readonly reject: (error: Error) => void
  readonly cancel: Cancel
}

/**
 * The questions of one connection, each with one reply, which all come to one inbox.
 *
 *     ask ─▶ publish(subject, reply: <inbox>.<token>) ··▶ <inbox>.* ─▶ whoever waits under the token
 *
 * Not the client's own `request`: after each reply that came in time it makes an error of its own,
 * with a stack, for nobody (50 µs where a whole lookup takes some hundreds), and races two promises
 * for what one timer tells. Errors are the client's.
 */
export class Replies {
  readonly #options: RepliesOptions
  readonly #waiting = new Map<string, Waiting>()
  /** With its dot at the end; empty until something is asked, and after it was refused. */
  #inbox = ''
  #asked = 0

  constructor(options: RepliesOptions) {
    this.#options = options
  }

  /** Errors: `NoRespondersError`, `TimeoutError`, `PermissionViolationError`, and whatever `fail` was given. */
  ask(
    subject: string,
    body: Uint8Array,
    options: { readonly timeoutMs: Millis; readonly headers?: MsgHdrs },
  ): Promise<Msg> {
    const { connection, clock } = this.#options
    const { timeoutMs, headers } = options
    return new Promise((resolve, reject) => {
      this.#open()
      const token = this.#token()
      connection.publish(subject, body, {
        reply: this.#inbox + token,
        ...(headers !== undefined && { headers }),
      })
      const cancel = clock.after(timeoutMs, () => {
        this.#end(token)?.reject(new errors.TimeoutError())
      })
      this.#waiting.set(token, { subject, resolve, reject, cancel })
    })
  }

  /** The server does not let this be sent: whoever waits for a reply to it waits for nothing. */
  refuse(subject: string, error: Error): void {
    for (const [token, waiting] of this.#waiting) {
      if (waiting.subject === subject) this.#end(token)?.reject(error)
    }
  }

  /** Nothing will come any more. */
  fail(error: Error): void {
    for (const token of this.#waiting.keys()) this.#end(token)?.reject(error)
  }

  #open(): void {
    if (this.#inbox !== '') return
    const { connection, inboxPrefix } = this.#options
    const inbox = `${createInbox(inboxPrefix)}.`
    connection.subscribe(`${inbox}*`, {
      callback: (error, message) => {
        if (error === null) {
          this.#take(message)
          return
        }
        // Not let in; it may be when something is asked next.
        this.#inbox = ''
        this.fail(error)
      },
    })
    this.#inbox = inbox
  }

  #take(message: Msg): void {
    // Later than its timeout, or a second reply: nobody waits.
    const waiting = this.#end(message.subject.slice(this.#inbox.length))
    if (waiting === undefined) return
    const isNobody = message.data.length === 0 && message.headers?.code === 503
    if (isNobody) waiting.reject(new errors.NoRespondersError(waiting.subject))
    else waiting.resolve(message)
  }

  #end(token: string): Waiting | undefined {
    const waiting = this.#waiting.get(token)
    if (waiting === undefined) return undefined
    this.#waiting.delete(token)
    waiting.cancel()
    return waiting
  }

  /** Never twice the same; and whoever is asked one thing cannot answer for others. */
  #token(): string {
    this.#asked += 1
    const { random } = this.#options
    return `${this.#asked.toString(36)}-${Math.floor(random() * 2 ** 52).toString(36)}`
  }
}
