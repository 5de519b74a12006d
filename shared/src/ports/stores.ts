import type { DefinitionId, OwnerId, Version } from '../model/index.ts'
import type {
  InlineDefinition,
  OwnerRecord,
  SetChange,
  SetDigest,
  StoredSet,
} from '../replication/index.ts'

/**
 * Durable state. Every call is synchronous and one transaction: nothing happens between a step
 * of a machine and its commit, and a call that throws has changed nothing. Errors of all that
 * write: `storage_full`, `data_unwritable`.
 */

/** Definitions by id, as the bytes of their canonical JSON. */
export interface DefinitionStore {
  definition(id: DefinitionId): Uint8Array | undefined
  hasDefinition(id: DefinitionId): boolean
  definitionIds(): DefinitionId[]
  /** Lets go of definitions; unknown ids are passed over. */
  removeDefinitions(ids: readonly DefinitionId[]): void
}

/** The truth of the sets that this process owns. */
export interface OwnerStore extends DefinitionStore {
  /** The owner's set as last committed, or undefined before its first commit. */
  load(owner: OwnerId): StoredOwner | undefined
  /**
   * Durable when it returns, and survives kill -9 and a power cut: a registration is acknowledged
   * on the strength of it. The version is committed together with the records that it stamps, and
   * with the definitions that they name.
   */
  commit(change: SetChange, definitions?: readonly InlineDefinition[]): void
  /** Keeps definitions that no record names: private ones never get a record. */
  putDefinitions(definitions: readonly InlineDefinition[]): void
}

export interface StoredOwner {
  readonly owner: OwnerId
  readonly version: Version
  readonly floor: number
  /** As committed; compare with that of the records to notice a damaged database. */
  readonly digest: SetDigest
  readonly records: readonly OwnerRecord[]
}

/** What a replica holds of others' sets. Losing the last moments of it is harmless. */
export interface ReplicaStore extends DefinitionStore {
  /** Every set held, and the versions of forgotten ones. */
  load(): Iterable<StoredSet>
  /** Definitions whose bytes are not what their ids name: a disk, or a copy of one, changed them. */
  damagedDefinitions(): DefinitionId[]
  /** All of it or nothing; in the order of the fields, changes in their order. */
  apply(batch: ReplicaBatch): void
}

export interface ReplicaBatch {
  readonly definitions?: readonly InlineDefinition[]
  readonly changes?: readonly SetChange[]
  /** Owners whose records go and whose version stays. */
  readonly forget?: readonly OwnerId[]
  /** Owners that go altogether. */
  readonly drop?: readonly OwnerId[]
}
