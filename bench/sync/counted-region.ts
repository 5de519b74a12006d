import { createReplica, type Replica } from '@meridian/registry'
import {
  InMemoryOwnerStore,
  InMemoryReplicaStore,
  type Log,
  type Tier,
  type Transport,
} from '@meridian/shared'
import { connectNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../../test/support/eventually.ts'
import { startNatsServer } from '../../test/support/nats-server.ts'
import {
  createSimulatedNode,
  type SimulatedNode,
} from '../../test/support/simulated/simulated-node.ts'
import { countTraffic, Traffic } from './counting-transport.ts'

/** A region over a real server, in one process, whose every message is counted. */
export interface CountedRegion {
  readonly traffic: Traffic
  /** Of all zones. */
  readonly nodes: readonly SimulatedNode[]
  /** Waits until a local and a regional replica hold everything. */
  settled(): Promise<void>
  close(): Promise<void>
}

export interface CountedRegionOptions {
  /** 1 unless given. */
  readonly zones?: number
  /** Of each zone. */
  readonly nodes: number
  readonly instancesPerNode: number
  readonly servers: number
  readonly pulseMs: number
}

const region = 'eu'
const settledMsMax = 120_000
const silence = () => undefined
const log: Log = { debug: silence, info: silence, warn: silence, error: silence }

export async function startCountedRegion(options: CountedRegionOptions): Promise<CountedRegion> {
  const traffic = new Traffic()
  const server = await startNatsServer()
  const transports: Transport[] = []
  const connect = async () => {
    const transport = await connectNats({
      servers: [server.url],
      name: 'bench',
      clock: systemClock,
      random: systemRandom,
    })
    transports.push(transport)
    return countTraffic(transport, traffic)
  }
  const replicas: Replica[] = []
  const start = async (tier: Tier, place: { readonly region: string; readonly zone: string }) => {
    const replica = createReplica({
      tier,
      place: { ...place, replica: 'r1' },
      store: new InMemoryReplicaStore(),
      ownStore: new InMemoryOwnerStore(),
      pulseMs: options.pulseMs,
      transport: await connect(),
      clock: systemClock,
      random: systemRandom,
      log,
    })
    replica.start()
    replicas.push(replica)
  }
  const zones = Array.from({ length: options.zones ?? 1 }, (_, at) => `z${at}`)
  await start('global', { region: '-', zone: '-' })
  await start('regional', { region, zone: '-' })
  for (const zone of zones) await start('local', { region, zone })
  // They share a connection: it is what they say that counts.
  const transport = await connect()
  const nodes: SimulatedNode[] = []
  for (const zone of zones) {
    for (let at = 0; at < options.nodes; at += 1) {
      const number = nodes.length
      const node = createSimulatedNode({
        locality: { region, zone, node: `node-${String(at).padStart(4, '0')}` },
        instances: options.instancesPerNode,
        serverOf: (instance) => (number + instance) % options.servers,
        pulseMs: options.pulseMs,
        transport,
      })
      nodes.push(node)
      node.start()
      // All at once they would pulse at once for ever after.
      await delay(1)
    }
  }
  return {
    traffic,
    nodes,
    settled: () =>
      eventually('all is settled', () => nodes.every(({ settled }) => settled), settledMsMax),
    async close() {
      for (const node of nodes) node.close()
      for (const replica of replicas) replica.close()
      await Promise.all(transports.map((each) => each.close()))
      await server.stop()
    },
  }
}
