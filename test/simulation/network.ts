import type { Log, Millis, Transport } from '@meridian/shared'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import type { ManualClock } from '@meridian/shared/manual-clock'
import type { SeededRandom } from './seeded-random.ts'

/**
 * The wires of the simulated world. Every process is a client of the broker of its zone, its
 * region, or the world, and brokers are chained by leaf links:
 *
 *     agent, local ──edge── zone broker ──leaf── region broker ──leaf── global broker
 *                             regional ──edge──┘      global ──edge──┘
 *
 * A message crosses every link on its way. A link that is *cut* is noticed: behind a cut edge the
 * client is disconnected, behind a cut leaf there are no responders. A link that is *deaf* in one
 * direction swallows what goes that way and nobody is told.
 */
export class Wires {
  readonly network: InProcessNetwork
  weather: Weather = fairWeather
  readonly #clock: ManualClock
  readonly #random: SeededRandom
  readonly #onCarry: (text: string) => void
  readonly #clients = new Map<string, Client>()
  readonly #links = new Map<string, Link>()
  readonly #partitions = new Set<string>()
  readonly #lastArrivals = new Map<string, Millis>()
  #lastArrival: Millis = 0
  #messages = 0

  constructor(options: {
    readonly clock: ManualClock
    readonly random: SeededRandom
    readonly payloadBytesMax: number
    readonly log: Log
    readonly onCarry: (text: string) => void
  }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#onCarry = options.onCarry
    this.network = createInProcessNetwork({
      clock: options.clock,
      random: options.random.fork('queue groups').next,
      payloadBytesMax: options.payloadBytesMax,
      log: options.log,
      // The world runs one timer, then lets all promises continue; deliveries are among them.
      defer: queueMicrotask,
      carry: (from, to, subject) => this.#carry(from, to, subject),
    })
  }

  /** Messages that set out, lost ones included, replies too. */
  get messages(): number {
    return this.#messages
  }

  /** When everything that is on its way now will have arrived. */
  get lastArrivalAt(): Millis {
    return this.#lastArrival
  }

  /** A new connection of a client; `name` must be new as well. */
  connect(name: string, broker: Broker): Transport {
    const edge = this.#link(`edge ${name}`)
    this.#clients.set(name, { broker, edge, pausedUntil: 0 })
    const transport = this.network.connect(name)
    this.#repartition()
    return transport
  }

  /** The client's process is gone, at once and without a word. */
  async vanish(name: string, transport: Transport): Promise<void> {
    this.network.disconnect(name)
    this.#forget(name)
    await transport.close()
  }

  async leave(name: string, transport: Transport): Promise<void> {
    await transport.close()
    this.#forget(name)
  }

  /** Nothing reaches the client before then. */
  pause(name: string, until: Millis): void {
    const client = this.#clients.get(name)
    if (client) client.pausedUntil = until
  }

  /** Since when a client has been connected, awake, and neither cut off nor deaf. */
  audibleSince(name: string): Millis {
    const client = this.#clients.get(name)
    return client === undefined ? Infinity : Math.max(client.edge.soundSince, client.pausedUntil)
  }

  cut(name: string): void {
    const link = this.#link(name)
    link.soundSince = Infinity
    if (link.cut) return
    link.cut = true
    this.#applyCut(name, 'disconnect')
  }

  /** Joins a link again, and lets it hear in both directions. */
  join(name: string): void {
    const link = this.#link(name)
    link.deafUp = false
    link.deafDown = false
    if (link.soundSince === Infinity) link.soundSince = this.#clock.now()
    if (!link.cut) return
    link.cut = false
    this.#applyCut(name, 'reconnect')
  }

  /** Lets everything that goes `up` (towards the global broker) or `down` over the link vanish. */
  deafen(name: string, direction: 'up' | 'down' | 'both'): void {
    const link = this.#link(name)
    link.soundSince = Infinity
    if (direction !== 'down') link.deafUp = true
    if (direction !== 'up') link.deafDown = true
  }

  joinAll(): void {
    for (const name of this.#links.keys()) this.join(name)
  }

  #applyCut(name: string, edge: 'disconnect' | 'reconnect'): void {
    if (name.startsWith('edge ')) this.network[edge](name.slice('edge '.length))
    else this.#repartition()
  }

  #link(name: string): Link {
    const found = this.#links.get(name)
    if (found) return found
    const soundSince = this.#clock.now()
    const link: Link = { cut: false, deafUp: false, deafDown: false, soundSince }
    this.#links.set(name, link)
    return link
  }

  #forget(name: string): void {
    this.#clients.delete(name)
    this.#links.delete(`edge ${name}`)
    this.#repartition()
  }

  /** Brings the network's partitions to what the leaf links say. */
  #repartition(): void {
    const wanted = new Set<string>()
    const clients = [...this.#clients]
    for (const [at, [a, from]] of clients.entries()) {
      for (const [b, to] of clients.slice(at + 1)) {
        if (leafHops(from.broker, to.broker).some(({ leaf }) => this.#link(leaf).cut)) {
          wanted.add(`${a}\n${b}`)
        }
      }
    }
    for (const pair of wanted) {
      if (this.#partitions.has(pair)) continue
      this.#partitions.add(pair)
      this.network.partition(...endsOf(pair))
    }
    for (const pair of this.#partitions) {
      if (wanted.has(pair)) continue
      this.#partitions.delete(pair)
      this.network.heal(...endsOf(pair))
    }
  }

  #carry(from: string, to: string, subject: string): readonly Millis[] {
    this.#messages += 1
    const delays = this.#journeys(from, to)
    this.#onCarry(`${from} > ${to} ${subject} ${delays.length === 0 ? 'lost' : delays.join(' ')}`)
    return delays
  }

  #journeys(from: string, to: string): Millis[] {
    const sender = this.#clients.get(from)
    const receiver = this.#clients.get(to)
    if (!sender || !receiver) return []
    if (from === to) return [this.#arrival(from, to, 0, receiver)]
    const { loss, repeat } = this.weather
    const hops = leafHops(sender.broker, receiver.broker)
    let deaf = sender.edge.deafUp || receiver.edge.deafDown
    for (const { leaf, direction } of hops) {
      const link = this.#link(leaf)
      deaf ||= direction === 'up' ? link.deafUp : link.deafDown
    }
    if (deaf || this.#random.chance(loss)) return []
    const copies = this.#random.chance(repeat) ? 2 : 1
    return Array.from({ length: copies }, () =>
      this.#arrival(from, to, this.#delay(hops.length + 2), receiver),
    )
  }

  #delay(hops: number): Millis {
    const { hopMsMin, hopMsMax, straggle, straggleMsMax } = this.weather
    let delay = 0
    for (let hop = 0; hop < hops; hop += 1) delay += this.#random.between(hopMsMin, hopMsMax)
    return this.#random.chance(straggle) ? delay + this.#random.between(1, straggleMsMax) : delay
  }

  #arrival(from: string, to: string, delay: Millis, { pausedUntil }: Client): Millis {
    const now = this.#clock.now()
    // At least 1 ms, so that no two processes can talk without the clock moving on.
    let at = Math.max(now + Math.max(1, delay), pausedUntil)
    if (this.weather.ordered) {
      const pair = `${from}\n${to}`
      at = Math.max(at, this.#lastArrivals.get(pair) ?? 0)
      this.#lastArrivals.set(pair, at)
    }
    this.#lastArrival = Math.max(this.#lastArrival, at)
    return at - now
  }
}

export type Broker =
  | { readonly kind: 'zone'; readonly region: string; readonly zone: string }
  | { readonly kind: 'region'; readonly region: string }
  | { readonly kind: 'global' }

/** How the network behaves where no link is broken. */
export interface Weather {
  /** Of how many messages one is lost, and one is delivered twice, as shares. */
  readonly loss: number
  readonly repeat: number
  /** Per link crossed, whole milliseconds. */
  readonly hopMsMin: Millis
  readonly hopMsMax: Millis
  /** The share of messages that take up to `straggleMsMax` longer. */
  readonly straggle: number
  readonly straggleMsMax: Millis
  /** Between two clients messages arrive as they were sent, as brokers promise. */
  readonly ordered: boolean
}

export const fairWeather: Weather = {
  loss: 0,
  repeat: 0,
  hopMsMin: 1,
  hopMsMax: 3,
  straggle: 0,
  straggleMsMax: 1,
  ordered: true,
}

/** The link between a zone's, or a region's, broker and the one above it. */
export function leafOf(broker: Exclude<Broker, { kind: 'global' }>): string {
  return broker.kind === 'zone' ? `leaf ${broker.region}/${broker.zone}` : `leaf ${broker.region}`
}

interface Client {
  readonly broker: Broker
  readonly edge: Link
  pausedUntil: Millis
}

interface Link {
  cut: boolean
  deafUp: boolean
  deafDown: boolean
  /** Infinity while it is cut or deaf. */
  soundSince: Millis
}

interface Hop {
  readonly leaf: string
  readonly direction: 'up' | 'down'
}

/** The leaf links from one broker to another, in the order of the journey. */
function leafHops(from: Broker, to: Broker): Hop[] {
  const above = leavesAbove(from)
  const below = leavesAbove(to)
  const up = above.filter((leaf) => !below.includes(leaf))
  const down = below.filter((leaf) => !above.includes(leaf)).reverse()
  return [
    ...up.map((leaf) => ({ leaf, direction: 'up' as const })),
    ...down.map((leaf) => ({ leaf, direction: 'down' as const })),
  ]
}

function leavesAbove(broker: Broker): string[] {
  switch (broker.kind) {
    case 'zone':
      return [leafOf(broker), leafOf({ kind: 'region', region: broker.region })]
    case 'region':
      return [leafOf(broker)]
    case 'global':
      return []
    default:
      return broker satisfies never
  }
}

function endsOf(pair: string): [string, string] {
  const [a = '', b = ''] = pair.split('\n')
  return [a, b]
}
