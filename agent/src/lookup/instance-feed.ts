import {
  feedTiming,
  MeridianError,
  type Clock,
  type DefinitionId,
  type FeedLine,
  type IndexedInstance,
  type InstanceCatalog,
  type Locality,
  type OwnerId,
  type Query,
  type ScopeReport,
} from '@meridian/shared'

export const instanceFeedLimits = {
  followers: 64,
  /** Changes that are remembered for those who come back, or read slowly. */
  changes: 65_536,
  /** Instances that are told in one piece, which takes half a millisecond. */
  linesOfPiece: 256,
  /** After so long others have their turn. */
  turnMs: 5,
  /** Steps of a share of capacity that are told apart: a load that hardly moved is not told. */
  loadSteps: 20,
  /** How often a follower is told which definitions nothing names any more. */
  sweepMs: 10_000,
} as const

export interface InstanceFeedOptions {
  readonly locality: Locality
  readonly catalog: InstanceCatalog
  /** The canonical JSON of a definition, where it is held. */
  readonly canonical: (id: DefinitionId) => Uint8Array | undefined
  /** How far what is held here can be trusted. */
  readonly own: () => ScopeReport
  /** Names this run: positions of another mean nothing. */
  readonly run: string
  readonly clock: Clock
}

interface Change {
  readonly owner: OwnerId
  readonly id: string
}

const everything: Query = { kind: 'all' }

/**
 * Everything that the index holds, and then every change, for programs of this host that answer
 * lookups themselves. Which instances changed is remembered, not how: each is told as it is when its
 * turn comes, so that what changes often is told once a flush, and a follower that reads slowly
 * costs nothing but its connection.
 *
 *     index change ─▶ ring of (owner, id) ◀─ each follower's cursor: at most 20 times a second
 *                                             behind the ring's end ─▶ begin: everything anew
 */
export class InstanceFeed {
  readonly #options: InstanceFeedOptions
  readonly #ring: Change[] = []
  /** Changes so far; the last one's place in the ring is one before. */
  #count = 0
  readonly #waiting = new Set<() => void>()
  readonly #told = new WeakMap<IndexedInstance, number>()
  readonly #stop: () => void
  #followers = 0
  #isClosed = false

  constructor(options: InstanceFeedOptions) {
    this.#options = options
    this.#stop = options.catalog.index.onChange(({ instance }) => {
      this.#changed(instance.owner, instance.spec.id)
    })
  }

  get followers(): number {
    return this.#followers
  }

  /** Pulses come every two seconds, and most say what the one before said. */
  loadChanged(owner: OwnerId, id: string): void {
    if (this.#followers === 0) return
    const instance = this.#options.catalog.index.get(owner, id)
    if (instance === undefined) return
    const { inFlight, latencyMs } = instance.load
    const share = inFlight / instance.spec.capacity
    const step =
      1_000 * Math.round(Math.log2(1 + latencyMs)) +
      Math.round(share * instanceFeedLimits.loadSteps)
    if (this.#told.get(instance) === step) return
    this.#told.set(instance, step)
    this.#changed(owner, id)
  }

  /** Goes on after `index` where that is possible. Errors: `busy`. */
  follow(index: string | undefined): ReadableStream<Uint8Array> {
    if (this.#followers >= instanceFeedLimits.followers || this.#isClosed) {
      throw new MeridianError(
        'busy',
        `${instanceFeedLimits.followers} programs follow this agent, the limit`,
      )
    }
    this.#followers += 1
    let hasLeft = false
    const leave = () => {
      if (!hasLeft) this.#followers -= 1
      hasLeft = true
    }
    const pieces = this.#tell(this.#cursorOf(index))
    const encoder = new TextEncoder()
    const source = {
      async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
        try {
          const { done, value } = await pieces.next()
          if (done !== true) {
            controller.enqueue(encoder.encode(value))
            return
          }
          leave()
          controller.close()
        } catch (error) {
          leave()
          throw error
        }
      },
      async cancel() {
        leave()
        await pieces.return()
      },
    }
    // Nothing is made before it is asked for: it would be older when it is sent.
    return new ReadableStream(source, { highWaterMark: 0 })
  }

  close(): void {
    this.#isClosed = true
    this.#stop()
    this.#wake()
  }

  async *#tell(resumed: number | undefined): AsyncGenerator<string, void, undefined> {
    const { catalog, own } = this.#options
    const told = new Set<DefinitionId>()
    let cursor = resumed
    let scopes = ''
    let sweptAt = this.#options.clock.now()
    let turnAt = this.#options.clock.now()
    const isTurnOver = () => {
      const now = this.#options.clock.now()
      if (now - turnAt < instanceFeedLimits.turnMs) return false
      turnAt = now
      return true
    }
    while (!this.#isClosed) {
      if (cursor === undefined || this.#count - cursor > instanceFeedLimits.changes) {
        cursor = this.#count
        told.clear()
        yield line({ kind: 'begin', locality: this.#options.locality })
        const all = [...catalog.index.matching(everything)]
        for (let at = 0; at < all.length; at += instanceFeedLimits.linesOfPiece) {
          const piece = all.slice(at, at + instanceFeedLimits.linesOfPiece)
          yield piece.map(({ owner, spec }) => this.#line(owner, spec.id, told)).join('')
          if (isTurnOver()) await this.#turn()
        }
        continue
      }
      if (cursor < this.#count) {
        const to: number = Math.min(this.#count, cursor + instanceFeedLimits.linesOfPiece)
        yield this.#changes(cursor, to, told)
        cursor = to
        if (isTurnOver()) await this.#turn()
        continue
      }
      const trust = line({ kind: 'scopes', scopes: [own()] })
      const ready = line({ kind: 'ready', index: `${this.#options.run}-${cursor}` })
      const now = this.#options.clock.now()
      const isDue = now - sweptAt >= instanceFeedLimits.sweepMs
      if (isDue) sweptAt = now
      yield (isDue ? this.#sweep(told) : '') + (trust === scopes ? ready : trust + ready)
      scopes = trust
      await this.#next()
    }
  }

  /** Changes from one count to another, each instance once. */
  #changes(from: number, to: number, told: Set<DefinitionId>): string {
    const seen = new Set<string>()
    let text = ''
    for (let at = from; at < to; at += 1) {
      const change = this.#ring[at % instanceFeedLimits.changes]
      if (change === undefined) continue
      const key = `${change.owner}/${change.id}`
      if (seen.has(key)) continue
      seen.add(key)
      text += this.#line(change.owner, change.id, told)
    }
    return text
  }

  /** Takes back definitions that nothing names any more. */
  #sweep(told: Set<DefinitionId>): string {
    let text = ''
    for (const id of told) {
      if (this.#options.catalog.head(id) !== undefined) continue
      told.delete(id)
      text += line({ kind: 'forget', id })
    }
    return text
  }

  #line(owner: OwnerId, id: string, told: Set<DefinitionId>): string {
    const instance = this.#options.catalog.index.get(owner, id)
    const definition = instance?.spec.definition
    const bytes = definition === undefined ? undefined : this.#options.canonical(definition)
    if (instance === undefined || definition === undefined || bytes === undefined) {
      return line({ kind: 'remove', owner, id })
    }
    const { spec, state, load, liveness } = instance
    const put = line({ kind: 'put', owner, spec, state, load, liveness })
    if (told.has(definition)) return put
    told.add(definition)
    const canonical = new TextDecoder().decode(bytes)
    return line({ kind: 'definition', id: definition, canonical }) + put
  }

  #changed(owner: OwnerId, id: string): void {
    this.#ring[this.#count % instanceFeedLimits.changes] = { owner, id }
    this.#count += 1
    this.#wake()
  }

  #wake(): void {
    if (this.#waiting.size === 0) return
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  /** Others have theirs: a follower that reads as fast as it is told would never wait by itself. */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(0, resolve)
    })
  }

  /** Until something changed and a flush is due, or a `ready` is. */
  #next(): Promise<void> {
    const { clock } = this.#options
    return new Promise((resolve) => {
      const wake = () => {
        stop()
        clock.after(feedTiming.flushMs, resolve)
      }
      const stop = clock.after(feedTiming.readyMs, () => {
        this.#waiting.delete(wake)
        resolve()
      })
      if (this.#isClosed) wake()
      else this.#waiting.add(wake)
    })
  }

  #cursorOf(index: string | undefined): number | undefined {
    const [run, count] = index?.split('-') ?? []
    if (run !== this.#options.run || count === undefined) return undefined
    const cursor = Number(count)
    return cursor <= this.#count ? cursor : undefined
  }
}

function line(value: FeedLine): string {
  return `${JSON.stringify(value)}\n`
}
