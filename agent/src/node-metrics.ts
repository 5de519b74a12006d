import { exposeLookups, exposeQueues, exposeReplication, type Metrics } from '@meridian/shared'
import type { AgentNode } from './node.ts'

/** What an agent has registered, and whether others hold it, read when somebody looks. */
export function exposeNode(
  node: Pick<AgentNode, 'published' | 'settled' | 'api' | 'counted'>,
  metrics: Metrics,
): void {
  metrics.gauge(
    { name: 'meridian_published_instances', help: 'Instances of this host that others hear of.' },
    () => [{ value: node.published }],
  )
  metrics.gauge(
    {
      name: 'meridian_settled',
      help: '1 while a local and a regional replica hold all that is registered here.',
    },
    () => [{ value: node.settled ? 1 : 0 }],
  )
  metrics.gauge({ name: 'meridian_ready', help: '1 while /readyz says so.' }, () => [
    { value: node.api.readiness().ready ? 1 : 0 },
  ])
  const { lookups, checks, replication, queues } = node.counted
  exposeReplication(metrics, replication)
  exposeLookups(metrics, 'l1', {
    cache: () => lookups().l1,
    watchers: () => lookups().watchers,
    watchersDropped: () => lookups().watchersDropped,
  })
  exposeQueues(metrics, queues)
  metrics.total(
    {
      name: 'meridian_checks_total',
      help: 'Checks of instances here, by kind and what they found.',
      labels: ['kind', 'outcome'],
    },
    () =>
      [...checks()].map(({ kind, outcome, count }) => ({
        labels: { kind, outcome },
        value: count,
      })),
  )
  metrics.total(
    {
      name: 'meridian_lookups_shared_total',
      help: 'Lookups that waited for the answer to somebody else’s same question.',
    },
    () => [{ value: lookups().shared }],
  )
  metrics.total(
    {
      name: 'meridian_lookups_hedged_total',
      help: 'Questions that were put to a second replica, because the first was slow.',
    },
    () => [{ value: lookups().hedged }],
  )
  metrics.total(
    {
      name: 'meridian_ejections_total',
      help: 'Instances taken out of answers for a while, because calls to them failed.',
    },
    () => [{ value: lookups().ejections }],
  )
}
