import { z } from 'zod'
import { instanceIdSchema, limits, localityPartSchema, localitySchema } from '../model/index.ts'
import { cursorParam, pageLimit, unreachableScopeSchema } from './browse.ts'
import { operatorNoteSchema } from './operator-note.ts'
import { preservationStatusSchema } from './preservation.ts'

/** Every number that operators' actions enforce. */
export const operateLimits = {
  reasonMax: 200,
  /** A drain that ends by itself ends within a week. */
  drainSecondsMax: 7 * 24 * 3_600,
  /** Whoever asks, as told in events. */
  byMax: 300,
  /** Instances whose rest is told at once; of more the count is. */
  restInstancesMax: 500,
} as const

const reason = z
  .string()
  .trim()
  .max(operateLimits.reasonMax, `must have at most ${operateLimits.reasonMax} characters`)
  .optional()

/** The body of `PUT …/maintenance`, and of `PUT …/preservation`. */
export const reasonBodySchema = z.strictObject({ reason })
export type ReasonBody = z.output<typeof reasonBodySchema>

/** The body of `PUT …/drain`. */
export const drainBodySchema = z.strictObject({
  reason,
  /** The drain ends by itself after so long; without, it lasts until it is ended. */
  seconds: z
    .number()
    .int('must be a whole number of seconds')
    .min(1, 'must be at least 1')
    .max(operateLimits.drainSecondsMax, `must be at most ${operateLimits.drainSecondsMax}`)
    .optional(),
})
export type DrainBody = z.output<typeof drainBodySchema>

export const zonePathSchema = z.object({ region: localityPartSchema, zone: localityPartSchema })
export const instancePathSchema = localitySchema.extend({ instance: instanceIdSchema })

/** What a changed node or instance is answered with. */
export const actionReplySchema = z.object({
  applied: z.literal(true),
  region: z.string(),
  zone: z.string(),
  node: z.string(),
  id: z.string().optional(),
  /** When it was done, in milliseconds since 1970, by the clock of whoever did it. */
  at: z.number(),
})
export type ActionReply = z.infer<typeof actionReplySchema>

/** A zone's self-preservation, as each of its registries that answers judges it. */
export const zonePreservationSchema = z.object({
  region: z.string(),
  zone: z.string(),
  replicas: z.array(preservationStatusSchema.omit({ forgot: true })),
})
export type ZonePreservation = z.infer<typeof zonePreservationSchema>

export const preservationReplySchema = zonePreservationSchema.extend({
  applied: z.literal(true),
  at: z.number(),
})
export type PreservationReply = z.infer<typeof preservationReplySchema>

/** The query string of `GET /v1/quarantine`. */
export const quarantineParamsSchema = z.strictObject({ limit: pageLimit, cursor: cursorParam })
export type QuarantineParams = z.output<typeof quarantineParamsSchema>

/** Records that are held and passed on and that this registry cannot read, by owner. */
export const quarantinePageSchema = z.object({
  owners: z.array(
    z.object({
      owner: z.string(),
      /** Since when the oldest of them lies here, RFC 3339. */
      since: z.string(),
      /** What is wrong with one of them. */
      why: z.string(),
      /** Its key. */
      key: z.string(),
      records: z.number(),
    }),
  ),
  /** Records in quarantine, of all owners. */
  total: z.number(),
  nextCursor: z.string().optional(),
  /** Of what is gathered from regions: those that could not be asked. */
  unreachable: z.array(unreachableScopeSchema).default([]),
})
export type QuarantinePage = z.infer<typeof quarantinePageSchema>

/**
 * What a registry tells a node's agent to do with itself, on `rpc.node.….operate`. Agents take it
 * from whoever may publish there: the registries of their zone and region.
 */
export const nodeCommandSchema = z.object({
  action: z.enum(['drain', 'maintenance']),
  /** False ends it. */
  on: z.boolean(),
  /** One instance; all of the node, those to come included, where it is absent. */
  id: instanceIdSchema.optional(),
  reason: z.string().max(operateLimits.reasonMax).default(''),
  seconds: drainBodySchema.shape.seconds,
  /** Who asked, for the agent's log. */
  by: z.string().max(operateLimits.byMax),
})
export type NodeCommand = z.output<typeof nodeCommandSchema>
export const nodeCommandReplySchema = z.object({ at: z.number() })

const restWordSchema = z.object({
  /** RFC 3339, by the clock of its node. */
  since: z.string(),
  reason: z.string(),
  /** Of a drain: it ends by itself so long after it began, or after its agent started anew. */
  seconds: z.number().optional(),
})
const restWords = { drain: restWordSchema.optional(), maintenance: restWordSchema.optional() }

/** Why a node, or instances of it, take no new work, by its agent's own word. */
export const nodeRestReplySchema = z.object({
  /** Its agent was told to leave on its own host. */
  leaving: z.boolean(),
  ...restWords,
  /** Those that take no new work by a word of their own, by id. */
  instances: z.array(z.object({ id: instanceIdSchema, ...restWords })),
  /** How many of those there are. */
  total: z.number(),
})
export type NodeRestReply = z.infer<typeof nodeRestReplySchema>
export type RestWords = Pick<NodeRestReply, 'drain' | 'maintenance'>

/** `GET /v1/nodes/{region}/{zone}/{node}/rest`. */
export const nodeRestSchema = nodeRestReplySchema.extend({
  region: z.string(),
  zone: z.string(),
  node: z.string(),
})
export type NodeRest = z.infer<typeof nodeRestSchema>

/**
 * What the global tier has a region do, on `mrd.1.operate.<region>`. Nobody else may publish
 * there; a region passes it on as if its own operator had asked.
 */
export const regionCommandSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('node'), node: localitySchema, command: nodeCommandSchema }),
  z.object({ kind: z.literal('forget'), node: localitySchema }),
  z.object({ kind: z.literal('rest'), node: localitySchema }),
  z.object({
    kind: z.literal('preservation'),
    zone: z.string().max(limits.localityPartMax),
    override: z.enum(['none', 'off']).optional(),
  }),
  /** What was done, to be kept in the history of the region and of the zone. */
  z.object({ kind: z.literal('note'), note: operatorNoteSchema }),
])
export type RegionCommand = z.output<typeof regionCommandSchema>
export const regionCommandReplySchema = z.object({
  at: z.number(),
  /** Of a zone: what its registries answered. */
  replicas: zonePreservationSchema.shape.replicas.optional(),
  /** Of a node that was asked why it rests. */
  rest: nodeRestReplySchema.optional(),
})
export type RegionCommandReply = z.infer<typeof regionCommandReplySchema>
