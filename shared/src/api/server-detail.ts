import { z } from 'zod'
import { definitionIdSchema, limits } from '../model/index.ts'
import { statusCountsSchema } from './browse.ts'
import { lookupLimits } from './lookup.ts'

/** What varies in the paths of a server: a name as long as one may be, one that is none included. */
export const serverPathSchema = z.object({
  name: z
    .string()
    .max(limits.serverNameMax, `must have at most ${limits.serverNameMax} characters`),
})

/** One version of a server, as one definition has it. */
export const serverVersionDetailSchema = z.object({
  version: z.string(),
  /** The whole of it: `GET /v1/definitions/{id}`. */
  definition: definitionIdSchema,
  title: z.string().optional(),
  description: z.string().optional(),
  tools: z.number(),
  resources: z.number(),
  resourceTemplates: z.number(),
  prompts: z.number(),
  instances: statusCountsSchema,
  /** `region/zone`, sorted. */
  zones: z.array(z.string()),
})

/** `GET /v1/servers/{name}`: what runs under a name, newest version first. */
export const serverDetailSchema = z.object({
  name: z.string(),
  versions: z.array(serverVersionDetailSchema),
})
export type ServerDetail = z.infer<typeof serverDetailSchema>

/** `server` and `definition` between tiers; nothing where nobody above has it. */
export const serverRequestSchema = z.object({
  name: z.string(),
  deadlineMs: z.number().min(0).max(lookupLimits.deadlineMsMax),
})
export const serverReplySchema = z.object({
  server: serverDetailSchema.optional(),
  replica: z.string().optional(),
})

export const definitionRequestSchema = z.object({
  id: definitionIdSchema,
  deadlineMs: z.number().min(0).max(lookupLimits.deadlineMsMax),
})
/** The canonical JSON whose hash the id is. */
export const definitionReplySchema = z.object({
  canonical: z.string().optional(),
  replica: z.string().optional(),
})
