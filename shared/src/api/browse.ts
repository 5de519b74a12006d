import { z } from 'zod'
import { nodeStatuses } from '../replication/judgement.ts'
import { tierSchema } from './tier.ts'

/** Instances by status. */
export const statusCountsSchema = z.object({
  passing: z.number(),
  warning: z.number(),
  gated: z.number(),
  critical: z.number(),
})
export type StatusCounts = z.infer<typeof statusCountsSchema>

export const browseLimits = { limitDefault: 50, limitMax: 500 } as const

/** The query string of `GET /v1/servers`. */
export const serversParamsSchema = z.strictObject({
  q: z.string().default(''),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, `must be a whole number from 1 to ${browseLimits.limitMax}`)
    .transform(Number)
    .refine(
      (value) => value >= 1 && value <= browseLimits.limitMax,
      `must be from 1 to ${browseLimits.limitMax}`,
    )
    .default(browseLimits.limitDefault),
  cursor: z.string().max(1_024).optional(),
})

export const serverSummarySchema = z.object({
  name: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  versions: z.array(z.string()),
  instances: statusCountsSchema,
  /** `region/zone`, sorted. */
  zones: z.array(z.string()),
  tools: z.number(),
  resources: z.number(),
  resourceTemplates: z.number(),
  prompts: z.number(),
})
export type ServerSummary = z.infer<typeof serverSummarySchema>

export const serversPageSchema = z.object({
  servers: z.array(serverSummarySchema),
  total: z.number(),
  nextCursor: z.string().optional(),
})
export type ServersPage = z.infer<typeof serversPageSchema>

export const topologySchema = z.object({
  tier: tierSchema,
  replica: z.string(),
  regions: z.array(
    z.object({
      region: z.string(),
      instances: statusCountsSchema,
      zones: z.array(
        z.object({
          zone: z.string(),
          servers: z.number(),
          instances: statusCountsSchema,
          /**
           * How far the states of its nodes, and counts of them, can be trusted.
           *
           * - `fresh`: they are judged now
           * - `preserved`: too many fell silent at once, silent ones are kept
           * - `unknown`: nobody who judges them is heard; they are as they last were
           */
          state: z.enum(['fresh', 'preserved', 'unknown']).optional(),
          /** Absent where this tier holds counts only. */
          nodes: z
            .array(
              z.object({
                node: z.string(),
                /** Only `alive` and `suspect` ones are served from. */
                state: z.enum(nodeStatuses),
                servers: z.number(),
                instances: statusCountsSchema,
              }),
            )
            .optional(),
        }),
      ),
    }),
  ),
})
export type Topology = z.infer<typeof topologySchema>

/** `GET /readyz`. */
export const readinessSchema = z.object({
  ready: z.boolean(),
  reasons: z.array(z.string()),
})
export type Readiness = z.infer<typeof readinessSchema>
