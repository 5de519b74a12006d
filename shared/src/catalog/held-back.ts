import type { DefinitionId, OwnerId } from '../model/index.ts'
import { mapIn } from './map-in.ts'

/** A record that waits: whose it is, and its key or id. */
export type Waiting = readonly [owner: OwnerId, id: string]

/**
 * Records whose definition is not here: what each waits for, and who waits for a definition. A
 * replica that begins with nothing holds back most of what comes first, so nothing is put together
 * from texts here.
 */
export class HeldBack {
  readonly #byDefinition = new Map<DefinitionId, Map<OwnerId, Set<string>>>()
  readonly #byOwner = new Map<OwnerId, Map<string, DefinitionId>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** A record waits for one definition at a time. */
  hold(owner: OwnerId, id: string, definition: DefinitionId): void {
    this.release(owner, id)
    mapIn(this.#byOwner, owner).set(id, definition)
    const owners = mapIn(this.#byDefinition, definition)
    const ids = owners.get(owner)
    if (ids) ids.add(id)
    else owners.set(owner, new Set([id]))
    this.#size += 1
  }

  release(owner: OwnerId, id: string): void {
    const own = this.#byOwner.get(owner)
    const definition = own?.get(id)
    if (own === undefined || definition === undefined) return
    this.#size -= 1
    own.delete(id)
    if (own.size === 0) this.#byOwner.delete(owner)
    const owners = this.#byDefinition.get(definition)
    const ids = owners?.get(owner)
    if (owners === undefined || ids === undefined) return
    ids.delete(id)
    if (ids.size > 0) return
    owners.delete(owner)
    if (owners.size === 0) this.#byDefinition.delete(definition)
  }

  has(owner: OwnerId, id: string): boolean {
    return this.#byOwner.get(owner)?.has(id) === true
  }

  /** Those that wait for the definition now; what is released meanwhile stays in this list. */
  waitingFor(definition: DefinitionId): Waiting[] {
    const waiting: Waiting[] = []
    for (const [owner, ids] of this.#byDefinition.get(definition) ?? []) {
      for (const id of ids) waiting.push([owner, id])
    }
    return waiting
  }
}
