import {
  changeRecords,
  createOwner,
  decodeInstanceSpec,
  decodeInstanceState,
  encodeInstanceSpec,
  encodeInstanceState,
  forgetTombstones,
  MeridianError,
  readDefinition,
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
  type SetChange,
} from '@meridian/shared'
import { CommitQueue, type EditOutcome } from './commit-queue.ts'
import {
  summarize,
  type NumberedRow,
  type Published,
  type RegistrationRow,
  type RegistrationStore,
} from './registration-row.ts'

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
export interface Edit<T = unknown> {
  readonly id: string
  /** Sees what edits before it leave behind; may be called more than once; throws to refuse. */
  readonly plan: (row: RegistrationRow | undefined) => Plan<T>
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
  readonly #held = new Map<string, Held>()
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
    const summaries = new Map<DefinitionId, RegistrationRow['definition']>()
    const published = (id: string) => publishedOf(id, this.set, options.store, summaries)
    for (const [number, row] of options.registrations.all(published)) {
      this.#held.set(row.spec.id, { number, row })
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
    return this.#held.size
  }

  /** Instances that others hear of. */
  get published(): number {
    // Two records each.
    return this.set.records.size / 2
  }

  get(id: string): RegistrationRow | undefined {
    return this.#held.get(id)?.row
  }

  *rows(): Iterable<RegistrationRow> {
    for (const { row } of this.#held.values()) yield row
  }

  /** Up to `limit` rows whose ids follow `after`. */
  page(after: string, limit: number): RegistrationRow[] {
    this.#order ??= [...this.#held.keys()].sort()
    const page: RegistrationRow[] = []
    for (let at = firstAfter(this.#order, after); at < this.#order.length; at += 1) {
      if (page.length === limit) break
      const row = this.get(this.#order[at] ?? '')
      if (row) page.push(row)
    }
    return page
  }

  /** Resolves once durable, with the plan's value. Errors: `busy`, `storage_full`, the plan's. */
  edit<T>(id: string, plan: (row: RegistrationRow | undefined) => Plan<T>): Promise<T> {
    return this.#queue.add<T>({ id, plan })
  }

  /** The same of many that came together: what came of each, in their order. */
  editMany<T>(edits: readonly Edit<T>[]): Promise<readonly EditOutcome<T>[]> {
    return this.#queue.addMany(edits)
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
    for (const row of this.rows()) {
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
    const after = new Map<string, Changing>()
    const outcomes = edits.map((edit) => this.#plan(edit, after))
    if (after.size > 0) {
      const change = changeRecords(this.set, recordsOf(after))
      const gone = this.#unnamedAfter(after)
      this.#write(after, change, gone)
      this.#settle(after, change)
    }
    return outcomes
  }

  #plan({ id, plan }: Edit, after: Map<string, Changing>): EditOutcome {
    try {
      const changing = after.get(id)
      const held = changing === undefined ? this.#held.get(id) : changing.held
      const present = changing === undefined ? held?.row : (changing.next ?? undefined)
      const { value, next, definition } = plan(present)
      if (next !== undefined) {
        if (present === undefined && next !== null) this.#refuseTooMany(after)
        if (changing === undefined) after.set(id, { held, next, definition })
        else {
          changing.next = next
          // An earlier edit of this batch may have brought the definition that this one leaves be.
          changing.definition = definition ?? changing.definition
        }
      }
      return { kind: 'done', value }
    } catch (error) {
      return { kind: 'refused', error }
    }
  }

  #refuseTooMany(after: ReadonlyMap<string, Changing>): void {
    if (this.#held.size + after.size < instancesMax) return
    throw new MeridianError('storage_full', `${instancesMax} instances are registered, the limit`)
  }

  #write(
    after: ReadonlyMap<string, Changing>,
    change: SetChange | undefined,
    gone: readonly DefinitionId[],
  ): void {
    const { store, registrations } = this.#options
    const inline = this.#newDefinitions(after)
    const puts: NumberedRow[] = []
    const removes: number[] = []
    for (const changing of after.values()) {
      const { held, next } = changing
      if (next) {
        const number = held?.number ?? (this.#lastNumber += 1)
        changing.after = { number, row: next }
        puts.push([number, next])
      } else if (held) removes.push(held.number)
    }
    registrations.transaction(() => {
      // A private definition is kept as well: this agent's own lookups need it after a restart.
      if (change) store.commit(change, inline)
      else if (inline.length > 0) store.putDefinitions(inline)
      registrations.write(puts, removes)
      if (gone.length > 0) store.removeDefinitions(gone)
    })
  }

  #newDefinitions(after: ReadonlyMap<string, Changing>): InlineDefinition[] {
    const inline = new Map<DefinitionId, InlineDefinition>()
    for (const { next, definition } of after.values()) {
      if (!next || definition?.id !== next.definition.id || this.#uses.has(definition.id)) continue
      if (inline.has(definition.id)) continue
      const { id, canonical } = definition
      inline.set(id, { id, canonical })
    }
    return [...inline.values()]
  }

  #settle(after: ReadonlyMap<string, Changing>, change: SetChange | undefined): void {
    const { owner, catalog, onCommitted, onChanged } = this.#options
    for (const [id, { held, next, after: now }] of after) {
      if ((held === undefined) !== (now === undefined)) this.#order = undefined
      if (next) this.#use(next.definition.id)
      if (held) this.#unuse(held.row.definition.id)
      if (now) this.#held.set(id, now)
      else {
        this.#held.delete(id)
        // Its records' end, where it had any, is told below.
        if (held?.row.private) catalog.remove(owner, id)
      }
    }
    if (change) this.#showChanged(after, settleSet(this.set, change))
    for (const { next, definition } of after.values()) {
      if (next?.private) this.#show(next, definition)
    }
    this.#forgetTombstones()
    if (onChanged) for (const [id, { next }] of after) onChanged(id, next ?? undefined)
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
  #showChanged(after: ReadonlyMap<string, Changing>, events: readonly RecordEvent[]): void {
    const { catalog, owner } = this.#options
    const unseen: RecordEvent[] = []
    let shown = ''
    for (const event of events) {
      const id = idOfRecord(event.key)
      // An instance's records follow one another.
      if (id === shown) continue
      const { next, definition } = after.get(id) ?? {}
      if (next && !next.private && this.#show(next, definition)) shown = id
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
  #unnamedAfter(after: ReadonlyMap<string, Changing>): DefinitionId[] {
    const uses = new Map<DefinitionId, number>()
    const add = (id: DefinitionId, count: number) => {
      uses.set(id, (uses.get(id) ?? this.#uses.get(id) ?? 0) + count)
    }
    for (const { held, next } of after.values()) {
      if (!held) continue
      add(held.row.definition.id, -1)
      if (next) add(next.definition.id, 1)
    }
    if (uses.size === 0) return []
    for (const { held, next } of after.values()) if (!held && next) add(next.definition.id, 1)
    return [...uses].filter(([, count]) => count === 0).map(([id]) => id)
  }
}

interface Held {
  /** Under which the row is stored. */
  readonly number: number
  readonly row: RegistrationRow
}

/** What becomes of one instance in a commit. */
interface Changing {
  readonly held: Held | undefined
  /** null: it goes. */
  next: RegistrationRow | null
  definition: IdentifiedDefinition | undefined
  /** As it is stored. */
  after?: Held
}

/**
 * What the set's records say of an instance, and its definition of itself; undefined where one of
 * them is not there. `summaries`: of definitions that were read before.
 */
function publishedOf(
  id: string,
  { records }: OwnerState,
  store: OwnerStore,
  summaries: Map<DefinitionId, RegistrationRow['definition']>,
): Published | undefined {
  const [spec, state] = [records.get(specKey(id)), records.get(stateKey(id))]
  if (!spec || !state || spec.definition === undefined) return undefined
  const known = summaries.get(spec.definition)
  const bytes = known ? undefined : store.definition(spec.definition)
  const definition = known ?? (bytes && summarize(spec.definition, readDefinition(bytes)))
  if (!definition) return undefined
  summaries.set(spec.definition, definition)
  return { spec: decodeInstanceSpec(spec), state: decodeInstanceState(state), definition }
}

function recordsOf(after: ReadonlyMap<string, Changing>): {
  readonly puts: RecordInput[]
  readonly removes: string[]
} {
  const puts: RecordInput[] = []
  const removes: string[] = []
  for (const [id, { held, next }] of after) {
    if (!next || next.private) {
      if (held) removes.push(specKey(id), stateKey(id))
      continue
    }
    const before = held?.row
    // Most changes are of the state alone.
    if (before?.spec !== next.spec || before.private) puts.push(encodeInstanceSpec(next.spec))
    puts.push(encodeInstanceState(next.state))
  }
  return { puts, removes }
}

/** Of a key as `specKey` and `stateKey` make them; all here are. */
function idOfRecord(key: string): string {
  return key.slice(2)
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
