import {
  decodeListing,
  HeldBack,
  headOf,
  parseRecordKey,
  type Definition,
  type DefinitionHead,
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
  /** What rows that are shown brought already: reading it again would cost as much as listing it. */
  readonly head: (id: DefinitionId) => DefinitionHead | undefined
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
    const { directory, record, onUnreadable } = this.#options
    this.#heldBack.release(owner, key)
    const found = record(owner, key)
    try {
      const listing = found && found.body !== null ? decodeListing(found) : undefined
      if (before !== undefined && before !== listing?.definition) directory.unlist(owner, before)
      if (!listing) return
      const head = this.#head(listing.definition)
      if (head) directory.list(owner, head, listing)
      else this.#heldBack.hold(owner, key, listing.definition)
    } catch (cause) {
      // What one owner sends must not keep the others from being read.
      if (before !== undefined) directory.unlist(owner, before)
      onUnreadable(owner, key, cause instanceof Error ? cause.message : String(cause))
    }
  }

  #head(id: DefinitionId): DefinitionHead | undefined {
    const { directory, head, definition } = this.#options
    const known = head(id) ?? directory.get(id)?.head
    if (known) return known
    const whole = definition(id)
    return whole && headOf(id, whole)
  }
}
