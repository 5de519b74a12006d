import { createInProcessNetwork, type InProcessNetwork } from '../adapters/in-process/index.ts'
import {
  agentOwnerId,
  sha256Hex,
  type DefinitionId,
  type Locality,
  type OwnerId,
  type OwnerParts,
} from '../model/index.ts'
import {
  InMemoryOwnerStore,
  InMemoryReplicaStore,
  type Log,
  type Random,
  type Subscription,
  type Transport,
} from '../ports/index.ts'
import { ManualClock } from '../ports/manual-clock.ts'
import {
  changeRecords,
  completeSet,
  createOwner,
  forgetTombstones,
  Holdings,
  settleSet,
  startEpoch,
  type InlineDefinition,
  type OwnerState,
  type RecordInput,
  type SetChange,
} from '../replication/index.ts'
import { subjects } from '../wire/index.ts'
import { serveHoldings, type SyncMethod } from './answering.ts'
import { Follower, type FollowerOptions } from './follower.ts'
import { Publisher } from './publisher.ts'
import { startPulsing } from './pulsing.ts'

/** Owners and followers over an in-process network with a clock that stands still. */

export const zone = { region: 'eu', zone: 'a' } as const
export const pulseMs = 2_000

export interface Told {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

export class RecordingLog implements Log {
  readonly told: Told[] = []

  debug(fields: object, message: string): void {
    this.#tell('debug', fields, message)
  }
  info(fields: object, message: string): void {
    this.#tell('info', fields, message)
  }
  warn(fields: object, message: string): void {
    this.#tell('warn', fields, message)
  }
  error(fields: object, message: string): void {
    this.#tell('error', fields, message)
  }

  at(...levels: readonly Told['level'][]): string[] {
    return this.told.filter(({ level }) => levels.includes(level)).map(({ message }) => message)
  }

  #tell(level: Told['level'], fields: object, message: string): void {
    this.told.push({ level, fields: { ...fields }, message })
  }
}

/** Uniform in [0, 1), the same for the same seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Fabric {
  readonly clock: ManualClock
  readonly random: Random
  readonly network: InProcessNetwork
  readonly log: RecordingLog
  /** Every message that was sent, to whoever heard it: subject, from and to. */
  readonly sent: readonly Sent[]
  /** Bodies that somebody published or asked with, by subject. */
  readonly bodies: ReadonlyMap<string, Uint8Array[]>
  connect(name: string): Transport
}

export interface Sent {
  readonly from: string
  readonly to: string
  readonly subject: string
}

export interface FabricOptions {
  readonly seed?: number
  readonly payloadBytesMax?: number
  readonly carry?: (from: string, to: string, subject: string) => readonly number[]
}

export function createFabric(options: FabricOptions = {}): Fabric {
  const clock = new ManualClock()
  const random = seededRandom(options.seed ?? 1)
  const log = new RecordingLog()
  const sent: Sent[] = []
  const bodies = new Map<string, Uint8Array[]>()
  const network = createInProcessNetwork({
    clock,
    random,
    log,
    ...(options.payloadBytesMax !== undefined && { payloadBytesMax: options.payloadBytesMax }),
    defer: (task) => {
      queueMicrotask(task)
    },
    carry: (from, to, subject) => {
      sent.push({ from, to, subject })
      return options.carry?.(from, to, subject) ?? [0]
    },
  })
  const note = (subject: string, body: Uint8Array) => {
    const list = bodies.get(subject) ?? []
    list.push(body)
    bodies.set(subject, list)
  }
  return {
    clock,
    random,
    network,
    log,
    sent,
    bodies,
    connect(name) {
      const transport = network.connect(name)
      return new Proxy(transport, {
        get(target, property) {
          const value: unknown = Reflect.get(target, property, target)
          if (typeof value !== 'function') return value
          return (...given: readonly unknown[]) => {
            const [subject, body] = given
            if (property !== 'subscribe' && typeof subject === 'string' && isBytes(body)) {
              note(subject, body)
            }
            return Reflect.apply(value, target, given) as unknown
          }
        },
      })
    },
  }
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}

export function definitionOf(text: string): InlineDefinition {
  return { id: sha256Hex(text), canonical: new TextEncoder().encode(text) }
}

export function recordOf(key: string, text: string, names?: InlineDefinition): RecordInput {
  const record = { key, body: new TextEncoder().encode(text) }
  return names ? { ...record, definition: names.id } : record
}

/** An agent, as far as replication goes: a set, a store that outlives restarts, a publisher. */
export class TestOwner {
  readonly locality: Locality
  readonly owner: OwnerId
  readonly transport: Transport
  store = new InMemoryOwnerStore()
  set: OwnerState
  publisher: Publisher
  readonly #fabric: Fabric
  readonly #tiers: readonly string[]
  #answering: Subscription
  #pulsing: { close(): void } | undefined
  /** Epochs begun because others held more. */
  epochsAbove = 0
  failCommits = false

  constructor(fabric: Fabric, node: string, options: { readonly tiers?: readonly string[] } = {}) {
    this.#fabric = fabric
    this.#tiers = options.tiers ?? ['local', 'regional']
    this.locality = { ...zone, node }
    this.owner = agentOwnerId(this.locality)
    this.transport = fabric.connect(node)
    this.set = this.#begin()
    this.publisher = this.#createPublisher()
    this.#answering = this.#serve()
  }

  get subject(): string {
    return subjects.delta(this.locality)
  }

  /** The live records as text. */
  get content(): Record<string, string> {
    return contentOf(this.set)
  }

  start(options: { readonly pulses?: boolean } = {}): this {
    this.publisher.start()
    if (options.pulses === false) return this
    this.#pulsing = startPulsing({
      transport: this.transport,
      clock: this.#fabric.clock,
      log: this.#fabric.log,
      set: this.set,
      subject: subjects.pulse(this.locality),
      runId: 'run',
      agentId: 'agent',
      pulseMs,
    })
    return this
  }

  put(key: string, text: string, names?: InlineDefinition): void {
    this.change({ puts: [recordOf(key, text, names)] }, names ? [names] : [])
  }

  remove(key: string): void {
    this.change({ removes: [key] })
  }

  change(
    wanted: Parameters<typeof changeRecords>[1],
    names: readonly InlineDefinition[] = [],
  ): void {
    const change = changeRecords(this.set, wanted)
    if (!change) return
    this.#commit(change, names)
    this.publisher.changed()
  }

  forgetTombstones(keep: number): void {
    const change = forgetTombstones(this.set, keep)
    if (change) this.#commit(change)
  }

  /** The process ends and begins again, on the same disk or on a new one. */
  restart(options: { readonly newDisk?: boolean } = {}): void {
    const pulses = this.#pulsing !== undefined
    this.close()
    if (options.newDisk === true) this.store = new InMemoryOwnerStore()
    this.set = this.#begin()
    this.publisher = this.#createPublisher()
    this.#answering = this.#serve()
    this.start({ pulses })
  }

  close(): void {
    this.publisher.close()
    this.#pulsing?.close()
    this.#answering.unsubscribe()
  }

  #begin(): OwnerState {
    const set = createOwner(this.owner, this.store.load(this.owner))
    const epoch = startEpoch(set, this.#fabric.random)
    this.store.commit(epoch)
    settleSet(set, epoch)
    return set
  }

  #commit(change: SetChange, names: readonly InlineDefinition[] = []): void {
    if (this.failCommits) throw new Error('the disk is gone')
    this.store.commit(change, names)
    settleSet(this.set, change)
  }

  #createPublisher(): Publisher {
    const { clock, random, log } = this.#fabric
    return new Publisher({
      transport: this.transport,
      clock,
      random,
      log,
      set: this.set,
      subject: this.subject,
      tiers: this.#tiers,
      definition: (id) => this.store.definition(id),
      startEpochAbove: (above) => {
        this.epochsAbove += 1
        this.#commit(startEpoch(this.set, random, above))
      },
    })
  }

  #serve(): Subscription {
    const { clock, log } = this.#fabric
    return serveHoldings({
      transport: this.transport,
      clock,
      log,
      subject: (method) => subjects.rpcNode(this.locality, method),
      find: (owner) => (owner === this.owner ? this.set : undefined),
      definition: (id) => this.store.definition(id),
    })
  }
}

export interface TestFollowerOptions {
  /** A replica of this tier: it acknowledges and answers. Without it, an agent of the zone. */
  readonly tier?: string
  readonly own?: readonly OwnerId[]
  readonly takes?: (owner: OwnerParts) => boolean
  /** Compares with the zone's local replicas at the start. */
  readonly compares?: boolean
  /** Asks the zone's local replicas for definitions that nobody brought. */
  readonly asksOthers?: boolean
}

/** Keeps copies; what its readers were told is kept beside them, to be compared. */
export class TestFollower {
  readonly name: string
  readonly transport: Transport
  store = new InMemoryReplicaStore()
  holdings = new Holdings()
  follower: Follower
  /** What `onEvents` told, by owner: key to text. */
  readonly seen = new Map<OwnerId, Map<string, string>>()
  readonly arrived: DefinitionId[] = []
  readonly #fabric: Fabric
  readonly #options: TestFollowerOptions
  #answering: Subscription | undefined

  constructor(fabric: Fabric, name: string, options: TestFollowerOptions = {}) {
    this.name = name
    this.#fabric = fabric
    this.#options = options
    this.transport = fabric.connect(name)
    this.follower = this.#create()
  }

  start(): this {
    const { tier } = this.#options
    this.follower.start()
    if (tier === undefined) return this
    const { clock, log } = this.#fabric
    this.#answering = serveHoldings({
      transport: this.transport,
      clock,
      log,
      subject: rpcLocal,
      queue: tier,
      holdings: this.holdings,
      find: (owner) => completeSet(this.holdings, owner),
      definition: (id) => this.store.definition(id),
    })
    return this
  }

  get isReplica(): boolean {
    return this.#options.tier !== undefined
  }

  content(owner: OwnerId): Record<string, string> | undefined {
    const holding = this.holdings.get(owner)
    return holding && contentOf(holding)
  }

  restart(options: { readonly newDisk?: boolean } = {}): void {
    this.close()
    if (options.newDisk === true) this.store = new InMemoryReplicaStore()
    this.holdings = new Holdings()
    this.seen.clear()
    this.follower = this.#create()
    this.start()
  }

  close(): void {
    this.follower.close()
    this.#answering?.unsubscribe()
  }

  #create(): Follower {
    const { clock, random, log } = this.#fabric
    const {
      tier,
      own = [],
      takes = () => true,
      compares = false,
      asksOthers = false,
    } = this.#options
    const options: FollowerOptions = {
      transport: this.transport,
      clock,
      random,
      log,
      holdings: this.holdings,
      store: this.store,
      subscribe: [subjects.delta({ ...zone, node: '*' }), subjects.pulse({ ...zone, node: '*' })],
      takes,
      own: new Set(own),
      signs: { replica: this.name, tier: tier ?? 'agent' },
      acknowledges: tier !== undefined,
      ...(asksOthers && { others: { name: 'eu/a', subject: rpcLocal } }),
      ...(compares && { bulk: { name: 'eu/a', scope: ['eu/a'], subject: rpcLocal } }),
      onEvents: (owner, events) => {
        const seen = this.seen.get(owner) ?? new Map<string, string>()
        this.seen.set(owner, seen)
        for (const { key, after } of events) {
          if (after) seen.set(key, textOf(after.body))
          else seen.delete(key)
        }
      },
      onDefinitions: (ids) => {
        this.arrived.push(...ids)
      },
    }
    return new Follower(options)
  }
}

export function rpcLocal(method: SyncMethod): string {
  return subjects.rpcLocal(zone, method)
}

function contentOf({
  records,
}: {
  readonly records: OwnerState['records']
}): Record<string, string> {
  const rows = [...records.live()].map(({ key, body }) => [key, textOf(body)] as const)
  return Object.fromEntries(rows.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function textOf(body: Uint8Array | null): string {
  return body === null ? '' : new TextDecoder().decode(body)
}
