import { z } from 'zod'
import { limits, type JsonObject } from '../model/index.ts'
import { statusCountsSchema } from './browse.ts'

/**
 * The official MCP registry's API, version v0.1 (API 2025-12-01), as far as it reads. Its clients
 * ask for more than its text says; what they rely on is tested in `routes.test.ts`.
 */

/** What the registry that serves an entry says of it, by the API's rules. */
export const officialMetaKey = 'io.modelcontextprotocol.registry/official'
/** What Meridian says of it: where it runs, how it is, what it offers. */
export const ownMetaKey = 'internal.meridian/registry'

export const officialLimits = {
  limitDefault: 30,
  limitMax: 100,
  searchMax: 512,
  cursorMax: 4_096,
} as const

const flag = z
  .enum(['true', 'false', '1', '0', ''])
  .transform((value) => value === 'true' || value === '1')

/** Parameters that nobody knows are passed over, as the official registry does. */
export const officialParamsSchema = z.object({
  cursor: z.string().max(officialLimits.cursorMax).optional(),
  limit: z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from 1 to ${officialLimits.limitMax}`)
    .transform(Number)
    .refine((value) => value >= 1, `must be from 1 to ${officialLimits.limitMax}`)
    // The official registry refuses more; a client that asks for 200 is better served with 100.
    .transform((value) => Math.min(value, officialLimits.limitMax))
    .default(officialLimits.limitDefault),
  search: z.string().max(officialLimits.searchMax).default(''),
  updated_since: z.iso
    .datetime({
      offset: true,
      error: 'must be a time as in RFC 3339, such as 2026-01-31T00:00:00Z',
    })
    .transform((text) => Date.parse(text))
    .optional(),
  version: z.string().max(limits.versionMax).optional(),
  include_deleted: flag.default(false),
})

export const officialEntryParamsSchema = z.object({ include_deleted: flag.default(false) })

const time = z.iso.datetime()

export const officialEntrySchema = z.object({
  server: z.custom<JsonObject>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ),
  _meta: z.object({
    [officialMetaKey]: z.strictObject({
      status: z.enum(['active', 'deprecated', 'deleted']),
      statusChangedAt: time,
      publishedAt: time,
      updatedAt: time,
      isLatest: z.boolean(),
    }),
    [ownMetaKey]: z
      .object({
        definition: z.string(),
        /** The best standing of its instances; `unknown` where nobody runs it. */
        health: z.enum(['passing', 'warning', 'gated', 'critical', 'unknown']),
        instances: statusCountsSchema,
        /** `region/zone`, sorted. */
        zones: z.array(z.string()),
        /** The first hundred, shortened; `toolCount` says how many there are. */
        tools: z.array(z.object({ name: z.string(), description: z.string().optional() })),
        toolCount: z.number(),
        /** Which import it came with; absent where it was registered. */
        source: z.string().optional(),
      })
      .optional(),
  }),
})
export type OfficialEntry = z.infer<typeof officialEntrySchema>

export const officialPageSchema = z.object({
  servers: z.array(officialEntrySchema),
  metadata: z.object({ count: z.number(), nextCursor: z.string().optional() }),
})
export type OfficialPage = z.infer<typeof officialPageSchema>

export const officialErrorSchema = z.object({ error: z.string() })
