import {
  changeRecords,
  createOwner,
  decodeListing,
  encodeInstanceSpec,
  encodeInstanceState,
  encodeListing,
  forgetTombstones,
  identifyDefinition,
  importEntrySchema,
  isMeridianError,
  limits,
  listingKey,
  MeridianError,
  ownerId,
  parse,
  Publisher,
  randomId,
  replicationLimits,
  serveHoldings,
  settleSet,
  specKey,
  startEpoch,
  startPulsing,
  stateKey,
  subjects,
  type Clock,
  type Definition,
  type DefinitionId,
  type ImportEntry,
  type ImportReply,
  type ImportRequest,
  type Imports,
  type InlineDefinition,
  type Log,
  type OwnerId,
  type OwnerStore,
  type Random,
  type RecordInput,
  type SetChange,
  type Sha256,
  type Subscription,
  type Transport,
} from '@meridian/shared'
import type { Place } from '../config.ts'
import type { FreshDefinitions } from './fresh-definitions.ts'

export interface ImporterOptions {
  readonly place: Place
  readonly store: OwnerStore
  /** Names the database behind the store. */
  readonly agentId: string
  readonly pulseMs: number
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Told of what was read. */
  readonly fresh?: FreshDefinitions | undefined
  /** What definitions are named with; `portableSha256` unless given. */
  readonly sha256?: Sha256 | undefined
}

/** Capacity of an endpoint of which nobody says how much it takes. */
const capacityUnknown = 100

/** What one source has brought: the run that brought it last, by key of its listing. */
type Runs = Map<string, string>

/**
 * What is imported is nobody's on any host, so a registry of a zone owns it: with an owner of its
 * own, beside the zone's agents, whose records reach everybody as theirs do, this registry
 * included. Nothing is written into the copies that it holds of others.
 *
 *     entries ─▶ definition + listing (+ instance, where an endpoint is known) ─▶ own set ─▶ delta
 */
export class Importer {
  readonly owner: OwnerId
  readonly #options: ImporterOptions
  readonly #set: ReturnType<typeof createOwner>
  readonly publisher: Publisher
  readonly #runs = new Map<string, Runs>()
  #subscription: Subscription | undefined
  #pulsing: { close(): void } | undefined

  constructor(options: ImporterOptions) {
    this.#options = options
    const { place, store } = options
    const at = { region: place.region, zone: place.zone, node: nodeOf(place) }
    this.owner = ownerId({ ...at, id: 'import' })
    this.#set = createOwner(this.owner, store.load(this.owner))
    this.publisher = new Publisher({
      ...options,
      set: this.#set,
      subject: subjects.delta(at),
      tiers: ['local', 'regional'],
      definition: (id) => store.definition(id),
      startEpochAbove: (above) => {
        this.#commit(startEpoch(this.#set, options.random, above))
      },
    })
  }

  /** Says nothing as long as nothing was ever imported here. */
  start(): void {
    if (this.#set.version.counter > 0 || this.#set.records.size > 0) this.#speak()
  }

  close(): void {
    this.#pulsing?.close()
    this.publisher.close()
    this.#subscription?.unsubscribe()
  }

  imports(): Imports {
    const sources = new Map<string, number>()
    for (const record of this.#set.records.live()) {
      if (!record.key.startsWith('l/')) continue
      const { source } = decodeListing(record)
      sources.set(source, (sources.get(source) ?? 0) + 1)
    }
    const sorted = [...sources].sort(([a], [b]) => (a < b ? -1 : 1))
    return {
      owner: this.owner,
      sources: sorted.map(([source, listings]) => ({ source, listings })),
    }
  }

  /**
   * Takes in one request of a run; what cannot be used is named and left out. Errors: `storage_full`,
   * `data_unwritable`; `conflict` when a run is said to be complete of which this registry, started
   * again meanwhile, has not seen the beginning.
   */
  take({ source, run, entries, complete }: ImportRequest): ImportReply {
    const runs = this.#runs.get(source) ?? new Map<string, string>()
    const isKnown = [...runs.values()].includes(run)
    this.#runs.set(source, runs)
    // The same server twice in one request is one server.
    const puts = new Map<string, RecordInput>()
    const definitions: InlineDefinition[] = []
    const read = new Map<DefinitionId, Definition>()
    const refused: ImportReply['refused'] = []
    const counts = { added: 0, changed: 0, unchanged: 0 }
    for (const [index, input] of entries.entries()) {
      try {
        const made = this.#recordsOf(parse(importEntrySchema, input, 'the entry'), source)
        const before = this.#set.records.get(made.listing.key)
        if (before === undefined || before.body === null) counts.added += 1
        else if (made.records.every((record) => this.#has(record))) counts.unchanged += 1
        else counts.changed += 1
        for (const record of made.records) puts.set(record.key, record)
        definitions.push(made.definition)
        read.set(made.definition.id, made.read)
        runs.set(made.listing.key, run)
      } catch (error) {
        if (!isMeridianError(error)) throw error
        refused.push({ index, reason: error.message })
      }
    }
    if (puts.size > 0 && this.#apply({ puts: [...puts.values()], removes: [] }, definitions))
      this.#options.fresh?.put(read)
    const removed = complete ? this.#prune(source, run, runs, isKnown || entries.length > 0) : 0
    return { ...counts, removed, refused }
  }

  #recordsOf(entry: ImportEntry, source: string) {
    const { clock, sha256 } = this.#options
    const { id, canonical, definition: read } = identifyDefinition(entry.definition, sha256)
    const now = clock.wall()
    const before = this.#listed(id)
    const publishedAt = timeOf(entry.publishedAt) ?? before?.publishedAt ?? now
    const updatedAt = timeOf(entry.updatedAt) ?? before?.updatedAt ?? publishedAt
    const { status, endpoint } = entry
    const isKnown = endpoint !== undefined && status !== 'deleted'
    const listing = encodeListing({
      definition: id,
      status,
      publishedAt,
      updatedAt,
      source,
      // What was published says where it runs.
      ...(isKnown && !read.serverJson && { endpoint }),
    })
    const records: RecordInput[] = [listing]
    if (isKnown) {
      const instance = instanceOf(listing.key)
      const metadata = { source }
      const spec = { id: instance, definition: id, endpoint, metadata, capacity: capacityUnknown }
      // Nobody checks it, so whatever is checked comes before it.
      const state = { id: instance, status: 'warning', weight: 100, draining: false } as const
      records.push(encodeInstanceSpec(spec), encodeInstanceState(state))
    }
    return { listing, records, definition: { id, canonical }, read }
  }

  #listed(definition: string) {
    const record = this.#set.records.get(listingKey(definition))
    return record && record.body !== null ? decodeListing(record) : undefined
  }

  #has(input: RecordInput): boolean {
    const record = this.#set.records.get(input.key)
    if (!record || record.body === null) return false
    return record.definition === input.definition && Buffer.compare(record.body, input.body) === 0
  }

  #prune(source: string, run: string, runs: Runs, isSeen: boolean): number {
    if (!isSeen) {
      throw new MeridianError(
        'conflict',
        `nothing of the run ${run} of ${source} was seen here since the start: import it again, whole`,
      )
    }
    const removes: string[] = []
    for (const record of this.#set.records.live()) {
      if (!record.key.startsWith('l/') || runs.get(record.key) === run) continue
      if (decodeListing(record).source !== source) continue
      const instance = instanceOf(record.key)
      removes.push(record.key)
      if (this.#set.records.get(specKey(instance)))
        removes.push(specKey(instance), stateKey(instance))
      runs.delete(record.key)
    }
    const listings = removes.filter((key) => key.startsWith('l/')).length
    if (removes.length > 0) this.#apply({ puts: [], removes }, [])
    return listings
  }

  /** Returns whether that changed anything. */
  #apply(
    records: { readonly puts: readonly RecordInput[]; readonly removes: readonly string[] },
    definitions: readonly InlineDefinition[],
  ): boolean {
    this.#speak()
    const change = changeRecords(this.#set, records)
    if (!change) return false
    this.#commit(change, definitions)
    this.publisher.changed()
    if (this.#set.records.tombstones <= 2 * replicationLimits.tombstonesKept) return true
    const forgotten = forgetTombstones(this.#set)
    if (forgotten) this.#commit(forgotten)
    return true
  }

  #commit(change: SetChange, definitions: readonly InlineDefinition[] = []): void {
    this.#options.store.commit(change, definitions)
    settleSet(this.#set, change)
  }

  /** From the first import on this owner lives: it begins an epoch, answers for its set and pulses. */
  #speak(): void {
    if (this.#subscription) return
    const { place, store, transport, clock, random, log, pulseMs, agentId } = this.#options
    const at = { region: place.region, zone: place.zone, node: nodeOf(place) }
    this.#commit(startEpoch(this.#set, random))
    this.#subscription = serveHoldings({
      transport,
      clock,
      log,
      subject: (method) => subjects.rpcNode(at, method),
      find: (owner) => (owner === this.owner ? this.#set : undefined),
      definition: (id) => store.definition(id),
    })
    this.publisher.start()
    this.#pulsing = startPulsing({
      transport,
      clock,
      log,
      set: this.#set,
      subject: subjects.pulse(at),
      runId: randomId(random),
      agentId,
      pulseMs,
    })
  }
}

/** What an importer stands under beside the zone's nodes; no node may be named so long. */
function nodeOf({ replica }: Place): string {
  return `import-${replica}`.slice(0, limits.localityPartMax).replace(/-+$/, '')
}

function instanceOf(key: string): string {
  return `import-${key.slice(2)}`
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Math.max(0, Date.parse(text))
}
