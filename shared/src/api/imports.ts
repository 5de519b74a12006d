import { z } from 'zod'
import { endpointSchema, localityPartSchema } from '../model/index.ts'

export const importLimits = {
  /** Entries of one request. */
  entriesMax: 1_000,
  /** Of its body: 16 KB each, where most take three. */
  bodyBytesMax: 16 * 1024 * 1024,
  /** Characters of a run's id. */
  runMax: 64,
} as const

/** One server version as somebody else lists it. */
export const importEntrySchema = z.strictObject({
  /** As in a registration; judged by itself, so that a bad one harms only itself. */
  definition: z.unknown(),
  status: z.enum(['active', 'deprecated', 'deleted']).default('active'),
  /** RFC 3339; when it is imported unless given. */
  publishedAt: z.iso.datetime({ offset: true }).optional(),
  updatedAt: z.iso.datetime({ offset: true }).optional(),
  /** Where it runs, if that is known: it is found by lookups then, after what is checked. */
  endpoint: endpointSchema.optional(),
})
export type ImportEntry = z.infer<typeof importEntrySchema>

/** `POST /v1/imports`. */
export const importRequestSchema = z.strictObject({
  /** Names the import: a later one of the same name replaces what this one brought. */
  source: localityPartSchema,
  /** The same for all requests of one import. */
  run: z.string().min(1).max(importLimits.runMax),
  entries: z.array(z.unknown()).max(importLimits.entriesMax),
  /** The last of the run: what earlier runs brought and this one did not is removed. */
  complete: z.boolean().default(false),
})
export type ImportRequest = z.infer<typeof importRequestSchema>

export const importReplySchema = z.object({
  added: z.number(),
  changed: z.number(),
  unchanged: z.number(),
  /** Only where the run is complete. */
  removed: z.number(),
  refused: z.array(z.object({ index: z.number(), reason: z.string() })),
})
export type ImportReply = z.infer<typeof importReplySchema>

/** `GET /v1/imports`. */
export const importsSchema = z.object({
  /** Who owns what was imported here. */
  owner: z.string(),
  sources: z.array(z.object({ source: z.string(), listings: z.number() })),
})
export type Imports = z.infer<typeof importsSchema>
