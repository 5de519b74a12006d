import {
  changeRecords,
  createOwner,
  encodeInstanceSpec,
  encodeInstanceState,
  forgetTombstones,
  MeridianError,
  parseRecordKey,
  replicationLimits,
  settleSet,
  specKey,
  startEpoch,
  stateKey,
  type DefinitionId,
  type IdentifiedDefinition,
  type InlineDefinition,
  type InstanceCatalog,
  type Log,
  type OwnerId,
  type OwnerState,
  type OwnerStore,
  type Random,
  type RecordEvent,
  type RecordInput,
} from '@meridian/shared'
import { CommitQueue, type EditOutcome } from './commit-queue.ts'
import type { RegistrationRow, RegistrationStore } from './registration-row.ts'

/** Instances of one agent. A host does not run more; a runaway script might ask for more. */
export const instancesMax = 100_000

export interface InstanceSetOptions {
  readonly owner: OwnerId
  readonly store: OwnerStore
  readonly registrations: RegistrationStore
  readonly catalog: InstanceCatalog
  readonly random: Random
  readonly log: Log
  /** As `CommitQueueOptions.defer`; at the end of the present task unless given. */
  readonly defer?: ((task: () => void) => void) | undefined
  /** The owner's set has changed, durably: let others know. */
  readonly onCommitted: () => void
  /** A row came, changed or went, durably. */
  readonly onChanged?: (id: string, row: RegistrationRow | undefined) => void
}

/** One change of one instance, decided when its turn comes. */
export interface Edit {
  readonly id: string
  /** Sees what edits before it leave behind; may be called more than once; throws to refuse. */
  readonly plan: (row: RegistrationRow | undefined) => Plan
}

export interface Plan<T = unknown> {
  /** What whoever asked is told once it is durable. */
  readonly value: T
  /** The row from now on; null removes it; absent, nothing changes. */
  readonly next?: RegistrationRow | null
  /** The one that `next` names, where it may be new. */
  readonly definition?: IdentifiedDefinition
}

/**
 * The instances of this node: the rows, the records that others see, and the definitions that
 * these name, always changed together. An instance that was acknowledged is on disk (invariant 1):
 * its row, its two records and the version that stamps them are one transaction, which it may
 * share with others.
 */
export class InstanceSet {
  /** The set that this node owns, as others will hear of it. */
  readonly set: OwnerState
  readonly #options: InstanceSetOptions
  readonly #rows = new Map<string, RegistrationRow>()
  /** Under which each row is stored. */
  readonly #numbers = new Map<string, number>()
  #lastNumber = 0
  /** How many instances name each definition. */
  readonly #uses = new Map<DefinitionId, number>()
  /** Ids in order, for paging; undefined when it has to be made again. */
  #order: readonly string[] | undefined
  readonly #queue: CommitQueue<Edit>

  /** Changes that wait to be written. */
  get waiting(): number {
    return this.#queue.size
  }

  constructor(options: InstanceSetOptions) {
    this.#options = options
    this.set = loadOwner(options.owner, options.store)
    const epoch = startEpoch(this.set, options.random)
    options.store.commit(epoch)
    settleSet(this.set, epoch)
    for (const [number, row] of options.registrations.all()) {
      this.#rows.set(row.spec.id, row)
      this.#numbers.set(row.spec.id, number)
      this.#lastNumber = Math.max(this.#lastNumber, number)
      this.#use(row.definition.id)
    }
    // Earlier agents removed them after the change, and may have ended in between.
    const unused = options.store.definitionIds().filter((id) => !this.#uses.has(id))
    if (unused.length > 0) options.store.removeDefinitions(unused)
    this.#queue = new CommitQueue({
      defer: options.defer ?? queueMicrotask,
      commit: (edits) => this.#commit(edits),
    })
  }

  get size(): number {
    return this.#rows.size
  }

  /** Instances that others hear of. */
  get published(): number {
    // Two records each.
    return this.set.records.size / 2
  }

  get(id: string): RegistrationRow | undefined {
    return this.#rows.get(id)
  }

  rows(): Iterable<RegistrationRow> {
    return this.#rows.values()
  }

  /** Up to `limit` rows whose ids follow `after`. */
  page(after: string, limit: number): RegistrationRow[] {
    this.#order ??= [...this.#rows.keys()].sort()
    const page: RegistrationRow[] = []
    for (let at = firstAfter(this.#order, after); at < this.#order.length; at += 1) {
      if (page.length === limit) break
      const row = this.#rows.get(this.#order[at] ?? '')
      if (row) page.push(row)
    }
    return page
  }

  /** Resolves once durable, with the plan's value. Errors: `busy`, `storage_full`, the plan's. */
  edit<T>(id: string, plan: (row: RegistrationRow | undefined) => Plan<T>): Promise<T> {
    return this.#queue.add<T>({ id, plan })
  }

  /** The same at once, after all that waits. */
  editNow<T>(id: string, plan: (row: RegistrationRow | undefined) => Plan<T>): T {
    return this.#queue.now({ id, plan }) as T
  }

  /** Shows in the catalog what the disk gave back. */
  showStored(): void {
    const { catalog, owner, log } = this.#options
    catalog.apply(
      owner,
      [...this.set.records.live()].map((after) => ({ key: after.key, after })),
    )
    for (const row of this.#rows.values()) {
      if (!row.private) continue
      const definition = catalog.definition(row.definition.id)
      if (definition) catalog.put(owner, row.spec, row.state, definition)
      else log.error({ instance: row.spec.id }, 'a private instance has lost its definition')
    }
  }

  /** Writes what waits, and nothing more. */
  close(): void {
    this.#queue.close()
  }

  #commit(edits: readonly Edit[]): EditOutcome[] {
    const after = new Map<string, Plan>()
    const outcomes = edits.map((edit) => this.#plan(edit, after))
    if (after.size > 0) {
      const change = changeRecords(this.set, this.#recordsOf(after))
      const numbers = this.#numbered(after)
      this.#write(after, change, numbers)
      this.#settle(after, change, numbers)
    }
    return outcomes
  }

  #plan({ id, plan }: Edit, after: Map<string, Plan>): EditOutcome {
    try {
      const planned = after.get(id)
      const present = planned === undefined ? this.#rows.get(id) : (planned.next ?? undefined)
      const step = plan(present)
      if (step.next === undefined) return { kind: 'done', value: step.value }
      if (present === undefined && step.next !== null) this.#refuseTooMany(after)
      // An earlier edit of this batch may have brought the definition that this one leaves be.
      const definition = step.definition ?? planned?.definition
      after.set(
        id,
        definition === step.definition ? step : { ...step, ...(definition && { definition }) },
      )
      return { kind: 'done', value: step.value }
    } catch (error) {
      return { kind: 'refused', error }
    }
  }

  #refuseTooMany(after: ReadonlyMap<string, Plan>): void {
    if (this.#rows.size + after.size < instancesMax) return
    throw new MeridianError('storage_full', `${instancesMax} instances are registered, the limit`)
  }

  #recordsOf(after: ReadonlyMap<string, Plan>): { puts: RecordInput[]; removes: string[] } {
    const puts: RecordInput[] = []
    const removes: string[] = []
    for (const [id, { next }] of after) {
      if (!next || next.private) {
        removes.push(specKey(id), stateKey(id))
        continue
      }
      const before = this.#rows.get(id)
      // Most changes are of the state alone.
      if (before?.spec !== next.spec || before.private) puts.push(encodeInstanceSpec(next.spec))
      puts.push(encodeInstanceState(next.state))
    }
    return { puts, removes }
  }

  /** Under which numbers those are stored, or were, that `after` is about; new ones follow on. */
  #numbered(after: ReadonlyMap<string, Plan>): Map<string, number> {
    const numbers = new Map<string, number>()
    for (const [id, { next }] of after) {
      const number = this.#numbers.get(id) ?? (next ? (this.#lastNumber += 1) : undefined)
      if (number !== undefined) numbers.set(id, number)
    }
    return numbers
  }

  #write(
    after: ReadonlyMap<string, Plan>,
    change: ReturnType<typeof changeRecords>,
    numbers: ReadonlyMap<string, number>,
  ): void {
    const { store, registrations } = this.#options
    const inline = new Map<DefinitionId, InlineDefinition>()
    for (const { next, definition } of after.values()) {
      if (!next || definition?.id !== next.definition.id || this.#uses.has(definition.id)) continue
      if (inline.has(definition.id)) continue
      const { id, canonical } = definition
      inline.set(id, { id, canonical })
    }
    const gone = this.#unnamedAfter(after)
    registrations.transaction(() => {
      // A private definition is kept as well: this agent's own lookups need it after a restart.
      if (change) store.commit(change, [...inline.values()])
      else if (inline.size > 0) store.putDefinitions([...inline.values()])
      for (const [id, number] of numbers) {
        const next = after.get(id)?.next
        if (next) registrations.put(number, next)
        else registrations.remove(number)
      }
      if (gone.length > 0) store.removeDefinitions(gone)
    })
  }

  #settle(
    after: ReadonlyMap<string, Plan>,
    change: ReturnType<typeof changeRecords>,
    numbers: ReadonlyMap<string, number>,
  ): void {
    const { owner, catalog, onCommitted, onChanged } = this.#options
    for (const [id, { next }] of after) {
      const before = this.#rows.get(id)
      if ((before === undefined) !== (next == null)) this.#order = undefined
      if (next) this.#use(next.definition.id)
      if (before) this.#unuse(before.definition.id)
      const number = numbers.get(id)
      if (next && number !== undefined) {
        this.#rows.set(id, next)
        this.#numbers.set(id, number)
      } else {
        this.#rows.delete(id)
        this.#numbers.delete(id)
        // Its records' end, where it had any, is told below.
        if (before?.private) catalog.remove(owner, id)
      }
    }
    if (change) this.#showChanged(after, settleSet(this.set, change))
    for (const { next, definition } of after.values()) {
      if (next?.private) this.#show(next, definition)
    }
    this.#forgetTombstones()
    for (const [id, { next }] of after) onChanged?.(id, next ?? undefined)
    if (change) onCommitted()
  }

  /** Instances come and go; those that went are remembered for a while, not for ever. */
  #forgetTombstones(): void {
    if (this.set.records.tombstones <= 2 * replicationLimits.tombstonesKept) return
    const forgotten = forgetTombstones(this.set)
    if (!forgotten) return
    try {
      this.#options.store.commit(forgotten)
    } catch (error) {
      this.#options.log.warn({ err: error }, 'tombstones not forgotten')
      return
    }
    settleSet(this.set, forgotten)
  }

  /** What has just been written need not be read out of its records again. */
  #showChanged(after: ReadonlyMap<string, Plan>, events: readonly RecordEvent[]): void {
    const { catalog, owner } = this.#options
    const shown = new Set<string>()
    const unseen: RecordEvent[] = []
    for (const event of events) {
      const parts = parseRecordKey(event.key)
      const id = parts?.kind === 'spec' || parts?.kind === 'state' ? parts.id : ''
      if (shown.has(id)) continue
      const { next, definition } = after.get(id) ?? {}
      if (next && !next.private && this.#show(next, definition)) shown.add(id)
      else unseen.push(event)
    }
    if (unseen.length > 0) catalog.apply(owner, unseen)
  }

  /** False where its definition is nowhere to be found. */
  #show(row: RegistrationRow, definition: IdentifiedDefinition | undefined): boolean {
    const { catalog, owner } = this.#options
    const { id } = row.definition
    if (catalog.head(id)) {
      catalog.put(owner, row.spec, row.state)
      return true
    }
    const known = definition?.id === id ? definition.definition : catalog.definition(id)
    if (known) catalog.put(owner, row.spec, row.state, known)
    return known !== undefined
  }

  #use(id: DefinitionId): void {
    this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1)
  }

  #unuse(id: DefinitionId): void {
    const uses = (this.#uses.get(id) ?? 0) - 1
    if (uses > 0) this.#uses.set(id, uses)
    else this.#uses.delete(id)
  }

  /** Definitions that no instance here will name any more. */
  #unnamedAfter(after: ReadonlyMap<string, Plan>): DefinitionId[] {
    const uses = new Map<DefinitionId, number>()
    const add = (id: DefinitionId, count: number) => {
      uses.set(id, (uses.get(id) ?? this.#uses.get(id) ?? 0) + count)
    }
    for (const [id, { next }] of after) {
      const before = this.#rows.get(id)
      if (before) add(before.definition.id, -1)
      if (next) add(next.definition.id, 1)
    }
    return [...uses].filter(([, count]) => count === 0).map(([id]) => id)
  }
}

/** Errors: `data_damaged` where the records are not those that were committed. */
function loadOwner(owner: OwnerId, store: OwnerStore): OwnerState {
  const stored = store.load(owner)
  const set = createOwner(owner, stored)
  if (!stored || set.records.digest === stored.digest) return set
  throw new MeridianError(
    'data_damaged',
    "the registrations in the agent's database do not match their own checksum: move agent.db away and start again; the servers of this host have to register again",
  )
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
