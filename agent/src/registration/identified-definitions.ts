import { identifyDefinition, type Definition, type IdentifiedDefinition } from '@meridian/shared'

/** Characters of the texts that are kept, in all: 16 MB, some 10,000 definitions of usual size. */
const textMax = 8 * 1024 * 1024

/**
 * Names definitions, and remembers what they were named: replicas of one server are registered
 * with the same definition, often thousands together, and naming takes more than all the rest of
 * a registration (0.1 ms for three tools).
 */
export class IdentifiedDefinitions {
  /** By the text of what was given; the longest unused first. */
  readonly #known = new Map<string, IdentifiedDefinition>()
  #text = 0

  /** Errors: `invalid_request`. */
  identify(definition: Definition): IdentifiedDefinition {
    const text = JSON.stringify(definition)
    const known = this.#known.get(text)
    if (known) {
      this.#known.delete(text)
      this.#known.set(text, known)
      return known
    }
    const identified = identifyDefinition(definition)
    this.#known.set(text, identified)
    this.#text += text.length
    for (const oldest of this.#known.keys()) {
      if (this.#text <= textMax) break
      this.#known.delete(oldest)
      this.#text -= oldest.length
    }
    return identified
  }
}
