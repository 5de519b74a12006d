import { isDefinition, type DefinitionId, type OwnerId, type Version } from '../model/index.ts'
import type {
  InlineDefinition,
  OwnerRecord,
  SetChange,
  SetDigest,
  StoredSet,
} from '../replication/index.ts'
import type { OwnerStore, ReplicaBatch, ReplicaStore, StoredOwner } from './stores.ts'

/**
 * The stores' twins: they keep what was committed, as a database would, and share no structure
 * with the machines. For tests, simulations, and replicas that may forget at exit.
 */
class InMemoryDefinitions {
  readonly #definitions = new Map<DefinitionId, Uint8Array>()

  definition(id: DefinitionId): Uint8Array | undefined {
    return this.#definitions.get(id)
  }

  hasDefinition(id: DefinitionId): boolean {
    return this.#definitions.has(id)
  }

  definitionIds(): DefinitionId[] {
    return [...this.#definitions.keys()]
  }

  removeDefinitions(ids: readonly DefinitionId[]): void {
    for (const id of ids) this.#definitions.delete(id)
  }

  putDefinitions(definitions: readonly InlineDefinition[]): void {
    for (const { id, canonical } of definitions) this.#definitions.set(id, canonical)
  }
}

export class InMemoryOwnerStore extends InMemoryDefinitions implements OwnerStore {
  readonly #sets = new Map<OwnerId, SetRows>()

  load(owner: OwnerId): StoredOwner | undefined {
    const rows = this.#sets.get(owner)
    if (!rows) return undefined
    const { version, floor, digest, records } = rows
    return { owner, version, floor, digest, records: [...records.values()] }
  }

  commit(change: SetChange, definitions: readonly InlineDefinition[] = []): void {
    this.putDefinitions(definitions)
    applyChange(this.#sets, change)
  }
}

export class InMemoryReplicaStore extends InMemoryDefinitions implements ReplicaStore {
  damagedDefinitions(): DefinitionId[] {
    return this.definitionIds().filter((id) => {
      const canonical = this.definition(id)
      return canonical !== undefined && !isDefinition(id, canonical)
    })
  }

  readonly #sets = new Map<OwnerId, SetRows>()

  load(): StoredSet[] {
    return [...this.#sets].map(([owner, { records, ...rows }]) => ({
      owner,
      ...rows,
      records: [...records.values()],
    }))
  }

  apply({ definitions = [], changes = [], forget = [], drop = [] }: ReplicaBatch): void {
    this.putDefinitions(definitions)
    for (const change of changes) applyChange(this.#sets, change)
    for (const owner of forget) {
      const rows = this.#sets.get(owner)
      if (!rows) continue
      rows.records.clear()
      rows.forgotten = true
    }
    for (const owner of drop) this.#sets.delete(owner)
  }
}

interface SetRows {
  version: Version
  floor: number
  digest: SetDigest
  forgotten: boolean
  readonly records: Map<string, OwnerRecord>
}

function applyChange(sets: Map<OwnerId, SetRows>, change: SetChange): void {
  const { kind, owner, version, floor, digest } = change
  const records = kind === 'whole' ? new Map<string, OwnerRecord>() : recordsOf(sets, owner)
  if (kind === 'adopt') {
    for (const [key, record] of records) {
      if (record.counter > version.counter)
        records.set(key, { ...record, counter: version.counter })
    }
  }
  for (const record of change.records) records.set(record.key, record)
  for (const [key, { body, counter }] of records) {
    if (body === null && counter <= floor) records.delete(key)
  }
  sets.set(owner, { version, floor, digest, forgotten: false, records })
}

function recordsOf(sets: Map<OwnerId, SetRows>, owner: OwnerId): Map<string, OwnerRecord> {
  return sets.get(owner)?.records ?? new Map<string, OwnerRecord>()
}
