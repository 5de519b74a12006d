import {
  changeRecords,
  completeSet,
  createOwner,
  exchangeLimits,
  encodeSummaryRow,
  encodeZoneReading,
  forgetTombstones,
  isMeridianError,
  logFailure,
  Publisher,
  replicationLimits,
  serveHoldings,
  settleSet,
  startEpoch,
  startAnnouncing,
  subjects,
  wholeRegion,
  zoneKey,
  ownerId,
  type Cancel,
  type CapabilityIndex,
  type Clock,
  type DefinitionId,
  type Holdings,
  type Log,
  type OwnerId,
  type OwnerRecord,
  type OwnerStore,
  type Random,
  type RecordEvent,
  type RecordInput,
  type RecordSet,
  type SetChange,
  type Subscription,
  type Transport,
  type ZoneReading,
} from '@meridian/shared'
import { ListingCopies } from './listing-copies.ts'
import { SummaryCounts } from './summary-counts.ts'

/** Changes of rows are gathered for so long, or until so many are touched. */
const coalesceMs = 250
const coalesceRows = 50
/** How long rows wait that a full disk did not take. */
const retryMs = 1_000
/**
 * What is counted here is told once the zones that are heard have been compared with, because a
 * replica that has lost its disk counts nothing, and what it told before would vanish above. Each
 * zone speaks twice a second, so that those that can be heard have been within a second.
 */
const firstWordMs = 1_000
/** A zone that stays behind for so long, one vitals interval and one sync, holds up no other. */
const firstWordMsMax = exchangeLimits.vitalsWholeMs + exchangeLimits.answerMs

export interface SummariesOptions {
  readonly region: string
  readonly replica: string
  readonly index: CapabilityIndex
  readonly store: OwnerStore
  readonly definition: (id: DefinitionId) => Uint8Array | undefined
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Passed on to whoever asks this replica by its name. */
  readonly holdings: Holdings
  readonly pulseMs: number
  /** Zones that are heard and have not been compared with since the start. */
  readonly uncomparedZones: () => number
}

export interface Summaries {
  /** For metrics. */
  readonly publisher: Pick<Publisher, 'pending' | 'retries'>
  /** Whether a row names the definition, so that it has to be kept. */
  names(id: DefinitionId): boolean
  /** What importers say of definitions is passed on. */
  recordsChanged(owner: OwnerId, changes: readonly RecordEvent[]): void
  /** A zone has been compared with, or its state has changed since. */
  zoneRead(reading: ZoneReading): void
  start(): void
  close(): void
}

/**
 * A regional replica's word to the tier above: it owns its summary rows and sends them with the
 * same machine that agents send instances with. Create it before the index is filled.
 */
export function createSummaries(options: SummariesOptions): Summaries {
  const { region, replica, index, store, definition, transport, clock, random, log } = options
  const owner = ownerId({ region, zone: wholeRegion, node: replica, id: 'summary' })
  const counts = new SummaryCounts()
  const listings = new ListingCopies((of, key) => options.holdings.get(of)?.records.get(key))
  /** Zones that have been compared with since the start. */
  const readings = new Map<string, ZoneReading>()
  const touched = new Set<string>()
  let timer: Cancel | undefined
  let started = false

  const set = createOwner(owner, store.load(owner))
  const naming = new NamingCounts(set.records.live())
  const begin = startEpoch(set, random)
  store.commit(begin)
  settleSet(set, begin)

  const publisher = new Publisher({
    transport,
    clock,
    random,
    log,
    set,
    subject: subjects.summary(region, replica),
    tiers: ['global'],
    definition,
    startEpochAbove: (above) => {
      const change = startEpoch(set, random, above)
      store.commit(change)
      settleSet(set, change)
    },
  })
  const flush = (): void => {
    timer?.()
    timer = undefined
    const puts: RecordInput[] = []
    const removes: string[] = []
    for (const key of touched) {
      const row = counts.get(key)
      const reading = readings.get(key)
      const listing = listings.get(key)
      if (row) puts.push(encodeSummaryRow(row))
      else if (listing) puts.push(listing)
      else if (reading) puts.push(encodeZoneReading(reading))
      else removes.push(key)
    }
    const change = changeRecords(set, { puts, removes })
    if (change && !commit(change)) {
      timer = clock.after(retryMs, flush)
      return
    }
    touched.clear()
    if (change) publisher.changed()
    // Definitions come and go; rows that went are remembered for a while, not for ever.
    if (set.records.tombstones > 2 * replicationLimits.tombstonesKept) {
      const forgotten = forgetTombstones(set)
      if (forgotten) commit(forgotten)
    }
  }

  /** A replica that cannot keep its summary goes on serving its region. */
  const commit = (change: SetChange): boolean => {
    try {
      store.commit(change)
    } catch (error) {
      if (!isMeridianError(error)) throw error
      logFailure(log, error, { owner, rows: touched.size }, 'summary not kept')
      return false
    }
    naming.take(set.records, change)
    settleSet(set, change)
    return true
  }

  const touch = (key: string, atOnce: boolean): void => {
    touched.add(key)
    if (!started) return
    if (atOnce || touched.size >= coalesceRows) {
      // Not in the middle of the change that is being applied.
      timer?.()
      timer = clock.after(0, flush)
    } else timer ??= clock.after(coalesceMs, flush)
  }

  const stopListening = index.onChange((change) => {
    for (const { key, atOnce } of counts.take(change)) touch(key, atOnce)
  })

  const startedAt = clock.now()
  let waiting: Cancel | undefined
  /** Begins to speak as soon as there is something to rely on. */
  const speak = (): void => {
    const waitedMs = clock.now() - startedAt
    const isLong = waitedMs >= firstWordMsMax
    if (transport.status !== 'connected' || (options.uncomparedZones() > 0 && !isLong)) {
      waiting = clock.after(firstWordMs / 4, speak)
      return
    }
    waiting = undefined
    publisher.start()
    announcing = startAnnouncing({ ...options, set, subject: subjects.summary(region, replica) })
  }

  let announcing: { close(): void } | undefined
  let answering: Subscription | undefined
  return {
    publisher,
    names: (id) => naming.has(id),
    recordsChanged(of, changes) {
      for (const key of listings.take(of, changes)) touch(key, false)
    },
    zoneRead(reading) {
      const key = zoneKey(reading.region, reading.zone)
      readings.set(key, reading)
      touched.add(key)
      timer?.()
      timer = clock.after(0, flush)
    },
    start() {
      // What the last run said and is no longer so.
      for (const { key } of set.records.live()) touched.add(key)
      started = true
      flush()
      waiting = clock.after(firstWordMs, speak)
      answering = serveHoldings({
        transport,
        clock,
        log,
        subject: (method) => subjects.rpcRegional(region, method, replica),
        find: (of) => (of === owner ? set : completeSet(options.holdings, of)),
        definition,
      })
    },
    close() {
      waiting?.()
      stopListening()
      timer?.()
      publisher.close()
      announcing?.close()
      answering?.unsubscribe()
    },
  }
}

/** How many live records of the set name each definition, kept up: sweeps ask for thousands. */
class NamingCounts {
  readonly #counts = new Map<DefinitionId, number>()

  constructor(records: Iterable<OwnerRecord>) {
    for (const record of records) this.#count(record, 1)
  }

  has(id: DefinitionId): boolean {
    return this.#counts.has(id)
  }

  /** Call it before the change is settled, and only for changes of single records. */
  take(records: RecordSet, change: SetChange): void {
    for (const record of change.records) {
      const before = records.get(record.key)
      if (before) this.#count(before, -1)
      this.#count(record, 1)
    }
  }

  #count({ definition, body }: OwnerRecord, sign: 1 | -1): void {
    if (definition === undefined || body === null) return
    const count = (this.#counts.get(definition) ?? 0) + sign
    if (count > 0) this.#counts.set(definition, count)
    else this.#counts.delete(definition)
  }
}
