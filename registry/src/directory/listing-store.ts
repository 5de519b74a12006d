import type { DefinitionId } from '@meridian/shared'

/** What a registry remembers of a definition beside what its owners say. */
export interface ListingRow {
  readonly definition: DefinitionId
  readonly name: string
  readonly version: string
  /** Milliseconds since 1970: when it was first listed here, and when that last changed. */
  readonly publishedAt: number
  readonly updatedAt: number
  /** Its `server.json` when nobody named it any more; absent while somebody does. */
  readonly removed?: RemovedListing
}

export interface RemovedListing {
  readonly at: number
  /** JSON text. */
  readonly server: string
}

/** Losing the last moments of it is harmless. Errors of `apply`: `storage_full`, `data_unwritable`. */
export interface ListingStore {
  /** Without the texts of removed ones, which are read one by one. */
  load(): Iterable<StoredListing>
  /** The `server.json` of a removed one. */
  removedServer(definition: DefinitionId): string | undefined
  apply(batch: ListingBatch): void
}

export interface StoredListing extends Omit<ListingRow, 'removed'> {
  readonly removedAt?: number
}

export interface ListingBatch {
  readonly put: readonly ListingRow[]
  readonly forget: readonly DefinitionId[]
}

/** The in-memory twin. */
export class InMemoryListingStore implements ListingStore {
  readonly #rows = new Map<DefinitionId, ListingRow>()

  load(): StoredListing[] {
    return [...this.#rows.values()].map(({ removed, ...row }) =>
      removed ? { ...row, removedAt: removed.at } : row,
    )
  }

  removedServer(definition: DefinitionId): string | undefined {
    return this.#rows.get(definition)?.removed?.server
  }

  apply({ put, forget }: ListingBatch): void {
    for (const row of put) this.#rows.set(row.definition, row)
    for (const definition of forget) this.#rows.delete(definition)
  }
}
