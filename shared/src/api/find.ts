import { z } from 'zod'
import { hitKinds } from '../capability-index/find/fields.ts'
import { definitionIdSchema } from '../model/index.ts'
import {
  answeredBySchema,
  flagText,
  listText,
  lookupLimits,
  lookupScopeSchema,
  scopeReportSchema,
  wholeNumberText,
} from './lookup.ts'

export const findParamLimits = {
  limitDefault: 10,
  limitMax: 100,
  /** Characters of a question; of longer ones only the beginning is read anyway. */
  textMax: 8_192,
} as const

/** The query string of `GET /v1/find`. */
export const findParamsSchema = z.strictObject({
  /** Words of people and models; not the query language. */
  q: z
    .string({ error: 'is needed: what is looked for, in words' })
    .min(1, 'must not be empty')
    .max(findParamLimits.textMax, `must have at most ${findParamLimits.textMax} characters`),
  limit: wholeNumberText(1, findParamLimits.limitMax).default(findParamLimits.limitDefault),
  /** Only these kinds of hits. */
  kind: listText(hitKinds).optional(),
  /** One hit a server, with its capabilities that match inside. */
  group: flagText.optional(),
  /** The last word is being typed: it may be the beginning of one. */
  typing: flagText.optional(),
  /** In the query language: only of servers that match. */
  filter: z.string().optional(),
  scope: lookupScopeSchema.optional(),
  /** How many hits are enough before going further out; 1 unless given. */
  min: wholeNumberText(1, findParamLimits.limitMax).optional(),
  deadline: wholeNumberText(1, lookupLimits.deadlineMsMax).default(lookupLimits.deadlineMsDefault),
})
export type FindParams = z.output<typeof findParamsSchema>

const rangeSchema = z.tuple([z.number(), z.number()])
const rangesSchema = z.array(rangeSchema)

const plainHitSchema = z.object({
  definitionId: definitionIdSchema,
  server: z.string(),
  version: z.string(),
  kind: z.enum(hitKinds),
  name: z.string(),
  title: z.string().optional(),
  line: z.string(),
  /** Comparable within one answer only. */
  score: z.number(),
  /** Where words of the question stand: `[start, end)` in UTF-16 units. */
  highlights: z.object({
    server: rangesSchema,
    name: rangesSchema,
    title: rangesSchema,
    line: rangesSchema,
  }),
})

export const findHitSchema = plainHitSchema.extend({ inside: z.array(plainHitSchema).optional() })

/** `outcome` and the rest as in answers to lookups. */
export const findAnswerSchema = z.object({
  query: z.string(),
  outcome: z.enum(['found', 'none', 'unknown']),
  complete: z.boolean(),
  degraded: z.boolean().default(false),
  answeredBy: answeredBySchema,
  scopes: z.array(scopeReportSchema),
  hits: z.array(findHitSchema),
})
export type FindAnswer = z.infer<typeof findAnswerSchema>

/** `find` between tiers: the definitions that the asked tier holds and, unless final, further up. */
export const findRequestSchema = z.object({
  q: z.string().max(findParamLimits.textMax),
  limit: z.number().int().min(1).max(findParamLimits.limitMax),
  kind: z.array(z.enum(hitKinds)).optional(),
  group: z.boolean().optional(),
  typing: z.boolean().optional(),
  filter: z.string().optional(),
  scope: lookupScopeSchema.optional(),
  min: z.number().int().min(1).max(findParamLimits.limitMax).optional(),
  deadlineMs: z.number().min(0).max(lookupLimits.deadlineMsMax),
})
export type FindRequest = z.infer<typeof findRequestSchema>
