import { createReplica, type Replica } from '@meridian/registry'
import {
  InMemoryOwnerStore,
  InMemoryReplicaStore,
  type Log,
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

/** A zone over a real server, in one process, whose every message is counted. */
export interface CountedZone {
  readonly traffic: Traffic
  readonly nodes: readonly SimulatedNode[]
  /** Waits until a local and a regional replica hold everything. */
  settled(): Promise<void>
  close(): Promise<void>
}

export interface CountedZoneOptions {
  readonly nodes: number
  readonly instancesPerNode: number
  readonly servers: number
  readonly pulseMs: number
}

const zone = { region: 'eu', zone: 'a' }
const settledMsMax = 120_000
const silence = () => undefined
const log: Log = { debug: silence, info: silence, warn: silence, error: silence }

export async function startCountedZone(options: CountedZoneOptions): Promise<CountedZone> {
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
  for (const tier of ['local', 'regional'] as const) {
    const replica = createReplica({
      tier,
      place: { ...zone, replica: 'r1' },
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
  // They share a connection: it is what they say that counts.
  const transport = await connect()
  const nodes: SimulatedNode[] = []
  for (let at = 0; at < options.nodes; at += 1) {
    const node = createSimulatedNode({
      locality: { ...zone, node: `node-${String(at).padStart(4, '0')}` },
      instances: options.instancesPerNode,
      serverOf: (instance) => (at + instance) % options.servers,
      pulseMs: options.pulseMs,
      transport,
    })
    nodes.push(node)
    node.start()
    // All at once they would pulse at once for ever after.
    await delay(1)
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
