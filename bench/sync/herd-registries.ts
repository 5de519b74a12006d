import { createReplica } from '@meridian/registry'
import { InMemoryOwnerStore, InMemoryReplicaStore, type Log, type Tier } from '@meridian/shared'
import { connectNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { z } from 'zod'

/** A program: the registries of a region, each with a connection of its own, without disks. */
const { url, zones, pulseMs } = z
  .strictObject({ url: z.string(), zones: z.array(z.string()), pulseMs: z.number() })
  .parse(JSON.parse(process.argv[2] ?? '{}'))

const silence = () => undefined
const log: Log = { debug: silence, info: silence, warn: silence, error: silence }

const start = async (tier: Tier, place: { readonly region: string; readonly zone: string }) => {
  const transport = await connectNats({
    servers: [url],
    name: tier,
    clock: systemClock,
    random: systemRandom,
  })
  createReplica({
    tier,
    place: { ...place, replica: 'r1' },
    store: new InMemoryReplicaStore(),
    ownStore: new InMemoryOwnerStore(),
    pulseMs,
    transport,
    clock: systemClock,
    random: systemRandom,
    log,
  }).start()
}
await start('global', { region: '-', zone: '-' })
await start('regional', { region: 'eu', zone: '-' })
for (const zone of zones) await start('local', { region: 'eu', zone })
process.stdout.write('ready\n')
