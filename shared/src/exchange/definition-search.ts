import type { FindAnswer, FindRequest } from '../api/index.ts'
import { parseQuery, type Query } from '../capability-index/index.ts'
import type { DefinitionFinder } from '../catalog/index.ts'
import type { DefinitionId } from '../model/index.ts'
import type { Clock } from '../ports/index.ts'
import { exchangeLimits } from './limits.ts'

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
  readonly #clock: Clock
  #reading: Promise<void> | undefined
  #isClosed = false

  /** `definitionsOf`: those with an instance that matches. */
  constructor(
    finder: DefinitionFinder,
    definitionsOf: (query: Query) => ReadonlySet<DefinitionId>,
    clock: Clock,
  ) {
    this.#finder = finder
    this.#definitionsOf = definitionsOf
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
      ...(accepted !== undefined && { accept: (id: DefinitionId) => accepted.has(id) }),
    })
    return { hits: hits as FindAnswer['hits'], behind: this.#finder.behind }
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
