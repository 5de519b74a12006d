import { z } from 'zod'

import { placeText, unreachableScopeSchema } from './browse.ts'

/**
 * What a registry saw happen in the part of the world that it judges.
 *
 * - `instance-registered`, `instance-removed`: by its owner's word
 * - `instance-status`: its checks say something else; `before` and `after`
 * - `instance-draining`: it takes no new work any more, or does again; `after` is `true` or `false`
 * - `node-state`: its pulses fell silent or came back; `before` and `after`
 * - `zone-state`: how far the states of its nodes can be trusted; `before` and `after`
 * - `definition-conflict`: another definition bears the same name and version
 * - `operator-action`: somebody with the scope to operate had something done: `action`, `by`, `reason`
 */
export const eventKinds = [
  'instance-registered',
  'instance-removed',
  'instance-status',
  'instance-draining',
  'node-state',
  'zone-state',
  'definition-conflict',
  'operator-action',
] as const
export type EventKind = (typeof eventKinds)[number]

/** What operators have done. */
export const operatorActions = [
  'drain',
  'drain-ended',
  'maintenance',
  'maintenance-ended',
  'preservation-overridden',
  'preservation-override-ended',
  'node-forgotten',
  'snapshot-taken',
  'snapshot-removed',
] as const
export type OperatorAction = (typeof operatorActions)[number]

export const eventSchema = z.object({
  /**
   * Rises with each event of a registry. What the global tier gathers has other numbers, of which
   * each registry has a range of its own: they tell events apart, not which came first.
   */
  id: z.number(),
  /** When it was seen, RFC 3339, by the clock of whoever saw it. */
  at: z.string(),
  kind: z.enum(eventKinds),
  /** `region/zone/node`, or as much of it as the event is about; empty for none. */
  place: z.string(),
  instance: z.string().optional(),
  server: z.string().optional(),
  version: z.string().optional(),
  before: z.string().optional(),
  after: z.string().optional(),
  /** Of operators' actions, as the next two. */
  action: z.enum(operatorActions).optional(),
  /** The name of the token, or whoever else asked; never the token. */
  by: z.string().optional(),
  reason: z.string().optional(),
  /** Where it was gathered: the registry that saw it, `region/replica`. */
  seenBy: z.string().optional(),
})
export type RegistryEvent = z.infer<typeof eventSchema>

export const eventLimits = {
  limitDefault: 100,
  limitMax: 1_000,
  kindsMax: 256,
  /** Where events are gathered, a cursor has a part for each region: this holds some 120. */
  cursorMax: 8_192,
} as const

/** What both the history and the live stream may be narrowed to. */
const filter = {
  /** Of one kind, or several with commas between them. */
  kind: z
    .string()
    .max(eventLimits.kindsMax)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(eventKinds, `must be of ${eventKinds.join(', ')}`)))
    .optional(),
  /** A region, `region/zone` or `region/zone/node`: what happened there. */
  place: placeText.optional(),
  server: z.string().max(200, 'must have at most 200 characters').optional(),
  instance: z.string().max(128, 'must have at most 128 characters').optional(),
}

const eventId = z
  .string()
  .regex(/^\d{1,15}$/, 'must be the id of an event')
  .transform(Number)

/** The query string of `GET /v1/events`: history, newest first. */
export const eventsParamsSchema = z.strictObject({
  ...filter,
  limit: z
    .string()
    .regex(/^\d{1,4}$/, `must be a whole number from 1 to ${eventLimits.limitMax}`)
    .transform(Number)
    .refine(
      (value) => value >= 1 && value <= eventLimits.limitMax,
      `must be from 1 to ${eventLimits.limitMax}`,
    )
    .default(eventLimits.limitDefault),
  /** `nextCursor` of the page before: older ones. */
  cursor: z
    .string()
    .max(eventLimits.cursorMax, `must have at most ${eventLimits.cursorMax} characters`)
    .optional(),
  /** With `Accept: text/event-stream`: live ones from after this on, in place of the history. */
  after: eventId.optional(),
})
export type EventsParams = z.output<typeof eventsParamsSchema>
export type EventFilter = Pick<EventsParams, 'kind' | 'place' | 'server' | 'instance'>

export const eventsPageSchema = z.object({
  /** Newest first. */
  events: z.array(eventSchema),
  nextCursor: z.string().optional(),
  /** How far back history goes. */
  retention: z.object({ rows: z.number(), days: z.number() }),
  /** Of what is gathered from regions: those that could not be asked. */
  unreachable: z.array(unreachableScopeSchema).default([]),
})
export type EventsPage = z.infer<typeof eventsPageSchema>
