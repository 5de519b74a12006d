/** Every number that the shells around the replication machines enforce. */
export const exchangeLimits = {
  /** How long a delta waits for its acknowledgements before it is sent again. */
  acknowledgeMs: 1_000,
  /**
   * Deltas of one owner on their way at once. While a tier is gone each of them waits
   * `acknowledgeMs`, and those who are there must not wait with it.
   */
  inFlightMax: 32,
  /**
   * An owner with nothing to say asks everybody what they hold, on average this often. Its pulses
   * cannot be answered, and who holds a version that its disk has lost must be able to say so.
   */
  probeMs: 15_000,
  /**
   * Who missed a delta of somebody it may not ask waits a random time up to this, until the
   * replica that it asks instead has repaired the same gap.
   */
  gapMs: 200,
  /** How long the answer to a sync may take. */
  answerMs: 5_000,
  /** Retries wait a random time up to a bound that doubles from `first` to `most`. */
  retryFirstMs: 100,
  retryMostMs: 10_000,
  /** An owner that others are ahead of starts epochs no faster than this. */
  epochGapMs: 1_000,
  /** Rounds of one sync that each leave more to fetch: 64 × 8 MiB. */
  fetchRoundsMax: 64,
  /** How often one sync waits for a source that has too many askers, before it gives up. */
  busyRetriesMax: 8,
  /** Room for the envelope and the message's head, below the transport's payload. */
  headroomBytes: 4_096,
  /** Parts of an answer that brings sets: some 5 ms of making each, and as much of reading. */
  fetchPieceBytes: 256 * 1024,
  /** Owners asked for in one request. */
  wantedMax: 1_000,
  /** Definitions asked for in one request. */
  definitionsMax: 500,
  /** Definitions that are wanted from one source and not yet asked for. */
  definitionsWaitingMax: 100_000,
  /**
   * Definitions that nothing names any more are dropped at the second sweep that finds them so:
   * a server that restarts, or whose next delta is on its way, does not have to send them again.
   */
  definitionSweepMs: 60_000,
  /** How often those who may hold them are asked for definitions that are named and not here. */
  definitionAskMs: 5_000,
  /** Definitions dropped by one sweep: some 50 ms. */
  definitionsSweptMax: 10_000,
  /** An answer above this counts as bulk; those below always pass. */
  bulkBytesMin: 64 * 1024,
  /**
   * Bulk that one holder answers, as a bucket: 1,000 agents that start at once and want 4 MB each
   * are served in 2 minutes, for a sixth of one core (cutting and encoding an MB of small records
   * takes 5 ms of it).
   */
  bulkBytesPerSecond: 32 * 1024 * 1024,
  bulkBurstBytes: 64 * 1024 * 1024,
  /** Vitals: changes twice a second, the whole state now and then. */
  vitalsMs: 500,
  vitalsWholeMs: 15_000,
  /** A replica is asked for its whole state at most this often. */
  vitalsAskMs: 1_000,
  /**
   * A replica that has said nothing for so long (two vitals that were due) is called about every
   * `silentCallMs`, and after 50 s the less often the longer it has been silent, so that to find it
   * back takes 1/500 of what was missed. At last it is called as often as it would speak by itself,
   * and then no more.
   */
  silentAfterMs: 1_250,
  silentCallMs: 100,
  silentCallShare: 1 / 500,
  silentCallMsMax: 500,
  silentCalledMsMax: 600_000,
  /** Zones whose vitals one follower follows. */
  zonesFollowedMax: 10_000,
  /** How often holdings are held against what replicas say they hold, to offer what they lack. */
  offerMs: 4_000,
  /** Of many who could offer, about so many do. */
  offerersMax: 3,
  /** What is on disk is shown so long at a time, then others have their turn. */
  restoreTurnMs: 20,
  /** Records shown in one piece: some 5 ms. */
  restorePieceRecords: 500,
  /** Tidying of the index begins so long after a change, and its pieces (0.1 ms) lie apart. */
  tidyDelayMs: 100,
  tidyPieceMs: 1,
  /** Between pieces (5 ms each) of reading definitions for free-text search. */
  searchPieceMs: 1,
} as const
