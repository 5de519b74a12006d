import type { Database, Statement } from 'better-sqlite3'
import type { DefinitionId } from '../../model/index.ts'
import type { DefinitionStore } from '../../ports/index.ts'
import type { InlineDefinition } from '../../replication/index.ts'
import { plainBytes } from './plain-bytes.ts'

/** Definitions by id, in the table `definition` of either database. */
export class DefinitionTable implements DefinitionStore {
  readonly #get: Statement<[string], { canonical: Buffer }>
  readonly #has: Statement<[string], { found: 1 }>
  readonly #ids: Statement<[], { id: string }>
  readonly #put: Statement<[string, Uint8Array]>
  readonly #remove: (ids: readonly DefinitionId[]) => void

  constructor(db: Database) {
    this.#get = db.prepare('select canonical from definition where id = ?')
    this.#has = db.prepare('select 1 as found from definition where id = ?')
    this.#ids = db.prepare('select id from definition')
    this.#put = db.prepare('insert or ignore into definition (id, canonical) values (?, ?)')
    const remove = db.prepare<[string]>('delete from definition where id = ?')
    this.#remove = db.transaction((ids: readonly DefinitionId[]) => {
      for (const id of ids) remove.run(id)
    })
  }

  definition(id: DefinitionId): Uint8Array | undefined {
    const row = this.#get.get(id)
    return row && plainBytes(row.canonical)
  }

  hasDefinition(id: DefinitionId): boolean {
    return this.#has.get(id) !== undefined
  }

  definitionIds(): DefinitionId[] {
    return this.#ids.all().map(({ id }) => id)
  }

  removeDefinitions(ids: readonly DefinitionId[]): void {
    this.#remove(ids)
  }

  /** Inside a transaction of the caller's. */
  put(definitions: readonly InlineDefinition[]): void {
    for (const { id, canonical } of definitions) this.#put.run(id, canonical)
  }
}
