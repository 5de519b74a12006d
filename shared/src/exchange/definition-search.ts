import type { FindAnswer, FindRequest } from '../api/index.ts'
import type { NamedDefinition } from '../catalog/nearest-ring.ts'
import { parseQuery, type Query } from '../capability-index/index.ts'
import type { DefinitionFinder } from '../catalog/index.ts'
import type { DefinitionId, Locality, Ring } from '../model/index.ts'
import type { Clock } from '../ports/index.ts'
import { exchangeLimits } from './limits.ts'

export interface DefinitionSearchOptions {
  readonly finder: DefinitionFinder
  /** Those with an instance that matches. */
  readonly definitionsOf: (query: Query) => ReadonlySet<DefinitionId>
  /** How near the nearest instance is that takes work; undefined where none does. */
  readonly nearest: (definition: NamedDefinition, from: Locality) => Ring | undefined
  readonly clock: Clock
}

export interface SearchResult {
  readonly hits: FindAnswer['hits']
  /** Definitions that could not be read yet. */
  readonly behind: number
}

/**
 * Answers free-text questions from the definitions that are held. The finder's work is done in
 * pieces, between which everything else has its turn: at the first question it has everything to
 * read, and the question waits for that, but not beyond its deadline.
 */
export class DefinitionSearch {
  readonly #finder: DefinitionFinder
  readonly #definitionsOf: (query: Query) => ReadonlySet<DefinitionId>
  readonly #nearest: DefinitionSearchOptions['nearest']
  readonly #clock: Clock
  #reading: Promise<void> | undefined
  #isClosed = false

  constructor({ finder, definitionsOf, nearest, clock }: DefinitionSearchOptions) {
    this.#finder = finder
    this.#definitionsOf = definitionsOf
    this.#nearest = nearest
    this.#clock = clock
  }

  /** Errors: `invalid_query` for a filter that is none. */
  async find(request: FindRequest): Promise<SearchResult> {
    const accepted =
      request.filter === undefined ? undefined : this.#definitionsOf(parseQuery(request.filter))
    await this.#upToDate(request.deadlineMs)
    const hits = this.#finder.find(request.q, {
      limit: request.limit,
      typing: request.typing ?? false,
      ...(request.group !== undefined && { groupByServer: request.group }),
      ...(request.kind !== undefined && { kinds: request.kind }),
      ...(request.explain !== undefined && { explain: request.explain }),
      ...(accepted !== undefined && { accept: (id: DefinitionId) => accepted.has(id) }),
    })
    const found = hits as FindAnswer['hits']
    const { from } = request
    return {
      hits: from === undefined ? found : this.#placed(found, from),
      behind: this.#finder.behind,
    }
  }

  /** Hits of one definition are all as near as its nearest instance. */
  #placed(hits: FindAnswer['hits'], from: Locality): FindAnswer['hits'] {
    const rings = new Map<DefinitionId, Ring | undefined>()
    return hits.map((hit) => {
      const id = hit.definitionId
      if (!rings.has(id)) rings.set(id, this.#nearest(hit, from))
      const ring = rings.get(id)
      return ring === undefined ? hit : { ...hit, ring }
    })
  }

  close(): void {
    this.#isClosed = true
  }

  async #upToDate(deadlineMs: number): Promise<void> {
    // Most of the time there is nothing left, or one piece.
    if (this.#reading === undefined && !this.#finder.work()) return
    this.#reading ??= this.#read()
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(deadlineMs, resolve)
      void this.#reading?.finally(() => {
        cancel()
        resolve()
      })
    })
  }

  #read(): Promise<void> {
    return new Promise((resolve) => {
      const piece = () => {
        if (!this.#isClosed && this.#finder.work()) {
          this.#clock.after(exchangeLimits.searchPieceMs, piece)
          return
        }
        this.#reading = undefined
        resolve()
      }
      piece()
    })
  }
}
