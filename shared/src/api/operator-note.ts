import { z } from 'zod'
import { instanceIdSchema, limits } from '../model/index.ts'
import { operatorActions } from './events.ts'

/** What an operator had done, as the histories of those tell it whom it concerns. */
export const operatorNoteSchema = z.object({
  action: z.enum(operatorActions),
  /** `region/zone/node`, or as much of it as it is about; empty for a registry itself. */
  place: z.string().max(3 * (limits.localityPartMax + 1)),
  instance: instanceIdSchema.optional(),
  by: z.string().max(300),
  reason: z.string().max(200).optional(),
})
export type OperatorNote = z.infer<typeof operatorNoteSchema>
