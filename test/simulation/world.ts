import {
  isMeridianError,
  type Clock,
  type Log,
  type Millis,
  type OwnerId,
  type Random,
  type Tier,
  type Transport,
  type Version,
} from '@meridian/shared'
import { ManualClock } from '@meridian/shared/manual-clock'
import { AgentProcess } from './agent-process.ts'
import { Ledger } from './ledger.ts'
import { Wires } from './network.ts'
import { RegistryProcess } from './registry-process.ts'
import { SeededRandom } from './seeded-random.ts'
import { Trace } from './trace.ts'

/** How large a world is, and what its programs are told. */
export interface Shape {
  readonly regions: number
  readonly zonesPerRegion: number
  readonly nodesPerZone: number
  readonly replicas: Readonly<Record<Tier, number>>
  readonly payloadBytesMax: number
  readonly pulseMs: Millis
  /** Transactions of its own set that an agent may lose: none, where it syncs its disk. */
  readonly agentWritesUnsynced: number
}

/** An invariant that did not hold. */
export interface Breach {
  /** The number of the invariant, or what was expected of the programs beside them. */
  readonly rule: string
  readonly what: string
  readonly atMs: Millis
}

/**
 * A whole tree in one process: agents and registries as they are in production, over simulated
 * time, wires and disks.
 */
export class World {
  readonly clock = new ManualClock()
  readonly trace: Trace
  readonly ledger: Ledger
  readonly wires: Wires
  readonly random: SeededRandom
  readonly shape: Shape
  readonly agents: readonly AgentProcess[]
  readonly registries: readonly RegistryProcess[]
  readonly breaches: Breach[] = []
  /** Processes that stay down although everything else is well. */
  readonly resting = new Set<AgentProcess | RegistryProcess>()
  /** Agents that run under the name of another. */
  readonly twins = new Set<AgentProcess>()
  /** Until when each name may be in dispute, twins that live aside. */
  readonly #disputedUntil = new Map<OwnerId, Millis>()
  /** Promises that end by themselves, such as those of connections being closed. */
  readonly #ending = new Set<Promise<void>>()
  #commits = 0

  constructor(seed: number, shape: Shape, onLine?: (line: string) => void) {
    this.shape = shape
    this.random = new SeededRandom(seed)
    this.trace = new Trace(() => this.clock.now(), onLine)
    this.ledger = new Ledger((what) => this.breach('3', what))
    this.wires = new Wires({
      clock: this.clock,
      random: this.random.fork('wires'),
      payloadBytesMax: shape.payloadBytesMax,
      log: this.logOf('network'),
      onCarry: (text) => this.trace.write(text),
    })
    const { agents, registries } = populate(this, shape)
    this.agents = agents
    this.registries = registries
  }

  get processes(): readonly (AgentProcess | RegistryProcess)[] {
    return [...this.registries, ...this.agents]
  }

  /** Transactions of all processes so far. */
  get commits(): number {
    return this.#commits
  }

  endTwin(twin: AgentProcess): void {
    if (!this.twins.delete(twin)) return
    twin.kill(0)
    this.#disputedUntil.set(twin.owner, this.clock.now() + disputeMs)
  }

  /** When all disputes will be over. */
  get disputesEndAt(): Millis {
    return Math.max(0, ...this.#disputedUntil.values())
  }

  #isDisputed(owner: unknown): boolean {
    if ([...this.twins].some((twin) => twin.owner === owner)) return true
    return (this.#disputedUntil.get(String(owner)) ?? 0) >= this.clock.now()
  }

  committed(who: string, owner: OwnerId, version: Version, what: string): void {
    this.#commits += 1
    const { epoch, counter } = version
    this.trace.write(`${who} commits ${owner} ${epoch.number}.${epoch.tag}:${counter} ${what}`)
  }

  breach(rule: string, what: string): void {
    this.trace.write(`BREACH of ${rule}`)
    this.breaches.push({ rule, what, atMs: this.clock.now() })
  }

  /** Lets time pass, and everything happen that falls due. */
  async advance(duration: Millis): Promise<void> {
    await this.clock.advance(duration)
  }

  /** Lets all promises continue that can without time passing. */
  async settle(): Promise<void> {
    await this.clock.advance(0)
  }

  /** Waits for nothing, but an error is not lost. */
  end(promise: Promise<void>): void {
    const ending = promise.catch((error: unknown) => {
      this.breach('no crash', `a connection does not close: ${String(error)}`)
    })
    this.#ending.add(ending)
    void ending.finally(() => this.#ending.delete(ending))
  }

  /** What a process logs goes into the trace; what it calls an error should not have happened. */
  logOf(who: string): Log {
    const write = (level: string) => (fields: object, message: string) => {
      this.trace.write(`${who} ${level} ${message} ${describe(fields)}`)
    }
    return {
      debug: write('debug'),
      info: write('info'),
      warn: (fields, message) => {
        write('warn')(fields, message)
        if (suspicious.has(message) && !isDiskFull(fields)) {
          this.breach('9', `${who}: ${message} ${describe(fields)}${stackOf(fields)}`)
        }
      },
      error: (fields, message) => {
        write('error')(fields, message)
        const isDispute = disputes.has(message) && 'owner' in fields
        if (isDiskFull(fields) || (isDispute && this.#isDisputed(fields.owner))) return
        this.breach('9', `${who}: ${message} ${describe(fields)}${stackOf(fields)}`)
      },
    }
  }
}

/** What a process is given to run with. */
export interface Ports {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Everybody here is well-behaved, so nobody should have to refuse anything. */
const suspicious = new Set([
  'message refused',
  'record set aside',
  'somebody speaks for an owner that is not theirs; refused',
  'reply to a delta cannot be read',
])

/** What is told of two agents of one name. */
const disputes = new Set([
  'another process runs under this node’s name: this one publishes nothing more',
  'another process runs under this node’s name, and has to stop',
  'two living processes of one name',
])

/** An agent that has stopped for another waits so long after its last word, before it comes back. */
const disputeMs = 32_000

function isDiskFull(fields: object): boolean {
  return 'err' in fields && isMeridianError(fields.err, 'storage_full')
}

function describe(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]) => {
      return `${name}=${value instanceof Error ? value.message : JSON.stringify(value)}`
    })
    .join(' ')
}

/** Only for people: paths and line numbers do not belong into a trace that is compared. */
function stackOf(fields: object): string {
  return 'err' in fields && fields.err instanceof Error ? `\n${fields.err.stack ?? ''}` : ''
}

function populate(world: World, shape: Shape) {
  const agents: AgentProcess[] = []
  const registries: RegistryProcess[] = []
  const replicate = (tier: Tier, region: string, zone: string) => {
    for (let at = 1; at <= shape.replicas[tier]; at += 1) {
      registries.push(new RegistryProcess(world, tier, { region, zone, replica: `r${at}` }))
    }
  }
  replicate('global', '-', '-')
  for (let r = 1; r <= shape.regions; r += 1) {
    const region = `g${r}`
    replicate('regional', region, '-')
    for (let z = 1; z <= shape.zonesPerRegion; z += 1) {
      const zone = `z${z}`
      replicate('local', region, zone)
      for (let n = 1; n <= shape.nodesPerZone; n += 1) {
        agents.push(new AgentProcess(world, { region, zone, node: `n${n}` }))
      }
    }
  }
  return { agents, registries }
}
