import {
  isMeridianError,
  type Cancel,
  type Clock,
  type EventFilter,
  type RegistryEvent,
  type Transport,
} from '@meridian/shared'
import type { EventLog } from './event-log.ts'
import { passes } from './event-store.ts'
import type { LiveEvent } from './history.ts'
import { askRegionEvents, gatheredEvent } from './region-events.ts'

/** Every number that live events enforce where they are gathered. */
export const tailLimits = {
  /** How often regions are asked, one question each whoever many listen. */
  pollMs: 2_000,
  /** Events kept for listeners to come back to, in all. */
  keptMax: 5_000,
  /** Of one region at a time; who has more to tell is asked again at once. */
  batch: 500,
  batchesMax: 4,
  /** Goes on for so long without listeners, for those who were cut off. */
  lingerMs: 30_000,
} as const

export interface GatheredTailOptions {
  readonly log: EventLog
  readonly transport: Transport
  readonly regions: () => readonly string[]
  readonly clock: Clock
}

interface Heard {
  readonly replica: string
  readonly id: number
}

/**
 * What happens in all regions, as long as somebody listens: regions are asked for what is new, once
 * for all listeners. A region that cannot be asked is silent here, as it is in history; it goes on
 * where it was, or, if another of its replicas answers, from then on.
 */
export class GatheredTail {
  readonly #options: GatheredTailOptions
  #kept: LiveEvent[] = []
  /** Positions go on rising over a restart: by the clock's milliseconds first, then one by one. */
  #position: number
  #ownId = 0
  readonly #heard = new Map<string, Heard>()
  readonly #listeners = new Set<() => void>()
  #timer: Cancel | undefined
  #stopOwn: (() => void) | undefined
  #lonelySince: number | undefined
  #closed = false

  constructor(options: GatheredTailOptions) {
    this.#options = options
    this.#position = options.clock.wall()
  }

  get position(): number {
    return this.#position
  }

  newer(filter: EventFilter, position: number, limit: number): readonly LiveEvent[] {
    const found: LiveEvent[] = []
    for (const each of this.#kept) {
      if (found.length === limit) break
      if (each.position > position && passes(filter, each.event)) found.push(each)
    }
    return found
  }

  onEvents(listener: () => void): () => void {
    this.#listeners.add(listener)
    this.#lonelySince = undefined
    this.#begin()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#lonelySince = this.#options.clock.now()
    }
  }

  close(): void {
    this.#closed = true
    this.#end()
    this.#listeners.clear()
  }

  #begin(): void {
    if (this.#stopOwn || this.#closed) return
    const { log } = this.#options
    this.#ownId = log.lastId
    this.#stopOwn = log.onEvents(() => {
      this.#takeOwn()
      this.#wake()
    })
    void this.#poll()
  }

  #end(): void {
    this.#timer?.()
    this.#timer = undefined
    this.#stopOwn?.()
    this.#stopOwn = undefined
    this.#heard.clear()
    this.#kept = []
  }

  #takeOwn(): void {
    // Where the log ends, whoever listens is woken to end too.
    for (const event of this.#options.log.newer({}, this.#ownId, tailLimits.batch)) {
      this.#ownId = event.id
      this.#keep(event)
    }
  }

  /** Never rejects. */
  async #poll(): Promise<void> {
    const { regions, clock } = this.#options
    const before = this.#position
    await Promise.all(regions().map((region) => this.#ask(region)))
    if (!this.#stopOwn) return
    if (this.#position > before) this.#wake()
    const { lingerMs, pollMs } = tailLimits
    if (this.#lonelySince !== undefined && clock.now() - this.#lonelySince > lingerMs) this.#end()
    else this.#timer = clock.after(pollMs, () => void this.#poll())
  }

  async #ask(region: string): Promise<void> {
    const { transport } = this.#options
    for (let batch = 0; batch < tailLimits.batchesMax && this.#stopOwn; batch += 1) {
      const heard = this.#heard.get(region)
      const { replica, id } = heard ?? {}
      const request = { after: id ?? 0, limit: heard ? tailLimits.batch : 0 }
      try {
        const at = { region, replica }
        const answer = await askRegionEvents(transport, at, request, tailLimits.pollMs)
        for (const event of answer.events) {
          const shown = gatheredEvent(region, answer.replica, event)
          if (shown) this.#keep(shown)
        }
        // The first answer says where its events begin that are new.
        const last = heard ? (answer.events.at(-1)?.id ?? heard.id) : answer.lastId
        this.#heard.set(region, { replica: answer.replica, id: last })
        if (!heard || !answer.isMore) return
      } catch (error) {
        if (!isMeridianError(error)) throw error
        // That replica may be gone for good: the next question is for whichever answers.
        this.#heard.delete(region)
        return
      }
    }
  }

  #keep(event: RegistryEvent): void {
    this.#position += 1
    this.#kept.push({ position: this.#position, event })
    const surplus = this.#kept.length - tailLimits.keptMax
    if (surplus > 0) this.#kept.splice(0, surplus)
  }

  #wake(): void {
    for (const listener of this.#listeners) listener()
  }
}
