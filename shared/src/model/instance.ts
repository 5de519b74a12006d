import { z } from 'zod'
import { definitionIdSchema } from './definition.ts'
import { limits } from './limits.ts'

export const instanceIdPattern = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/

/** Chosen by whoever registers; unique within its owner. Safe in a URL path as it stands. */
export const instanceIdSchema = z
  .string()
  .max(limits.instanceIdMax, `must have at most ${limits.instanceIdMax} characters`)
  .regex(
    instanceIdPattern,
    'must be letters and digits with inner dots, hyphens and underscores, such as flights-1',
  )

export const transportKindSchema = z.enum(['streamable-http', 'sse', 'websocket'])
export type TransportKind = z.infer<typeof transportKindSchema>

/** Where clients reach the instance. */
export const endpointSchema = z
  .strictObject({
    transport: transportKindSchema.default('streamable-http'),
    url: z
      .string()
      .max(limits.uriMax, `must have at most ${limits.uriMax} characters`)
      .refine((url) => URL.canParse(url), 'must be an absolute URL')
      .refine((url) => !url.includes('{'), 'must not hold unresolved {placeholders}'),
  })
  .superRefine(({ transport, url }, context) => {
    if (!URL.canParse(url)) return
    const { protocol, username, password } = new URL(url)
    const allowed = transport === 'websocket' ? ['ws:', 'wss:'] : ['http:', 'https:']
    if (!allowed.includes(protocol)) {
      context.addIssue({
        code: 'custom',
        path: ['url'],
        message: `must begin with ${allowed.map((p) => `${p}//`).join(' or ')} for ${transport}`,
        input: url,
      })
    }
    if (username !== '' || password !== '') {
      context.addIssue({
        code: 'custom',
        path: ['url'],
        message: 'must not hold credentials: every reader of the registry would see them',
        input: '(not shown)',
      })
    }
  })
export type Endpoint = z.infer<typeof endpointSchema>

export const metadataKeyPattern = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/

const metadataKeySchema = z
  .string()
  .max(limits.metadataKeyMax, `must have at most ${limits.metadataKeyMax} characters`)
  .regex(metadataKeyPattern, 'must be letters, digits, dots, hyphens')

/** What differs from one instance of a definition to another. */
export const metadataSchema = z
  .record(
    metadataKeySchema,
    z
      .string()
      .max(limits.metadataValueMax, `must have at most ${limits.metadataValueMax} characters`),
  )
  .refine(
    (metadata) => Object.keys(metadata).length <= limits.metadataMax,
    `must have at most ${limits.metadataMax} entries`,
  )
export type Metadata = z.infer<typeof metadataSchema>

/**
 * - `passing`: its checks succeed
 * - `warning`: they began to fail
 * - `gated`: alive, but it wants credentials (401, 402, 403, 407)
 * - `critical`: they fail, or none has run yet
 */
export const instanceStatusSchema = z.enum(['passing', 'warning', 'gated', 'critical'])
export type InstanceStatus = z.infer<typeof instanceStatusSchema>

function wholeNumber(min: number, max: number) {
  const rule = `must be a whole number from ${min} to ${max}`
  return z.number(rule).int(rule).min(min, rule).max(max, rule)
}

/** What an instance is. One of its two records; replaced whole. */
export const instanceSpecSchema = z.strictObject({
  id: instanceIdSchema,
  definition: definitionIdSchema,
  endpoint: endpointSchema,
  metadata: metadataSchema.default({}),
  /** Calls it can serve at once. */
  capacity: wholeNumber(1, limits.capacityMax).default(100),
})
export type InstanceSpec = z.infer<typeof instanceSpecSchema>

/** How an instance is: the other record, small, so that a status change is small. */
export const instanceStateSchema = z.strictObject({
  id: instanceIdSchema,
  status: instanceStatusSchema,
  /** The operator's weight in selection; 0 takes no new work. */
  weight: wholeNumber(0, limits.weightMax).default(100),
  draining: z.boolean().default(false),
})
export type InstanceState = z.infer<typeof instanceStateSchema>
