import type { Database, Statement } from 'better-sqlite3'
import { hash } from 'node:crypto'
import type { DefinitionId } from '../../model/index.ts'
import type { DefinitionStore } from '../../ports/index.ts'
import type { InlineDefinition } from '../../replication/index.ts'
import { plainBytes } from './plain-bytes.ts'

/**
 * What was put or read last is kept for so many bytes: whoever commits a definition has it sent,
 * indexed and listed in the same moment, and each of them would read it from the disk again. Two
 * requests of an import have 1.2 MB each, and the second comes while the first is still being sent.
 */
const recentBytesMax = 4 * 1_048_576

/** One for each database: what one store commits, another on it need not write or read again. */
const tables = new WeakMap<Database, DefinitionTable>()

export function definitionTable(db: Database): DefinitionTable {
  const table = tables.get(db) ?? new DefinitionTable(db)
  tables.set(db, table)
  return table
}

/** Definitions by id, in the table `definition` of either database. */
export class DefinitionTable implements DefinitionStore {
  readonly #get: Statement<[string], { canonical: Buffer }>
  readonly #has: Statement<[string], { found: 1 }>
  readonly #ids: Statement<[], { id: string }>
  readonly #all: Statement<[], { id: string; canonical: Buffer }>
  readonly #put: Statement<[string, Uint8Array]>
  readonly #remove: (ids: readonly DefinitionId[]) => void
  readonly #recent = new Map<DefinitionId, Uint8Array>()
  #recentBytes = 0

  constructor(db: Database) {
    this.#get = db.prepare('select canonical from definition where id = ?')
    this.#has = db.prepare('select 1 as found from definition where id = ?')
    this.#ids = db.prepare('select id from definition')
    this.#all = db.prepare('select id, canonical from definition')
    this.#put = db.prepare('insert or ignore into definition (id, canonical) values (?, ?)')
    const remove = db.prepare<[string]>('delete from definition where id = ?')
    this.#remove = db.transaction((ids: readonly DefinitionId[]) => {
      for (const id of ids) remove.run(id)
    })
  }

  definition(id: DefinitionId): Uint8Array | undefined {
    const recent = this.#recent.get(id)
    if (recent) return recent
    const row = this.#get.get(id)
    if (!row) return undefined
    const canonical = plainBytes(row.canonical)
    this.#keep(id, canonical)
    return canonical
  }

  hasDefinition(id: DefinitionId): boolean {
    return this.#has.get(id) !== undefined
  }

  definitionIds(): DefinitionId[] {
    return this.#ids.all().map(({ id }) => id)
  }

  /** Reads and hashes all of them: 6 µs each. SQLite's own check says nothing of what cells hold. */
  damaged(): DefinitionId[] {
    const damaged: DefinitionId[] = []
    for (const { id, canonical } of this.#all.iterate()) {
      if (hash('sha256', canonical, 'hex') !== id) damaged.push(id)
    }
    return damaged
  }

  removeDefinitions(ids: readonly DefinitionId[]): void {
    this.#remove(ids)
    for (const id of ids) this.#drop(id)
  }

  /** Inside a transaction of the caller's. */
  put(definitions: readonly InlineDefinition[]): void {
    for (const { id, canonical } of definitions) {
      // What was put or read last is there: an importer's are, when its replica takes them in.
      if (!this.#recent.has(id)) this.#put.run(id, canonical)
    }
  }

  /** What the caller's transaction put is there: not before, for it may be rolled back. */
  committed(definitions: readonly InlineDefinition[]): void {
    for (const { id, canonical } of definitions) {
      // A copy of its own, where it is a part of a message that would be kept whole with it.
      const isWhole = canonical.byteLength === canonical.buffer.byteLength
      this.#keep(id, isWhole ? canonical : canonical.slice())
    }
  }

  #keep(id: DefinitionId, canonical: Uint8Array): void {
    this.#drop(id)
    this.#recent.set(id, canonical)
    this.#recentBytes += canonical.byteLength
    for (const oldest of this.#recent.keys()) {
      if (this.#recentBytes <= recentBytesMax) break
      this.#drop(oldest)
    }
  }

  #drop(id: DefinitionId): void {
    this.#recentBytes -= this.#recent.get(id)?.byteLength ?? 0
    this.#recent.delete(id)
  }
}
