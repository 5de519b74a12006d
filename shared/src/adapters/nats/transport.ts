import {
  connect,
  errors,
  headers,
  type ConnectionOptions,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type PermissionViolationError,
  type Status,
  type Subscription as NatsSubscription,
} from 'nats'
import type { MeridianError } from '../../errors.ts'
import type {
  Cancel,
  Clock,
  Log,
  MessageHandler,
  Millis,
  Random,
  RequestOptions,
  Subscription,
  Transport,
  TransportMessage,
  TransportStatus,
} from '../../ports/index.ts'
import type { Compression } from '../../wire/index.ts'
import { HandlerRunner } from '../handler-runner.ts'
import { checkPayload, PAYLOAD_BYTES_MAX } from '../payload.ts'
import { createZstdCompression } from '../zstd.ts'
import { StatusSource } from '../status-source.ts'
import { checkQueueName, checkSubject, checkSubjectFilter } from '../subject.ts'
import {
  closedError,
  connectingError,
  deadlineError,
  isLinkBroken,
  linkError,
  requestError,
} from './errors.ts'
import { fullJitter, RECONNECT_BASE_MS, RECONNECT_CAP_MS } from './full-jitter.ts'
import { OutboundLimit } from './outbound-limit.ts'
import { Replies } from './replies.ts'
import { checkServerVersion } from './server-version.ts'
import { createAuthenticator, loadTls, parseServer, type NatsSettings } from './settings.ts'

/**
 * A dead link is noticed after this many ms times three: the client gives up when two pings are
 * unanswered as the third is due. The client's own default finds out after six minutes.
 */
const PING_INTERVAL_MS = 5_000
const PINGS_UNANSWERED_MAX = 2

/** For one server to take the connection and let us in. */
const CONNECT_TIMEOUT_MS = 5_000

/** How long `close` waits for what is still on its way in or out. */
const CLOSE_LIMIT_MS = 5_000

const linkMbitDefault = 100
const bytesPerMsPerMbit = 125

/** Beyond this Node runs a timer at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1

export interface NatsOptions extends NatsSettings {
  /** How the server names this connection in its own logs and monitoring. */
  readonly name: string
  readonly clock: Clock
  /** Spreads reconnections. */
  readonly random: Random
  readonly log?: Log
  /**
   * `required` (unless given): `connectNats` fails when no server lets us in. `background`: it
   * resolves at once, disconnected, and goes on trying; for those who can work cut off.
   */
  readonly firstConnect?: 'required' | 'background'
  /**
   * Whether what this program sends comes back to its own subscriptions, as on other transports;
   * yes, unless given. For one that speaks on a subject that it also follows for others' sake, and
   * asks itself nothing: the server spares it its own bulk. Where only itself would hear a request,
   * that fails at once, as where nobody does.
   */
  readonly hearsItself?: boolean
  readonly reconnectBaseMs?: Millis
  readonly reconnectCapMs?: Millis
  readonly pingIntervalMs?: Millis
  readonly connectTimeoutMs?: Millis
}

/**
 * A transport over core NATS. It reconnects for ever, with full jitter; subscriptions, also those
 * that the server refused, are made anew on each connection.
 *
 * The client library's own reconnection is switched off: it dials a server that it has not dialled
 * before without any wait, asks for the wait anew until one has passed (so that the jitter is not
 * even), keeps what is published meanwhile without limit only to drop it, leaves a flush that was
 * under way pending for ever, and cannot begin before a first connection.
 *
 * Errors: `transport_unreachable` with what to do; `config_invalid` for addresses, secrets and
 * files that cannot be used.
 */
export async function connectNats(options: NatsOptions): Promise<Transport> {
  const transport = new NatsTransport(options)
  await transport.start()
  return transport
}

interface Entry {
  readonly subject: string
  readonly handler: MessageHandler
  readonly queue: string | undefined
  active: boolean
  /** Undefined while disconnected or refused. */
  live: NatsSubscription | undefined
}

/** A connection that is up. A transport has one after the other. */
interface Link {
  readonly connection: NatsConnection
  readonly outbound: OutboundLimit
  readonly replies: Replies
  readonly since: Millis
  /** Of the flushes under way; called with whether what they wait for has arrived. */
  readonly flushes: Set<(arrived: boolean) => void>
  /** Whether anything was dropped because it takes too little; told once. */
  congested: boolean
}

class NatsTransport implements Transport {
  readonly compression: Compression | undefined
  establishedInMs: Millis | undefined
  readonly #options: NatsOptions
  readonly #log: Log | undefined
  readonly #addresses: string
  readonly #status: StatusSource
  readonly #runner: HandlerRunner
  readonly #entries = new Set<Entry>()
  #payloadBytesMax = PAYLOAD_BYTES_MAX
  #link: Link | undefined
  /** Attempts since the last connection that lasted. */
  #attempt = 0
  #vanished = 0
  #cancelRetry: Cancel = () => undefined
  #closing: Promise<void> | undefined

  constructor(options: NatsOptions) {
    const { linkMbit = linkMbitDefault } = options
    this.compression =
      linkMbit === 0
        ? undefined
        : createZstdCompression({ linkBytesPerMs: linkMbit * bytesPerMsPerMbit })
    this.#options = options
    this.#log = options.log
    this.#addresses = options.servers.map((server) => parseServer(server).address).join(', ')
    this.#status = new StatusSource('disconnected', options.log)
    this.#runner = new HandlerRunner(options.log)
  }

  async start(): Promise<void> {
    try {
      await this.#dial()
    } catch (error) {
      const failure = this.#connectingError(error)
      if (failure.code === 'config_invalid' || this.#options.firstConnect !== 'background') {
        throw failure
      }
      this.#log?.warn({ err: failure }, 'starting without NATS')
      this.#retryLater()
    }
  }

  get payloadBytesMax(): number {
    return this.#payloadBytesMax
  }

  get status(): TransportStatus {
    return this.#status.current
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.#status.listen(listener)
  }

  publish(subject: string, body: Uint8Array): void {
    this.#check(subject, body)
    this.#send(subject, body)
  }

  subscribe(
    subject: string,
    handler: MessageHandler,
    options: { readonly queue?: string } = {},
  ): Subscription {
    if (this.#closing !== undefined) throw closedError()
    checkSubjectFilter(subject)
    if (options.queue !== undefined) checkQueueName(options.queue)
    const entry = { subject, handler, queue: options.queue, active: true, live: undefined }
    this.#entries.add(entry)
    this.#open(entry)
    return { unsubscribe: () => this.#leave(entry) }
  }

  async request(subject: string, body: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const link = this.#askOn(subject, body, options.deadlineMs)
    try {
      const reply = await link.replies.ask(subject, body, {
        timeoutMs: timeoutOf(options.deadlineMs),
        ...(options.traceparent !== undefined && { headers: tracing(options.traceparent) }),
      })
      return new Uint8Array(reply.data)
    } catch (error) {
      throw this.#requestFailed(link, error, subject, options.deadlineMs)
    }
  }

  async requestMany(
    subject: string,
    body: Uint8Array,
    options: { readonly deadlineMs: Millis; readonly repliesMax?: number },
    onReply: (body: Uint8Array) => 'enough' | 'more',
  ): Promise<number> {
    const { deadlineMs, repliesMax } = options
    const link = this.#askOn(subject, body, deadlineMs)
    let replies = 0
    let inCaller = false
    try {
      const coming = await link.connection.requestMany(subject, body, {
        strategy: 'timer',
        maxWait: timeoutOf(deadlineMs),
      })
      for await (const reply of coming) {
        replies++
        inCaller = true
        const wish = onReply(new Uint8Array(reply.data))
        inCaller = false
        if (wish === 'enough' || replies === repliesMax) break
      }
    } catch (error) {
      if (inCaller) throw error
      if (replies === 0) throw this.#requestFailed(link, error, subject, deadlineMs)
    }
    if (replies === 0) throw deadlineError(subject, deadlineMs)
    return replies
  }

  async flush(): Promise<void> {
    if (this.status === 'closed') throw closedError()
    const link = this.#link
    if (link === undefined) throw linkError('there is no link to NATS')
    if (!(await flushed(link))) {
      throw this.#closing === undefined ? linkError('the link to NATS broke') : closedError()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  async #dial(): Promise<void> {
    const begun = this.#options.clock.now()
    const connection = await connect(await this.#connectionOptions())
    try {
      checkServerVersion(connection.info?.version, connection.getServer())
    } catch (error) {
      await connection.close()
      throw error
    }
    if (this.#closing !== undefined) {
      await connection.close()
      return
    }
    const { clock, random, inboxPrefix } = this.#options
    const link: Link = {
      connection,
      replies: new Replies({ connection, inboxPrefix, clock, random }),
      outbound: new OutboundLimit(async () => {
        await connection.flush()
      }),
      since: this.#options.clock.now(),
      flushes: new Set(),
      congested: false,
    }
    this.#link = link
    this.establishedInMs = this.#options.clock.now() - begun
    // Never above the default: what this server takes, one beyond a leaf link might not.
    this.#payloadBytesMax = Math.min(PAYLOAD_BYTES_MAX, connection.info?.max_payload ?? Infinity)
    void this.#watch(link)
    void connection.closed().then((error) => this.#lost(link, error))
    for (const entry of this.#entries) this.#open(entry)
    const vanished = this.#vanished
    this.#vanished = 0
    this.#log?.info({ server: connection.getServer(), vanished }, 'connected to NATS')
    this.#status.change('connected')
  }

  async #connectionOptions(): Promise<ConnectionOptions> {
    const { servers, name, inboxPrefix, tls, hearsItself = true } = this.#options
    const parsed = servers.map(parseServer)
    const credentials =
      this.#options.credentials ?? parsed.find((server) => server.credentials)?.credentials
    const isTls = tls !== undefined || parsed.some((server) => server.isTls)
    return {
      servers: parsed.map((server) => server.address),
      name,
      reconnect: false,
      maxReconnectAttempts: -1,
      ignoreClusterUpdates: true,
      pingInterval: this.#options.pingIntervalMs ?? PING_INTERVAL_MS,
      maxPingOut: PINGS_UNANSWERED_MAX,
      timeout: this.#connectTimeoutMs,
      noAsyncTraces: true,
      noEcho: !hearsItself,
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
      ...(credentials === undefined
        ? {}
        : { authenticator: await createAuthenticator(credentials) }),
      ...(isTls ? { tls: await loadTls(tls ?? {}) } : {}),
    }
  }

  /** Ends with the connection. */
  async #watch(link: Link): Promise<void> {
    for await (const status of link.connection.status()) this.#note(link, status)
  }

  #note({ connection, replies }: Link, status: Status): void {
    switch (status.type) {
      case 'error':
        if (isForbiddenPublish(status.error)) replies.refuse(status.error.subject, status.error)
        this.#log?.warn(errorFields(status.error), 'NATS reports an error')
        break
      case 'staleConnection':
        this.#log?.warn({ server: connection.getServer() }, 'NATS answers no pings')
        // The client would first wait for what a dead link will never take.
        void connection.close()
        break
      case 'ldm':
        this.#log?.info({ server: status.server }, 'NATS server is about to stop')
        break
      case 'close':
      case 'disconnect':
      case 'forceReconnect':
      case 'ping':
      case 'reconnect':
      case 'reconnecting':
      case 'slowConsumer':
      case 'update':
        break
      default:
        status satisfies never
    }
  }

  #lost(link: Link, error: unknown): void {
    for (const end of link.flushes) end(false)
    link.replies.fail(new errors.ClosedConnectionError())
    if (this.#link !== link) return
    this.#link = undefined
    for (const entry of this.#entries) entry.live = undefined
    if (this.#closing !== undefined) return
    const upMs = this.#options.clock.now() - link.since
    this.#log?.warn({ upMs, ...(error === undefined ? {} : { err: error }) }, 'link to NATS lost')
    // A server that lets us in only to throw us out must not be knocked at without pause.
    if (upMs > this.#reconnectCapMs) this.#attempt = 0
    this.#retryLater()
    this.#status.change('disconnected')
  }

  #retryLater(): void {
    const delay = fullJitter(
      this.#attempt++,
      this.#options.random,
      this.#options.reconnectBaseMs ?? RECONNECT_BASE_MS,
      this.#reconnectCapMs,
    )
    this.#cancelRetry = this.#options.clock.after(delay, () => void this.#retry())
  }

  async #retry(): Promise<void> {
    if (this.#closing !== undefined) return
    try {
      await this.#dial()
    } catch (error) {
      const failure = this.#connectingError(error)
      this.#log?.warn({ err: failure, attempt: this.#attempt }, 'connecting to NATS failed')
      // While it was dialling, `close` had no timer to cancel.
      if (this.#closing === undefined) this.#retryLater()
    }
  }

  #open(entry: Entry): void {
    const connection = this.#link?.connection
    if (connection === undefined || connection.isClosed()) return
    entry.live = connection.subscribe(entry.subject, {
      ...(entry.queue === undefined ? {} : { queue: entry.queue }),
      callback: (error, message) => {
        if (error !== null) this.#refused(entry, error)
        else if (entry.active) this.#runner.run(entry.handler, this.#message(message))
      },
    })
  }

  #refused(entry: Entry, error: Error): void {
    entry.live = undefined
    this.#log?.error({ ...errorFields(error), subject: entry.subject }, 'subscription refused')
  }

  #leave(entry: Entry): void {
    entry.active = false
    this.#entries.delete(entry)
    entry.live?.unsubscribe()
    entry.live = undefined
  }

  #message(message: Msg): TransportMessage {
    const { subject, reply } = message
    const traceparent = message.headers?.get(traceHeader)
    const wantsReply = reply !== undefined && reply !== ''
    return {
      subject,
      // The client's bytes are a view of all that came with them from the socket, which would
      // live as long as anybody keeps this message.
      body: new Uint8Array(message.data),
      wantsReply,
      ...(traceparent !== undefined && traceparent !== '' && { traceparent }),
      respond: (body) => {
        checkPayload(`the asker of ${subject}`, body, this.#payloadBytesMax)
        if (wantsReply) this.#send(reply, body)
      },
    }
  }

  /** At most once: what cannot leave now vanishes. */
  #send(subject: string, body: Uint8Array): void {
    const link = this.#link
    if (link === undefined || link.connection.isClosed()) {
      this.#vanished++
      return
    }
    if (!this.#take(link, subject, body)) {
      this.#vanished++
      return
    }
    link.connection.publish(subject, body)
  }

  #take(link: Link, subject: string, body: Uint8Array): boolean {
    if (link.outbound.take(subject.length + body.byteLength)) {
      link.congested = false
      return true
    }
    if (!link.congested) {
      link.congested = true
      this.#log?.warn({ subject, bytes: body.byteLength }, 'link to NATS is congested, dropping')
    }
    return false
  }

  #askOn(subject: string, body: Uint8Array, deadlineMs: Millis): Link {
    this.#check(subject, body)
    if (deadlineMs <= 0) throw deadlineError(subject, deadlineMs)
    const link = this.#link
    if (link === undefined || link.connection.isClosed()) throw this.#lostError(subject)
    if (!this.#take(link, subject, body)) {
      throw linkError(`the link to NATS takes too little to ask ${subject}`)
    }
    return link
  }

  #check(subject: string, body: Uint8Array): void {
    if (this.status === 'closed') throw closedError()
    checkSubject(subject)
    checkPayload(subject, body, this.#payloadBytesMax)
  }

  async #drain(): Promise<void> {
    this.#cancelRetry()
    const link = this.#link
    if (link === undefined) {
      await this.#runner.settle(this.#options.clock, CLOSE_LIMIT_MS)
    } else {
      const { promise: limit, resolve } = Promise.withResolvers<undefined>()
      const cancel = this.#options.clock.after(CLOSE_LIMIT_MS, () => resolve(undefined))
      await Promise.race([this.#drainOn(link), link.connection.closed(), limit])
      cancel()
      await link.connection.close()
    }
    this.#entries.clear()
    this.#link = undefined
    this.#status.change('closed')
  }

  /** Not `connection.drain()`, which lets nothing be published once subscriptions have ended. */
  async #drainOn(link: Link): Promise<void> {
    const drains = [...this.#entries].map((entry) => entry.live?.drain() ?? Promise.resolve())
    await Promise.allSettled(drains)
    await this.#runner.settle(this.#options.clock, CLOSE_LIMIT_MS)
    await flushed(link)
  }

  #lostError(subject: string): MeridianError {
    return this.#closing === undefined
      ? linkError(`there is no link to NATS to ask ${subject}`)
      : closedError()
  }

  #requestFailed(link: Link, error: unknown, subject: string, deadlineMs: Millis): Error {
    // The client tells its own requests (those with many replies) before it tells us. Who asks again
    // at once must not be sent to a connection that is about to end.
    if (isLinkBroken(error)) this.#lost(link, error)
    return requestError(error, subject, deadlineMs, this.#closing !== undefined)
  }

  #connectingError(error: unknown): MeridianError {
    return connectingError(error, this.#addresses, this.#connectTimeoutMs)
  }

  get #connectTimeoutMs(): Millis {
    return this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
  }

  get #reconnectCapMs(): Millis {
    return this.#options.reconnectCapMs ?? RECONNECT_CAP_MS
  }
}

/** As W3C Trace Context names it. */
const traceHeader = 'traceparent'

function tracing(traceparent: string): MsgHdrs {
  const made = headers()
  made.set(traceHeader, traceparent)
  return made
}

/** Whether everything sent before reached the server. The client's own promise may never settle. */
async function flushed(link: Link): Promise<boolean> {
  if (link.connection.isClosed()) return false
  return new Promise((resolve) => {
    const end = (arrived: boolean) => {
      link.flushes.delete(end)
      resolve(arrived)
    }
    link.flushes.add(end)
    link.connection.flush().then(
      () => end(true),
      () => end(false),
    )
  })
}

/** The client takes whole numbers from 1 on. */
function timeoutOf(deadlineMs: Millis): Millis {
  return Math.min(Math.max(1, Math.ceil(deadlineMs)), TIMEOUT_MS_MAX)
}

function isForbiddenPublish(error: Error): error is PermissionViolationError {
  return error instanceof errors.PermissionViolationError && error.operation === 'publish'
}

function errorFields(error: Error): object {
  if (!(error instanceof errors.PermissionViolationError)) return { err: error }
  return { operation: error.operation, subject: error.subject, err: error }
}
