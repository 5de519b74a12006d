import {
  changeRecords,
  createOwner,
  encodeInstanceSpec,
  encodeInstanceState,
  identifyDefinition,
  instanceSpecSchema,
  instanceStateSchema,
  MeridianError,
  settleSet,
  specKey,
  startEpoch,
  stateKey,
  type DefinitionId,
  type DefinitionInput,
  type Endpoint,
  type IdentifiedDefinition,
  type InlineDefinition,
  type InstanceCatalog,
  type Log,
  type OwnerId,
  type OwnerState,
  type OwnerStore,
  type Random,
  type RegisteredInstance,
  type Registration,
} from '@meridian/shared'
import { isDeepStrictEqual } from 'node:util'
import type { RegisterOutcome } from '../http/routes.ts'
import {
  createRow,
  toRegistered,
  type RegistrationRow,
  type RegistrationStore,
} from './registration-row.ts'

/** Instances of one agent. A host does not run more; a runaway script might ask for more. */
export const instancesMax = 100_000

export interface RegistrarOptions {
  readonly owner: OwnerId
  readonly store: OwnerStore
  readonly registrations: RegistrationStore
  readonly catalog: InstanceCatalog
  readonly random: Random
  readonly log: Log
  /** Asks a running server what it is. Errors as `introspect`'s. */
  readonly introspect: (
    endpoint: Endpoint,
    fallbackName: string,
  ) => Promise<{ readonly definitionInput: DefinitionInput }>
  /** The owner's set has changed, durably: let others know. */
  readonly onCommitted: () => void
}

/**
 * The instances of this node. An instance that was acknowledged is on disk (invariant 1): its
 * row, its two records and the version that stamps them are one transaction.
 */
export class Registrar {
  /** The set that this node owns, as others will hear of it. */
  readonly set: OwnerState
  readonly #options: RegistrarOptions
  readonly #rows = new Map<string, RegistrationRow>()
  /** How many instances name each definition. */
  readonly #uses = new Map<DefinitionId, number>()
  /** Ids in order, for paging; undefined when it has to be made again. */
  #order: readonly string[] | undefined
  /** Registrations under way, by id: one after the other, so that the last to ask is the last word. */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(options: RegistrarOptions) {
    this.#options = options
    this.set = createOwner(options.owner, options.store.load(options.owner))
    const epoch = startEpoch(this.set, options.random)
    options.store.commit(epoch)
    settleSet(this.set, epoch)
    for (const row of options.registrations.all()) {
      this.#rows.set(row.spec.id, row)
      this.#use(row.definition.id)
    }
  }

  /** Shows in the catalog what the disk gave back. */
  showStored(): void {
    const { catalog, owner } = this.#options
    const keys = [...this.set.records.live()].map(({ key }) => ({ key }))
    catalog.apply(owner, keys)
    for (const row of this.#rows.values()) if (row.private) this.#showPrivate(row)
  }

  get size(): number {
    return this.#rows.size
  }

  /** Instances that others hear of. */
  get published(): number {
    // Two records each.
    return this.set.records.size / 2
  }

  get(id: string): RegisteredInstance | undefined {
    const row = this.#rows.get(id)
    return row && toRegistered(row)
  }

  /** Up to `limit` instances whose ids follow `after`. */
  page(after: string, limit: number): RegisteredInstance[] {
    this.#order ??= [...this.#rows.keys()].sort()
    const page: RegisteredInstance[] = []
    for (let at = firstAfter(this.#order, after); at < this.#order.length; at += 1) {
      if (page.length === limit) break
      const row = this.#rows.get(this.#order[at] ?? '')
      if (row) page.push(toRegistered(row))
    }
    return page
  }

  /**
   * Registers, or replaces what is registered under the id. Errors: `conflict` when the id is
   * another registrant's, `storage_full`, those of introspection and of definitions.
   */
  register(id: string, registration: Registration): Promise<RegisterOutcome> {
    return this.#inTurn(id, async () => {
      this.#refuseOthers(id, registration.registrant)
      const identified = await this.#identify(id, registration)
      return this.#commit(id, registration, identified)
    })
  }

  /** Errors: `not_found`, `conflict`. */
  deregister(id: string, registrant: string): void {
    const row = this.#rows.get(id)
    if (row === undefined) {
      throw new MeridianError('not_found', `no instance ${JSON.stringify(id)} is registered here`)
    }
    this.#refuseOthers(id, registrant)
    const { owner, store, registrations, catalog, onCommitted } = this.#options
    const change = changeRecords(this.set, { removes: [specKey(id), stateKey(id)] })
    registrations.transaction(() => {
      if (change) store.commit(change)
      registrations.remove(id)
    })
    this.#rows.delete(id)
    this.#order = undefined
    if (change) catalog.apply(owner, settleSet(this.set, change))
    else catalog.remove(owner, id)
    this.#unuse(row.definition.id)
    if (change) onCommitted()
  }

  #commit(
    id: string,
    registration: Registration,
    { id: definitionId, definition, canonical }: IdentifiedDefinition,
  ): RegisterOutcome {
    const { owner, store, registrations, catalog, onCommitted } = this.#options
    const before = this.#rows.get(id)
    if (before === undefined && this.#rows.size >= instancesMax) {
      throw new MeridianError('storage_full', `${instancesMax} instances are registered, the limit`)
    }
    const { endpoint, metadata, capacity, weight, registrant } = registration
    const spec = instanceSpecSchema.parse({
      id,
      definition: definitionId,
      endpoint,
      metadata,
      capacity,
    })
    const state = instanceStateSchema.parse({
      id,
      // It was reached just now, or the registrant vouches for it.
      status: 'passing',
      weight,
      draining: before?.state.draining ?? false,
    })
    const row = createRow(registrant, spec, state, definitionId, definition)
    if (isDeepStrictEqual(row, before)) return { change: 'unchanged', instance: toRegistered(row) }

    const keys = [specKey(id), stateKey(id)]
    const change = row.private
      ? changeRecords(this.set, { removes: keys })
      : changeRecords(this.set, {
          puts: [encodeInstanceSpec(spec), encodeInstanceState(state)],
        })
    const inline: InlineDefinition = {
      id: definitionId,
      canonical: new TextEncoder().encode(canonical),
    }
    registrations.transaction(() => {
      // A private definition is kept as well: this agent's own lookups need it after a restart.
      if (change) store.commit(change, [inline])
      else store.putDefinitions([inline])
      registrations.put(row)
    })
    this.#rows.set(id, row)
    this.#order = undefined
    if (change) catalog.apply(owner, settleSet(this.set, change))
    if (row.private) catalog.put(owner, spec, state, definition)
    this.#use(definitionId)
    if (before) this.#unuse(before.definition.id)
    if (change) onCommitted()
    return { change: before ? 'replaced' : 'created', instance: toRegistered(row) }
  }

  async #identify(id: string, registration: Registration): Promise<IdentifiedDefinition> {
    const { endpoint, definition, tags } = registration
    const input = definition ?? (await this.#options.introspect(endpoint, id)).definitionInput
    return identifyDefinition({ ...input, tags: [...(input.tags ?? []), ...tags] })
  }

  #refuseOthers(id: string, registrant: string): void {
    const holder = this.#rows.get(id)?.registrant
    if (holder === undefined || holder === registrant) return
    throw new MeridianError(
      'conflict',
      `the id ${JSON.stringify(id)} is held by the registrant ${JSON.stringify(holder)}, not by ${JSON.stringify(registrant)}: choose another id, or have the holder deregister it`,
    )
  }

  #showPrivate(row: RegistrationRow): void {
    const { catalog, owner, log } = this.#options
    const definition = catalog.definition(row.definition.id)
    if (definition === undefined) {
      log.error({ instance: row.spec.id }, 'a private instance has lost its definition')
      return
    }
    catalog.put(owner, row.spec, row.state, definition)
  }

  #use(id: DefinitionId): void {
    this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1)
  }

  /** Lets go of a definition that no instance here names any more. */
  #unuse(id: DefinitionId): void {
    const uses = (this.#uses.get(id) ?? 0) - 1
    if (uses > 0) {
      this.#uses.set(id, uses)
      return
    }
    this.#uses.delete(id)
    this.#options.store.removeDefinitions([id])
  }

  async #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(id)
    const turn = (async () => {
      await before?.catch(() => undefined)
      return await work()
    })()
    this.#turns.set(id, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id)
    }
  }
}

function firstAfter(sorted: readonly string[], text: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? '') > text) high = middle
    else low = middle + 1
  }
  return low
}
