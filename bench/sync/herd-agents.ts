import { createNode, type AgentNode, type NodeOptions } from '@meridian/agent'
import {
  InMemoryOwnerStore,
  InMemoryReplicaStore,
  MeridianError,
  randomId,
  registrationSchema,
  type Log,
  type Transport,
} from '@meridian/shared'
import { connectNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { sampleRegistration } from '../../test/support/simulated/sample-servers.ts'

/**
 * A program: whole agents, each with a connection and a picture of its zone of its own, but without
 * disks and HTTP. Every one of them changes something now and then. It says four times a second, as
 * JSON, how many are connected and how many of their changes are acknowledged.
 */
const { url, zones, nodes, changeMs, pulseMs } = z
  .strictObject({
    url: z.string(),
    zones: z.array(z.string()),
    /** In each zone. */
    nodes: z.number(),
    /** Each agent changes something once in this time. */
    changeMs: z.number(),
    pulseMs: z.number(),
  })
  .parse(JSON.parse(process.argv[2] ?? '{}'))

const sayMs = 250
const servers = 20

const silence = () => undefined
const log: Log = { debug: silence, info: silence, warn: silence, error: silence }
const agents: { readonly transport: Transport; readonly node: AgentNode }[] = []

setInterval(() => {
  const connected = agents.filter(({ transport }) => transport.status === 'connected')
  const settled = connected.filter(({ node }) => node.settled)
  const said = { agents: agents.length, connected: connected.length, settled: settled.length }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}, sayMs)

for (const zone of zones) {
  for (let at = 0; at < nodes; at += 1) await start(zone, at)
}

async function start(zone: string, at: number): Promise<void> {
  const transport = await connectNats({
    servers: [url],
    name: 'bench',
    firstConnect: 'background',
    clock: systemClock,
    random: systemRandom,
  })
  const node = createNode({
    locality: { region: 'eu', zone, node: `n${at}` },
    store: new InMemoryOwnerStore(),
    registrations: rowsInMemory(),
    zoneStore: new InMemoryReplicaStore(),
    agentId: randomId(systemRandom),
    introspect: () =>
      Promise.reject(new MeridianError('endpoint_unreachable', 'nothing is introspected here')),
    pulseMs,
    transport,
    clock: systemClock,
    random: systemRandom,
    log,
  })
  const sample = sampleRegistration('only', at % servers)
  await node.api.register('only', registrationSchema.parse(sample))
  node.start()
  agents.push({ transport, node })
  void changeNowAndThen(node)
}

async function changeNowAndThen(node: AgentNode): Promise<never> {
  for (let weight = 1; ; weight = (weight % 100) + 1) {
    await delay(changeMs * (0.5 + Math.random()))
    await node.api.patch('only', { weight })
  }
}

function rowsInMemory(): NodeOptions['registrations'] {
  const rows = new Map<number, Parameters<NodeOptions['registrations']['write']>[0][number][1]>()
  return {
    all: () => rows,
    write: (puts, removes) => {
      for (const [number, row] of puts) rows.set(number, row)
      for (const number of removes) rows.delete(number)
    },
    transaction: (work) => work(),
  }
}
