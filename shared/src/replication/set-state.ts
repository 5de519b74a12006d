import type { OwnerId, Version } from '../model/index.ts'
import type { RecordEvent } from './record.ts'
import type { RecordSet } from './record-set.ts'
import type { SetChange } from './set-change.ts'

/** One owner's set as somebody holds it: the owner itself, or a replica. */
export interface SetState {
  readonly owner: OwnerId
  readonly version: Version
  /** Tombstones at or below this counter are forgotten. */
  readonly floor: number
  readonly records: RecordSet
}

/** A set state that `settleSet` may move on. Machines keep these to themselves. */
export interface MutableSetState extends SetState {
  version: Version
  floor: number
}

/** Moves the state on, in place. Returns what a reader of the set sees change. */
export function settleSet(state: MutableSetState, change: SetChange): RecordEvent[] {
  const events = state.records.settle(change)
  state.version = change.version
  state.floor = change.floor
  return events
}
