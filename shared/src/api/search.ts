import { z } from 'zod'
import { hitKinds } from '../capability-index/find/fields.ts'
import { browseLimits, serverSummarySchema } from './browse.ts'
import { flagText, wholeNumberText } from './lookup.ts'

export const searchLimits = {
  /** Of what stands in the box. */
  textMax: browseLimits.queryMax,
  limitDefault: 50,
  limitMax: 100,
  /** What of a server is shown to match, best first. */
  insideMax: 4,
  /** Matches that facets are counted over; of more, the first so many. */
  facetRowsMax: 20_000,
  /** Values of one facet. */
  facetValuesMax: 12,
  /** What may stand next in the box. */
  completionsMax: 12,
} as const

const { textMax } = searchLimits
const boxText = z.string().max(textMax, `must have at most ${textMax} characters`).default('')

/** The query string of `GET /v1/search`. */
export const searchParamsSchema = z.strictObject({
  /** What stands in the box: words, terms of the query language, or both. */
  text: boxText,
  limit: wholeNumberText(1, searchLimits.limitMax).default(searchLimits.limitDefault),
  cursor: z
    .string()
    .max(browseLimits.cursorMax, `must have at most ${browseLimits.cursorMax} characters`)
    .optional(),
  /** The last word is being typed: it may be the beginning of one. */
  typing: flagText.optional(),
})
export type SearchParams = z.output<typeof searchParamsSchema>

/** A part of a server by which it was found. */
const insideSchema = z.object({
  kind: z.enum(hitKinds),
  name: z.string(),
  line: z.string(),
  /** Where words stand in `name` and `line`: `[start, end)` in UTF-16 units. */
  nameRanges: z.array(z.tuple([z.number(), z.number()])),
  lineRanges: z.array(z.tuple([z.number(), z.number()])),
})

/** `GET /v1/search`: servers, the best first where there are words, else by name. */
export const searchAnswerSchema = z.object({
  /** What was taken as words, and what as a query. */
  words: z.string(),
  filter: z.string(),
  /** What is wrong with the query, and where in the text; then there are no servers. */
  problem: z.object({ at: z.number(), detail: z.string() }).optional(),
  servers: z.array(serverSummarySchema.extend({ inside: z.array(insideSchema) })),
  /** Absent where there are words: whoever ranks does not count. */
  total: z.number().optional(),
  nextCursor: z.string().optional(),
})
export type SearchAnswer = z.infer<typeof searchAnswerSchema>
export type SearchHit = SearchAnswer['servers'][number]

/** The query string of `GET /v1/facets`. */
export const facetsParamsSchema = z.strictObject({ text: boxText })
export type FacetsParams = z.output<typeof facetsParamsSchema>

export const facetFields = ['status', 'region', 'zone', 'tag'] as const

/** `GET /v1/facets`: what the servers that match differ in, each value with how many have it. */
export const facetsSchema = z.object({
  servers: z.number(),
  /** There were more matches than are counted. */
  partial: z.boolean(),
  facets: z.array(
    z.object({
      field: z.enum(facetFields),
      values: z.array(z.object({ value: z.string(), servers: z.number() })),
    }),
  ),
})
export type Facets = z.infer<typeof facetsSchema>

/** The query string of `GET /v1/complete`. */
export const completeParamsSchema = z.strictObject({
  text: boxText,
  /** Where the caret stands in it, in UTF-16 units; its end unless given. */
  at: wholeNumberText(0, textMax).optional(),
})
export type CompleteParams = z.output<typeof completeParamsSchema>

/** `GET /v1/complete`: what may stand between `from` and `to` of the text instead. */
export const completionsSchema = z.object({
  from: z.number(),
  to: z.number(),
  items: z.array(z.object({ text: z.string(), kind: z.enum(['field', 'value']) })),
})
export type Completions = z.infer<typeof completionsSchema>
