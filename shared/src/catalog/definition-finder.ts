import {
  createFindIndex,
  type FindHit,
  type FindIndex,
  type FindOptions,
} from '../capability-index/find/index.ts'
import type { Definition, DefinitionId } from '../model/index.ts'

/** Definitions read by one piece of work: about 5 ms of it. */
const pieceDefinitions = 16

/**
 * Free-text search over the definitions that a catalog shows. Reading one takes a few hundred
 * microseconds and its place in memory, and many an agent is never asked, so nothing is read until
 * the first question; from then on the index follows each change, in pieces that the caller
 * schedules.
 *
 *     shown ─▶ waiting ──work()──▶ index          gone ─▶ out of both, at once
 */
export class DefinitionFinder {
  readonly #definition: (id: DefinitionId) => Definition | undefined
  #index: FindIndex | undefined
  readonly #waiting = new Set<DefinitionId>()

  /** `definition`: undefined, or an error, for one that cannot be read; it is not found then. */
  constructor(definition: (id: DefinitionId) => Definition | undefined) {
    this.#definition = definition
  }

  /** A row names it for the first time. */
  shown(id: DefinitionId): void {
    this.#waiting.add(id)
  }

  /** No row names it any more. */
  gone(id: DefinitionId): void {
    this.#waiting.delete(id)
    this.#index?.remove(id)
  }

  /** Definitions that are not in the index yet. */
  get behind(): number {
    return this.#waiting.size
  }

  /** Does a piece of what is left; false when nothing is. */
  work(): boolean {
    this.#index ??= createFindIndex()
    let left = pieceDefinitions
    for (const id of this.#waiting) {
      if (left === 0) return true
      left -= 1
      this.#waiting.delete(id)
      const definition = this.#read(id)
      if (definition !== undefined) this.#index.put(id, definition)
    }
    return !this.#index.compact()
  }

  /** Best first, among what has been read so far. */
  find(text: string, options: FindOptions): FindHit[] {
    this.#index ??= createFindIndex()
    return this.#index.find(text, options)
  }

  #read(id: DefinitionId): Definition | undefined {
    try {
      return this.#definition(id)
    } catch {
      // Whoever shows rows has reported it: what cannot be read harms nobody else.
      return undefined
    }
  }
}
