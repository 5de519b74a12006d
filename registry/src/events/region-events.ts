import {
  ask,
  eventKinds,
  eventSchema,
  subjects,
  type EventFilter,
  type RegistryEvent,
  type Transport,
} from '@meridian/shared'
import { z } from 'zod'
import type { EventLog } from './event-log.ts'

/** What a region is asked on `rpc.regional.<region>.events`, or one of its replicas. */
export const regionEventsRequestSchema = z.object({
  kind: z.array(z.enum(eventKinds)).optional(),
  place: z.string().optional(),
  server: z.string().optional(),
  instance: z.string().optional(),
  limit: z.number().int().min(0).max(1_000),
  /** Newest first, of those before this one; of all where neither is given. */
  before: z.number().optional(),
  /** Oldest first, of those after this one. */
  after: z.number().optional(),
})
type RegionEventsRequest = z.infer<typeof regionEventsRequestSchema>

/** An event of a kind that only a newer registry knows counts, and is not shown. */
const replySchema = z.object({
  replica: z.string(),
  /** The id of its newest event; 0 before the first. */
  lastId: z.number(),
  events: z.array(z.looseObject({ id: z.number(), at: z.string() })),
  isMore: z.boolean(),
})
export type RegionEvents = z.infer<typeof replySchema>

/** Errors: those of `ask`. */
export function askRegionEvents(
  transport: Transport,
  at: { readonly region: string; readonly replica?: string | undefined },
  request: RegionEventsRequest,
  deadlineMs: number,
): Promise<RegionEvents> {
  const subject = subjects.rpcRegional(at.region, 'events', at.replica)
  const said = Object.entries(request).filter(([, value]) => value !== undefined)
  return ask(transport, subject, Object.fromEntries(said), { deadlineMs, reply: replySchema })
}

/** What a region answers with, of what its replica saw. */
export function regionEvents(
  log: EventLog,
  replica: string,
  { before, after, limit, ...filter }: RegionEventsRequest,
): RegionEvents {
  const { lastId } = log
  if (after !== undefined) {
    const events = log.newer(filterOf(filter), after, limit + 1)
    return { replica, lastId, events: events.slice(0, limit), isMore: events.length > limit }
  }
  const { events, isMore } = log.older({ ...filterOf(filter), before, limit })
  return { replica, lastId, events: [...events], isMore }
}

/** Half of it, for when it fits into no message. */
export function halfOf(answer: RegionEvents): RegionEvents | undefined {
  const events = answer.events.slice(0, answer.events.length >> 1)
  return events.length === 0 ? undefined : { ...answer, events, isMore: true }
}

/** As it is shown where it is gathered; undefined for a kind that is not known here. */
export function gatheredEvent(
  region: string,
  replica: string,
  event: RegionEvents['events'][number],
): RegistryEvent | undefined {
  const { data } = eventSchema.safeParse(event)
  const seenBy = `${region}/${replica}`
  return data && { ...data, id: rangeOf(seenBy) + data.id, seenBy }
}

function filterOf({ kind, place, server, instance }: EventFilter): EventFilter {
  return { kind, place, server, instance }
}

const rangeSize = 2 ** 32
const ranges = 2 ** 17

/**
 * Where a registry's numbers begin among those of all: beyond this registry's own, and, with the
 * largest of them, within the fifteen digits that an id may have. (FNV-1a.)
 */
function rangeOf(seenBy: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < seenBy.length; at += 1) {
    hash = Math.imul(hash ^ seenBy.charCodeAt(at), 0x01000193)
  }
  return ((hash >>> 0) % ranges) * rangeSize + rangeSize
}
