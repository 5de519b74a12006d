import {
  exchangeLimits,
  isMeridianError,
  type Cancel,
  type LookupAnswer,
  type Millis,
  type Tier,
} from '@meridian/shared'
import type { AgentBackup, AgentProcess } from './agent-process.ts'
import type { Image } from './disk.ts'
import { checkAnswers, isUsable, rowOfRegistered } from './holdings-check.ts'
import { fairWeather, leafOf, type Broker, type Weather } from './network.ts'
import { checkRegistered, converge } from './quiescence.ts'
import { RegistryProcess } from './registry-process.ts'
import type { SeededRandom } from './seeded-random.ts'
import {
  acknowledged,
  drawInstanceId,
  drawOffer,
  isPrivate,
  queries,
  registrant,
  type KnownQuery,
  type Offer,
} from './servers.ts'
import { Waiting, type Ending } from './waiting.ts'
import { Watchers } from './watchers.ts'
import type { World } from './world.ts'

/**
 * What happens to a world: things are registered and looked up, and everything that can break
 * breaks, at moments that a seed chooses. Then faults and writes end, and all must come to agree.
 */
export class Scenario {
  readonly #world: World
  readonly #random: SeededRandom
  /** Its own stream: with or without jumps of the wall clock, all else is the same. */
  readonly #wallRandom: SeededRandom
  readonly #jumpWallClocks: boolean
  readonly #weights: Readonly<Record<Action, number>>
  readonly #watchers: Watchers
  readonly #agentBackups = new Map<AgentProcess, AgentBackup[]>()
  readonly #registryBackups = new Map<RegistryProcess, Image[]>()
  /** What is to happen later, unless all is over by then. */
  readonly #plans = new Set<Cancel>()
  #isOver = false
  #twinsMade = 0
  #steps = 0
  #lookups = 0

  constructor(world: World, options: { readonly jumpWallClocks: boolean }) {
    this.#world = world
    this.#random = world.random.fork('scenario')
    this.#wallRandom = world.random.fork('wall clocks')
    this.#jumpWallClocks = options.jumpWallClocks
    this.#weights = weightsOf(this.#random.pick(furies))
    this.#watchers = new Watchers(world)
  }

  get steps(): number {
    return this.#steps
  }

  get lookups(): number {
    return this.#lookups
  }

  /** Starts everything, in any order and not at once. */
  async boot(): Promise<void> {
    const waiting = [...this.#world.processes]
    while (waiting.length > 0) {
      const [next] = waiting.splice(this.#random.between(0, waiting.length - 1), 1)
      next?.start()
      await this.#world.advance(this.#random.between(0, 50))
    }
  }

  /** One thing happens, then some time passes. */
  async step(): Promise<void> {
    this.#steps += 1
    const action = this.#random.weighted(this.#weights)
    await this[action]()
    this.#maybeJumpWallClock()
    await this.#world.advance(this.#gap())
    await this.#checkAnswers()
    this.#watchers.check()
  }

  /**
   * Faults and writes end. Returns how long it took until all agreed; nothing where agents had to
   * wait for twins to be forgotten.
   */
  async quiesce(): Promise<Millis | undefined> {
    const world = this.#world
    await this.#heal()
    const disputedMs = Math.max(0, world.disputesEndAt - world.clock.now())
    const took = await converge(world, disputedMs)
    if (world.breaches.length > 0) return took
    await this.#checkAnswers()
    for (const agent of world.agents) checkRegistered(world, agent)
    await this.#checkQuiet()
    this.#watchers.check()
    for (const process of world.resting) {
      this.#later(this.#random.between(0, 10_000), () => this.#bringBack(process))
    }
    world.resting.clear()
    return disputedMs > 0 ? undefined : took
  }

  /** Where nothing changes nothing is written, and hardly more is said than that all is well. */
  async #checkQuiet(): Promise<void> {
    const world = this.#world
    const { pulseMs } = world.shape
    // Whoever has never started before begins its second epoch once it has listened so long.
    const isNew = ({ disk, owner }: AgentProcess) => disk.ownSet(owner)?.version.epoch.number === 1
    const listensMs = 4 * pulseMs
    for (let ms = 0; ms < listensMs && world.agents.some(isNew); ms += pulseMs) {
      await world.advance(pulseMs)
      if (!world.agents.some(isNew)) await world.advance(pulseMs)
    }
    const pulses = 3
    const { commits } = world
    const { messages } = world.wires
    await world.advance(pulses * pulseMs)
    if (world.commits !== commits) world.breach('2', 'writes go on although nothing changes')
    const said = world.wires.messages - messages
    const expected = pulses * pulseMessages(world)
    if (said > 1.5 * expected) {
      world.breach('quiet', `${said} messages where ${expected} tell all that is to be told`)
    }
  }

  /** Everything is closed as after SIGTERM, and nothing is left behind. */
  async shutDown(): Promise<void> {
    this.#isOver = true
    for (const cancel of this.#plans) cancel()
    this.#watchers.end()
    for (const process of this.#world.processes) process.stop()
    await this.#world.advance(10_000)
    if (this.#world.clock.nextDueAt() === undefined) return
    this.#world.breach(
      'close',
      `timers are left although everything is closed: ${this.#world.clock.nextDueAt()}`,
    )
  }

  async #checkAnswers(): Promise<void> {
    const query = this.#random.pick(queries)
    await checkAnswers(this.#world, query, this.#random.pick(this.#world.agents))
  }

  async register(): Promise<void> {
    const agent = this.#awakeAgent()
    if (agent) await this.#register(agent, drawInstanceId(this.#random))
  }

  /** Many one after the other, as when a host comes up. */
  async registerMany(): Promise<void> {
    const agent = this.#awakeAgent()
    if (!agent) return
    for (let count = this.#random.between(3, 12); count > 0; count -= 1) {
      await this.#register(agent, `m${this.#random.between(1, 12)}`)
    }
  }

  /** Many in one request. */
  async registerBulk(): Promise<void> {
    const agent = this.#awakeAgent()
    if (!agent?.program) return
    const offers = Array.from({ length: this.#random.between(2, 12) }, (_, at) =>
      drawOffer(this.#random, agent.locality.node, `m${at + 1}`),
    )
    const items = offers.map(({ id, registration }) => ({ ...registration, id }))
    const waiting = new Waiting(agent.program.api.registerMany(items))
    await this.#world.settle()
    const { ending } = waiting
    if (ending.kind !== 'value') {
      this.#world.breach('1', `${agent.name} has no answer to a bulk of ${items.length}`)
      return
    }
    const outcomes = ending.value.map(({ outcome }) => outcome)
    this.#world.trace.write(`${agent.name} registers m1 and so on: ${outcomes.join(' ')}`)
    for (const [at, offer] of offers.entries()) {
      if (outcomes[at] !== 'refused') this.#acknowledge(agent, offer)
      else if (!agent.disk.isFull) this.#world.breach('1', `${agent.name} refuses ${offer.id}`)
    }
  }

  /** An operator changes how an instance takes work. */
  async operate(): Promise<void> {
    const agent = this.#awakeAgent()
    if (!agent?.program || agent.registered.size === 0) return
    const { api } = agent.program
    const instance = this.#random.pick([...agent.registered.values()])
    const operation = this.#random.pick([
      () => api.patch(instance.id, { weight: this.#random.pick([0, 50, 200]) }),
      () => api.patch(instance.id, { capacity: this.#random.pick([10, 20, 30]) }),
      () => api.drain(instance.id, { thenDeregister: false, waitMs: 0 }),
      () => api.undrain(instance.id),
      () => api.maintain(instance.id, { reason: 'a new disk' }),
      () => api.endMaintenance(instance.id),
    ])
    const waiting = new Waiting(operation())
    await this.#world.settle()
    const { ending } = waiting
    if (ending.kind === 'value') this.#acknowledge(agent, instance)
    else if (ending.kind === 'error') this.#judgeRefusal(agent, ending.error)
    else this.#world.breach('1', `${agent.name} does not answer an operator`)
    this.#world.trace.write(`${agent.name} is operated upon at ${instance.id}: ${ending.kind}`)
  }

  #acknowledge(agent: AgentProcess, offer: Offer): void {
    const shown = agent.program?.api.instance(offer.id)
    const instance = acknowledged(offer, shown)
    if (instance) agent.acknowledge(instance)
    else this.#world.breach('1', `${agent.name} makes ${JSON.stringify(shown)} of ${offer.id}`)
  }

  async #register(agent: AgentProcess, id: string): Promise<void> {
    const { program, locality } = agent
    if (!program) return
    // Often what is registered already: servers renew.
    const known = agent.registered.get(id)
    const offer =
      known && this.#random.chance(0.2) ? known : drawOffer(this.#random, locality.node, id)
    const before = JSON.stringify(program.api.instance(id))
    const waiting = new Waiting(program.api.register(id, offer.registration))
    await this.#world.settle()
    const { ending } = waiting
    this.#world.trace.write(`${agent.name} registers ${id}: ${outcomeOf(ending)}`)
    switch (ending.kind) {
      case 'value':
        this.#acknowledge(agent, offer)
        break
      case 'error': {
        this.#judgeRefusal(agent, ending.error)
        const after = JSON.stringify(program.api.instance(id))
        if (after === before) break
        this.#world.breach('1', `${agent.name} refuses ${id} and has made ${after} of ${before}`)
        break
      }
      case 'open':
        this.#world.breach('1', `${agent.name} does not answer the registration of ${id}`)
        break
      default:
        ending satisfies never
    }
  }

  deregister(): void {
    const agent = this.#awakeAgent()
    const id = drawInstanceId(this.#random)
    if (!agent?.program) return
    let outcome = 'gone'
    try {
      agent.program.api.deregister(id, registrant)
      agent.forget(id)
    } catch (error) {
      outcome = String(error)
      this.#judgeRefusal(agent, error)
    }
    this.#world.trace.write(`${agent.name} deregisters ${id}: ${outcome}`)
  }

  /** Somebody else wants an id that is taken. */
  async trespass(): Promise<void> {
    const agent = this.#awakeAgent()
    const id = drawInstanceId(this.#random)
    if (!agent?.program?.api.instance(id)) return
    const { registration } = drawOffer(this.#random, agent.locality.node, id)
    const attempt = { ...registration, registrant: 'other' }
    const waiting = new Waiting(agent.program.api.register(id, attempt))
    await this.#world.settle()
    const { ending } = waiting
    if (ending.kind === 'error' && isMeridianError(ending.error, 'conflict')) return
    this.#world.breach('1', `${agent.name} gives ${id} to another registrant`)
  }

  lookUp(): void {
    const agent = this.#awakeAgent()
    const connection = agent?.connection
    if (!agent?.program || connection === undefined) return
    const query = this.#random.pick(queries)
    const { q } = query
    const deadline = this.#random.pick([50, 500, 2_000])
    const signal = new AbortController().signal
    this.#lookups += 1
    const name = `${connection} looks up '${q}'`
    const asked = agent.program.api.lookup({ q, limit: 3, deadline }, signal)
    this.#follow(
      { name, query, deadline, asked },
      () => agent.connection === connection && agent.isAwake,
    )
  }

  askRegistry(): void {
    const registry = this.#random.pick(this.#world.registries)
    const connection = registry.connection
    if (!registry.program || connection === undefined || !registry.isAwake) return
    const query = this.#random.pick(queries)
    const { q } = query
    const deadline = this.#random.pick([50, 500, 2_000])
    this.#lookups += 1
    const name = `${connection} is asked '${q}'`
    const asked = registry.program.api.lookup({ q, limit: 3, deadline })
    this.#follow(
      { name, query, deadline, asked },
      () => registry.connection === connection && registry.isAwake,
    )
  }

  /** Invariant 4: an answer comes within its deadline, whatever is down. */
  #follow({ name, query, deadline, asked }: Question, isStillThere: () => boolean): void {
    const world = this.#world
    const waiting = new Waiting(asked)
    world.clock.after(deadline + 1, () => {
      if (!isStillThere()) return
      const { ending } = waiting
      switch (ending.kind) {
        case 'value': {
          const { outcome, results, scopes } = ending.value
          const told = scopes.map(({ name: scope, state }) => `${scope} ${state}`).join(', ')
          world.trace.write(`${name}: ${outcome} ${results.length} (${told})`)
          if (outcome === 'none') this.#judgeNone(query, deadline)
          break
        }
        case 'error':
          world.breach('4', `${name} and gets an error: ${String(ending.error)}`)
          break
        case 'open':
          world.breach('4', `${name} and has no answer in ${deadline} ms`)
          break
        default:
          ending satisfies never
      }
    })
  }

  /**
   * Whoever says that nobody has it is right, as far as anybody can know: somebody who has had it
   * for a while and could be heard all that time is not denied. (Nodes that are behind a cut or
   * stand still are taken for dead in the end, by those who cannot tell the difference.)
   */
  #judgeNone(query: KnownQuery, deadline: Millis): void {
    const holder = this.#world.agents.find(
      (agent) =>
        agent.audibleSince <= this.#world.clock.now() - deadline - establishedMs &&
        agent
          .establishedFor(deadline + establishedMs)
          .filter(({ definitionId }) => !isPrivate(definitionId))
          .map((instance) => rowOfRegistered(instance, agent))
          .some((row) => isUsable(row) && query.matches(row)),
    )
    if (!holder) return
    this.#world.breach('4', `nobody has '${query.q}', it is said; ${holder.name} has`)
  }

  kill(): void {
    const process = this.#random.pick(this.#world.processes)
    if (process.isDown) return
    process.kill(this.#random.chance(0.5) ? this.#random.between(0, 10) : 0)
    this.#later(this.#random.between(0, 4_000), () => this.#bringBack(process))
  }

  restart(): void {
    const process = this.#random.pick(this.#world.processes)
    process.stop()
    this.#later(this.#random.between(0, 1_000), () => this.#bringBack(process))
  }

  pause(): void {
    this.#random.pick(this.#world.processes).pause(this.#random.between(50, 6_000))
  }

  /** An administrator makes a copy, that may be brought back later. */
  backUp(): void {
    const { agents, registries } = this.#world
    if (this.#random.chance(0.5)) {
      const agent = this.#random.pick(agents)
      keep(this.#agentBackups, agent, agent.backup())
    } else {
      const registry = this.#random.pick(registries)
      keep(this.#registryBackups, registry, registry.disk.copy())
    }
  }

  /** An agent is set up twice under one name, from a copy of its disk or of its configuration. */
  twin(): void {
    const agent = this.#random.pick(this.#world.agents)
    const { twins, trace } = this.#world
    const disk = this.#random.chance(0.7) ? 'copied' : 'new'
    const duration = this.#random.between(1_000, 25_000)
    if (agent.isDown || [...twins].some(({ owner }) => owner === agent.owner)) return
    this.#twinsMade += 1
    const twin = agent.twin(this.#twinsMade, disk)
    trace.write(`${twin.name} begins on a disk that is ${disk}`)
    twins.add(twin)
    twin.start()
    this.#later(duration, () => this.#world.endTwin(twin))
  }

  /** Something is registered with the wrong one. */
  async registerAtTwin(): Promise<void> {
    const twins = [...this.#world.twins].filter(({ isAwake }) => isAwake)
    if (twins.length === 0) return
    const { program, locality, name } = this.#random.pick(twins)
    const { id, registration } = drawOffer(this.#random, locality.node)
    const waiting = program && new Waiting(program.api.register(id, registration))
    await this.#world.settle()
    this.#world.trace.write(`${name} registers ${id}: ${waiting?.ending.kind}`)
  }

  fillDisk(): void {
    const { disks, name } = this.#random.pick(this.#world.processes)
    const disk = this.#random.pick(disks)
    const writes = this.#random.between(0, 4)
    this.#world.trace.write(`a disk of ${name} is full after ${writes} writes`)
    disk.fill(writes)
    this.#later(this.#random.between(100, 4_000), () => disk.free())
  }

  cutLink(): void {
    const link = this.#anyLink()
    this.#world.trace.write(`${link} is cut`)
    this.#world.wires.cut(link)
    this.#later(this.#random.between(100, 8_000), () => this.#join(link))
  }

  deafenLink(): void {
    const link = this.#anyLink()
    const direction = this.#random.pick(['up', 'down', 'both'] as const)
    this.#world.trace.write(`${link} is deaf: ${direction}`)
    this.#world.wires.deafen(link, direction)
    this.#later(this.#random.between(100, 8_000), () => this.#join(link))
  }

  /** All clients of one broker lose their connection and come back one by one. */
  restartBroker(): void {
    const broker = this.#random.pick(this.#brokers())
    this.#world.trace.write(`the broker ${JSON.stringify(broker)} restarts`)
    for (const { broker: its, connection } of this.#world.processes) {
      if (connection === undefined || !sameBroker(its, broker)) continue
      const link = `edge ${connection}`
      this.#world.wires.cut(link)
      this.#later(this.#random.between(50, 2_000), () => this.#join(link))
    }
  }

  changeWeather(): void {
    const { wires, trace } = this.#world
    wires.weather = this.#random.chance(0.4) ? fairWeather : drawWeather(this.#random)
    trace.write(`weather ${JSON.stringify(wires.weather)}`)
  }

  idle(): void {
    // Time passes.
  }

  /** Long enough for what is done once a minute. */
  async idleLong(): Promise<void> {
    await this.#world.advance(this.#random.between(30_000, 130_000))
  }

  async #heal(): Promise<void> {
    const world = this.#world
    for (const twin of world.twins) world.endTwin(twin)
    world.wires.weather = fairWeather
    world.wires.joinAll()
    if (this.#random.chance(0.5)) this.#layToRest()
    for (const process of world.processes) {
      for (const disk of process.disks) disk.free()
      if (world.resting.has(process)) continue
      process.resume()
      process.start()
    }
    // What was under way to somebody who stood still, or on a slow road, is a fault's last effect.
    await world.advance(Math.max(0, world.wires.lastArrivalAt - world.clock.now()))
    world.trace.write('faults and writes have ended')
  }

  /** Some stay down: nodes, and replicas that are not the last of their kind. */
  #layToRest(): void {
    const { agents, registries, resting } = this.#world
    const dead: World['processes'][number][] = [this.#random.pick(agents)]
    if (this.#random.chance(0.5)) dead.push(this.#random.pick(agents))
    const replica = this.#random.pick(registries)
    const twins = registries.filter((other) => other.isTwinOf(replica))
    if (twins.length > 0) dead.push(replica)
    for (const process of dead) {
      process.kill(this.#random.between(0, 3))
      resting.add(process)
      this.#world.trace.write(`${process.name} stays down`)
    }
  }

  /** Starts a process again, sometimes on another disk than it had. */
  #bringBack(process: World['processes'][number]): void {
    if (!process.isDown || this.#isOver || this.#world.resting.has(process)) return
    if (process instanceof RegistryProcess) this.#changeDisk(process)
    else this.#changeAgentDisk(process)
    process.start()
    if (!(process instanceof RegistryProcess) && !process.isDown) {
      checkRegistered(this.#world, process)
    }
    // A supervisor tries again.
    if (process.isDown) this.#later(1_000, () => this.#bringBack(process))
  }

  #changeDisk(registry: RegistryProcess): void {
    const { trace, registries } = this.#world
    const fate = this.#random.weighted(diskFates)
    const backup = this.#random.pick([undefined, ...(this.#registryBackups.get(registry) ?? [])])
    const twin = registries.find((other) => other.isTwinOf(registry))
    if (fate === 'same') return
    if (fate === 'empty') registry.disk.replace()
    else if (fate === 'old' && backup) registry.disk.replace(backup)
    else if (fate === 'cloned' && twin) registry.disk.replace(twin.disk.copy())
    else if (fate === 'damaged') registry.disk.damage((sets) => this.#random.pick(sets))
    else return
    trace.write(`${registry.name} comes back on a disk that is ${fate}`)
  }

  #changeAgentDisk(agent: AgentProcess): void {
    const fate = this.#random.weighted(diskFates)
    const backup = this.#random.pick([undefined, ...(this.#agentBackups.get(agent) ?? [])])
    const which = this.#random.pick(['own', 'zone', 'both'] as const)
    if (fate === 'empty') {
      if (which !== 'zone') agent.replaceOwn()
      if (which !== 'own') agent.zoneDisk.replace()
    } else if (fate === 'old' && backup) {
      if (which !== 'zone') agent.replaceOwn(backup.own, backup.registered)
      if (which !== 'own') agent.zoneDisk.replace(backup.zone)
    } else if (fate === 'damaged') {
      agent.zoneDisk.damage((sets) => this.#random.pick(sets))
    } else return
    this.#world.trace.write(`${agent.name} comes back on a disk that is ${fate}: ${which}`)
  }

  #join(link: string): void {
    this.#world.trace.write(`${link} is joined`)
    this.#world.wires.join(link)
  }

  #anyLink(): string {
    const { processes } = this.#world
    if (this.#random.chance(0.5)) {
      const broker = this.#random.pick(this.#brokers())
      if (broker.kind !== 'global') return leafOf(broker)
    }
    const connections = processes.flatMap(({ connection }) => connection ?? [])
    return connections.length === 0 ? 'leaf g1' : `edge ${this.#random.pick(connections)}`
  }

  #brokers(): Broker[] {
    const brokers = new Map<string, Broker>()
    for (const { broker } of this.#world.processes) brokers.set(JSON.stringify(broker), broker)
    return [...brokers.values()]
  }

  #awakeAgent(): AgentProcess | undefined {
    const agent = this.#random.pick(this.#world.agents)
    return agent.isAwake ? agent : undefined
  }

  #judgeRefusal(agent: AgentProcess, error: unknown): void {
    const isExpected =
      isMeridianError(error, 'not_found') ||
      (isMeridianError(error, 'storage_full') && agent.disk.isFull)
    if (!isExpected) this.#world.breach('1', `${agent.name} refuses: ${String(error)}`)
  }

  #maybeJumpWallClock(): void {
    if (!this.#wallRandom.chance(0.05)) return
    const process = this.#wallRandom.pick(this.#world.processes)
    const by = this.#wallRandom.between(-100_000_000, 100_000_000)
    if (this.#jumpWallClocks) process.wallError += by
  }

  #later(delay: Millis, task: () => void): void {
    const cancel = this.#world.clock.after(delay, () => {
      this.#plans.delete(cancel)
      task()
    })
    this.#plans.add(cancel)
  }

  /** Mostly short, so that things happen while others are under way. */
  #gap(): Millis {
    return this.#random.chance(0.7) ? this.#random.between(0, 60) : this.#random.between(60, 1_200)
  }
}

/** One pulse of every agent, what is said of them meanwhile, and announcements, to all who listen. */
function pulseMessages({ agents, registries, shape }: World): number {
  const vitals = shape.pulseMs / exchangeLimits.vitalsMs
  let messages = 0
  for (const { place } of registries.filter(({ tier }) => tier === 'local')) {
    const { region, zone } = place
    const nodes = agents.filter((agent) => isIn(agent.locality, region, zone)).length
    const fellows = registries.filter((other) => isIn(other.place, region, zone)).length
    const regionals = registries.filter(
      (other) => other.tier === 'regional' && other.place.region === region,
    ).length
    messages += nodes + vitals * (nodes + fellows + regionals)
  }
  const count = (tier: Tier) => registries.filter((registry) => registry.tier === tier).length
  return messages + count('regional') * count('global')
}

function isIn(
  at: { readonly region: string; readonly zone: string },
  region: string,
  zone: string,
): boolean {
  return at.region === region && at.zone === zone
}

/** Longer than it takes any news to get around where nothing is broken. */
const establishedMs = 10_000

interface Question {
  readonly name: string
  readonly query: KnownQuery
  readonly deadline: Millis
  readonly asked: Promise<LookupAnswer>
}

/** How often each thing happens. */
const work = {
  register: 30,
  registerMany: 2,
  registerBulk: 2,
  operate: 6,
  deregister: 14,
  trespass: 1,
  lookUp: 14,
  askRegistry: 4,
  backUp: 4,
  registerAtTwin: 3,
  idle: 8,
  idleLong: 0.25,
} as const satisfies Partial<Record<keyof Scenario, number>>

const faults = {
  kill: 4,
  restart: 2,
  pause: 3,
  fillDisk: 2,
  cutLink: 4,
  deafenLink: 3,
  restartBroker: 1,
  twin: 0.5,
  changeWeather: 3,
} as const satisfies Partial<Record<keyof Scenario, number>>

type Action = keyof typeof work | keyof typeof faults

/** In some worlds hardly anything breaks, in others hardly anything works. */
const furies = [0.3, 1, 1, 3]

function weightsOf(fury: number): Readonly<Record<Action, number>> {
  const weights: Record<string, number> = { ...work }
  for (const [name, weight] of Object.entries(faults)) weights[name] = weight * fury
  return weights as Record<Action, number>
}

const diskFates = { same: 6, empty: 1, old: 2, cloned: 1, damaged: 1 } as const

const backupsMax = 3

function keep<K, V>(backups: Map<K, V[]>, of: K, backup: V): void {
  const kept = [...(backups.get(of) ?? []), backup].slice(-backupsMax)
  backups.set(of, kept)
}

function outcomeOf(ending: Ending<{ readonly change: string }>): string {
  if (ending.kind === 'value') return ending.value.change
  return ending.kind === 'error' ? String(ending.error) : 'no answer'
}

function drawWeather(random: SeededRandom): Weather {
  const hopMsMin = random.between(1, 5)
  return {
    loss: random.pick([0, 0.02, 0.2]),
    repeat: random.pick([0, 0.05, 0.3]),
    hopMsMin,
    hopMsMax: hopMsMin + random.between(0, 60),
    straggle: random.pick([0, 0.02]),
    straggleMsMax: 3_000,
    ordered: random.chance(0.6),
  }
}

function sameBroker(a: Broker, b: Broker): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
