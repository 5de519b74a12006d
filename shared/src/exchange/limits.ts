/** Every number that the shells around the replication machines enforce. */
export const exchangeLimits = {
  /** How long a delta waits for its acknowledgements before it is sent again. */
  acknowledgeMs: 1_000,
  /** How long the answer to a sync may take. */
  answerMs: 5_000,
  /** Retries wait a random time up to a bound that doubles from `first` to `most`. */
  retryFirstMs: 100,
  retryMostMs: 10_000,
  /** An owner that others are ahead of starts epochs no faster than this. */
  epochGapMs: 1_000,
  /** Rounds of one sync that each leave more to fetch: 64 × 8 MiB. */
  fetchRoundsMax: 64,
  /** Room for the envelope and the message's head, below the transport's payload. */
  headroomBytes: 4_096,
  /** Owners asked for in one request. */
  wantedMax: 1_000,
  /** Definitions asked for in one request. */
  definitionsMax: 500,
} as const
