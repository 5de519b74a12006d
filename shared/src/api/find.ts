import { z } from 'zod'
import { hitKinds } from '../capability-index/find/fields.ts'
import { definitionIdSchema, localitySchema, localityTextSchema } from '../model/index.ts'
import {
  answeredBySchema,
  cacheLevelSchema,
  flagText,
  listText,
  lookupLimits,
  lookupOrderSchema,
  lookupScopeSchema,
  refuseContradictions,
  ringSchema,
  scopeReportSchema,
  secondsText,
  toLookupParams,
  wholeNumberText,
} from './lookup.ts'

export const findParamLimits = {
  limitDefault: 10,
  limitMax: 100,
  /** Characters of a question; of longer ones only the beginning is read anyway. */
  textMax: 8_192,
} as const

/** What a hit holds, for `fields`; `inside` is there where `group` asked for it. */
export const findHitFields = [
  'definitionId',
  'server',
  'version',
  'kind',
  'name',
  'title',
  'line',
  'score',
  'ring',
  'highlights',
] as const

/** The query string of `GET /v1/find`. */
const paramsShape = z.strictObject({
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
  /** What is near is near to this place instead of to the program that is asked. */
  near: localityTextSchema.optional(),
  scope: lookupScopeSchema.optional(),
  /** Among hits that match alike; `ranked` unless given. */
  order: lookupOrderSchema.optional(),
  /** How many hits are enough before going further out; 1 unless given. */
  min: wholeNumberText(1, findParamLimits.limitMax).optional(),
  fields: listText(findHitFields).optional(),
  /** Each hit with what its score is made of. */
  explain: flagText.optional(),
  'max-age': secondsText.optional(),
  'stale-if-error': secondsText.optional(),
  deadline: wholeNumberText(1, lookupLimits.deadlineMsMax).default(lookupLimits.deadlineMsDefault),
})

export const findParamsSchema = paramsShape
  .superRefine(refuseContradictions)
  .transform(toLookupParams)
export type FindParams = z.output<typeof findParamsSchema>

const rangeSchema = z.tuple([z.number(), z.number()])
const rangesSchema = z.array(rangeSchema)

/** What a score is made of: `words` + `topics` − `behind`. */
export const findFactorsSchema = z.object({
  words: z.number(),
  /** The share of the question that the hit's server has words of, 0 to 1. */
  covered: z.number(),
  topics: z.number(),
  behind: z.number(),
})

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
  factors: findFactorsSchema.optional(),
  /** Where words of the question stand: `[start, end)` in UTF-16 units. */
  highlights: z.object({
    server: rangesSchema,
    name: rangesSchema,
    title: rangesSchema,
    line: rangesSchema,
  }),
})

export const findHitSchema = plainHitSchema.extend({
  /** Of the nearest instance that takes work; absent where there is none, and in older answers. */
  ring: ringSchema.optional(),
  inside: z.array(plainHitSchema).optional(),
})

/** `outcome` and the rest as in answers to lookups. */
export const findAnswerSchema = z.object({
  query: z.string(),
  outcome: z.enum(['found', 'none', 'unknown']),
  complete: z.boolean(),
  degraded: z.boolean().default(false),
  answeredBy: answeredBySchema,
  scopes: z.array(scopeReportSchema),
  hits: z.array(findHitSchema),
  /** Absent where what is held here was enough. */
  cache: cacheLevelSchema.optional(),
  /** How long ago the answer was asked for, where it came from a cache. */
  ageMs: z.number().optional(),
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
  // What older askers do not send.
  /** Who asks: what is near is near to this. An empty node where it is asked for a whole zone. */
  from: z
    .union([localitySchema, z.object({ region: z.string(), zone: z.string(), node: z.string() })])
    .optional(),
  explain: z.boolean().optional(),
  /** Nothing older than this from a cache, in milliseconds. */
  maxAgeMs: z.number().min(0).optional(),
  staleIfErrorMs: z.number().min(0).optional(),
  deadlineMs: z.number().min(0).max(lookupLimits.deadlineMsMax),
})
export type FindRequest = z.infer<typeof findRequestSchema>
