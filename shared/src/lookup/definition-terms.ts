import type { Definition, DefinitionId } from '../model/index.ts'
import { termsOfDefinition } from './query-terms.ts'

/** Definitions whose terms are remembered: 100 terms take half a kilobyte. */
const definitionsMax = 4_096
const nothing = new Uint32Array(0)

/** The terms of definitions, read once while they are in use. */
export class DefinitionTerms {
  readonly #definition: (id: DefinitionId) => Definition | undefined
  readonly #terms = new Map<DefinitionId, Uint32Array>()

  constructor(definition: (id: DefinitionId) => Definition | undefined) {
    this.#definition = definition
  }

  /**
   * None for a definition that cannot be read: then nothing of it is shown either. It is asked for
   * again the next time, for it may have come, or come back, by then.
   */
  of(id: DefinitionId): Uint32Array {
    const known = this.#terms.get(id)
    if (known) return known
    const terms = this.#read(id)
    if (terms === nothing) return terms
    const [oldest] = this.#terms.keys()
    if (this.#terms.size >= definitionsMax && oldest !== undefined) this.#terms.delete(oldest)
    this.#terms.set(id, terms)
    return terms
  }

  #read(id: DefinitionId): Uint32Array {
    try {
      const definition = this.#definition(id)
      return definition ? termsOfDefinition(definition) : nothing
    } catch {
      // Whoever shows rows has reported it.
      return nothing
    }
  }
}
