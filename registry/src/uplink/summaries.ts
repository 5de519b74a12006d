import {
  changeRecords,
  completeSet,
  createOwner,
  encodeSummaryRow,
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
  ownerId,
  type Cancel,
  type CapabilityIndex,
  type Clock,
  type DefinitionId,
  type Holdings,
  type Log,
  type OwnerStore,
  type Random,
  type RecordInput,
  type SetChange,
  type Subscription,
  type Transport,
} from '@meridian/shared'
import { SummaryCounts } from './summary-counts.ts'

/** Changes of rows are gathered for so long, or until so many are touched. */
const coalesceMs = 250
const coalesceRows = 50
/** How long rows wait that a full disk did not take. */
const retryMs = 1_000

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
}

export interface Summaries {
  /** Whether a row names the definition, so that it has to be kept. */
  names(id: DefinitionId): boolean
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
  const touched = new Set<string>()
  let timer: Cancel | undefined
  let started = false

  const set = createOwner(owner, store.load(owner))
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
      if (row) puts.push(encodeSummaryRow(row))
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
    settleSet(set, change)
    return true
  }

  const stopListening = index.onChange((change) => {
    for (const { key, atOnce } of counts.take(change)) {
      touched.add(key)
      if (!started) continue
      if (atOnce || touched.size >= coalesceRows) {
        // Not in the middle of the change that is being applied.
        timer?.()
        timer = clock.after(0, flush)
      } else timer ??= clock.after(coalesceMs, flush)
    }
  })

  let announcing: { close(): void } | undefined
  let answering: Subscription | undefined
  return {
    names(id) {
      for (const { definition: named } of set.records.live()) if (named === id) return true
      return false
    },
    start() {
      // What the last run said and is no longer so.
      for (const { key } of set.records.live()) touched.add(key)
      started = true
      flush()
      publisher.start()
      answering = serveHoldings({
        transport,
        clock,
        log,
        subject: (method) => subjects.rpcRegional(region, method, replica),
        find: (of) => (of === owner ? set : completeSet(options.holdings, of)),
        definition,
      })
      announcing = startAnnouncing({ ...options, set, subject: subjects.summary(region, replica) })
    },
    close() {
      stopListening()
      timer?.()
      publisher.close()
      announcing?.close()
      answering?.unsubscribe()
    },
  }
}
