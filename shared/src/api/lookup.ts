import { z } from 'zod'
import type { Order } from '../capability-index/capability-index.ts'
import {
  definitionIdSchema,
  endpointSchema,
  instanceStatusSchema,
  localityTextSchema,
  metadataSchema,
  type Locality,
} from '../model/index.ts'

/** Bounds of what a lookup may ask for. */
export const lookupLimits = {
  limitDefault: 10,
  limitMax: 100,
  deadlineMsDefault: 2_000,
  deadlineMsMax: 10_000,
  /** Lookups in one call. */
  lookupsMax: 100,
  /** `max-age` and `stale-if-error`: a day. */
  ageSecondsMax: 86_400,
  affinityMax: 256,
  /** `wait` of a long poll: Consul's users know both. */
  waitMsDefault: 300_000,
  waitMsMax: 600_000,
} as const

/**
 * How far out a lookup may go: the asker's zone, its region, or everywhere. Where the nearer has
 * enough, nobody beyond it is asked.
 */
export const lookupScopes = ['zone', 'region', 'global'] as const
export type LookupScope = (typeof lookupScopes)[number]

export const lookupOrders = ['balanced', 'ranked', 'random'] as const

export const lookupScopeSchema = z.enum(lookupScopes, {
  error: `must be ${lookupScopes.join(', ')}`,
})
export const lookupOrderSchema = z.enum(lookupOrders, {
  error: `must be ${lookupOrders.join(', ')}`,
})

/** A whole number as a query string holds it. */
export function wholeNumberText(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`)
}

/** Seconds with up to three decimals, as HTTP's `max-age` counts; read as milliseconds. */
export const secondsText = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,3})?$/, 'must be seconds, such as 2 or 0.5')
  .transform(Number)
  .refine((value) => value <= lookupLimits.ageSecondsMax, {
    error: `must be from 0 to ${lookupLimits.ageSecondsMax} seconds`,
  })
  .transform((seconds) => Math.round(seconds * 1_000))

export const flagText = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((text) => text === 'true')

const timePattern = /^\d{1,6}(ms|s|m)$/

/** `500ms`, `10s` or `5m`; read as milliseconds. */
export const waitText = z
  .string()
  .regex(timePattern, 'must be a time such as 500ms, 10s or 5m')
  // Before it is read, so that what is shown is what was written.
  .refine((text) => !isTime(text) || msOf(text) <= lookupLimits.waitMsMax, {
    error: `must be at most ${lookupLimits.waitMsMax / 60_000}m`,
  })
  .transform(msOf)

function isTime(text: string): boolean {
  return timePattern.test(text)
}

function msOf(text: string): number {
  const unit = text.endsWith('ms') ? 1 : text.endsWith('s') ? 1_000 : 60_000
  return Number.parseInt(text, 10) * unit
}

/** A list in one parameter: `server,endpoint`. Each item once. */
export function listText<const T extends readonly string[]>(items: T) {
  const problem = `must be a list, separated by commas, of ${items.join(', ')}`
  return z
    .string()
    .transform((text) => [...new Set(text.split(','))])
    .pipe(z.array(z.enum(items, { error: problem })).min(1, problem))
}

/** Watches and long polls go on from here. */
export const feedIndexSchema = z
  .string()
  .regex(/^[0-9a-z]{1,32}-\d{1,15}$/, 'must be an index that an answer gave')

export const affinitySchema = z
  .string()
  .min(1, 'must not be empty')
  .max(lookupLimits.affinityMax, `must have at most ${lookupLimits.affinityMax} characters`)

/** What a result holds, for `fields`. */
export const lookupResultFields = [
  'server',
  'version',
  'title',
  'instance',
  'endpoint',
  'locality',
  'ring',
  'status',
  'draining',
  'metadata',
  'definition',
] as const
export type LookupResultField = (typeof lookupResultFields)[number]

/** What is asked, wherever it came from: only what was said is there. */
export interface LookupParams {
  /** In the query language; `docs/query.md`. */
  readonly q: string
  readonly limit: number
  /** Milliseconds for all tiers together. */
  readonly deadline: number
  /** Order the answer as seen from here instead of from the program that is asked. */
  readonly near?: Locality | undefined
  /** `global` unless given. */
  readonly scope?: LookupScope | undefined
  /** `balanced` unless given. */
  readonly order?: Order | undefined
  /** How many are enough before going further out; 1 unless given. */
  readonly min?: number | undefined
  readonly fields?: readonly LookupResultField[] | undefined
  /** Why each result stands where it does. */
  readonly explain?: boolean | undefined
  /** Nothing older than this from a cache, in milliseconds; 0: no cache at all. */
  readonly maxAgeMs?: number | undefined
  /** Rather something as old as this, in milliseconds, than nothing from who cannot be asked. */
  readonly staleIfErrorMs?: number | undefined
  /** The same text leads to the same instance for as long as it is there. */
  readonly affinity?: string | undefined
  /** Long poll: answer when what is known here is no longer as of this index. */
  readonly index?: string | undefined
  /** Long poll: answer after so many milliseconds at the latest. */
  readonly waitMs?: number | undefined
}

/** The query string of `GET /v1/lookup`. */
export const lookupParamsSchema = z
  .strictObject({
    q: z.string().default(''),
    limit: wholeNumberText(1, lookupLimits.limitMax).default(lookupLimits.limitDefault),
    near: localityTextSchema.optional(),
    scope: lookupScopeSchema.optional(),
    order: lookupOrderSchema.optional(),
    min: wholeNumberText(1, lookupLimits.limitMax).optional(),
    fields: listText(lookupResultFields).optional(),
    explain: flagText.optional(),
    'max-age': secondsText.optional(),
    'stale-if-error': secondsText.optional(),
    affinity: affinitySchema.optional(),
    index: feedIndexSchema.optional(),
    wait: waitText.optional(),
    deadline: wholeNumberText(1, lookupLimits.deadlineMsMax).default(
      lookupLimits.deadlineMsDefault,
    ),
  })
  .superRefine(refuseContradictions)
  .transform(toLookupParams)

interface Named {
  readonly limit: number
  readonly min?: number | undefined
  readonly index?: string | undefined
  readonly wait?: number | undefined
  readonly 'max-age'?: number | undefined
  readonly 'stale-if-error'?: number | undefined
}

/** What each parameter allows by itself, and not together. */
export function refuseContradictions(value: Named, context: z.core.$RefinementCtx): void {
  if (value.min !== undefined && value.min > value.limit) {
    context.addIssue({
      code: 'custom',
      path: ['min'],
      message: `must not be above limit, which is ${value.limit}`,
      input: value.min,
    })
  }
  if (value.wait !== undefined && value.index === undefined) {
    context.addIssue({
      code: 'custom',
      path: ['wait'],
      message: 'needs an index to wait on',
      input: `${value.wait}ms`,
    })
  }
}

/** The names of HTTP to ours; what is not given is not there. */
export function toLookupParams<T extends Named>({
  'max-age': maxAgeMs,
  'stale-if-error': staleIfErrorMs,
  wait: waitMs,
  ...rest
}: T): Omit<T, 'max-age' | 'stale-if-error' | 'wait'> & {
  maxAgeMs?: number
  staleIfErrorMs?: number
  waitMs?: number
} {
  return {
    ...rest,
    ...(maxAgeMs !== undefined && { maxAgeMs }),
    ...(staleIfErrorMs !== undefined && { staleIfErrorMs }),
    ...(waitMs !== undefined && { waitMs }),
  }
}

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
  /**
   * Most of what matches here was called unhealthy at once: more likely the checks are at fault,
   * so health was ignored.
   */
  panic: z.boolean().optional(),
  reason: z.string().optional(),
})
export type ScopeReport = z.infer<typeof scopeReportSchema>

/** Distance class as seen by the asker. */
export const ringSchema = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)])

export const lookupResultSchema = z.object({
  server: z.string(),
  version: z.string(),
  title: z.string().optional(),
  instance: z.string(),
  endpoint: endpointSchema,
  locality: z.string(),
  ring: ringSchema,
  status: instanceStatusSchema,
  draining: z.boolean(),
  metadata: metadataSchema,
  definition: definitionIdSchema,
})
export type LookupResult = z.infer<typeof lookupResultSchema>

/** Why a result weighs what it weighs: the factors of its draw. */
export const selectionFactorsSchema = z.object({
  health: z.number(),
  latencyMs: z.number(),
  pending: z.number(),
  capacity: z.number(),
  operatorWeight: z.number(),
  match: z.number(),
})

/** How the answer came about, where `explain` asked for it. */
export const lookupExplanationSchema = z.object({
  /** Those that the results were drawn from. */
  candidates: z.number(),
  /** Most of what matched was called unhealthy at once, so health was ignored. */
  panic: z.boolean(),
  /** Candidates that stand last for what callers reported. */
  ejected: z.number(),
  /** Rings that had more to do than their threshold, and whether this answer went further out. */
  spills: z.array(
    z.object({
      ring: z.number(),
      load: z.number(),
      share: z.number(),
      drawn: z.boolean(),
      to: z.string().optional(),
    }),
  ),
  /** In the order of the results. */
  results: z.array(
    z.object({
      instance: z.string(),
      locality: z.string(),
      weight: z.number(),
      ejected: z.boolean(),
      factors: selectionFactorsSchema,
    }),
  ),
})
export type LookupExplanation = z.infer<typeof lookupExplanationSchema>

/**
 * Where an answer that needed other tiers came from: the agent's memory (`l1`), the zone's registry
 * (`l2`), the region's catalog (`l3`), from those who hold it just now (`miss`), or from what was
 * heard before because they cannot be asked (`stale`).
 */
export const cacheLevelSchema = z.enum(['l1', 'l2', 'l3', 'miss', 'stale'])
export type CacheLevel = z.infer<typeof cacheLevelSchema>

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
  /** Absent where the zone's own index had everything. */
  cache: cacheLevelSchema.optional(),
  /** How long ago the oldest part that came from a cache was asked for. */
  ageMs: z.number().optional(),
  /** Long polls and watches go on from here. */
  index: z.string().optional(),
  explanation: lookupExplanationSchema.optional(),
})
export type LookupAnswer = z.infer<typeof lookupAnswerSchema>
