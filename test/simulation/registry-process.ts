import { createReplica, type Place, type Replica } from '@meridian/registry'
import { ownerId, wholeRegion, type OwnerId, type Tier } from '@meridian/shared'
import { Disk } from './disk.ts'
import type { Broker } from './network.ts'
import { SimulatedProcess } from './process.ts'
import type { Ports, World } from './world.ts'

const writesUnsynced = 12

/** One replica of one tier. */
export class RegistryProcess extends SimulatedProcess<Replica> {
  readonly tier: Tier
  readonly place: Place
  readonly disk = new Disk(writesUnsynced)
  readonly disks = [this.disk]

  constructor(world: World, tier: Tier, place: Place) {
    super(world, `${tier} ${place.region}/${place.zone}/${place.replica}`, brokerOf(tier, place))
    this.tier = tier
    this.place = place
  }

  /** The set that it sends up; regional replicas have one. */
  get summaryOwner(): OwnerId | undefined {
    const { region, replica } = this.place
    return this.tier === 'regional'
      ? ownerId({ region, zone: wholeRegion, node: replica, id: 'summary' })
      : undefined
  }

  /** Whether the two keep copies of the same sets. */
  isTwinOf(other: RegistryProcess): boolean {
    const { region, zone } = this.place
    return (
      other !== this &&
      other.tier === this.tier &&
      other.place.region === region &&
      other.place.zone === zone
    )
  }

  protected create({ transport, clock, random, log }: Ports): Replica {
    const { ownStore, store } = this.mount(this.disk)
    return createReplica({
      tier: this.tier,
      place: this.place,
      store,
      ownStore,
      pulseMs: this.world.shape.pulseMs,
      transport,
      clock,
      random,
      log,
    })
  }
}

function brokerOf(tier: Tier, { region, zone }: Place): Broker {
  switch (tier) {
    case 'local':
      return { kind: 'zone', region, zone }
    case 'regional':
      return { kind: 'region', region }
    case 'global':
      return { kind: 'global' }
    default:
      return tier satisfies never
  }
}
