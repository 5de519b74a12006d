import type { DefinitionId, OwnerId } from '../model/index.ts'
import type { RecordEvent } from './record.ts'

/**
 * Which definitions a replica has, which its records name, and which of these it lacks. Knows
 * ids only; the bytes are the store's.
 */
export class DefinitionLedger {
  readonly #held = new Set<DefinitionId>()
  readonly #named = new Map<DefinitionId, number>()
  readonly #missing = new Map<DefinitionId, Set<OwnerId>>()

  has(id: DefinitionId): boolean {
    return this.#held.has(id)
  }

  isNamed(id: DefinitionId): boolean {
    return this.#named.has(id)
  }

  /** Definitions that records name and the store lacks. */
  missing(): DefinitionId[] {
    return [...this.#missing.keys()]
  }

  /** Those of them that this owner's records name (or did, while another's still do). */
  missingOf(owner: OwnerId): DefinitionId[] {
    const missing: DefinitionId[] = []
    for (const [id, owners] of this.#missing) if (owners.has(owner)) missing.push(id)
    return missing
  }

  /** Definitions held that no record names. */
  unnamed(): DefinitionId[] {
    const unnamed: DefinitionId[] = []
    for (const id of this.#held) if (!this.#named.has(id)) unnamed.push(id)
    return unnamed
  }

  /** The store has it now. */
  hold(id: DefinitionId): void {
    this.#held.add(id)
    this.#missing.delete(id)
  }

  /** The store has it no more. Only for what `unnamed` returned. */
  release(id: DefinitionId): void {
    if (!this.#named.has(id)) this.#held.delete(id)
  }

  settle(owner: OwnerId, events: readonly RecordEvent[]): void {
    for (const { before, after } of events) {
      if (before?.definition === after?.definition) continue
      if (after?.definition !== undefined) this.name(owner, after.definition)
      if (before?.definition !== undefined) this.#unname(before.definition)
    }
  }

  name(owner: OwnerId, id: DefinitionId): void {
    this.#named.set(id, (this.#named.get(id) ?? 0) + 1)
    if (this.#held.has(id)) return
    const owners = this.#missing.get(id)
    if (owners) owners.add(owner)
    else this.#missing.set(id, new Set([owner]))
  }

  #unname(id: DefinitionId): void {
    const count = (this.#named.get(id) ?? 0) - 1
    if (count > 0) {
      this.#named.set(id, count)
      return
    }
    this.#named.delete(id)
    this.#missing.delete(id)
  }
}
