import { z } from 'zod'
import {
  definitionIdSchema,
  endpointSchema,
  instanceStatusSchema,
  localityTextSchema,
  metadataSchema,
} from '../model/index.ts'

/** `limit` and `deadline` of lookups. */
export const lookupLimits = {
  limitDefault: 10,
  limitMax: 100,
  deadlineMsDefault: 2_000,
  deadlineMsMax: 10_000,
} as const

const wholeNumber = (name: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`)
    .describe(name)

/** The query string of `GET /v1/lookup`. */
export const lookupParamsSchema = z.strictObject({
  /** In the query language; `docs/query.md`. */
  q: z.string().default(''),
  limit: wholeNumber('limit', 1, lookupLimits.limitMax).default(lookupLimits.limitDefault),
  /** Order the answer as seen from here (`region/zone/node`) instead of from this program. */
  near: localityTextSchema.optional(),
  deadline: wholeNumber('milliseconds', 1, lookupLimits.deadlineMsMax).default(
    lookupLimits.deadlineMsDefault,
  ),
})
export type LookupParams = z.output<typeof lookupParamsSchema>

/** Who ended the walk: the asker's agent, or the tier whose holdings completed the answer. */
export const answeredBySchema = z.enum(['agent', 'local', 'regional', 'global'])
export type AnsweredBy = z.infer<typeof answeredBySchema>

// What is read of others' answers passes over fields that it does not know: they may be newer.

/** How far one scope (a zone, a region, the world) can be trusted in this answer. */
export const scopeReportSchema = z.object({
  scope: z.enum(['zone', 'region', 'world']),
  /** `eu-west/a`, `eu-west`, or `*`. */
  name: z.string(),
  /**
   * - `fresh`: asked, and it answered from what it holds
   * - `stale`: answered from what was heard last; `ageMs` ago, where that is known
   * - `unreachable`: it could not be asked; `reason` says why
   */
  state: z.enum(['fresh', 'stale', 'unreachable']),
  ageMs: z.number().optional(),
  /**
   * Which of its nodes live is not known for certain: so many fell silent at once that they are
   * kept, or nobody who judges them is heard.
   */
  degraded: z.boolean().optional(),
  reason: z.string().optional(),
})
export type ScopeReport = z.infer<typeof scopeReportSchema>

export const lookupResultSchema = z.object({
  server: z.string(),
  version: z.string(),
  title: z.string().optional(),
  instance: z.string(),
  endpoint: endpointSchema,
  locality: z.string(),
  ring: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
  status: instanceStatusSchema,
  draining: z.boolean(),
  metadata: metadataSchema,
  definition: definitionIdSchema,
})
export type LookupResult = z.infer<typeof lookupResultSchema>

/**
 * `outcome` keeps apart what callers must not mix up: `none` — everyone who could have it was
 * asked, nobody has it; `unknown` — nothing found, but not everyone could be asked.
 */
export const lookupAnswerSchema = z.object({
  query: z.string(),
  outcome: z.enum(['found', 'none', 'unknown']),
  /** Every scope that was needed could be asked, and is fresh. */
  complete: z.boolean(),
  /** Some of what is here may be of nodes that are gone: one of the scopes is `degraded`. */
  degraded: z.boolean().default(false),
  answeredBy: answeredBySchema,
  scopes: z.array(scopeReportSchema),
  results: z.array(lookupResultSchema),
})
export type LookupAnswer = z.infer<typeof lookupAnswerSchema>
