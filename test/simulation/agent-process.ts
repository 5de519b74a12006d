import { createNode, type AgentNode } from '@meridian/agent'
import {
  agentOwnerId,
  formatLocality,
  MeridianError,
  randomId,
  type Locality,
  type Millis,
  type OwnerId,
} from '@meridian/shared'
import { isDeepStrictEqual } from 'node:util'
import { Disk, type Image } from './disk.ts'
import { SimulatedProcess } from './process.ts'
import type { Registered } from './servers.ts'
import type { Ports, World } from './world.ts'

/** What an agent keeps of others may lose its last moments; its own set may not. */
const zoneWritesUnsynced = 12

export interface AgentBackup {
  readonly own: Image
  readonly zone: Image
  readonly registered: ReadonlyMap<string, Registered>
}

/** The agent of one node. */
export class AgentProcess extends SimulatedProcess<AgentNode> {
  readonly locality: Locality
  readonly owner: OwnerId
  readonly disk: Disk
  readonly zoneDisk = new Disk(zoneWritesUnsynced)
  readonly disks: readonly Disk[]
  /** What the agent has acknowledged and its disk must hold: the truth of this node. */
  registered: ReadonlyMap<string, Registered> = new Map()
  /** Since when each instance has been what it is. */
  readonly #since = new Map<string, Millis>()

  constructor(world: World, locality: Locality, twin?: number) {
    const { region, zone } = locality
    const name = `agent ${formatLocality(locality)}${twin === undefined ? '' : ` twin ${twin}`}`
    super(world, name, { kind: 'zone', region, zone }, twin !== undefined)
    this.locality = locality
    this.owner = agentOwnerId(locality)
    this.disk = new Disk(world.shape.agentWritesUnsynced)
    this.disks = [this.disk, this.zoneDisk]
  }

  /** Another agent of this name: its disk copied, or only its configuration. */
  twin(number: number, disk: 'copied' | 'new'): AgentProcess {
    const twin = new AgentProcess(this.world, this.locality, number)
    if (disk === 'copied') {
      twin.disk.replace(this.disk.copy())
      twin.zoneDisk.replace(this.zoneDisk.copy())
    }
    return twin
  }

  acknowledge(instance: Registered): void {
    if (!isDeepStrictEqual(this.registered.get(instance.id), instance)) {
      this.#since.set(instance.id, this.world.clock.now())
    }
    this.registered = new Map(this.registered).set(instance.id, instance)
  }

  forget(id: string): void {
    const registered = new Map(this.registered)
    registered.delete(id)
    this.registered = registered
  }

  /** The disk is another, and so is the truth. */
  replaceOwn(own?: Image, registered: ReadonlyMap<string, Registered> = new Map()): void {
    this.disk.replace(own)
    this.registered = registered
    for (const id of registered.keys()) this.#since.set(id, this.world.clock.now())
  }

  /** Instances that have been what they are for so long. */
  establishedFor(duration: Millis): Registered[] {
    const before = this.world.clock.now() - duration
    return [...this.registered.values()].filter(({ id }) => (this.#since.get(id) ?? 0) <= before)
  }

  backup(): AgentBackup {
    return { own: this.disk.copy(), zone: this.zoneDisk.copy(), registered: this.registered }
  }

  protected create({ transport, clock, random, log }: Ports): AgentNode {
    const { ownStore, registrations, databaseId } = this.mount(this.disk)
    return createNode({
      locality: this.locality,
      store: ownStore,
      registrations,
      zoneStore: this.mount(this.zoneDisk).store,
      agentId: databaseId(() => randomId(random)),
      introspect: () =>
        Promise.reject(new MeridianError('endpoint_unreachable', 'nothing is introspected here')),
      pulseMs: this.world.shape.pulseMs,
      transport,
      clock,
      random,
      log,
    })
  }
}
