/**
 * Every size and number that the replication machines enforce. Sizes of what travels are the
 * wire's (`shared/src/wire/limits.ts`).
 */
export const replicationLimits = {
  /** Characters. The longest of ours is `s/` and an instance id of 128. */
  recordKeyMax: 256,
  /** A record's body. The largest spec that the model allows is about 42 KB. */
  recordBodyBytesMax: 64 * 1024,
  /** Records of one owner: an importer's whole catalog is 100k. */
  ownerRecordsMax: 1_000_000,
  /** Owners on one node: its agent and its importers. */
  ownersPerNodeMax: 64,
  /** Definitions that an owner remembers to have been acknowledged by a tier. */
  acknowledgedDefinitionsMax: 100_000,
  /**
   * How far an owner follows a version that others hold above its own: one start a second for
   * eleven days. Beyond that somebody is lying or a disk is damaged.
   */
  epochJumpMax: 1_000_000,
  /** Largest epoch number and counter: what a double counts without gaps. */
  counterMax: Number.MAX_SAFE_INTEGER,
  epochTagMax: 16,
  /** Tombstones that an owner keeps; older ones are forgotten and the floor rises. */
  tombstonesKept: 1_000,
  /** Pieces of one staged delta: 4,096 of 1 MB is beyond the largest set. */
  piecesMax: 4_096,
  /** Deltas staged at once, over all senders. */
  stagedDeltasMax: 1_024,
  /** Bytes staged at once: a few whole sets of the largest importer (30 MB). */
  stagedBytesMax: 128 * 1024 * 1024,
  /** A staged delta without a new piece for so long is thrown away. */
  stagedMs: 30_000,
  /** Estimated bytes of the deltas of one answer; the asker asks again for the rest. */
  answerBytesMax: 8 * 1024 * 1024,
  /** Records and time after the last one after which an owner's changes leave as one delta. */
  batchRecords: 50,
  batchMs: 5,
  /** Replicas whose acknowledgements an owner remembers. */
  acknowledgersMax: 64,
} as const
