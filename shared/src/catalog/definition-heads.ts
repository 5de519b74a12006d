import type { Definition, DefinitionId } from '../model/index.ts'

/** What answers and lists say of a definition; the definition itself is a second read. */
export interface DefinitionHead {
  readonly id: DefinitionId
  readonly name: string
  readonly version: string
  readonly title?: string
  readonly description?: string
  readonly tools: number
  readonly resources: number
  readonly resourceTemplates: number
  readonly prompts: number
  /** The newest protocol revision that it speaks. */
  readonly protocol?: string
  readonly tags: readonly string[]
}

export function headOf(id: DefinitionId, definition: Definition): DefinitionHead {
  const { name, version, title, description, capabilities, protocols, tags } = definition
  const protocol = protocols.toSorted().at(-1)
  return {
    id,
    name,
    version,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    tools: capabilities.tools.length,
    resources: capabilities.resources.length,
    resourceTemplates: capabilities.resourceTemplates.length,
    prompts: capabilities.prompts.length,
    ...(protocol !== undefined && { protocol }),
    tags,
  }
}

/** Hears of the first and of the last row that names a definition. */
export interface HeadsFollower {
  shown(id: DefinitionId, head: DefinitionHead): void
  gone(id: DefinitionId): void
}

/**
 * The heads of the definitions that rows name, each kept for as long as a row names it: a holder
 * keeps the definition itself that long, too.
 */
export class DefinitionHeads {
  readonly #heads = new Map<DefinitionId, { readonly head: DefinitionHead; rows: number }>()
  readonly #followers: readonly HeadsFollower[]
  /** By the server's name. */
  readonly #versions = new Map<string, number>()
  #serversOfMany = 0

  constructor(followers: readonly HeadsFollower[] = []) {
    this.#followers = followers
  }

  /** Servers that have more than one definition here. */
  get serversOfMany(): number {
    return this.#serversOfMany
  }

  get(id: DefinitionId): DefinitionHead | undefined {
    return this.#heads.get(id)?.head
  }

  has(id: DefinitionId): boolean {
    return this.#heads.has(id)
  }

  /** One more row names it. The first has to bring the definition. */
  name(id: DefinitionId, definition?: Definition): void {
    const known = this.#heads.get(id)
    if (known) known.rows += 1
    else if (definition) {
      const head = headOf(id, definition)
      this.#heads.set(id, { head, rows: 1 })
      const versions = (this.#versions.get(head.name) ?? 0) + 1
      this.#versions.set(head.name, versions)
      if (versions === 2) this.#serversOfMany += 1
      for (const follower of this.#followers) follower.shown(id, head)
    } else throw new Error(`the definition ${id} is named for the first time, and not given`)
  }

  /** One row less names it. */
  unname(id: DefinitionId): void {
    const known = this.#heads.get(id)
    if (!known) return
    known.rows -= 1
    if (known.rows > 0) return
    this.#heads.delete(id)
    const { name } = known.head
    const versions = (this.#versions.get(name) ?? 1) - 1
    if (versions === 0) this.#versions.delete(name)
    else this.#versions.set(name, versions)
    if (versions === 1) this.#serversOfMany -= 1
    for (const follower of this.#followers) follower.gone(id)
  }
}
