import {
  MeridianError,
  type EventFilter,
  type EventsPage,
  type EventsParams,
  type RegistryEvent,
} from '@meridian/shared'
import { eventLogLimits, type EventLog } from './event-log.ts'

/** A live event, and where a listener that has heard it goes on. */
export interface LiveEvent {
  readonly position: number
  readonly event: RegistryEvent
}

/** What is told of events: what this registry saw, or what it gathers. */
export interface EventsApi {
  /** Of the newest event. */
  readonly position: number
  /** Whether whoever listens should stop. */
  readonly ended: boolean
  /** Errors: `invalid_request` for a foreign cursor. */
  history(params: EventsParams): Promise<EventsPage>
  /** Oldest first. */
  newer(filter: EventFilter, position: number, limit: number): readonly LiveEvent[]
  /** Wakes the listener. Returns how to stop. */
  onEvents(listener: () => void): () => void
}

export const retention = { rows: eventLogLimits.rowsMax, days: eventLogLimits.daysMax }

/** What this registry saw itself. */
export function ownHistory(log: EventLog): EventsApi {
  return {
    get position() {
      return log.lastId
    },
    get ended() {
      return log.ended
    },
    async history({ cursor, ...params }) {
      const before = cursor === undefined ? undefined : readId(cursor)
      const { events, isMore } = log.older({ ...params, before })
      const last = events.at(-1)
      return {
        events: [...events],
        ...(isMore && last && { nextCursor: String(last.id) }),
        retention,
        unreachable: [],
      }
    },
    newer: (filter, position, limit) =>
      log.newer(filter, position, limit).map((event) => ({ position: event.id, event })),
    onEvents: (listener) => log.onEvents(listener),
  }
}

function readId(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  throw new MeridianError(
    'invalid_request',
    'the cursor is none that this registry gave: begin again without one',
    { violations: [{ field: 'cursor', value: cursor.slice(0, 80), problem: 'is no cursor' }] },
  )
}
