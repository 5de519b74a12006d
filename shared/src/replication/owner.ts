import { MeridianError } from '../errors.ts'
import {
  compareVersions,
  zeroVersion,
  type Epoch,
  type OwnerId,
  type Version,
} from '../model/index.ts'
import type { Random } from '../ports/random.ts'
import type { DeltaReply } from './acknowledgements.ts'
import { cutDelta, type Delta } from './delta.ts'
import { replicationLimits } from './limits.ts'
import { sameContent, type OwnerRecord, type RecordInput } from './record.ts'
import { RecordSet } from './record-set.ts'
import type { SetChange } from './set-change.ts'
import type { MutableSetState, SetState } from './set-state.ts'

/**
 * The owner's side of replication: it alone writes its set and says how far everybody is behind.
 * Each function plans and changes nothing; the shell commits the returned change to its store
 * and, only then, moves the state on with `settleSet`:
 *
 *     const change = putRecords(owner, inputs)
 *     if (change) { store.commit(change); settleSet(owner, change) }
 *     send(cutDelta(owner, acknowledged))
 */
export type OwnerState = MutableSetState

/** The owner's set as its store holds it, or an empty one. Begin an epoch before anything else. */
export function createOwner(
  owner: OwnerId,
  stored?: {
    readonly version: Version
    readonly floor: number
    readonly records: Iterable<OwnerRecord>
  },
): OwnerState {
  return {
    owner,
    version: stored?.version ?? zeroVersion,
    floor: stored?.floor ?? 0,
    records: RecordSet.from(stored?.records ?? []),
  }
}

/**
 * A new epoch, one above the present one and above `above`. Every start commits one before it
 * sends anything, so that what was said before and may be lost on this disk is never said twice
 * with another meaning. Nobody can ask for less than the whole set of a new epoch, so all
 * tombstones go.
 */
export function startEpoch(state: SetState, random: Random, above?: Epoch): SetChange {
  const number = Math.max(state.version.epoch.number, above?.number ?? 0) + 1
  const { counter } = state.version
  return {
    kind: 'adopt',
    owner: state.owner,
    version: { epoch: { number, tag: randomTag(random) }, counter },
    floor: counter,
    digest: state.records.digest,
    records: [],
  }
}

const tagDigits = 10

/** Ten digits to base 36 are 51 bits: two clones of one disk do not draw the same. */
function randomTag(random: Random): string {
  let tag = ''
  for (let i = 0; i < tagDigits; i++) tag += Math.floor(random() * 36).toString(36)
  return tag
}

/** One change to the set. Undefined when the record is what it was: nothing is sent then. */
export function putRecord(state: SetState, input: RecordInput): SetChange | undefined {
  return changeRecords(state, { puts: [input] })
}

export function putRecords(state: SetState, inputs: readonly RecordInput[]): SetChange | undefined {
  return changeRecords(state, { puts: inputs })
}

/** Tombstones for those of `keys` that exist. */
export function removeRecords(state: SetState, keys: readonly string[]): SetChange | undefined {
  return changeRecords(state, { removes: keys })
}

/**
 * Removals, then puts, as one change; of several puts of one key the last counts. The counter
 * rises by one for each record that differs from what is held. Errors: `storage_full` beyond
 * `ownerRecordsMax`.
 */
export function changeRecords(
  state: SetState,
  { puts = [], removes = [] }: { puts?: readonly RecordInput[]; removes?: readonly string[] },
): SetChange | undefined {
  if (state.version.epoch.number === 0) {
    throw new Error(`${state.owner} changes its set before its first epoch`)
  }
  const wanted = new Map<string, RecordInput | undefined>()
  for (const key of removes) wanted.set(key, undefined)
  for (const input of puts) wanted.set(input.key, input)

  let { counter } = state.version
  const records: OwnerRecord[] = []
  const superseded: number[] = []
  const sum = state.records.sum()
  for (const [key, input] of wanted) {
    const held = state.records.get(key)
    const isSo = input === undefined ? isGone(held) : held !== undefined && sameContent(held, input)
    if (isSo) continue
    counter += 1
    const record = input === undefined ? { key, counter, body: null } : stamp(input, counter)
    records.push(record)
    if (record.body !== null) sum.add(record)
    if (held === undefined) continue
    superseded.push(held.counter)
    if (held.body !== null) sum.subtract(held)
  }
  if (records.length === 0) return undefined
  refuseSize(state, records.length)
  return {
    kind: 'delta',
    owner: state.owner,
    version: { epoch: state.version.epoch, counter },
    floor: state.floor,
    digest: sum.toDigest(),
    records,
    superseded,
  }
}

function isGone(held: OwnerRecord | undefined): boolean {
  return held === undefined || held.body === null
}

/** Receivers would refuse a larger set, so it is not made. */
function refuseSize({ owner, records }: SetState, more: number): void {
  const size = records.size + records.tombstones + more
  if (size <= replicationLimits.ownerRecordsMax) return
  throw new MeridianError(
    'storage_full',
    `${owner} would hold up to ${size} records; the limit is ${replicationLimits.ownerRecordsMax}`,
  )
}

function stamp({ key, body, definition }: RecordInput, counter: number): OwnerRecord {
  return definition === undefined ? { key, counter, body } : { key, counter, body, definition }
}

/**
 * Forgets all tombstones but the newest `keep`, raising the floor. Undefined when there are not
 * that many.
 */
export function forgetTombstones(
  state: SetState,
  keep: number = replicationLimits.tombstonesKept,
): SetChange | undefined {
  const floor = state.records.tombstoneBefore(keep)
  if (floor === undefined) return undefined
  const { owner, version, records } = state
  return { kind: 'delta', owner, version, floor, digest: records.digest, records: [] }
}

/** What a receiver's version tells the owner to do. */
export type OwnerAdvice =
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'send'; readonly delta: Delta }
  /** Others hold what this disk does not: it is old or new. Back off between such starts. */
  | { readonly kind: 'start-epoch'; readonly above: Epoch }
  /** The version is so far above that nobody can have reached it: raise an alarm. */
  | { readonly kind: 'refused'; readonly held: Version }

/**
 * Judges what a receiver says it holds against the owner's present version. Where a delta went in
 * pieces, only the reply to the last one counts: before it nothing can have changed.
 *
 * A receiver may have heard of a version whose set it does not hold (its disk is damaged). That
 * version counts all the same: nothing older will be taken by it.
 */
export function onReply(
  state: SetState,
  { held, complete }: Pick<DeltaReply, 'held' | 'complete'>,
): OwnerAdvice {
  if (compareVersions(held, state.version) > 0) {
    const jump = held.epoch.number - state.version.epoch.number
    return jump > replicationLimits.epochJumpMax
      ? { kind: 'refused', held }
      : { kind: 'start-epoch', above: held.epoch }
  }
  const delta = cutDelta(state, complete ? held : zeroVersion)
  return delta ? { kind: 'send', delta } : { kind: 'acknowledged' }
}
