import type { OwnerId } from '../model/index.ts'
import type { NodeStatus } from '../replication/index.ts'

/**
 * How far the standing of a zone's nodes can be trusted.
 *
 * - `fresh`: they are judged now
 * - `preserved`: too many fell silent at once; silent ones are kept
 * - `unknown`: nobody who judges them is heard; they stand as they last did
 */
export type ZoneState = 'fresh' | 'preserved' | 'unknown'

/** What is known of who lives: judged here, or followed. */
export interface ZoneLiveness {
  /** `zone`: `region/zone`. */
  stateOf(zone: string): ZoneState
  /** Undefined of those that nobody has spoken of. */
  statusOf(owner: OwnerId): NodeStatus | undefined
}
