import { limits } from '../model/index.ts'
import { replicationLimits } from '../replication/index.ts'

/** Sizes beyond which a message is refused before anything in it is believed. */
export const wireLimits = {
  /** A message once decompressed. The transport bounds what arrives compressed. */
  messageBytesMax: 16 * 1024 * 1024,
  /** Nesting: a definition's 64 levels and what is around it. */
  depthMax: limits.jsonDepthMax + 16,
  /** Four names of 63 and three slashes. */
  ownerMax: 4 * limits.localityPartMax + 3,
  nameMax: limits.localityPartMax,
  /** `runId` and `agentId`: a UUID has 36. */
  idMax: 64,
  reasonMax: 1_024,
  codeMax: 64,
  /** Records in one message. At its smallest a record takes 5 bytes. */
  recordsMax: 1_000_000,
  definitionsMax: 10_000,
  /** Owners in one vector: 64 zones of 1,000 nodes fit one message of 4 MB. */
  entriesMax: 100_000,
  zonesMax: 10_000,
  deltasMax: 100_000,
  loadsMax: 10_000,
  /** A pulse an hour is no pulse. */
  pulseMsMax: 3_600_000,
  /** Parts of a zone's whole state: 2 million nodes. */
  vitalsPartsMax: 1_000,
  scopesMax: 1_000,
  recordKeyMax: replicationLimits.recordKeyMax,
  recordBodyBytesMax: replicationLimits.recordBodyBytesMax,
  definitionBytesMax: limits.definitionBytesMax,
} as const
