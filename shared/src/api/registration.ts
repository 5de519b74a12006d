import { z } from 'zod'
import { checksSchema, instanceCheckSchema } from './checks.ts'
import {
  definitionSchema,
  endpointSchema,
  instanceIdSchema,
  instanceSpecSchema,
  instanceStateSchema,
  instanceStatusSchema,
  limits,
  metadataSchema,
  tagsSchema,
  type Definition,
  type Endpoint,
} from '../model/index.ts'
import { problemSchema } from './problem.ts'
import { serverJsonSchema } from './server-json.ts'
import { stdioEndpointSchema, type StdioEndpoint, type StdioEndpointInput } from './stdio.ts'

export const registrantMax = 128
export const registrantPattern = /^[\x21-\x7e]+$/

const registrantSchema = z
  .string()
  .min(1)
  .max(registrantMax, `must have at most ${registrantMax} characters`)
  .regex(registrantPattern, 'must be printable ASCII without spaces')
  .default('anonymous')

/** Where the server is: a URL, or a command that the agent runs and serves at one. */
export type RegistrationEndpoint = Endpoint | StdioEndpoint
type RegistrationEndpointInput = z.input<typeof endpointSchema> | StdioEndpointInput

// A union that looks at `transport` says what is wrong with the one that was meant.
const registrationEndpointSchema = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && !('transport' in value)
      ? { ...value, transport: 'streamable-http' }
      : value,
  z.discriminatedUnion('transport', [endpointSchema, stdioEndpointSchema]),
) as unknown as z.ZodType<RegistrationEndpoint, RegistrationEndpointInput>

function registrationSchemaWith<T extends z.ZodType<Definition>>(definition: T) {
  return z
    .strictObject({
      endpoint: registrationEndpointSchema,
      definition: definition.optional(),
      /** Ask the server itself; the default unless a definition is given. */
      introspect: z.boolean().optional(),
      tags: tagsSchema.default([]),
      metadata: metadataSchema.default({}),
      weight: instanceStateSchema.shape.weight,
      capacity: instanceSpecSchema.shape.capacity,
      /** Whoever registers. Another registrant cannot take or remove the id: `conflict`. */
      registrant: registrantSchema,
      /**
       * How the agent tells whether it is well. Without the field: `mcp` for what is introspected,
       * `tcp` for the rest. An empty list: nobody looks, and the registrant's word holds.
       */
      checks: checksSchema.optional(),
      /**
       * The publisher's `server.json`: the definition keeps it, and has its name, version and
       * description; what the server offers is still what the server itself says.
       */
      serverJson: serverJsonSchema.optional(),
      /**
       * The registrant vouches that the lists do not differ from caller to caller, so that others
       * may see them although the server calls them private (as servers do that say nothing).
       */
      publish: z.boolean().default(false),
    })
    .superRefine((value, context) => {
      const introspect = value.introspect ?? value.definition === undefined
      if (introspect && value.definition !== undefined) {
        context.addIssue({
          code: 'custom',
          path: ['introspect'],
          message: 'must not be true beside a definition: give one or the other',
          input: value.introspect,
        })
      }
      if (!introspect && value.definition === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['definition'],
          message: 'is needed when introspect is false',
          input: undefined,
        })
      }
      if (introspect && value.endpoint.transport === 'websocket') {
        context.addIssue({
          code: 'custom',
          path: ['definition'],
          message: 'is needed for websocket endpoints, which cannot be introspected',
          input: undefined,
        })
      }
      if (value.publish && !introspect) {
        context.addIssue({
          code: 'custom',
          path: ['publish'],
          message: 'is for servers that are introspected: leave `private` out of the definition',
          input: value.publish,
        })
      }
      if (value.serverJson && !introspect) {
        context.addIssue({
          code: 'custom',
          path: ['serverJson'],
          message: 'is for servers that are introspected: the definition has a field of that name',
          input: undefined,
        })
      }
      const probes = value.checks?.find(({ kind }) => kind === 'mcp')
      if (probes && value.endpoint.transport === 'websocket') {
        context.addIssue({
          code: 'custom',
          path: ['checks'],
          message: 'must not hold an mcp check for a websocket endpoint: use tcp, http or ttl',
          input: 'mcp',
        })
      }
      if (value.definition && value.definition.tags.length + value.tags.length > limits.tagsMax) {
        context.addIssue({
          code: 'custom',
          path: ['tags'],
          message: `and definition.tags must have at most ${limits.tagsMax} tags together`,
          input: value.tags,
        })
      }
    })
}

/**
 * What a server (or the person who runs it) tells the agent: `PUT /v1/agent/instances/{id}`.
 *
 * Without `definition` the agent introspects the endpoint, and the definition is what the server
 * itself says. `tags` are added to the definition's, because tags are the definition's.
 */
export const registrationSchema = registrationSchemaWith(definitionSchema)

/** The same around a definition that `registrationSchema` has given back before. */
export const registrationOfKnownSchema = registrationSchemaWith(z.custom<Definition>())
export type Registration = z.output<typeof registrationSchema>
export type RegistrationInput = z.input<typeof registrationSchema>

/** `POST /v1/agent/instances`: up to this many at once, each with its own outcome. */
export const bulkMax = 1_000

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Items are parsed one by one, so that a bad one harms no other. */
export const bulkRegistrationSchema = z.strictObject({
  instances: z
    .array(z.custom<{ readonly id?: unknown }>(isObject, 'must be an object'))
    .min(1, 'must not be empty')
    .max(bulkMax, `must have at most ${bulkMax} instances`),
})
export type BulkRegistrationInput = {
  readonly instances: readonly (RegistrationInput & { readonly id: string })[]
}

const sinceSchema = z.iso.datetime()

/** What the agent answers about one of its instances. Times are ISO 8601. */
export const registeredInstanceSchema = z.strictObject({
  id: instanceIdSchema,
  server: z.string(),
  version: z.string(),
  definition: z.string(),
  endpoint: endpointSchema,
  metadata: metadataSchema,
  capacity: z.number(),
  status: instanceStatusSchema,
  weight: z.number(),
  /** Takes no new work: drained, in maintenance, or its agent is leaving. */
  draining: z.boolean(),
  registrant: z.string(),
  /** Stays on this agent: its lists are private. */
  private: z.boolean(),
  tools: z.number(),
  resources: z.number(),
  resourceTemplates: z.number(),
  prompts: z.number(),
  /** Empty: nobody looks, and the registrant's word holds. */
  checks: z.array(instanceCheckSchema),
  drain: z
    .strictObject({
      since: sinceSchema,
      /** Whether it is deregistered once nothing is in flight. */
      thenDeregister: z.boolean(),
      /** It ends by itself after so long. */
      forMs: z.number().optional(),
      reason: z.string().optional(),
    })
    .optional(),
  maintenance: z.strictObject({ since: sinceSchema, reason: z.string() }).optional(),
  /** When the server last said what it is, and in which era of the protocol. */
  introspected: z
    .strictObject({
      at: sinceSchema,
      era: z.enum(['modern', 'legacy']),
      protocol: z.string(),
      ttlMs: z.number().optional(),
      cacheScope: z.enum(['public', 'private']).optional(),
      /** Whether the agent is told of changes; otherwise it asks from time to time. */
      follows: z.boolean(),
    })
    .optional(),
  load: z.strictObject({ inFlight: z.number(), latencyMs: z.number() }).optional(),
  /** Of servers that the agent runs itself; secrets are not shown. */
  stdio: z
    .strictObject({
      command: z.string(),
      args: z.array(z.string()),
      env: z.array(z.string()),
      cwd: z.string().optional(),
      status: z.enum(['starting', 'up', 'waiting', 'failed', 'stopped']),
      pid: z.number().optional(),
      /** The revision that the process speaks; the endpoint speaks the newest besides. */
      protocol: z.string().optional(),
    })
    .optional(),
})
export type RegisteredInstance = z.infer<typeof registeredInstanceSchema>

export const registeredInstancesSchema = z.strictObject({
  instances: z.array(registeredInstanceSchema),
  nextCursor: z.string().optional(),
})

/** In the order of the request. */
export const bulkOutcomesSchema = z.strictObject({
  outcomes: z.array(
    z.union([
      z.strictObject({
        id: z.string(),
        outcome: z.enum(['created', 'replaced', 'unchanged']),
        status: instanceStatusSchema,
        definition: z.string(),
      }),
      z.strictObject({ id: z.string(), outcome: z.literal('refused'), problem: problemSchema }),
    ]),
  ),
})
export type BulkOutcomes = z.infer<typeof bulkOutcomesSchema>

/** `PATCH /v1/agent/instances/{id}`: until the registrant asks for other ones. */
export const instancePatchSchema = z
  .strictObject({
    weight: instanceStateSchema.shape.weight.unwrap().optional(),
    capacity: instanceSpecSchema.shape.capacity.unwrap().optional(),
  })
  .refine(
    ({ weight, capacity }) => weight !== undefined || capacity !== undefined,
    'must change weight or capacity',
  )
export type InstancePatch = z.output<typeof instancePatchSchema>

const waitMsSchema = z
  .number()
  .int()
  .min(0)
  .max(60 * 60_000, 'must be at most 3600000 milliseconds')

/** `POST /v1/agent/instances/{id}/drain`: no new work. */
export const drainSchema = z.strictObject({
  /** Deregister it as soon as nothing is in flight. */
  thenDeregister: z.boolean().default(false),
  /** At most so long; exactly so long where nobody says what is in flight. */
  waitMs: waitMsSchema.default(30_000),
})
export type Drain = z.output<typeof drainSchema>
export type DrainInput = z.input<typeof drainSchema>

/** `PUT /v1/agent/instances/{id}/maintenance`: no new work, for a reason that people can read. */
export const maintenanceSchema = z.strictObject({
  reason: z.string().trim().min(1, 'must say why').max(500, 'must have at most 500 characters'),
})
export type Maintenance = z.output<typeof maintenanceSchema>

/** `POST /v1/agent/leave`: no new work for the whole host. */
export const leaveSchema = z.strictObject({
  /** For calls in flight to end and for the zone to know. */
  waitMs: waitMsSchema.default(30_000),
})
export type LeaveInput = z.input<typeof leaveSchema>

export const leaveOutcomeSchema = z.strictObject({
  instances: z.number(),
  /** Calls that are known to be still in flight. */
  inFlight: z.number(),
  /** Whether a local and a regional replica know. */
  told: z.boolean(),
  waitedMs: z.number(),
})
export type LeaveOutcome = z.infer<typeof leaveOutcomeSchema>

export const registrantParamsSchema = z.strictObject({ registrant: registrantSchema })

/** Of `PUT /v1/agent/instances/{id}`: whether the answer waits until others know. */
export const registerParamsSchema = z.strictObject({
  wait: z.literal('zone').optional(),
  waitMs: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a whole number of milliseconds, at most 60000')
    .transform(Number)
    .refine((ms) => ms <= 60_000, 'must be at most 60000 milliseconds')
    .default(10_000),
})
