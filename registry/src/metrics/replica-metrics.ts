import {
  exposeLookups,
  exposeQueues,
  exposeReplication,
  instanceStatusSchema,
  nodeStatuses,
  type AnswerCacheLevel,
  type CapabilityIndex,
  type Clock,
  type ExposedLookups,
  type Follower,
  type Holdings,
  type Metrics,
  type Publisher,
  type Readiness,
  type Topology,
} from '@meridian/shared'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { ServerDirectory } from '../directory/directory.ts'
import type { Liveness } from '../downlink/liveness.ts'
import type { EventLog } from '../events/event-log.ts'

export interface ReplicaMetricsOptions {
  readonly metrics: Metrics
  readonly index: CapabilityIndex
  readonly catalog: TierCatalog
  readonly holdings: Holdings
  readonly directory: ServerDirectory
  readonly events: EventLog
  readonly follower: Follower
  readonly liveness: Pick<Liveness, 'pulsesMissed'>
  readonly lookups: ExposedLookups
  readonly cacheLevel: AnswerCacheLevel
  /** What this registry owns and sends itself. */
  readonly publishers: readonly Pick<Publisher, 'pending' | 'retries'>[]
  readonly readiness: () => Readiness
  readonly clock: Clock
}

const trusts = ['whole', 'doubted', 'forgotten'] as const
const zoneStates = ['fresh', 'preserved', 'unknown'] as const

/** What a registry holds and how it is, read when somebody looks. */
export function exposeReplica(options: ReplicaMetricsOptions): void {
  const { metrics, index, catalog, holdings, directory, events } = options
  const { follower, publishers, clock } = options
  exposeReplication(metrics, {
    owners: () => [...holdings.values()].map(({ owner }) => owner),
    behind: () => follower.behind,
    now: () => clock.now(),
    counts: () => follower.counts,
    deltaRetries: () => publishers.reduce((sum, { retries }) => sum + retries, 0),
  })
  exposeLookups(metrics, options.cacheLevel, options.lookups)
  exposeQueues(metrics, {
    deltas: () => publishers.reduce((sum, { pending }) => sum + pending, 0),
    definitions_wanted: () => follower.definitionsWanted,
    search: () => catalog.finder.behind,
    events: () => events.waiting,
    listings: () => directory.waiting,
  })
  metrics.total(
    {
      name: 'meridian_pulses_missed_total',
      help: 'Pulses of nodes that, by the number of the next one, were sent and did not arrive.',
    },
    () => [{ value: options.liveness.pulsesMissed }],
  )
  metrics.gauge({ name: 'meridian_ready', help: '1 while /readyz says so.' }, () => [
    { value: options.readiness().ready ? 1 : 0 },
  ])
  metrics.gauge(
    {
      name: 'meridian_index_entries',
      help: 'What the capability index holds: instances, and groups of one definition in one zone.',
      labels: ['kind'],
    },
    () => [
      { labels: { kind: 'instances' }, value: index.size.instances },
      { labels: { kind: 'groups' }, value: index.size.groups },
    ],
  )
  metrics.gauge({ name: 'meridian_index_bytes', help: 'About what the index takes.' }, () => [
    { value: index.size.bytes },
  ])
  metrics.gauge({ name: 'meridian_servers', help: 'Servers listed, by name.' }, () => [
    { value: directory.size },
  ])
  metrics.gauge(
    { name: 'meridian_owners', help: 'Owners whose sets are held, by trust.', labels: ['trust'] },
    () => {
      const counts = countBy(holdings.values(), ({ trust }) => trust)
      return trusts.map((trust) => ({ labels: { trust }, value: counts.get(trust) ?? 0 }))
    },
  )
  metrics.gauge({ name: 'meridian_records', help: 'Records held, of all owners.' }, () => {
    let value = 0
    for (const { records } of holdings.values()) value += records.size
    return [{ value }]
  })
  metrics.gauge(
    {
      name: 'meridian_records_held_back',
      help: 'Records that wait for the definition that they name.',
    },
    () => [{ value: catalog.heldBack }],
  )
  metrics.gauge(
    { name: 'meridian_events_seen', help: 'The number of the newest event of this registry.' },
    () => [{ value: events.lastId }],
  )

  const zonesOf = (regions: Topology['regions']) => regions.flatMap(({ zones }) => zones)
  metrics.gauge(
    { name: 'meridian_instances', help: 'Instances known of, by status.', labels: ['status'] },
    () => {
      const regions = catalog.regions()
      return instanceStatusSchema.options.map((status) => ({
        labels: { status },
        value: regions.reduce((sum, { instances }) => sum + instances[status], 0),
      }))
    },
  )
  metrics.gauge(
    { name: 'meridian_nodes', help: 'Nodes with an instance, by state.', labels: ['state'] },
    () => {
      const nodes = zonesOf(catalog.regions()).flatMap(({ nodes: inZone = [] }) => inZone)
      const counts = countBy(nodes, ({ state }) => state)
      return nodeStatuses.map((state) => ({ labels: { state }, value: counts.get(state) ?? 0 }))
    },
  )
  metrics.gauge(
    {
      name: 'meridian_zones',
      help: 'Zones, by how far the states of their nodes can be trusted.',
      labels: ['state'],
    },
    () => {
      const counts = countBy(zonesOf(catalog.regions()), ({ state }) => state ?? 'unknown')
      return zoneStates.map((state) => ({ labels: { state }, value: counts.get(state) ?? 0 }))
    },
  )
}

function countBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1)
  return counts
}
