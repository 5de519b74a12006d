import type { DefinitionId, OwnerId } from '../model/index.ts'

/** A record that waits: whose it is, and its key or id. */
export type Waiting = readonly [owner: OwnerId, id: string]

/** Records whose definition is not here: what each waits for, and who waits for a definition. */
export class HeldBack {
  readonly #byDefinition = new Map<DefinitionId, Map<string, Waiting>>()
  readonly #definitions = new Map<string, DefinitionId>()

  get size(): number {
    return this.#definitions.size
  }

  /** A record waits for one definition at a time. */
  hold(owner: OwnerId, id: string, definition: DefinitionId): void {
    this.release(owner, id)
    const at = `${owner}/${id}`
    const waiting = this.#byDefinition.get(definition) ?? new Map<string, Waiting>()
    waiting.set(at, [owner, id])
    this.#byDefinition.set(definition, waiting)
    this.#definitions.set(at, definition)
  }

  release(owner: OwnerId, id: string): void {
    const at = `${owner}/${id}`
    const definition = this.#definitions.get(at)
    if (definition === undefined) return
    this.#definitions.delete(at)
    const waiting = this.#byDefinition.get(definition)
    waiting?.delete(at)
    if (waiting?.size === 0) this.#byDefinition.delete(definition)
  }

  /** Those that wait for the definition now; what is released meanwhile stays in this list. */
  waitingFor(definition: DefinitionId): Waiting[] {
    return [...(this.#byDefinition.get(definition)?.values() ?? [])]
  }
}
