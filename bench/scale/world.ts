import { pulseIntervalMs } from '@meridian/shared'
import type { MemoryCosts } from './memory.ts'

/** How large, and how much of it changes. */
export interface World {
  readonly regions: number
  readonly zonesPerRegion: number
  readonly nodesPerZone: number
  readonly instancesPerNode: number
  /** Definitions in all; each is in `zonesPerDefinition` zones. */
  readonly definitions: number
  readonly zonesPerDefinition: number
  /** Status changes of one instance a day; deployments and flaps. */
  readonly changesPerDay: number
}

/** Bytes of messages, subject included, and how often they come in a zone. */
export interface MessageCosts {
  readonly pulse: number
  /** Of one change, the replies to it aside. */
  readonly delta: number
  /** Bytes of vitals of one node a second. */
  readonly vitalsPerNode: number
  /** One summary row that changed. */
  readonly summary: number
}

export interface TierLoad {
  readonly tier: string
  readonly instances: number
  readonly messagesIn: number
  readonly bytesIn: number
  readonly memoryBytes: number
}

const secondsPerDay = 86_400
const vitalsPerSecond = 2

/** A second of such a world, as one program of each tier sees it. */
export function loadOf(world: World, messages: MessageCosts, memory: MemoryCosts): TierLoad[] {
  const { regions, zonesPerRegion, nodesPerZone, instancesPerNode } = world
  const zoneInstances = nodesPerZone * instancesPerNode
  const regionInstances = zonesPerRegion * zoneInstances
  const changes = (instances: number) => (instances * world.changesPerDay) / secondsPerDay
  const pulses = (1_000 * nodesPerZone) / pulseIntervalMs(nodesPerZone)
  const zoneDeltas = changes(zoneInstances)
  const zoneVitalsBytes = messages.vitalsPerNode * nodesPerZone
  const rows = world.definitions * world.zonesPerDefinition
  // Rows are coalesced: at the worst each change of an instance is a change of its row.
  const rowChanges = changes(regions * regionInstances)
  return [
    {
      tier: 'agent',
      instances: zoneInstances,
      messagesIn: zoneDeltas + vitalsPerSecond,
      bytesIn: zoneDeltas * messages.delta + zoneVitalsBytes,
      memoryBytes: zoneInstances * memory.instance,
    },
    {
      tier: 'local',
      instances: zoneInstances,
      messagesIn: pulses + zoneDeltas,
      bytesIn: pulses * messages.pulse + zoneDeltas * messages.delta,
      memoryBytes: zoneInstances * memory.instance,
    },
    {
      tier: 'regional',
      instances: regionInstances,
      messagesIn: zonesPerRegion * (zoneDeltas + vitalsPerSecond),
      bytesIn: zonesPerRegion * (zoneDeltas * messages.delta + zoneVitalsBytes),
      memoryBytes: regionInstances * memory.instance,
    },
    {
      tier: 'global',
      instances: 0,
      messagesIn: Math.min(rowChanges, regions * 4) + regions / 2,
      bytesIn: rowChanges * messages.summary,
      memoryBytes: rows * memory.summaryRow,
    },
  ]
}
