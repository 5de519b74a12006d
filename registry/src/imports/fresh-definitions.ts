import type { Definition, DefinitionId } from '@meridian/shared'

/**
 * What the last two requests of an import have brought, as it was read when it was judged. This
 * registry hears of it once more, as of everybody's records, and would read the same bytes again to
 * show them: 10 µs of the 200 that a server takes. Each is taken once; a request's body has its limit,
 * so this has too, and what comes too late is read again.
 */
export class FreshDefinitions {
  #last = new Map<DefinitionId, Definition>()
  #before = new Map<DefinitionId, Definition>()

  /** Those of one request, once they are on the disk. */
  put(definitions: Map<DefinitionId, Definition>): void {
    this.#before = this.#last
    this.#last = definitions
  }

  take(id: DefinitionId): Definition | undefined {
    const found = this.#last.get(id) ?? this.#before.get(id)
    if (found && !this.#last.delete(id)) this.#before.delete(id)
    return found
  }
}
