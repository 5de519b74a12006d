import type { Clock, Log, Millis, Random, Transport } from '../../ports/index.ts'
import { PAYLOAD_BYTES_MAX } from '../payload.ts'
import { InProcessConnection, type Listener } from './connection.ts'
import { DeliveryQueue } from './delivery-queue.ts'
import { SubjectTrie } from './subject-trie.ts'

/** Messages that may wait for one connection; 65,536 small ones are some 30 MB. */
const QUEUED_MESSAGES_MAX = 65_536

/** Bytes that may wait for one connection: a NATS server's `max_pending`. */
const QUEUED_BYTES_MAX = 64 * 1_048_576

export interface InProcessNetworkOptions {
  /** For the deadlines of requests. */
  readonly clock: Clock
  /** Chooses the member of a queue group. */
  readonly random: Random
  readonly log?: Log
  readonly payloadBytesMax?: number
  readonly queuedMessagesMax?: number
  readonly queuedBytesMax?: number
  /** Runs a task soon, but never at once; `setImmediate` unless given. */
  readonly defer?: (task: () => void) => void
  /**
   * How each message travels: one delay in ms for each copy that arrives. None loses it, two
   * repeat it, unequal ones reorder; 0 is on the queue at once. `[0]` unless given. Called for
   * replies too, whose subject is that of their request.
   */
  readonly carry?: (from: string, to: string, subject: string) => readonly Millis[]
}

/**
 * NATS within one process: the embedded transport of a whole world, the double of a broker in
 * tests, the network of simulations. Connections have names, as in NATS only labels: what names a
 * connection below means all of that name.
 *
 * A connection for which more waits than the limits allow is treated as a NATS server treats a
 * slow consumer: cut, what waited lost, and reconnected.
 */
export interface InProcessNetwork {
  connect(name: string): Transport
  /** Neither sees the other's subscriptions, so that requests fail with `no_responders` at once. */
  partition(a: string, b: string): void
  heal(a: string, b: string): void
  /** Cuts the connections off from everything; what waits for them is lost. */
  disconnect(name: string): void
  reconnect(name: string): void
  /** Resolves when nothing waits to be delivered. Delayed copies do not count. */
  idle(): Promise<void>
  /** Closes every connection. */
  close(): Promise<void>
}

export function createInProcessNetwork(options: InProcessNetworkOptions): InProcessNetwork {
  return new Switchboard(options)
}

const onceAtOnce: readonly Millis[] = [0]

/** Routes between connections. Used by `InProcessConnection` alone. */
export class Switchboard implements InProcessNetwork {
  readonly clock: Clock
  readonly log: Log | undefined
  readonly payloadBytesMax: number
  readonly queuedMessagesMax: number
  readonly queuedBytesMax: number
  readonly queue: DeliveryQueue
  readonly listeners = new SubjectTrie<Listener>()
  readonly #random: Random
  readonly #carry: NonNullable<InProcessNetworkOptions['carry']>
  readonly #connections = new Set<InProcessConnection>()
  /** Both directions of each cut pair of names. */
  readonly #cuts = new Map<string, Set<string>>()

  constructor(options: InProcessNetworkOptions) {
    this.clock = options.clock
    this.log = options.log
    this.payloadBytesMax = options.payloadBytesMax ?? PAYLOAD_BYTES_MAX
    this.queuedMessagesMax = options.queuedMessagesMax ?? QUEUED_MESSAGES_MAX
    this.queuedBytesMax = options.queuedBytesMax ?? QUEUED_BYTES_MAX
    this.queue = new DeliveryQueue(options.defer ?? ((task) => void setImmediate(task)))
    this.#random = options.random
    this.#carry = options.carry ?? (() => onceAtOnce)
  }

  connect(name: string): Transport {
    const connection = new InProcessConnection(name, this)
    this.#connections.add(connection)
    return connection
  }

  partition(a: string, b: string): void {
    this.#cutsOf(a).add(b)
    this.#cutsOf(b).add(a)
  }

  heal(a: string, b: string): void {
    this.#cuts.get(a)?.delete(b)
    this.#cuts.get(b)?.delete(a)
  }

  disconnect(name: string): void {
    for (const connection of this.#connections) if (connection.name === name) connection.cut()
  }

  reconnect(name: string): void {
    for (const connection of this.#connections) if (connection.name === name) connection.restore()
  }

  async idle(): Promise<void> {
    do await this.queue.passed()
    while (!this.queue.isEmpty)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close()))
  }

  forget(connection: InProcessConnection): void {
    this.#connections.delete(connection)
  }

  /** Who gets a message: every plain listener, and one of each queue group. */
  receivers(from: InProcessConnection, subject: string): Listener[] {
    const reached = this.listeners
      .match(subject)
      .filter((listener) => this.reaches(from, listener.connection))
    const receivers: Listener[] = []
    const groups = new Map<string, Listener[]>()
    for (const listener of reached) {
      if (listener.queue === undefined) {
        receivers.push(listener)
        continue
      }
      const members = groups.get(listener.queue)
      if (members === undefined) groups.set(listener.queue, [listener])
      else members.push(listener)
    }
    for (const members of groups.values()) {
      receivers.push(members[Math.floor(this.#random() * members.length)]!)
    }
    return receivers
  }

  reaches(from: InProcessConnection, to: InProcessConnection): boolean {
    if (from.status !== 'connected' || to.status !== 'connected') return false
    return this.#cuts.size === 0 || this.#cuts.get(from.name)?.has(to.name) !== true
  }

  /** Brings a body to a connection as often and as late as the network will. */
  send(
    from: InProcessConnection,
    to: InProcessConnection,
    subject: string,
    body: Uint8Array,
    deliver: (body: Uint8Array) => void,
  ): void {
    for (const delay of this.#carry(from.name, to.name, subject)) {
      // The sender may write to its bytes again, and no two receivers share any.
      const copy = new Uint8Array(body)
      const arrive = to.expect(copy.byteLength, () => deliver(copy))
      if (delay <= 0) arrive()
      else this.clock.after(delay, arrive)
    }
  }

  #cutsOf(name: string): Set<string> {
    let cuts = this.#cuts.get(name)
    if (cuts === undefined) {
      cuts = new Set()
      this.#cuts.set(name, cuts)
    }
    return cuts
  }
}
