import type { OwnerId } from '../model/index.ts'
import type { NodeStatus, ZoneState } from '../replication/index.ts'

/** What is known of who lives: judged here, or followed. */
export interface ZoneLiveness {
  /** `zone`: `region/zone`. */
  stateOf(zone: string): ZoneState
  /** Undefined of those that nobody has spoken of. */
  statusOf(owner: OwnerId): NodeStatus | undefined
}
