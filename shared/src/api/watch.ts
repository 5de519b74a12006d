import { z } from 'zod'
import {
  feedIndexSchema,
  lookupResultSchema,
  lookupScopeSchema,
  scopeReportSchema,
} from './lookup.ts'

/** The query string of `GET /v1/watch`. */
export const watchParamsSchema = z.strictObject({
  q: z.string().default(''),
  /** `global` unless given; what lies beyond the own zone or region is looked at every 2 s. */
  scope: lookupScopeSchema.optional(),
  /** Go on after this event; the header `Last-Event-ID` says the same. */
  index: feedIndexSchema.optional(),
})
export type WatchParams = z.output<typeof watchParamsSchema>

/** Everything that matches now, and how far it can be trusted. */
export const watchSnapshotSchema = z.object({
  results: z.array(lookupResultSchema),
  scopes: z.array(scopeReportSchema),
})
export const watchScopesSchema = z.object({ scopes: z.array(scopeReportSchema) })
export const watchRemovedSchema = z.object({ instance: z.string(), locality: z.string() })
export const watchResetSchema = z.object({ reason: z.string() })

/** What `GET /v1/watch` sends, by the name of the event. */
export const watchEventSchemas = {
  snapshot: watchSnapshotSchema,
  added: lookupResultSchema,
  changed: lookupResultSchema,
  removed: watchRemovedSchema,
  scopes: watchScopesSchema,
  reset: watchResetSchema,
} as const
