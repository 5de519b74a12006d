import {
  isMeridianError,
  logFailure,
  type Cancel,
  type Clock,
  type EventFilter,
  type Log,
  type Millis,
  type RegistryEvent,
} from '@meridian/shared'
import type { EventStore, StoredEvent } from './event-store.ts'

/** Every number that the log of events enforces. */
export const eventLogLimits = {
  /** What is kept: at most so many, and none that is older. */
  rowsMax: 200_000,
  daysMax: 14,
  /** Events are written together after so long, or so many. */
  flushMs: 200,
  flushRows: 500,
  /** Written again with what comes next while the disk is full; beyond these the oldest go. */
  waitingMax: 10_000,
  /** How often the old are let go of. */
  forgetMs: 60_000,
} as const

export type NewEvent = Omit<StoredEvent, 'id' | 'at'>

export interface OlderEvents extends EventFilter {
  readonly limit: number
  readonly before?: number | undefined
}

export interface EventsHeld {
  readonly events: readonly RegistryEvent[]
  /** Whether there are older ones. */
  readonly isMore: boolean
}

/**
 * What happened, in the order in which it was seen: kept for a while, and told to whoever listens.
 * A listener is only woken; it reads what is new by itself, at its own pace, so that none of them
 * costs memory however slow it is.
 */
export class EventLog {
  readonly #store: EventStore
  readonly #clock: Clock
  readonly #log: Log
  #waiting: StoredEvent[] = []
  #lastId: number
  #ended = false
  #flushing: Cancel | undefined
  #forgetting: Cancel | undefined
  readonly #listeners = new Set<() => void>()

  constructor(options: { readonly store: EventStore; readonly clock: Clock; readonly log: Log }) {
    this.#store = options.store
    this.#clock = options.clock
    this.#log = options.log
    this.#lastId = options.store.lastId
  }

  start(): void {
    this.#forgetLater()
  }

  /** Whether whoever listens should stop. */
  get ended(): boolean {
    return this.#ended
  }

  /** Ends live streams, which would keep a program from ending. */
  end(): void {
    this.#ended = true
    for (const listener of this.#listeners) listener()
  }

  close(): void {
    this.#flushing?.()
    this.#forgetting?.()
    this.#flush()
    this.#listeners.clear()
  }

  /** Events that are not written yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** The id of the newest event; 0 before the first. */
  get lastId(): number {
    return this.#lastId
  }

  append(event: NewEvent): void {
    this.#lastId += 1
    this.#waiting.push({ ...event, id: this.#lastId, at: this.#clock.wall() })
    if (this.#waiting.length > eventLogLimits.waitingMax) this.#waiting.shift()
    const isFull = this.#waiting.length === eventLogLimits.flushRows
    if (isFull) this.#flushing?.()
    if (!isFull && this.#flushing) return
    this.#flushLater(isFull ? 0 : eventLogLimits.flushMs)
  }

  /** History, newest first: of those before the event `before` where that is given. */
  older({ limit, before, kind, place, server, instance }: OlderEvents): EventsHeld {
    this.#flush()
    const filter = { kind, place, server, instance }
    const found = this.#store.older(filter, before ?? Number.MAX_SAFE_INTEGER, limit + 1)
    return { events: found.slice(0, limit).map(shown), isMore: found.length > limit }
  }

  /** What came after an event, oldest first. */
  newer(filter: EventFilter, id: number, limit: number): RegistryEvent[] {
    this.#flush()
    return this.#store.newer(filter, id, limit).map(shown)
  }

  /** Wakes the listener after events were kept. Returns how to stop. */
  onEvents(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Some at a time: what a zone did while it was cut off is seen all at once. */
  #flushLater(ms: Millis): void {
    this.#flushing = this.#clock.after(ms, () => {
      const isKept = this.#flush(eventLogLimits.flushRows)
      if (isKept && this.#waiting.length > 0) this.#flushLater(0)
    })
  }

  /** Writes the oldest that wait. Returns whether that went well. */
  #flush(rows = Infinity): boolean {
    this.#flushing?.()
    this.#flushing = undefined
    if (this.#waiting.length === 0) return true
    const some = this.#waiting.slice(0, rows)
    try {
      this.#store.append(some)
    } catch (error) {
      if (!isMeridianError(error)) throw error
      logFailure(this.#log, error, { events: this.#waiting.length }, 'events not kept')
      return false
    }
    this.#waiting = this.#waiting.slice(some.length)
    for (const listener of this.#listeners) listener()
    return true
  }

  #forgetLater(): void {
    this.#forgetting = this.#clock.after(eventLogLimits.forgetMs, () => {
      this.#forgetLater()
      const { rowsMax, daysMax } = eventLogLimits
      try {
        this.#store.forget(this.#clock.wall() - daysMax * dayMs, this.#lastId - rowsMax)
      } catch (error) {
        if (!isMeridianError(error)) throw error
        logFailure(this.#log, error, {}, 'old events not forgotten')
      }
    })
  }
}

const dayMs = 24 * 3_600_000

function shown({ at, ...event }: StoredEvent): RegistryEvent {
  return { ...event, at: new Date(at).toISOString() }
}
