import { z } from 'zod'
import { limits, serverNameSchema, serverVersionSchema } from '../model/index.ts'

/**
 * A publisher's `server.json`, as the official registry defines it: only what is read of it is
 * looked at, and the whole is kept as it came.
 */
export const serverJsonSchema = z.looseObject({
  name: serverNameSchema,
  version: serverVersionSchema,
  title: z.string().max(limits.titleMax).optional(),
  description: z.string().max(limits.descriptionMax).optional(),
})
export type ServerJson = z.output<typeof serverJsonSchema>
