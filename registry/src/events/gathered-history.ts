import {
  isAskersFault,
  isMeridianError,
  type EventFilter,
  type EventsPage,
  type EventsParams,
  type RegistryEvent,
  type Transport,
  type UnreachableScope,
} from '@meridian/shared'
import { z } from 'zod'
import { readCursor, writeCursor } from '../directory/page.ts'
import type { EventLog } from './event-log.ts'
import { retention } from './history.ts'
import { askRegionEvents, gatheredEvent } from './region-events.ts'

/** All regions are asked at once, and none is waited for longer. */
const regionMs = 1_500

/**
 * Where a page ended: before which event of this registry, and of which replica of each region the
 * next one goes on. Replicas of a region count for themselves, so the same one is asked again.
 */
const cursorSchema = z.strictObject({
  o: z.number(),
  r: z.record(z.string(), z.tuple([z.string(), z.number()])),
})

interface Source {
  readonly seenBy: { readonly region: string; readonly replica: string } | undefined
  readonly events: readonly {
    readonly id: number
    readonly at: string
    readonly shown: RegistryEvent | undefined
  }[]
  readonly isMore: boolean
  taken: number
  /** Where the next page goes on when nothing of it is on this one. */
  readonly before: number
}

export interface GatherHistoryOptions {
  readonly log: EventLog
  readonly transport: Transport
  /** Regions that are known of. */
  readonly regions: () => readonly string[]
}

/**
 * What all regions saw, and this registry itself, newest first by the clocks of those who saw it.
 * A region that cannot be asked is named on the page that came to it, and left out of those that
 * follow, which would otherwise begin anew for it. Errors: `invalid_request` for a foreign cursor,
 * and what a region finds wrong with the question.
 */
export async function gatherHistory(
  { log, transport, regions }: GatherHistoryOptions,
  { limit, cursor, kind, place, server, instance }: EventsParams,
): Promise<EventsPage> {
  const from = cursor === undefined ? undefined : readCursor(cursorSchema, cursor)
  const filter: EventFilter = { kind, place, server, instance }
  const unreachable: UnreachableScope[] = []
  const fromRegion = async (region: string): Promise<Source | undefined> => {
    const [replica, before] = from?.r[region] ?? []
    try {
      const request = { ...filter, limit, before }
      const answer = await askRegionEvents(transport, { region, replica }, request, regionMs)
      const seenBy = { region, replica: answer.replica }
      const events = answer.events.map((event) => {
        const { id, at } = event
        return { id, at, shown: gatheredEvent(region, answer.replica, event) }
      })
      const { isMore, lastId } = answer
      return { seenBy, events, isMore, taken: 0, before: before ?? lastId + 1 }
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      unreachable.push({ scope: 'region', name: region, reason: error.message })
      return undefined
    }
  }
  const asked = regions().filter(
    (region) =>
      (from === undefined || from.r[region] !== undefined) &&
      (place === undefined || place.split('/')[0] === region),
  )
  const own = log.older({ ...filter, limit, before: from?.o })
  const sources: Source[] = [
    {
      seenBy: undefined,
      events: own.events.map((event) => ({ id: event.id, at: event.at, shown: event })),
      isMore: own.isMore,
      taken: 0,
      before: from?.o ?? log.lastId + 1,
    },
  ]
  for (const source of await Promise.all(asked.map(fromRegion))) if (source) sources.push(source)
  const events = merge(sources, limit)
  const isMore = sources.some(({ events: all, taken, isMore: more }) => more || taken < all.length)
  unreachable.sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    events,
    ...(isMore && { nextCursor: cursorAfter(sources) }),
    retention,
    unreachable,
  }
}

/** The newest of all heads, one after the other; ends where a source has more than it gave. */
function merge(sources: readonly Source[], limit: number): RegistryEvent[] {
  const events: RegistryEvent[] = []
  for (let count = 0; count < limit; count += 1) {
    let newest: Source | undefined
    for (const source of sources) {
      const head = source.events[source.taken]
      if (!head && source.isMore) return events
      if (!head) continue
      if (!newest || head.at > (newest.events[newest.taken]?.at ?? '')) newest = source
    }
    if (!newest) return events
    const { shown } = newest.events[newest.taken] ?? {}
    newest.taken += 1
    if (shown) events.push(shown)
  }
  return events
}

function cursorAfter(sources: readonly Source[]): string {
  let own = 0
  const regions: Record<string, [string, number]> = {}
  for (const { seenBy, events, taken, before } of sources) {
    const id = events[taken - 1]?.id ?? before
    if (seenBy) regions[seenBy.region] = [seenBy.replica, id]
    else own = id
  }
  return writeCursor({ o: own, r: regions })
}
