import {
  decodeListing,
  HeldBack,
  headOf,
  parseRecordKey,
  type Definition,
  type DefinitionId,
  type OwnerId,
  type OwnerRecord,
  type RecordEvent,
} from '@meridian/shared'
import type { ServerDirectory } from './directory.ts'

export interface ListingRecordsOptions {
  readonly directory: ServerDirectory
  /** The record as held now. */
  readonly record: (owner: OwnerId, key: string) => OwnerRecord | undefined
  /** The definition, if it is here yet. Throws when its bytes cannot be read. */
  readonly definition: (id: DefinitionId) => Definition | undefined
  readonly onUnreadable: (owner: OwnerId, key: string, reason: string) => void
}

/**
 * Brings what importers say of definitions into the directory. A definition may be listed that
 * nobody runs, such as a package, so none of the index's rows would bring it there.
 */
export class ListingRecords {
  readonly #options: ListingRecordsOptions
  readonly #heldBack = new HeldBack()

  constructor(options: ListingRecordsOptions) {
    this.#options = options
  }

  apply(owner: OwnerId, events: readonly RecordEvent[]): void {
    for (const { key, before } of events) {
      if (parseRecordKey(key)?.kind === 'listing') this.#refresh(owner, key, before?.definition)
    }
  }

  definitionsArrived(ids: readonly DefinitionId[]): void {
    for (const id of ids) {
      for (const [owner, key] of this.#heldBack.waitingFor(id)) this.#refresh(owner, key)
    }
  }

  #refresh(owner: OwnerId, key: string, before?: DefinitionId): void {
    const { directory, record, definition, onUnreadable } = this.#options
    this.#heldBack.release(owner, key)
    const found = record(owner, key)
    try {
      const listing = found && found.body !== null ? decodeListing(found) : undefined
      if (before !== undefined && before !== listing?.definition) directory.unlist(owner, before)
      if (!listing) return
      const whole = definition(listing.definition)
      if (whole) directory.list(owner, headOf(listing.definition, whole), listing)
      else this.#heldBack.hold(owner, key, listing.definition)
    } catch (cause) {
      // What one owner sends must not keep the others from being read.
      if (before !== undefined) directory.unlist(owner, before)
      onUnreadable(owner, key, cause instanceof Error ? cause.message : String(cause))
    }
  }
}
