import type { EventFilter, EventKind, OperatorAction, RegistryEvent } from '@meridian/shared'

/** An event as it is kept; `at` in milliseconds since 1970. */
export interface StoredEvent {
  readonly id: number
  readonly at: number
  readonly kind: EventKind
  readonly place: string
  readonly instance?: string
  readonly server?: string
  readonly version?: string
  readonly before?: string
  readonly after?: string
  readonly action?: OperatorAction
  readonly by?: string
  readonly reason?: string
}

/** Losing the last moments of it is harmless. Errors of all that write: `storage_full`, `data_unwritable`. */
export interface EventStore {
  /** The highest id that was ever kept; 0 before the first. */
  readonly lastId: number
  append(events: readonly StoredEvent[]): void
  /** Newest first, of those below `id`. */
  older(filter: EventFilter, id: number, limit: number): StoredEvent[]
  /** Oldest first, of those above `id`. */
  newer(filter: EventFilter, id: number, limit: number): StoredEvent[]
  /** Lets go of what is older than the moment, and of ids up to and including `id`. */
  forget(before: number, id: number): void
}

/** The in-memory twin. */
export class InMemoryEventStore implements EventStore {
  #events: StoredEvent[] = []
  lastId = 0

  append(events: readonly StoredEvent[]): void {
    this.#events.push(...events)
    this.lastId = this.#events.at(-1)?.id ?? this.lastId
  }

  older(filter: EventFilter, id: number, limit: number): StoredEvent[] {
    const found = this.#events.filter((event) => event.id < id && passes(filter, event))
    return found.reverse().slice(0, limit)
  }

  newer(filter: EventFilter, id: number, limit: number): StoredEvent[] {
    return this.#events.filter((event) => event.id > id && passes(filter, event)).slice(0, limit)
  }

  forget(before: number, id: number): void {
    this.#events = this.#events.filter((event) => event.at >= before && event.id > id)
  }
}

/** Whether the filter lets it through. */
export function passes(
  { kind, place, server, instance }: EventFilter,
  event: Pick<RegistryEvent, 'kind' | 'place' | 'server' | 'instance'>,
): boolean {
  if (kind && !kind.includes(event.kind)) return false
  if (place !== undefined && event.place !== place && !event.place.startsWith(`${place}/`))
    return false
  if (server !== undefined && event.server !== server) return false
  return instance === undefined || event.instance === instance
}
