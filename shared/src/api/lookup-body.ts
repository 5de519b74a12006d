import { z } from 'zod'
import { printQuery, queryJsonSchema } from '../capability-index/query/index.ts'
import { localityTextSchema } from '../model/index.ts'
import {
  affinitySchema,
  feedIndexSchema,
  lookupAnswerSchema,
  lookupLimits,
  lookupOrderSchema,
  lookupResultFields,
  lookupScopeSchema,
  refuseContradictions,
  toLookupParams,
  waitText,
} from './lookup.ts'
import { problemSchema } from './problem.ts'

function whole(min: number, max: number) {
  const rule = `must be a whole number from ${min} to ${max}`
  return z.number(rule).int(rule).min(min, rule).max(max, rule)
}

const secondsRule = `must be seconds from 0 to ${lookupLimits.ageSecondsMax}`
const seconds = z
  .number(secondsRule)
  .min(0, secondsRule)
  .max(lookupLimits.ageSecondsMax, secondsRule)
  .transform((value) => Math.round(value * 1_000))

const fieldsRule = `must be a list of ${lookupResultFields.join(', ')}`

/** A query as text, or as the tree that `docs/query.md` shows. */
export const queryBodySchema = z.unknown().transform((input, context): string => {
  if (typeof input === 'string') return input
  // Not a union of the two: that would only say that it is neither.
  const tree = queryJsonSchema.safeParse(input)
  if (tree.success) return printQuery(tree.data)
  for (const { message } of tree.error.issues) {
    context.addIssue({ code: 'custom', message, input })
  }
  return z.NEVER
})

const bodyShape = z.strictObject({
  q: queryBodySchema.default(''),
  limit: whole(1, lookupLimits.limitMax).default(lookupLimits.limitDefault),
  near: localityTextSchema.optional(),
  scope: lookupScopeSchema.optional(),
  order: lookupOrderSchema.optional(),
  min: whole(1, lookupLimits.limitMax).optional(),
  fields: z
    .array(z.enum(lookupResultFields, { error: fieldsRule }), fieldsRule)
    .min(1, fieldsRule)
    .transform((fields) => [...new Set(fields)])
    .optional(),
  explain: z.boolean('must be true or false').optional(),
  'max-age': seconds.optional(),
  'stale-if-error': seconds.optional(),
  affinity: affinitySchema.optional(),
  index: feedIndexSchema.optional(),
  wait: waitText.optional(),
  deadline: whole(1, lookupLimits.deadlineMsMax).default(lookupLimits.deadlineMsDefault),
})

/** The body of `POST /v1/lookup`: the parameters of the query string, as JSON has them. */
export const lookupBodySchema = bodyShape
  .superRefine(refuseContradictions)
  .transform(toLookupParams)
export type LookupBody = z.input<typeof lookupBodySchema>

/**
 * The body of `POST /v1/lookups`. The lookups are parsed one by one, so that a bad one fails
 * alone; none of them may wait.
 */
export const lookupsBodySchema = z.strictObject({
  lookups: z
    .array(z.unknown())
    .min(1, 'must hold at least one lookup')
    .max(lookupLimits.lookupsMax, `must hold at most ${lookupLimits.lookupsMax} lookups`),
})

export const lookupOfManySchema = bodyShape
  .omit({ index: true, wait: true })
  .superRefine(refuseContradictions)
  .transform(toLookupParams)
export type LookupOfMany = z.input<typeof lookupOfManySchema>

/** In the order of the lookups: each its answer, or the problem that it alone has. */
export const lookupsAnswerSchema = z.object({
  answers: z.array(z.union([lookupAnswerSchema, z.object({ problem: problemSchema })])),
})
export type LookupsAnswer = z.infer<typeof lookupsAnswerSchema>
