import type { Clock, Transport } from '@meridian/shared'
import type { EventLog } from './event-log.ts'
import { gatherHistory } from './gathered-history.ts'
import { GatheredTail } from './gathered-tail.ts'
import type { EventsApi } from './history.ts'

export interface GatheredEventsOptions {
  readonly log: EventLog
  readonly transport: Transport
  /** Regions that are known of. */
  readonly regions: () => readonly string[]
  readonly clock: Clock
}

export interface GatheredEvents extends EventsApi {
  close(): void
}

/** What all regions saw, and this registry itself. */
export function gatheredEvents(options: GatheredEventsOptions): GatheredEvents {
  const tail = new GatheredTail(options)
  return {
    get position() {
      return tail.position
    },
    get ended() {
      return options.log.ended
    },
    history: (params) => gatherHistory(options, params),
    newer: (filter, position, limit) => tail.newer(filter, position, limit),
    onEvents: (listener) => tail.onEvents(listener),
    close: () => {
      tail.close()
    },
  }
}
