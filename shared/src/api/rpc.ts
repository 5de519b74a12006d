import { z } from 'zod'
import { limits, localitySchema } from '../model/index.ts'
import { findAnswerSchema } from './find.ts'
import {
  lookupAnswerSchema,
  lookupLimits,
  lookupOrderSchema,
  lookupScopeSchema,
  selectionFactorsSchema,
} from './lookup.ts'

/**
 * What tiers ask each other over the transport (`rpc.<tier>.….<method>`). Every reply is either
 * the answer or an error with our code.
 */

/** `lookup`: down to the asked tier's own holdings and, unless final, further up from there. */
export const lookupRequestSchema = z.object({
  q: z.string(),
  limit: z.number().int().min(1).max(lookupLimits.limitMax),
  /** Who asks: the answer is ordered as seen from there. Empty parts where the asker has none. */
  from: z.union([
    localitySchema,
    z.object({ region: z.string(), zone: z.string(), node: z.string() }),
  ]),
  /** What is left of the caller's deadline, in milliseconds. */
  deadlineMs: z.number().min(0).max(lookupLimits.deadlineMsMax),
  /** A referred request: answered from own holdings, never passed on. */
  final: z.boolean(),
  // What older askers do not send.
  scope: lookupScopeSchema.optional(),
  order: lookupOrderSchema.optional(),
  /** How many results are enough before going further out; 1 unless given. */
  min: z.number().int().min(1).max(lookupLimits.limitMax).optional(),
  /** Nothing older than this from a cache, in milliseconds. */
  maxAgeMs: z.number().min(0).optional(),
  staleIfErrorMs: z.number().min(0).optional(),
  /** What the asker has already. */
  etag: z.string().max(64).optional(),
})
export type LookupRequest = z.infer<typeof lookupRequestSchema>

/** Which replica answers; older ones do not say. */
const fromReplica = { replica: z.string().max(limits.localityPartMax).optional() }

/** Results with what whoever passes them on needs to draw anew. Older replicas send the answer only. */
export const lookupReplySchema = lookupAnswerSchema.extend({
  ...fromReplica,
  /** Of each result. */
  factors: z.array(selectionFactorsSchema).optional(),
  /** Milliseconds to other regions, as measured. */
  distances: z.record(z.string(), z.number()).optional(),
  /** Names these results; `unchanged`: they are those that the asker has, and left out. */
  etag: z.string().optional(),
  unchanged: z.boolean().optional(),
  /** The feed of its giver, and how much of it is in these results. */
  feed: z.object({ source: z.string(), position: z.number() }).optional(),
})
export type LookupReply = z.infer<typeof lookupReplySchema>

export const findReplySchema = findAnswerSchema.extend({
  ...fromReplica,
  /** As of lookups. */
  feed: z.object({ source: z.string(), position: z.number() }).optional(),
})
export type FindReply = z.infer<typeof findReplySchema>

/** Asked for nothing but the time that it takes. */
export const pingMethod = 'ping'
export const pingRequestSchema = z.object({})
export const pingReplySchema = z.object({ ...fromReplica })

/** `refer`: which regions may have it, by what they summarised. */
export const referRequestSchema = z.object({ q: z.string() })
export const referralSchema = z.object({
  regions: z.array(z.string()),
  /** `region/zone` of those that may have more than is known of them: nobody reads them now. */
  staleZones: z.array(z.string()).default([]),
  /** It has not heard from every region since its start: others may have it, too. */
  stale: z.boolean().optional(),
  ...fromReplica,
})
export type Referral = z.infer<typeof referralSchema>
