import { connectNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { createInterface } from 'node:readline'
import { createSimulatedNode } from './simulated-node.ts'
import { zoneCommandSchema, zoneOptionsSchema } from './zone-protocol.ts'

/**
 * A program: many simulated nodes of one zone on one connection. Its first argument says which, as
 * JSON; it says `ready` when they have begun, and takes commands, a line of JSON each.
 */
const options = zoneOptionsSchema.parse(JSON.parse(process.argv[2] ?? '{}'))
const { url, seed, inboxPrefix, region, zone, nodes, instances, servers, pulseMs } = options

const transport = await connectNats({
  servers: [url],
  credentials: { kind: 'seed', seed },
  inboxPrefix,
  name: 'simulated zone',
  clock: systemClock,
  random: systemRandom,
})
const all = Array.from({ length: nodes }, (_, at) =>
  createSimulatedNode({
    locality: { region, zone, node: `s${at}` },
    instances,
    serverOf: (instance) => (at + instance) % servers,
    pulseMs,
    transport,
  }),
)
for (const node of all) node.start()
createInterface({ input: process.stdin }).on('line', (line) => {
  const { silent, dead } = zoneCommandSchema.parse(JSON.parse(line))
  for (const node of all) {
    node.silent = silent.includes(node.name)
    if (dead.includes(node.name)) node.close()
  }
  process.stdout.write('done\n')
})
process.stdout.write('ready\n')
