/** Every number of the refreshing of what servers say of themselves. */
export const refreshLimits = {
  /**
   * How long an answer is believed at the most, however long its `ttlMs`; also what a server is
   * asked at whose changes are announced, for the announcement that was lost.
   */
  pollMsMax: 300_000,
  /** How soon it is asked again at the earliest: a `ttlMs` of 0 is no order to ask without end. */
  pollMsMin: 10_000,
  /** For servers that do not say, all those before 2026-07-28. */
  pollMsDefault: 60_000,
  /** Each wait is longer or shorter by up to this part. */
  jitter: 0.2,
  /** Announcements within this time are one. */
  coalesceMs: 200,
  /** A server that announces without end is asked this often and no more. */
  gapMsMin: 1_000,
  /** Servers that are asked at once. */
  atOnceMax: 16,
  /** Streams of announcements that are held open: each takes a socket and some 50 KB. */
  followsMax: 1_000,
  /** Before a stream that broke is asked for again: doubles, with full jitter. */
  followAgainMsMin: 1_000,
  followAgainMsMax: 60_000,
  /** Before a server is asked again that said it has no stream: it may be another by then. */
  unsupportedMs: 600_000,
  /** All that one stream may say; then it is opened anew. */
  followBytesMax: 16 * 1024 * 1024,
  /** From the first byte sent to the stream being open. */
  followOpenMsMax: 10_000,
} as const
