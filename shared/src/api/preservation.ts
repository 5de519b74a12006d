import { z } from 'zod'
import { localityPartSchema } from '../model/index.ts'
import { operatorNoteSchema } from './operator-note.ts'

/** `mrd.1.operate.<region>.<zone>`: an operator's word to all registries of a zone, or a question. */
export const preservationRequestSchema = z.object({
  /** `on` preserves the zone without end, `off` never does, `none` goes by the count again. */
  override: z.enum(['none', 'on', 'off']).optional(),
  /** A node that is gone: its records are let go of. */
  forget: localityPartSchema.optional(),
  /** What an operator had done in the zone, to be kept in its history; nothing is asked then. */
  note: operatorNoteSchema.optional(),
  /** The zone's own replica that says so, which has kept it already. */
  notedBy: z.string().optional(),
})
export type PreservationRequest = z.infer<typeof preservationRequestSchema>

/** What each of the zone's replicas answers. An override counts from its next sweep on. */
export const preservationStatusSchema = z.object({
  replica: z.string(),
  state: z.enum(['normal', 'preserved']),
  override: z.enum(['none', 'on', 'off']),
  /** Windows since the zone was preserved, from 0. */
  window: z.number().int(),
  /** What became of the node to be forgotten; older registries do not say. */
  forgot: z.enum(['forgotten', 'alive', 'unknown']).optional(),
})
export type PreservationStatus = z.infer<typeof preservationStatusSchema>
