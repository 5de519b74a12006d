import {
  parseRecordKey,
  type OwnerId,
  type OwnerRecord,
  type RecordEvent,
  type RecordInput,
} from '@meridian/shared'

/**
 * What the region's importers list, as the tier above is told of it: their own records, passed on
 * byte for byte, each once however many zones list the same definition. Then the word of the first
 * importer by name is passed on.
 */
export class ListingCopies {
  readonly #record: (owner: OwnerId, key: string) => OwnerRecord | undefined
  readonly #owners = new Map<string, readonly OwnerId[]>()

  /** `record`: as held now. */
  constructor(record: (owner: OwnerId, key: string) => OwnerRecord | undefined) {
    this.#record = record
  }

  /** Which keys the changes touched. */
  take(owner: OwnerId, changes: readonly RecordEvent[]): string[] {
    const touched: string[] = []
    for (const { key, after } of changes) {
      if (parseRecordKey(key)?.kind !== 'listing') continue
      const others = (this.#owners.get(key) ?? []).filter((each) => each !== owner)
      const owners = after ? [...others, owner].sort() : others
      if (owners.length > 0) this.#owners.set(key, owners)
      else this.#owners.delete(key)
      touched.push(key)
    }
    return touched
  }

  get(key: string): RecordInput | undefined {
    const [first] = this.#owners.get(key) ?? []
    const record = first === undefined ? undefined : this.#record(first, key)
    if (!record || record.body === null) return undefined
    const { body, definition } = record
    return { key, body, ...(definition !== undefined && { definition }) }
  }
}
