import { pulseIntervalMs } from '@meridian/shared'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startCountedRegion, type CountedRegion } from '../sync/counted-region.ts'
import { say } from '../sync/report.ts'
import { measureMemory } from './memory.ts'
import { loadOf, type MessageCosts } from './world.ts'

/**
 * One region simulated whole over a real NATS server, every message counted; the rest of the world
 * by formula. docs/scale.md says what it means.
 */
const help = `npm run bench:scale -- [--zones 20] [--nodes 200] [--instances 5] [--seconds 32]

  --zones      zones of the region
  --nodes      nodes of each zone
  --instances  instances of each node
  --servers    definitions among them
  --regions    regions of the world that the figures are carried to
  --seconds    how long the region is watched while nothing changes
  --help       this text`

const { values } = parseArgs({
  options: {
    zones: { type: 'string', default: '20' },
    nodes: { type: 'string', default: '200' },
    instances: { type: 'string', default: '5' },
    servers: { type: 'string', default: '2000' },
    regions: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '32' },
    help: { type: 'boolean', default: false },
  },
})

/** Nodes that change something. */
const changesMax = 200
/** What the start has brought about dies away. */
const calmMs = 5_000
/** Three status changes of each instance a day: a deployment, and a check that fails and recovers. */
const changesPerDay = 3
/** Zones that a definition has instances in, on average. */
const zonesPerDefinition = 20

if (values.help) say(help)
else await measure()

async function measure(): Promise<void> {
  const [zones, nodes, instancesPerNode] = [values.zones, values.nodes, values.instances].map(
    Number,
  ) as [number, number, number]
  const servers = Number(values.servers)
  const memory = measureMemory()
  say(`an instance, held and indexed: ${Math.round(memory.instance)} B of memory`)
  say(`a summary row, held: ${Math.round(memory.summaryRow)} B\n`)
  const instances = zones * nodes * instancesPerNode
  say(`${zones} zones × ${nodes} nodes × ${instancesPerNode} = ${instances} instances …`)
  const region = await startCountedRegion({
    zones,
    nodes,
    instancesPerNode,
    servers,
    pulseMs: pulseIntervalMs(nodes),
  })
  let messages: MessageCosts
  try {
    messages = await watch(region, zones * nodes)
  } finally {
    await region.close()
  }
  const regions = Number(values.regions)
  const world = {
    regions,
    zonesPerRegion: zones,
    nodesPerZone: nodes,
    instancesPerNode,
    definitions: Math.round((regions * servers) / 10),
    zonesPerDefinition,
    changesPerDay,
  }
  say(`\n${regions} such regions: ${(regions * instances).toLocaleString('en')} instances\n`)
  say('| a program of tier | instances held | messages in | bytes in | memory |')
  say('| --- | ---: | ---: | ---: | ---: |')
  for (const load of loadOf(world, messages, memory)) {
    const cells = [
      load.tier,
      load.instances.toLocaleString('en'),
      `${load.messagesIn.toFixed(1)}/s`,
      `${(load.bytesIn / 1_000).toFixed(1)} KB/s`,
      `${(load.memoryBytes / 1e6).toFixed(1)} MB`,
    ]
    say(`| ${cells.join(' | ')} |`)
  }
}

/** What passes while nothing changes, and what a change adds. */
async function watch(region: CountedRegion, nodes: number): Promise<MessageCosts> {
  const { traffic } = region
  await region.settled()
  await delay(calmMs)
  const seconds = Number(values.seconds)
  traffic.clear()
  await delay(1_000 * seconds)
  say(`\nnothing changes, each second of ${seconds}:\n`)
  say('| kind | messages | KB |')
  say('| --- | ---: | ---: |')
  for (const kind of traffic.kinds) {
    const [count, bytes] = [traffic.messagesOf(kind), traffic.bytesOf(kind)]
    say(`| ${kind} | ${(count / seconds).toFixed(1)} | ${(bytes / seconds / 1_000).toFixed(1)} |`)
  }
  const pulse = traffic.bytesOf('pulse') / Math.max(1, traffic.messagesOf('pulse'))
  const vitalsPerNode = traffic.bytesOf('vitals') / seconds / nodes

  traffic.clear()
  const changed = region.nodes.slice(0, changesMax)
  for (const node of changed) node.setStatus(0, 'warning')
  await region.settled()
  await delay(1_000)
  const delta = traffic.bytesOf('delta') / changed.length
  const summary = traffic.bytesOf('summary') / changed.length
  say(
    `\na status change: ${Math.round(delta)} B published, ${Math.round(summary)} B to the top; a pulse: ${Math.round(pulse)} B; vitals: ${vitalsPerNode.toFixed(1)} B a node a second`,
  )
  return { pulse, delta, vitalsPerNode, summary }
}
