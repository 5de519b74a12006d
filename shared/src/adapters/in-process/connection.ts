import { MeridianError } from '../../errors.ts'
import type {
  MessageHandler,
  Millis,
  RequestOptions,
  Subscription,
  Transport,
  TransportMessage,
  TransportStatus,
} from '../../ports/index.ts'
import { HandlerRunner } from '../handler-runner.ts'
import { checkPayload } from '../payload.ts'
import { StatusSource } from '../status-source.ts'
import { checkQueueName, checkSubject, checkSubjectFilter } from '../subject.ts'
import type { Switchboard } from './network.ts'

/** How long `close` waits for handlers that have not ended. */
const CLOSE_HANDLERS_MS = 5_000

/** A subscription, as the network sees it. */
export interface Listener {
  readonly connection: InProcessConnection
  readonly queue: string | undefined
  readonly deliver: (subject: string, body: Uint8Array, request: Request | undefined) => void
}

/** A request that waits for replies. */
interface Request {
  readonly asker: InProcessConnection
  readonly traceparent: string | undefined
  isOver(): boolean
  reply(body: Uint8Array): void
  fail(error: MeridianError): void
}

/** One client of the network. Created by `createInProcessNetwork(…).connect(name)`. */
export class InProcessConnection implements Transport {
  readonly name: string
  readonly #network: Switchboard
  readonly #status: StatusSource
  readonly #runner: HandlerRunner
  readonly #requests = new Set<Request>()
  readonly #unsubscribes = new Set<() => void>()
  /** Rises with each cut: what was on its way before is lost. */
  #link = 0
  #queuedMessages = 0
  #queuedBytes = 0
  #closing: Promise<void> | undefined

  constructor(name: string, network: Switchboard) {
    this.name = name
    this.#network = network
    this.#status = new StatusSource('connected', network.log)
    this.#runner = new HandlerRunner(network.log)
  }

  get payloadBytesMax(): number {
    return this.#network.payloadBytesMax
  }

  get status(): TransportStatus {
    return this.#status.current
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.#status.listen(listener)
  }

  publish(subject: string, body: Uint8Array): void {
    this.#check(subject, body)
    this.#route(subject, body, undefined)
  }

  subscribe(
    subject: string,
    handler: MessageHandler,
    options: { readonly queue?: string } = {},
  ): Subscription {
    if (this.#closing !== undefined) throw closedError(this.name)
    checkSubjectFilter(subject)
    if (options.queue !== undefined) checkQueueName(options.queue)
    let active = true
    const listener: Listener = {
      connection: this,
      queue: options.queue,
      deliver: (messageSubject, body, request) => {
        if (active) this.#runner.run(handler, this.#message(messageSubject, body, request))
      },
    }
    this.#network.listeners.add(subject, listener)
    const leave = () => {
      this.#network.listeners.remove(subject, listener)
      this.#unsubscribes.delete(leave)
    }
    this.#unsubscribes.add(leave)
    return {
      unsubscribe: () => {
        active = false
        leave()
      },
    }
  }

  async request(subject: string, body: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    let first: Uint8Array | undefined
    await this.requestMany(subject, body, { ...options, repliesMax: 1 }, (reply) => {
      first = reply
      return 'enough'
    })
    return first!
  }

  async requestMany(
    subject: string,
    body: Uint8Array,
    options: RequestOptions & { readonly repliesMax?: number },
    onReply: (body: Uint8Array) => 'enough' | 'more',
  ): Promise<number> {
    this.#check(subject, body)
    if (options.deadlineMs <= 0) throw deadlineError(subject, options.deadlineMs)
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    let replies = 0
    const end = (settle: () => void) => {
      this.#requests.delete(request)
      cancel()
      settle()
    }
    const request: Request = {
      asker: this,
      traceparent: options.traceparent,
      isOver: () => !this.#requests.has(request),
      reply: (reply) => {
        if (request.isOver()) return
        replies++
        try {
          const wish = onReply(reply)
          if (wish === 'enough' || replies === options.repliesMax) end(() => resolve(replies))
        } catch (error) {
          end(() => reject(error instanceof Error ? error : new Error(String(error))))
        }
      },
      fail: (error) => end(() => (replies > 0 ? resolve(replies) : reject(error))),
    }
    const cancel = this.#network.clock.after(options.deadlineMs, () =>
      request.fail(deadlineError(subject, options.deadlineMs)),
    )
    this.#requests.add(request)
    if (this.#route(subject, body, request) === 0) {
      request.fail(new MeridianError('no_responders', `nobody listens on ${subject}`))
    }
    return promise
  }

  async flush(): Promise<void> {
    if (this.status === 'closed') throw closedError(this.name)
    if (this.status === 'disconnected') {
      throw new MeridianError('no_responders', `${this.name} is not connected`)
    }
    await this.#network.queue.passed()
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  /** The link goes down: what waits for this connection is lost, and so are its requests. */
  cut(): void {
    this.#link++
    this.#queuedMessages = 0
    this.#queuedBytes = 0
    this.#status.change('disconnected')
    for (const request of this.#requests) {
      request.fail(
        new MeridianError('no_responders', `the link of ${this.name} broke before a reply`),
      )
    }
  }

  /** The link comes back. */
  restore(): void {
    this.#status.change('connected')
  }

  /** Called when something is sent to this connection; the answer, when it arrives. */
  expect(bytes: number, deliver: () => void): () => void {
    const link = this.#link
    return () => {
      if (link !== this.#link || this.status !== 'connected') return
      this.#queuedMessages++
      this.#queuedBytes += bytes
      if (this.#isTooSlow()) return
      this.#network.queue.add(() => {
        if (link !== this.#link) return
        this.#queuedMessages--
        this.#queuedBytes -= bytes
        deliver()
      })
    }
  }

  #isTooSlow(): boolean {
    const { queuedMessagesMax, queuedBytesMax } = this.#network
    if (this.#queuedMessages <= queuedMessagesMax && this.#queuedBytes <= queuedBytesMax) {
      return false
    }
    this.#network.log?.warn(
      { connection: this.name, messages: this.#queuedMessages, bytes: this.#queuedBytes },
      'slow consumer cut off',
    )
    this.cut()
    const link = this.#link
    this.#network.queue.add(() => {
      if (link === this.#link) this.restore()
    })
    return true
  }

  #check(subject: string, body: Uint8Array): void {
    if (this.status === 'closed') throw closedError(this.name)
    checkSubject(subject)
    checkPayload(subject, body, this.payloadBytesMax)
  }

  /** Returns how many get it. */
  #route(subject: string, body: Uint8Array, request: Request | undefined): number {
    const receivers = this.#network.receivers(this, subject)
    for (const { connection, deliver } of receivers) {
      this.#network.send(this, connection, subject, body, (copy) => deliver(subject, copy, request))
    }
    return receivers.length
  }

  #message(subject: string, body: Uint8Array, request: Request | undefined): TransportMessage {
    return {
      subject,
      body,
      wantsReply: request !== undefined,
      ...(request?.traceparent !== undefined && { traceparent: request.traceparent }),
      respond: (reply) => {
        checkPayload(`the asker of ${subject}`, reply, this.payloadBytesMax)
        if (request === undefined || request.isOver()) return
        if (!this.#network.reaches(this, request.asker)) return
        this.#network.send(this, request.asker, subject, reply, (copy) => request.reply(copy))
      },
    }
  }

  async #drain(): Promise<void> {
    for (const leave of this.#unsubscribes) leave()
    await this.#network.queue.passed()
    await this.#runner.settle(this.#network.clock, CLOSE_HANDLERS_MS)
    this.#status.change('closed')
    for (const request of this.#requests) request.fail(closedError(this.name))
    this.#network.forget(this)
  }
}

function closedError(name: string): MeridianError {
  return new MeridianError('transport_closed', `the connection ${name} is closed`)
}

function deadlineError(subject: string, deadlineMs: Millis): MeridianError {
  return new MeridianError('deadline_exceeded', `no reply from ${subject} in ${deadlineMs} ms`)
}
