import { z } from 'zod'
import { problemSchema } from './problem.ts'

/** `GET /v1/agent/services`: what the agent reads from its folder of service files. */
export const servicesSchema = z.strictObject({
  /** Absent where the agent reads none. */
  folder: z.string().optional(),
  /**
   * - `off`: the agent reads no service files
   * - `read`: as listed in `files`
   * - `missing`, `unreadable`: what was registered from it before stays
   */
  state: z.enum(['off', 'read', 'missing', 'unreadable']),
  /** Why it is missing or unreadable. */
  reason: z.string().optional(),
  /** When it was last looked at. */
  readAt: z.iso.datetime().optional(),
  /** By name. */
  files: z.array(
    z.strictObject({
      file: z.string(),
      format: z.enum(['registrations', 'client-configuration', 'server-json', 'unknown']),
      /** What is wrong in the file. While there is any, nothing that it registered is taken out. */
      problems: z.array(
        z.strictObject({
          /** From 1; absent where the file as a whole is at fault. */
          line: z.number().optional(),
          field: z.string(),
          problem: z.string(),
        }),
      ),
      instances: z.array(
        z.strictObject({
          id: z.string(),
          line: z.number(),
          /** `waiting`: it could not be registered yet, and is tried again. */
          state: z.enum(['registered', 'pending', 'waiting']),
          /** Why it could not be registered when last tried. */
          problem: problemSchema.optional(),
        }),
      ),
    }),
  ),
})
export type Services = z.infer<typeof servicesSchema>
