import type { Database } from 'better-sqlite3'
import type { DefinitionId, OwnerId } from '../../model/index.ts'
import type { OwnerStore, ReplicaBatch, ReplicaStore, StoredOwner } from '../../ports/index.ts'
import type { InlineDefinition, SetChange, StoredSet } from '../../replication/index.ts'
import { mapSqliteErrors } from './errors.ts'
import { definitionTable, type DefinitionTable } from './definition-table.ts'
import { OwnedTables } from './owned-tables.ts'
import { SetTables } from './set-tables.ts'

/** Definitions and their bytes, the same for both stores. */
abstract class SqliteDefinitions {
  protected readonly definitions: DefinitionTable

  constructor(db: Database) {
    this.definitions = definitionTable(db)
  }

  definition(id: DefinitionId): Uint8Array | undefined {
    return this.definitions.definition(id)
  }

  hasDefinition(id: DefinitionId): boolean {
    return this.definitions.hasDefinition(id)
  }

  definitionIds(): DefinitionId[] {
    return this.definitions.definitionIds()
  }

  removeDefinitions(ids: readonly DefinitionId[]): void {
    mapSqliteErrors(() => this.definitions.removeDefinitions(ids))
  }
}

/** Tables `owned_set`, `owned_record` and `definition`. Open the database with full durability. */
export class SqliteOwnerStore extends SqliteDefinitions implements OwnerStore {
  readonly #sets: OwnedTables
  readonly #commit: (change: SetChange, definitions: readonly InlineDefinition[]) => void
  readonly #putDefinitions: (definitions: readonly InlineDefinition[]) => void

  constructor(db: Database) {
    super(db)
    this.#sets = new OwnedTables(db)
    this.#commit = db.transaction((change: SetChange, definitions: readonly InlineDefinition[]) => {
      this.definitions.put(definitions)
      this.#sets.apply(change)
    })
    this.#putDefinitions = db.transaction((definitions: readonly InlineDefinition[]) => {
      this.definitions.put(definitions)
    })
  }

  load(owner: OwnerId): StoredOwner | undefined {
    return this.#sets.load(owner)
  }

  commit(change: SetChange, definitions: readonly InlineDefinition[] = []): void {
    mapSqliteErrors(() => this.#commit(change, definitions))
    this.definitions.committed(definitions)
  }

  putDefinitions(definitions: readonly InlineDefinition[]): void {
    mapSqliteErrors(() => this.#putDefinitions(definitions))
    this.definitions.committed(definitions)
  }
}

/** Tables `held_set`, `held_record` and `definition`. */
export class SqliteReplicaStore extends SqliteDefinitions implements ReplicaStore {
  readonly #sets: SetTables
  readonly #apply: (batch: ReplicaBatch) => void

  constructor(db: Database) {
    super(db)
    this.#sets = new SetTables(db)
    this.#apply = db.transaction(({ definitions, changes, forget, drop }: ReplicaBatch) => {
      if (definitions) this.definitions.put(definitions)
      for (const change of changes ?? []) this.#sets.apply(change)
      for (const owner of forget ?? []) this.#sets.forget(owner)
      for (const owner of drop ?? []) this.#sets.drop(owner)
    })
  }

  damagedDefinitions(): DefinitionId[] {
    return this.definitions.damaged()
  }

  load(): Iterable<StoredSet> {
    return this.#sets.loadAll()
  }

  apply(batch: ReplicaBatch): void {
    mapSqliteErrors(() => this.#apply(batch))
    this.definitions.committed(batch.definitions ?? [])
  }
}
