import { z } from 'zod'
import type { PlanStep } from '../capability-index/capability-index.ts'
import { standings } from '../capability-index/standing.ts'
import {
  definitionIdSchema,
  instanceStatusSchema,
  localityTextSchema,
  transportKindSchema,
} from '../model/index.ts'
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

/** As it was accepted elsewhere: not judged again. */
const storedEndpointSchema = z.object({ transport: transportKindSchema, url: z.string() })

export const browseLimits = {
  limitDefault: 50,
  limitMax: 500,
  cursorMax: 2_048,
  /** Of free text. */
  textMax: 512,
  queryMax: 4_096,
} as const

/** `limit` of a page. */
export const pageLimit = z
  .string()
  .regex(/^\d{1,4}$/, `must be a whole number from 1 to ${browseLimits.limitMax}`)
  .transform(Number)
  .refine(
    (value) => value >= 1 && value <= browseLimits.limitMax,
    `must be from 1 to ${browseLimits.limitMax}`,
  )
  .default(browseLimits.limitDefault)

/** `nextCursor` of the page before. */
export const cursorParam = z
  .string()
  .max(browseLimits.cursorMax, `must have at most ${browseLimits.cursorMax} characters`)
  .optional()

const queryText = z
  .string()
  .max(browseLimits.queryMax, `must have at most ${browseLimits.queryMax} characters`)
  .default('')

/** What servers are ordered by; all but `name` begin with the newest or the most. */
export const serverSortSchema = z.enum(['name', 'updated', 'instances'])
export type ServerSort = z.infer<typeof serverSortSchema>

/** The query string of `GET /v1/servers`. */
export const serversParamsSchema = z.strictObject({
  /** In the query language. */
  q: queryText,
  /** Words that name, title or description must hold, each somewhere. */
  text: z
    .string()
    .max(browseLimits.textMax, `must have at most ${browseLimits.textMax} characters`)
    .default(''),
  sort: serverSortSchema.default('name'),
  limit: pageLimit,
  cursor: cursorParam,
})
export type ServersParams = z.output<typeof serversParamsSchema>

export const serverSummarySchema = z.object({
  name: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  /** Newest first. */
  versions: z.array(z.string()),
  instances: statusCountsSchema,
  /** `region/zone`, sorted. */
  zones: z.array(z.string()),
  tools: z.number(),
  resources: z.number(),
  resourceTemplates: z.number(),
  prompts: z.number(),
  /** When what is listed of it last changed, RFC 3339. */
  updatedAt: z.string().optional(),
})
export type ServerSummary = z.infer<typeof serverSummarySchema>

export const serversPageSchema = z.object({
  servers: z.array(serverSummarySchema),
  total: z.number(),
  nextCursor: z.string().optional(),
})
export type ServersPage = z.infer<typeof serversPageSchema>

/** One definition of a version, with where it runs. */
export const serverVersionSummarySchema = z.object({
  version: z.string(),
  definition: definitionIdSchema,
  title: z.string().optional(),
  description: z.string().optional(),
  /** RFC 3339. */
  publishedAt: z.string(),
  updatedAt: z.string(),
  isLatest: z.boolean(),
  /** Another definition bears the same name and version, and has more passing instances. */
  isShadowed: z.boolean(),
  /** By the word of whoever imported it; absent where it was registered. */
  source: z.string().optional(),
  instances: statusCountsSchema,
  zones: z.array(z.object({ region: z.string(), zone: z.string(), instances: statusCountsSchema })),
  tools: z.number(),
  resources: z.number(),
  resourceTemplates: z.number(),
  prompts: z.number(),
})
export type ServerVersionSummary = z.infer<typeof serverVersionSummarySchema>

/** `GET /v1/servers/{name}/versions`, newest first. */
export const serverVersionListSchema = z.object({
  name: z.string(),
  versions: z.array(serverVersionSummarySchema),
})
export type ServerVersionList = z.infer<typeof serverVersionListSchema>

/** The query string of `GET /v1/instances`. */
export const instancesParamsSchema = z.strictObject({
  q: queryText,
  limit: pageLimit,
  cursor: cursorParam,
})
export type InstancesParams = z.output<typeof instancesParamsSchema>

/** An instance as a registry knows it. */
export const instanceViewSchema = z.object({
  instance: z.string(),
  /** `region/zone/node`. */
  locality: z.string(),
  /** Who alone writes it: `region/zone/node/id`. */
  owner: z.string(),
  server: z.string(),
  version: z.string(),
  title: z.string().optional(),
  definition: definitionIdSchema,
  endpoint: storedEndpointSchema,
  metadata: z.record(z.string(), z.string()),
  capacity: z.number(),
  status: instanceStatusSchema,
  /** The status, the operator's word and the node's standing in one. */
  standing: z.enum(standings),
  weight: z.number(),
  draining: z.boolean(),
  node: z.enum(nodeStatuses),
  load: z.object({ inFlight: z.number(), latencyMs: z.number() }),
})
export type InstanceView = z.infer<typeof instanceViewSchema>

/** A part of the world that could not be asked for this page. */
export const unreachableScopeSchema = z.object({
  scope: z.literal('region'),
  name: z.string(),
  reason: z.string(),
})
export type UnreachableScope = z.infer<typeof unreachableScopeSchema>

export const instancesPageSchema = z.object({
  instances: z.array(instanceViewSchema),
  unreachable: z.array(unreachableScopeSchema),
  nextCursor: z.string().optional(),
})
export type InstancesPage = z.infer<typeof instancesPageSchema>

/** A part of the world. */
export const placeText = z
  .string()
  .max(256)
  .regex(/^[a-z0-9-]+(\/[a-z0-9-]+){0,2}$/, 'must be region, region/zone or region/zone/node')

/** The query string of `GET /v1/nodes`. */
export const nodesParamsSchema = z.strictObject({
  /** Only those there. */
  place: placeText.optional(),
  limit: pageLimit,
  cursor: cursorParam,
})
export type NodesParams = z.output<typeof nodesParamsSchema>

export const nodeViewSchema = z.object({
  /** `region/zone/node`. */
  locality: z.string(),
  state: z.enum(nodeStatuses),
  servers: z.number(),
  instances: statusCountsSchema,
  draining: z.number(),
  /** Whoever writes records there: its agent, importers. */
  owners: z.array(
    z.object({
      owner: z.string(),
      /** `epoch number.tag/counter` as held here. */
      version: z.string(),
      /**
       * Changes that were heard of, in its pulses or from its zone's registry, and are not here yet;
       * absent where nothing was heard, and while another epoch is being fetched.
       */
      behind: z.number().optional(),
      /** How long ago that was heard, in milliseconds. */
      heardAgeMs: z.number().optional(),
      records: z.number(),
      /**
       * How far what is held of it is trusted: `whole`; `doubted`, it is being fetched again;
       * `forgotten`, it was silent for so long that its records went.
       */
      trust: z.enum(['whole', 'doubted', 'forgotten']),
    }),
  ),
})
export type NodeView = z.infer<typeof nodeViewSchema>

export const nodesPageSchema = z.object({
  nodes: z.array(nodeViewSchema),
  unreachable: z.array(unreachableScopeSchema),
  nextCursor: z.string().optional(),
})
export type NodesPage = z.infer<typeof nodesPageSchema>

/** The query string of `GET /v1/explain`. */
export const explainParamsSchema = z.strictObject({
  q: queryText,
  limit: pageLimit,
  /** Explained as seen from here (`region/zone/node`) instead of from this registry. */
  near: localityTextSchema.optional(),
})
export type ExplainParams = z.output<typeof explainParamsSchema>

/** Its type is said, since what declaration files make of a schema that names itself is too wide. */
const planStepSchema: z.ZodType<PlanStep> = z.object({
  /** `scan`, `list`, `bitset`, `and`, `or`, `not`, `filter`… */
  how: z.string(),
  what: z.string(),
  /** Upper bound of the groups it names. */
  rows: z.number(),
  get steps() {
    return z.array(planStepSchema).readonly()
  },
})

/** How this registry finds the answer to a query among what it holds. */
export const indexExplanationSchema = z.object({
  /** As it was understood. */
  query: z.string(),
  tier: tierSchema,
  from: z.string(),
  plan: planStepSchema,
  rowsTouched: z.number(),
  rowsTotal: z.number(),
  zones: z.array(
    z.object({
      region: z.string(),
      zone: z.string(),
      rowsTouched: z.number(),
      ended: z.enum(['exhausted', 'early', 'skipped']),
    }),
  ),
  /** Matches by place, those that take no work included. */
  matches: z.array(
    z.object({ region: z.string(), zone: z.string(), instances: statusCountsSchema }),
  ),
  /** In the order in which they would be tried, the heaviest of a ring first. */
  hits: z.array(
    z.object({
      instance: z.string(),
      server: z.string(),
      version: z.string(),
      locality: z.string(),
      ring: z.number(),
      weight: z.number(),
      standing: z.enum(standings),
      factors: z.object({
        health: z.number(),
        latencyMs: z.number(),
        pending: z.number(),
        capacityLeft: z.number(),
        operatorWeight: z.number(),
      }),
    }),
  ),
  /** Where a lookup would go on to when nothing usable is here; empty where it would not. */
  asksNext: z.array(z.string()),
})
export type IndexExplanation = z.infer<typeof indexExplanationSchema>

export const topologySchema = z.object({
  tier: tierSchema,
  replica: z.string(),
  /** Round trips from this registry to other regions', in ms, nearest first; where it measures any. */
  roundTrips: z.array(z.object({ region: z.string(), ms: z.number() })).optional(),
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
          /** When it became that, RFC 3339, of what is not `fresh`; absent where nobody saw it. */
          since: z.string().optional(),
          /** Since when it has had instances that are so, without a pause; absent where nobody saw it. */
          instancesSince: z
            .object({
              warning: z.string().optional(),
              gated: z.string().optional(),
              critical: z.string().optional(),
            })
            .optional(),
          /** Absent where this tier holds counts only. */
          nodes: z
            .array(
              z.object({
                node: z.string(),
                /** Only `alive` and `suspect` ones are served from. */
                state: z.enum(nodeStatuses),
                /** When it became that, RFC 3339, of what is not `alive`. */
                since: z.string().optional(),
                servers: z.number(),
                instances: statusCountsSchema,
                /** Of them, those that take no new work; absent for none. */
                draining: z.number().optional(),
                /** Since when there have been some, RFC 3339; absent where nobody saw it. */
                drainingSince: z.string().optional(),
              }),
            )
            .optional(),
        }),
      ),
    }),
  ),
})
export type Topology = z.infer<typeof topologySchema>

/** `GET /v1/self`: which registry this is. */
export const selfSchema = z.object({
  tier: tierSchema,
  /** `region/zone` of a zone's, the region of a region's, empty for the world's. */
  place: z.string(),
  replica: z.string(),
})
export type Self = z.infer<typeof selfSchema>

/** `GET /readyz`. */
export const readinessSchema = z.object({
  ready: z.boolean(),
  reasons: z.array(z.string()),
})
export type Readiness = z.infer<typeof readinessSchema>
