import { createNode, type AgentNode } from '@meridian/agent'
import { createReplica, type Replica } from '@meridian/registry'
import {
  livenessDefaults,
  MeridianError,
  registrationSchema,
  type LivenessSettings,
  type Log,
  type LookupAnswer,
  type StoredSet,
  type Tier,
  type Transport,
} from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { ManualClock } from '@meridian/shared/manual-clock'
import { Disk } from '../simulation/disk.ts'
import { SeededRandom } from '../simulation/seeded-random.ts'
import { Waiting } from '../simulation/waiting.ts'

const region = 'eu'
export const zone = 'a'

export interface Told {
  readonly who: string
  readonly level: string
  readonly message: string
  readonly fields: object
}

/** Agents of one zone, and replicas of all tiers above them, over a network whose messages can be lost. */
export class Region {
  readonly clock = new ManualClock()
  readonly told: Told[] = []
  /** What processes listen to. */
  readonly subscribed = new Set<string>()
  /** Messages that were sent, the first of each subject. */
  readonly sent = new Map<string, Uint8Array>()
  /** Whether a message is lost. */
  loses: (from: string, to: string, subject: string) => boolean = () => false
  readonly #settings: LivenessSettings
  readonly #random = new SeededRandom(7)
  readonly #network
  readonly #running = new Map<string, Running>()
  readonly #disks = new Map<string, Disk[]>()

  /** `forgetMs`: when the dead are forgotten. */
  constructor(options: { readonly forgetMs?: number } = {}) {
    this.#settings = { ...livenessDefaults, ...options }
    this.#network = createInProcessNetwork({
      clock: this.clock,
      random: this.#random.next,
      log: this.#logOf('network'),
      carry: (from, to, subject) => (this.loses(from, to, subject) ? [] : [0]),
    })
  }

  /** Starts an agent, on its old disk where it had one. `disk: 'new'`: as if reinstalled. */
  agent(node: string, options: { readonly disk?: 'new'; readonly name?: string } = {}): AgentNode {
    const name = options.name ?? node
    const [own, others] = this.#disksOf(name, options.disk === 'new')
    const mounted = own.mount(silent)
    const program = createNode({
      locality: { region, zone, node },
      store: mounted.ownStore,
      registrations: mounted.registrations,
      zoneStore: others.mount(silent).store,
      agentId: mounted.databaseId(() => `${name}-${this.#random.between(1, 1_000_000)}`),
      introspect: () => Promise.reject(new MeridianError('endpoint_unreachable', 'not here')),
      pulseMs: 2_000,
      livenessSettings: this.#settings,
      ...this.#ports(name),
    })
    this.#run(name, program)
    return program
  }

  replica(tier: Tier, replica: string): Replica {
    const [disk] = this.#disksOf(replica)
    const { ownStore, store } = disk.mount(silent)
    const program = createReplica({
      tier,
      place: {
        region: tier === 'global' ? '-' : region,
        zone: tier === 'local' ? zone : '-',
        replica,
      },
      store,
      ownStore,
      pulseMs: 2_000,
      livenessSettings: this.#settings,
      ...this.#ports(replica),
    })
    this.#run(replica, program)
    return program
  }

  /** Kill -9: nothing of it is heard any more, and its disk is left as it is. */
  async kill(name: string): Promise<void> {
    const running = this.#running.get(name)
    if (!running) throw new Error(`${name} does not run`)
    this.#running.delete(name)
    await running.transport.close()
    running.program.close()
    for (const disk of this.#disks.get(name) ?? []) disk.unmount()
  }

  /** What a process has on its own disk; the one it keeps of others, if it is a replica. */
  disk(name: string): Disk {
    return this.#disksOf(name)[0]
  }

  /** What an agent keeps of its zone. */
  zoneDisk(name: string): Disk {
    return this.#disksOf(name)[1]
  }

  /** The sets of others that a process holds. */
  heldBy(name: string): StoredSet[] {
    return this.#disksOf(name).flatMap((disk) => disk.sets())
  }

  async close(): Promise<void> {
    for (const name of this.#running.keys()) await this.kill(name)
  }

  async register(agent: AgentNode, id: string, server = 'io.acme/flights'): Promise<void> {
    const registering = agent.api.register(
      id,
      registrationSchema.parse({
        endpoint: { url: `http://127.0.0.1/${id}` },
        definition: {
          name: server,
          version: '1.0.0',
          capabilities: { tools: [{ name: 'search' }] },
        },
        registrant: 'test',
      }),
    )
    await this.clock.advance(50)
    await registering
  }

  /** Ids of the instances in an answer, sorted. */
  async found(asked: AgentNode | Replica, q = ''): Promise<string[]> {
    const { results } = await this.lookup(asked, q)
    return results.map(({ instance }) => instance).sort()
  }

  async lookup(asked: AgentNode | Replica, q = ''): Promise<LookupAnswer> {
    const signal = new AbortController().signal
    const asking = asked.api.lookup(
      { q, limit: 100, deadline: 1_000, near: { region, zone, node: 'asker' } },
      signal,
    )
    const waiting = new Waiting(asking)
    for (let ms = 0; ms <= 1_100 && waiting.ending.kind === 'open'; ms += 10) {
      await this.clock.advance(10)
    }
    const { ending } = waiting
    if (ending.kind !== 'value') throw new Error('no answer', { cause: ending })
    return ending.value
  }

  #disksOf(name: string, isNew = false): [Disk, Disk] {
    const known = this.#disks.get(name)
    const [own, others] = isNew || !known ? [new Disk(0), new Disk(0)] : known
    if (!own || !others) throw new Error('a host has two disks')
    this.#disks.set(name, [own, others])
    return [own, others]
  }

  /** A connection of somebody else. */
  connect(name: string): Transport {
    return this.#network.connect(name)
  }

  #ports(name: string) {
    const transport = this.#tapped(this.#network.connect(name))
    this.#transports.set(name, transport)
    return { transport, clock: this.clock, random: this.#random.next, log: this.#logOf(name) }
  }

  #tapped(transport: Transport): Transport {
    const note = (subject: string, body: Uint8Array) => {
      if (!this.sent.has(subject)) this.sent.set(subject, body.slice())
    }
    return {
      payloadBytesMax: transport.payloadBytesMax,
      get status() {
        return transport.status
      },
      publish(subject, body) {
        note(subject, body)
        transport.publish(subject, body)
      },
      subscribe: (subject, handler, options) => {
        this.subscribed.add(subject)
        return transport.subscribe(subject, handler, options)
      },
      request(subject, body, options) {
        note(subject, body)
        return transport.request(subject, body, options)
      },
      requestMany(subject, body, options, onReply) {
        note(subject, body)
        return transport.requestMany(subject, body, options, onReply)
      },
      onStatus: (listener) => transport.onStatus(listener),
      flush: () => transport.flush(),
      close: () => transport.close(),
    }
  }

  readonly #transports = new Map<string, Running['transport']>()

  #run(name: string, program: AgentNode | Replica): void {
    const transport = this.#transports.get(name)
    if (!transport) throw new Error(`${name} is not connected`)
    program.start()
    this.#running.set(name, { program, transport })
  }

  #logOf(who: string): Log {
    const tell = (level: string) => (fields: object, message: string) => {
      this.told.push({ who, level, message, fields })
    }
    return { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') }
  }
}

interface Running {
  readonly program: { close(): void }
  readonly transport: { close(): Promise<void> }
}

const silent = {
  owned: () => undefined,
  copying: () => undefined,
  copied: () => undefined,
}

/** Whether a subject is that of a node's pulses. */
export function isPulseOf(subject: string, nodes: ReadonlySet<string>): boolean {
  return (
    subject.startsWith('mrd.1.pulse.') && nodes.has(subject.slice(subject.lastIndexOf('.') + 1))
  )
}
