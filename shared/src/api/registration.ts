import { z } from 'zod'
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
} from '../model/index.ts'

const registrantMax = 128

/**
 * What a server (or the person who runs it) tells the agent: `PUT /v1/agent/instances/{id}`.
 *
 * Without `definition` the agent introspects the endpoint, and the definition is what the server
 * itself says. `tags` are added to the definition's, because tags are the definition's.
 */
export const registrationSchema = z
  .strictObject({
    endpoint: endpointSchema,
    definition: definitionSchema.optional(),
    /** Ask the server itself; the default unless a definition is given. */
    introspect: z.boolean().optional(),
    tags: tagsSchema.default([]),
    metadata: metadataSchema.default({}),
    weight: instanceStateSchema.shape.weight,
    capacity: instanceSpecSchema.shape.capacity,
    /** Whoever registers. Another registrant cannot take or remove the id: `conflict`. */
    registrant: z
      .string()
      .min(1)
      .max(registrantMax, `must have at most ${registrantMax} characters`)
      .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
      .default('anonymous'),
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
    if (value.definition && value.definition.tags.length + value.tags.length > limits.tagsMax) {
      context.addIssue({
        code: 'custom',
        path: ['tags'],
        message: `and definition.tags must have at most ${limits.tagsMax} tags together`,
        input: value.tags,
      })
    }
  })
export type Registration = z.output<typeof registrationSchema>
export type RegistrationInput = z.input<typeof registrationSchema>

/** What the agent answers about one of its instances. */
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
  draining: z.boolean(),
  registrant: z.string(),
  /** Stays on this agent: its lists are private. */
  private: z.boolean(),
  tools: z.number(),
  resources: z.number(),
  resourceTemplates: z.number(),
  prompts: z.number(),
})
export type RegisteredInstance = z.infer<typeof registeredInstanceSchema>

export const registeredInstancesSchema = z.strictObject({
  instances: z.array(registeredInstanceSchema),
  nextCursor: z.string().optional(),
})
