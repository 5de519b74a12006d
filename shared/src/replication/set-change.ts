import type { OwnerId, Version } from '../model/index.ts'
import type { SetDigest } from './digest.ts'
import type { OwnerRecord } from './record.ts'

/**
 * One step of one owner's set, as plain data: stores commit it in one transaction, `settle`
 * brings the set in memory to the same state.
 *
 * - `delta`: `records` replace those of the same key
 * - `whole`: `records` replace everything
 * - `adopt`: the content stays, the version is new (an epoch began); `records` is empty. All
 *   tombstones go, and a stamp above the new counter becomes the counter: stamps of another epoch
 *   mean nothing in this one, and the floor, raised to the counter, keeps them from being used.
 *
 * In every case tombstones at or below `floor` are dropped. On a set that is not held yet, each
 * begins from the empty set.
 */
export interface SetChange {
  readonly kind: 'delta' | 'whole' | 'adopt'
  readonly owner: OwnerId
  /** After the change, as are the next two. */
  readonly version: Version
  readonly floor: number
  readonly digest: SetDigest
  readonly records: readonly OwnerRecord[]
  /**
   * Of a delta: the stamps of what its records take the place of, tombstones included, by which
   * stores find them.
   */
  readonly superseded?: readonly number[]
}
