import type { CapabilityIndex, Liveness } from '../capability-index/index.ts'
import type { InstanceLoads } from '../catalog/index.ts'
import type { FollowedNode, NodeStatus } from '../replication/index.ts'

/** Shows the index how a node stands and what its instances do. */
export function showNode(
  index: CapabilityIndex,
  instanceLoads: InstanceLoads,
  { owner, status, loads }: FollowedNode,
): void {
  index.setLiveness(owner, livenessOf(status))
  instanceLoads.apply(owner, loads)
}

/** A reaped node is shown to nobody who looks for something to call. */
function livenessOf(status: NodeStatus): Liveness {
  return status === 'reaped' ? 'unreachable' : status
}
