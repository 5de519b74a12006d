import { sameEpoch, type OwnerId, type Version } from '../model/index.ts'
import type { SetDigest } from './digest.ts'
import type { InlineDefinition, OwnerRecord } from './record.ts'
import type { SetState } from './set-state.ts'

/**
 * An owner's changes in the counter interval `(from, version.counter]` of one epoch, cut from one
 * state. `from` = 0 is the whole set, and absence from it removes.
 */
export interface Delta {
  readonly owner: OwnerId
  readonly from: number
  /** What a receiver of the delta holds afterwards. */
  readonly version: Version
  readonly floor: number
  /** Of the whole set at `version`. */
  readonly digest: SetDigest
  readonly records: readonly OwnerRecord[]
  /** Definitions that receivers may not have yet. */
  readonly definitions: readonly InlineDefinition[]
  /** Where the delta was too large for one message: which piece this is, of how many. */
  readonly piece?: { readonly index: number; readonly count: number }
}

/**
 * What somebody who holds `held` lacks of the set, or undefined when that is nothing. The whole
 * set, where `held` lies below the floor or in another epoch: the tombstones that would be needed
 * are gone, or its stamps mean nothing here.
 */
export function cutDelta(state: SetState, held: Version): Delta | undefined {
  const { version, floor } = state
  if (!sameEpoch(held.epoch, version.epoch)) return cutFrom(state, 0)
  if (held.counter >= version.counter) return undefined
  return cutFrom(state, held.counter < floor ? 0 : held.counter)
}

/**
 * An empty delta at the present version. It carries the digest: whoever already holds the same
 * set takes the version and needs nothing else. An owner's first message in an epoch.
 */
export function cutNothing(state: SetState): Delta {
  return cutFrom(state, state.version.counter)
}

function cutFrom(state: SetState, from: number): Delta {
  const { owner, version, floor, records } = state
  const cut = records.since(from)
  return { owner, from, version, floor, digest: records.digest, records: cut, definitions: [] }
}

/** Estimated bytes of a delta's head on the wire, and what a record takes beside key and body. */
const headBytes = 320
const recordOverheadBytes = 60
const definitionOverheadBytes = 48

export function recordBytes(record: OwnerRecord): number {
  return record.key.length * 3 + (record.body?.length ?? 0) + recordOverheadBytes
}

export function definitionBytes(definition: InlineDefinition): number {
  return definition.canonical.length + definitionOverheadBytes
}

/** An upper bound of what the delta takes on the wire, uncompressed. */
export function deltaBytes(delta: Delta): number {
  let bytes = headBytes
  for (const record of delta.records) bytes += recordBytes(record)
  for (const definition of delta.definitions) bytes += definitionBytes(definition)
  return bytes
}

/**
 * The delta as messages of at most `bytesMax` each: itself where it fits, else pieces that the
 * receiver stages and applies together. A single definition or record always gets its message,
 * so `bytesMax` has to leave room for the largest (512 KB).
 */
export function splitDelta(delta: Delta, bytesMax: number): Delta[] {
  if (deltaBytes(delta) <= bytesMax) return [delta]
  const pieces: { records: OwnerRecord[]; definitions: InlineDefinition[] }[] = []
  let piece = { records: [] as OwnerRecord[], definitions: [] as InlineDefinition[] }
  let bytes = headBytes
  const beginPiece = () => {
    if (bytes === headBytes) return
    pieces.push(piece)
    piece = { records: [], definitions: [] }
    bytes = headBytes
  }
  const makeRoom = (needed: number) => {
    if (bytes + needed > bytesMax) beginPiece()
    bytes += needed
  }
  for (const definition of delta.definitions) {
    makeRoom(definitionBytes(definition))
    piece.definitions.push(definition)
  }
  // A delta that is sent again may bring fewer definitions: what was cut from the same state in as
  // many pieces has to hold the same records in each, because receivers put them together.
  if (delta.records.length > 0) beginPiece()
  for (const record of delta.records) {
    makeRoom(recordBytes(record))
    piece.records.push(record)
  }
  pieces.push(piece)
  const count = pieces.length
  return pieces.map((part, index) => ({ ...delta, ...part, piece: { index, count } }))
}
