import { z } from 'zod'
import { cursorParam, pageLimit } from './browse.ts'

export const snapshotLimits = { nameMax: 64, keptMax: 100 } as const

export const snapshotNameSchema = z
  .string()
  .min(1)
  .max(snapshotLimits.nameMax, `must have at most ${snapshotLimits.nameMax} characters`)
  .regex(
    /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/,
    'must be lower-case letters, digits, dots, hyphens and underscores, such as before-upgrade-2',
  )
  .refine((name) => !name.includes('..'), 'must have no two dots in a row')

/** The body of `POST /v1/snapshots`. */
export const snapshotBodySchema = z.strictObject({ name: snapshotNameSchema.optional() })

/** The query string of `GET /v1/snapshots`. */
export const snapshotsParamsSchema = z.strictObject({ limit: pageLimit, cursor: cursorParam })
export type SnapshotsParams = z.output<typeof snapshotsParamsSchema>

export const snapshotSchema = z.object({
  name: snapshotNameSchema,
  bytes: z.number(),
  /** When it was taken, in milliseconds since 1970. */
  at: z.number(),
  /** Of the file, in hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})
export type Snapshot = z.infer<typeof snapshotSchema>

export const snapshotsPageSchema = z.object({
  /** By name. */
  snapshots: z.array(snapshotSchema),
  nextCursor: z.string().optional(),
})
export type SnapshotsPage = z.infer<typeof snapshotsPageSchema>
