import { z } from 'zod'
import { localitySchema } from '../model/index.ts'
import { lookupLimits } from './lookup.ts'

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
})
export type LookupRequest = z.infer<typeof lookupRequestSchema>

/** `refer`: which regions may have it, by what they summarised. */
export const referRequestSchema = z.object({ q: z.string() })
export const referralSchema = z.object({ regions: z.array(z.string()) })
export type Referral = z.infer<typeof referralSchema>
