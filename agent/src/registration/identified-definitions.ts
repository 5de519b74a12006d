import {
  identifyDefinition,
  type Definition,
  type IdentifiedDefinition,
  type Sha256,
} from '@meridian/shared'
import { RecentTexts } from './recent-texts.ts'

/** Characters of the texts that are kept, in all: 16 MB, some 10,000 definitions of usual size. */
const textMax = 8 * 1024 * 1024

/**
 * Names definitions, and remembers what they were named: replicas of one server are registered
 * with the same definition, often thousands together, and naming takes more than all the rest of
 * a registration (20 µs for three tools).
 */
export class IdentifiedDefinitions {
  /** By the text of what was given. */
  readonly #known = new RecentTexts<IdentifiedDefinition>(textMax)
  /** By the very object: whoever reads registrations gives the same one for the same text. */
  readonly #objects = new WeakMap<Definition, IdentifiedDefinition>()
  readonly #sha256: Sha256 | undefined

  constructor(sha256?: Sha256) {
    this.#sha256 = sha256
  }

  /** The definition must not be changed afterwards. Errors: `invalid_request`. */
  identify(definition: Definition): IdentifiedDefinition {
    const seen = this.#objects.get(definition)
    if (seen) return seen
    const text = JSON.stringify(definition)
    const identified = this.#known.get(text) ?? identifyDefinition(definition, this.#sha256)
    this.#known.set(text, identified)
    this.#objects.set(definition, identified)
    return identified
  }
}
