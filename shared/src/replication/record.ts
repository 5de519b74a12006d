import type { DefinitionId } from '../model/index.ts'

/**
 * One entry of an owner's set. The body is the owner's bytes, passed on unread: what a reader
 * cannot understand survives it. `null` is a tombstone.
 */
export interface OwnerRecord {
  readonly key: string
  /** The owner's counter when it last changed, at least 1. */
  readonly counter: number
  readonly body: Uint8Array | null
  /**
   * The definition that the body names, repeated outside it so that definitions can be kept,
   * offered and fetched by replicas that cannot read the body. Absent on tombstones.
   */
  readonly definition?: DefinitionId
}

/** A live record without its stamp: what an owner puts. */
export interface RecordInput {
  readonly key: string
  readonly body: Uint8Array
  readonly definition?: DefinitionId
}

/** A definition as it travels: its id and the bytes of its canonical JSON, whose hash it is. */
export interface InlineDefinition {
  readonly id: DefinitionId
  readonly canonical: Uint8Array
}

/** What changed for a reader of the set. Equal content never makes one. */
export interface RecordEvent {
  readonly key: string
  /** The live record before, if there was one. */
  readonly before?: OwnerRecord
  /** The live record now; absent when it was removed. */
  readonly after?: OwnerRecord
}

/** Whether a reader sees no difference: stamps do not count. */
export function sameContent(a: OwnerRecord | RecordInput, b: OwnerRecord | RecordInput): boolean {
  if (a.definition !== b.definition) return false
  if (a.body === null || b.body === null) return a.body === b.body
  return sameBytes(a.body, b.body)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
