import { z } from 'zod'
import { definitionIdSchema, instanceStatusSchema, transportKindSchema } from '../model/index.ts'
import { feedIndexSchema, scopeReportSchema } from './lookup.ts'

/** The query string of `GET /v1/feed`. */
export const feedParamsSchema = z.strictObject({
  /** Go on after this `ready`. */
  index: feedIndexSchema.optional(),
})
export type FeedParams = z.output<typeof feedParamsSchema>

export const feedTiming = {
  /** Changes are told at most so often, together. */
  flushMs: 50,
  /** Whoever hears no `ready` for longer than this and a bit is behind. */
  readyMs: 1_000,
} as const

// What is read of a newer agent passes over fields that are not known.
const spec = z.object({
  id: z.string(),
  definition: definitionIdSchema,
  endpoint: z.object({ transport: transportKindSchema, url: z.string() }),
  metadata: z.record(z.string(), z.string()),
  capacity: z.number().min(1),
})
const state = z.object({
  id: z.string(),
  status: instanceStatusSchema,
  weight: z.number().min(0),
  draining: z.boolean(),
})
const load = z.object({ inFlight: z.number().min(0), latencyMs: z.number().min(0) })

/**
 * One line of the feed, which is JSON lines: everything that an agent's index holds, then every
 * change.
 *
 *     begin, definition…, put…, scopes, ready, (definition, put, remove, scopes, ready)…
 *
 * A definition comes before the first `put` that names it. `put` is an instance as it is now, whole,
 * so that lines which come twice do no harm.
 */
export const feedLineSchema = z.discriminatedUnion('kind', [
  /** What was told before is void. `locality`: the agent's, from which rings are counted. */
  z.object({
    kind: z.literal('begin'),
    locality: z.object({ region: z.string(), zone: z.string(), node: z.string() }),
  }),
  z.object({
    kind: z.literal('definition'),
    id: definitionIdSchema,
    canonical: z.string(),
  }),
  /** Nothing names it any more; it is told again before something does. */
  z.object({ kind: z.literal('forget'), id: definitionIdSchema }),
  z.object({
    kind: z.literal('put'),
    owner: z.string(),
    spec,
    state,
    load,
    liveness: z.enum(['alive', 'suspect', 'unreachable']),
  }),
  z.object({ kind: z.literal('remove'), owner: z.string(), id: z.string() }),
  /** How far what is told can be trusted. */
  z.object({ kind: z.literal('scopes'), scopes: z.array(scopeReportSchema) }),
  /** All that is known up to here was told; comes once a second at least. */
  z.object({ kind: z.literal('ready'), index: feedIndexSchema }),
])
export type FeedLine = z.infer<typeof feedLineSchema>
