import type { Metrics } from '@meridian/shared'
import type { AgentNode } from './node.ts'

/** What an agent has registered, and whether others hold it, read when somebody looks. */
export function exposeNode(
  node: Pick<AgentNode, 'published' | 'settled' | 'api'>,
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
}
