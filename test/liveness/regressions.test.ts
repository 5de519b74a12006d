import type { AgentNode } from '@meridian/agent'
import type { Replica } from '@meridian/registry'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Region } from './region.ts'

/**
 * What went wrong in another registry, Nacos, as its users told it, and must not here. The same on
 * real processes and servers is among the faults of `npm run test:faults`.
 */

const agents = ['n1', 'n2', 'n3']
const replicas = { l1: 'local', l2: 'local', g1: 'regional', g2: 'regional', w1: 'global' } as const
type ReplicaName = keyof typeof replicas
const replicaNames = Object.keys(replicas) as ReplicaName[]
const all = ['on-n1', 'on-n2', 'on-n3']

/** Three agents with an instance each, two local and two regional replicas, one global. */
class Tree {
  readonly region = new Region()
  readonly #agents = new Map<string, AgentNode>()
  readonly #replicas = new Map<ReplicaName, Replica>()

  startAgent(name: string): AgentNode {
    const agent = this.region.agent(name)
    this.#agents.set(name, agent)
    return agent
  }

  startReplica(name: ReplicaName): void {
    this.#replicas.set(name, this.region.replica(replicas[name], name))
  }

  async stop(name: string): Promise<void> {
    this.#agents.delete(name)
    this.#replicas.delete(name as ReplicaName)
    await this.region.kill(name)
  }

  /** All at once, that is. */
  async stopAll(): Promise<void> {
    for (const name of [...this.#agents.keys(), ...this.#replicas.keys()]) await this.stop(name)
  }

  async restart(name: ReplicaName, loseDisk: boolean): Promise<void> {
    await this.stop(name)
    if (loseDisk) this.region.disk(name).replace()
    this.startReplica(name)
  }

  async register(agent: string, id: string): Promise<void> {
    const program = this.#agents.get(agent)
    if (!program) throw new Error(`${agent} does not run`)
    await this.region.register(program, id)
  }

  /** What each agent, local and regional replica finds. */
  async found(except?: string): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {}
    for (const [name, program] of [...this.#agents, ...this.#replicas]) {
      if (name === except || name === 'w1') continue
      found[name] = await this.region.found(program)
    }
    return found
  }

  /** What the global replica counts as passing. */
  counted(): number | undefined {
    const page = this.#replicas.get('w1')?.api.servers({ q: '', text: '', sort: 'name', limit: 10 })
    return page?.servers[0]?.instances.passing
  }
}

let tree: Tree

beforeEach(async () => {
  tree = new Tree()
  for (const name of replicaNames) tree.startReplica(name)
  for (const name of agents) {
    tree.startAgent(name)
    await tree.register(name, `on-${name}`)
  }
  await tree.region.clock.advance(20_000)
})

afterEach(async () => {
  await tree.region.close()
})

function everybody(found: Record<string, string[]>, ids: readonly string[]): void {
  for (const [name, its] of Object.entries(found)) expect({ name, its }).toEqual({ name, its: ids })
}

describe('Nacos #4470: an empty push over what is there', () => {
  it.each(['l1', 'g1'] as const)('does not come of %s losing its disk', async (name) => {
    await tree.restart(name, true)
    for (let passed = 0; passed < 20_000; passed += 500) {
      await tree.region.clock.advance(500)
      // Whoever lost its disk knows nothing for a while; nobody else may forget because of it.
      everybody(await tree.found(passed < 10_000 ? name : undefined), all)
      expect(tree.counted()).toBe(3)
    }
  })

  it('does not come of the only regional replica losing its disk', async () => {
    await tree.stop('g2')
    // It has never heard of the other.
    await tree.restart('w1', true)
    await tree.region.clock.advance(15_000)
    await tree.restart('g1', true)
    for (let passed = 0; passed < 30_000; passed += 100) {
      await tree.region.clock.advance(100)
      expect({ passed, counted: tree.counted() }).toEqual({ passed, counted: 3 })
    }
    everybody(await tree.found(), all)
  })

  it('does not come of a zone that is cut off while its region starts anew', async () => {
    const inZone = new Set([...agents, 'l1', 'l2'])
    tree.region.loses = (from, to) => inZone.has(from) !== inZone.has(to)
    await tree.restart('g1', false)
    await tree.restart('g2', false)
    await tree.region.clock.advance(60_000)
    expect(tree.counted()).toBe(3)
  })
})

describe('Nacos #10323: an exchange of checksums that deletes live entries', () => {
  it('does not delete, and mends the copies that differ', async () => {
    for (const name of ['l1', 'g1'] as const) {
      await tree.stop(name)
      tree.region.disk(name).damage(([first]) => first!)
      tree.startReplica(name)
    }
    await tree.region.clock.advance(20_000)
    everybody(await tree.found(), all)
    expect(tree.counted()).toBe(3)
  })
})

describe('Nacos #15857: an older peer’s snapshot deletes newer registrations', () => {
  it('does not, though everybody starts again at once', async () => {
    const older = replicaNames.filter((name) => name.endsWith('2') || name === 'w1')
    const images = older.map((name) => ({ name, image: tree.region.disk(name).copy() }))
    await tree.register('n1', 'newer')
    await tree.region.clock.advance(5_000)
    await tree.stopAll()
    for (const { name, image } of images) tree.region.disk(name).replace(image)
    // Those with the older snapshots are up first.
    for (const name of older) tree.startReplica(name)
    for (const name of agents) tree.startAgent(name)
    for (const name of replicaNames) if (!older.includes(name)) tree.startReplica(name)
    await tree.region.clock.advance(20_000)
    everybody(await tree.found(), ['newer', ...all].sort())
    expect(tree.counted()).toBe(4)
  })
})
