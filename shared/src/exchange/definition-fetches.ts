import { isDefinition, type DefinitionId, type Sha256 } from '../model/index.ts'
import type { Log, Transport } from '../ports/index.ts'
import type { InlineDefinition } from '../replication/index.ts'
import { syncMethods } from './answering.ts'
import { collect } from './collect.ts'
import { logFailure } from './failure.ts'
import { exchangeLimits } from './limits.ts'
import type { Source } from './source.ts'

export interface DefinitionFetchesOptions {
  readonly transport: Transport
  readonly log: Log
  readonly sha256: Sha256 | undefined
  /** Whether it is here by now. */
  readonly has: (id: DefinitionId) => boolean
  /** Takes in definitions that were wanted and are what their ids name. */
  readonly onDefinitions: (definitions: readonly InlineDefinition[]) => void
}

/**
 * Fetches definitions: one request at a time to each source, and each definition from one source
 * at a time, however many records name it.
 */
export class DefinitionFetches {
  readonly #options: DefinitionFetchesOptions
  /** Wanted and not yet asked for, by source. */
  readonly #waiting = new Map<string, Set<DefinitionId>>()
  /** Wanted, asked for or not. */
  readonly #wanted = new Set<DefinitionId>()
  #closed = false

  constructor(options: DefinitionFetchesOptions) {
    this.#options = options
  }

  /** Definitions that are wanted, asked for or not. */
  get size(): number {
    return this.#wanted.size
  }

  /** What cannot be fetched is wanted again by whoever names it next. */
  want(source: Source, ids: Iterable<DefinitionId>): void {
    if (this.#closed) return
    const running = this.#waiting.get(source.name)
    const waiting = running ?? new Set<DefinitionId>()
    for (const id of ids) {
      if (this.#wanted.size >= exchangeLimits.definitionsWaitingMax) break
      if (this.#wanted.has(id) || this.#options.has(id)) continue
      this.#wanted.add(id)
      waiting.add(id)
    }
    if (running || waiting.size === 0) return
    this.#waiting.set(source.name, waiting)
    void this.#fetchAll(source, waiting)
  }

  close(): void {
    this.#closed = true
  }

  async #fetchAll(source: Source, waiting: Set<DefinitionId>): Promise<void> {
    const asked = new Set<DefinitionId>()
    try {
      while (waiting.size > 0 && !this.#closed) {
        for (const id of [...waiting].slice(0, exchangeLimits.definitionsMax)) {
          waiting.delete(id)
          asked.add(id)
        }
        const came = await this.#fetch(source, asked)
        // An answer holds as much as fits. What is left is asked for again, as long as that helps.
        for (const id of asked) {
          if (came > 0 && !this.#options.has(id)) waiting.add(id)
          else this.#wanted.delete(id)
        }
        asked.clear()
      }
    } catch (error) {
      if (!this.#closed) {
        logFailure(this.#options.log, error, { source: source.name }, 'definitions not fetched')
      }
    } finally {
      for (const id of asked) this.#wanted.delete(id)
      for (const id of waiting) this.#wanted.delete(id)
      this.#waiting.delete(source.name)
    }
  }

  /** How many came that were wanted and are good. */
  async #fetch({ name, subject }: Source, asked: ReadonlySet<DefinitionId>): Promise<number> {
    const { transport, log, sha256, onDefinitions } = this.#options
    let came = 0
    await collect(
      transport,
      subject(syncMethods.definitions),
      { kind: 'definitions-request', ids: [...asked] },
      'definitions',
      (part) => {
        if (this.#closed) return
        const good = part.definitions.filter(({ id, canonical }) => {
          if (!asked.has(id)) return false
          if (isDefinition(id, canonical, sha256)) return true
          log.warn({ source: name, definition: id }, 'a definition is not what its id names')
          return false
        })
        came += good.length
        if (good.length > 0) onDefinitions(good)
      },
    )
    return came
  }
}
