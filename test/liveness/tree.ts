import type { AgentNode } from '@meridian/agent'
import type { Replica } from '@meridian/registry'
import type { Disk } from '../simulation/disk.ts'
import { Region } from './region.ts'

export const agents = ['n1', 'n2', 'n3']
const replicas = { l1: 'local', l2: 'local', g1: 'regional', g2: 'regional', w1: 'global' } as const
export type ReplicaName = keyof typeof replicas
export const replicaNames = Object.keys(replicas) as ReplicaName[]
export const all = ['on-n1', 'on-n2', 'on-n3']

/** Three agents with an instance each, two local and two regional replicas, one global. */
export class Tree {
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

  /** Everything, and time until all have heard of all. */
  async startAll(): Promise<void> {
    for (const name of replicaNames) this.startReplica(name)
    for (const name of agents) {
      this.startAgent(name)
      await this.register(name, `on-${name}`)
    }
    await this.region.clock.advance(20_000)
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

  async restartAgent(name: string): Promise<AgentNode> {
    await this.stop(name)
    return this.startAgent(name)
  }

  /** What a process keeps of others. */
  copies(name: string): Disk {
    return agents.includes(name) ? this.region.zoneDisk(name) : this.region.disk(name)
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

  replica(name: ReplicaName): Replica {
    const replica = this.#replicas.get(name)
    if (!replica) throw new Error(`${name} does not run`)
    return replica
  }

  /** What the global replica counts as passing. */
  counted(): number | undefined {
    const page = this.#replicas.get('w1')?.api.servers({ q: '', text: '', sort: 'name', limit: 10 })
    return page?.servers[0]?.instances.passing
  }
}
