import { isMeridianError } from '../errors.ts'
import {
  parseOwnerId,
  wholeRegion,
  type DefinitionId,
  type OwnerId,
  type OwnerParts,
} from '../model/index.ts'
import type {
  Cancel,
  Clock,
  Log,
  Random,
  ReplicaStore,
  Subscription,
  Transport,
  TransportMessage,
} from '../ports/index.ts'
import {
  compareRequest,
  isDefinition,
  planSync,
  receiveDelta,
  settleStep,
  wantedOf,
  type Delta,
  type Holdings,
  type InlineDefinition,
  type ReceiveStep,
  type RecordEvent,
  type VersionEntry,
  type Wanted,
} from '../replication/index.ts'
import {
  decodeMessage,
  decodeMessageOf,
  encodeMessage,
  mayWrite,
  parseSubject,
  subjects,
} from '../wire/index.ts'
import { guard, syncMethods, type SyncMethod } from './answering.ts'
import { backoffMs } from './backoff.ts'
import { exchangeLimits } from './limits.ts'

/** Somebody who can be asked for what is missing. */
export interface Source {
  /** For logs, and to tell apart what different sources send in pieces. */
  readonly name: string
  readonly subject: (method: SyncMethod) => string
}

export interface FollowerOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly holdings: Holdings
  readonly store: ReplicaStore
  /** Subjects of deltas and pulses to follow. */
  readonly subscribe: readonly string[]
  /** Whose sets belong here; others are not taken in, whoever offers them. */
  readonly takes: (owner: OwnerParts) => boolean
  /** Owners that this process writes itself: what it hears of them is its own echo. */
  readonly own: ReadonlySet<OwnerId>
  /** How it signs its acknowledgements; a follower without them only listens. */
  readonly acknowledgesAs?: { readonly replica: string; readonly tier: string }
  /** Who holds the whole scope, to be compared with at the start and after a reconnect. */
  readonly bulk?: Source & { readonly scope: readonly string[] }
  readonly onEvents: (owner: OwnerId, events: readonly RecordEvent[]) => void
  readonly onDefinitions: (ids: readonly DefinitionId[]) => void
}

/**
 * Keeps copies of others' sets: takes in what owners send, notices what it missed (a gap in a
 * delta, a newer version in a pulse), asks for it, and commits before it acknowledges. The machine
 * in `shared/src/replication` decides; this performs.
 */
export class Follower {
  readonly #options: FollowerOptions
  readonly #subscriptions: Subscription[] = []
  /** Fetches under way, by source: what is wanted meanwhile is asked for next. */
  readonly #fetches = new Map<string, Map<OwnerId, Wanted>>()
  readonly #definitionFetches = new Set<DefinitionId>()
  #compared = false
  #comparing = false
  #retry: Cancel | undefined
  #failures = 0
  #closed = false
  #stopStatus: (() => void) | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  /** Shows what the store gave back, then listens and compares. */
  start(): void {
    const { transport, subscribe, bulk } = this.#options
    this.#restore()
    for (const subject of subscribe) {
      this.#subscriptions.push(transport.subscribe(subject, (message) => this.#onMessage(message)))
    }
    this.#stopStatus = transport.onStatus((status) => {
      if (status !== 'connected') return
      // Deltas were missed meanwhile.
      this.#failures = 0
      this.#compare()
    })
    if (bulk) this.#compare()
    else this.#compared = true
  }

  /** Whether the scope was compared with somebody who holds it, since the start. */
  get compared(): boolean {
    return this.#compared
  }

  close(): void {
    this.#closed = true
    this.#retry?.()
    this.#stopStatus?.()
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  #restore(): void {
    const { store, holdings, onEvents } = this.#options
    for (const id of store.definitionIds()) holdings.definitions.hold(id)
    for (const stored of store.load()) {
      const { owner, records } = holdings.load(stored)
      onEvents(
        owner,
        [...records.live()].map((after) => ({ key: after.key, after })),
      )
    }
  }

  #onMessage(message: TransportMessage): void {
    guard(this.#options.log, message, () => {
      const body = decodeMessage(message.body)
      if (body.kind === 'delta') this.#onDelta(message, body.delta)
      else if (body.kind === 'pulse') this.#onVersion(message, body.pulse)
    })
  }

  #onDelta(message: TransportMessage, delta: Delta): void {
    if (!this.#accepts(message, delta.owner)) return
    const source = ownerSource(delta.owner)
    if (!source) return
    const step = this.#receive(delta, source, true)
    const { acknowledgesAs, holdings } = this.#options
    if (!acknowledgesAs || !message.wantsReply || step.outcome === 'invalid') return
    message.respond(
      encodeMessage({
        kind: 'delta-reply',
        reply: {
          ...acknowledgesAs,
          held: step.held,
          missing: holdings.definitions
            .missingOf(delta.owner)
            .slice(0, exchangeLimits.definitionsMax),
        },
      }),
    )
  }

  #onVersion(message: TransportMessage, entry: VersionEntry): void {
    if (!this.#accepts(message, entry.owner)) return
    const source = ownerSource(entry.owner)
    if (source) this.#follow([{ owner: entry.owner, version: entry.version }], source)
  }

  /** Only whoever the subject belongs to may speak for the owner; the broker's word is not enough. */
  #accepts({ subject }: TransportMessage, owner: OwnerId): boolean {
    const { own, log } = this.#options
    if (own.has(owner) || !this.#takes(owner)) return false
    const parsed = parseSubject(subject)
    if (parsed && mayWrite(parsed, owner)) return true
    log.warn({ subject, owner }, 'somebody speaks for an owner that is not theirs; refused')
    return false
  }

  #takes(owner: OwnerId): boolean {
    const parts = parseOwnerId(owner)
    return parts !== undefined && this.#options.takes(parts)
  }

  #receive(delta: Delta, source: Source, fromOwner: boolean): ReceiveStep {
    const { holdings, clock, log } = this.#options
    const step = receiveDelta(holdings, delta, {
      sender: source.name,
      fromOwner,
      now: clock.now(),
    })
    this.#commit(delta.owner, step)
    for (const effect of step.effects) {
      switch (effect.kind) {
        case 'sync':
          this.#want(source, [effect.wanted])
          break
        case 'fetch-definitions':
          this.#wantDefinitions(source, effect.ids)
          break
        case 'alarm':
          log.error({ owner: effect.owner, reason: effect.reason }, 'replication alarm')
          break
        default:
          effect satisfies never
      }
    }
    return step
  }

  #commit(owner: OwnerId, step: Pick<ReceiveStep, 'change' | 'definitions'>): void {
    const { store, holdings, onEvents, onDefinitions } = this.#options
    const { change, definitions } = step
    if (!change && definitions.length === 0) return
    store.apply({ definitions, ...(change && { changes: [change] }) })
    const events = settleStep(holdings, step)
    if (events.length > 0) onEvents(owner, events)
    if (definitions.length > 0) onDefinitions(definitions.map(({ id }) => id))
  }

  /** Acts on versions that a source states. */
  #follow(entries: readonly VersionEntry[], source: Source): void {
    const { holdings, own } = this.#options
    const foreign = entries.filter(({ owner }) => !own.has(owner) && this.#takes(owner))
    const { wanted, adopted } = planSync(holdings, foreign)
    for (const change of adopted) this.#commit(change.owner, { change, definitions: [] })
    this.#want(source, wanted)
  }

  #want(source: Source, wanted: readonly Wanted[]): void {
    if (wanted.length === 0 || this.#closed) return
    const waiting = this.#fetches.get(source.name)
    if (waiting) {
      for (const want of wanted) waiting.set(want.owner, want)
      return
    }
    const next = new Map(wanted.map((want) => [want.owner, want]))
    this.#fetches.set(source.name, next)
    void this.#fetchAll(source, next)
  }

  async #fetchAll(source: Source, waiting: Map<OwnerId, Wanted>): Promise<void> {
    try {
      for (let round = 0; waiting.size > 0 && !this.#closed; round += 1) {
        if (round === exchangeLimits.fetchRoundsMax) break
        const batch = [...waiting.values()].slice(0, exchangeLimits.wantedMax)
        for (const { owner } of batch) waiting.delete(owner)
        if (await this.#fetch(source, batch)) {
          for (const { owner } of batch) {
            waiting.set(owner, wantedOf(owner, this.#options.holdings.get(owner)))
          }
        }
      }
    } catch (error) {
      if (!isMeridianError(error)) throw error
      // The next pulse or comparison asks again.
      this.#options.log.debug({ err: error, source: source.name }, 'fetch failed')
    } finally {
      this.#fetches.delete(source.name)
    }
  }

  /** Whether the source left something out. */
  async #fetch(source: Source, wanted: readonly Wanted[]): Promise<boolean> {
    const { transport } = this.#options
    let more = false
    await transport.requestMany(
      source.subject(syncMethods.fetch),
      encodeMessage({ kind: 'fetch', wanted }),
      { deadlineMs: exchangeLimits.answerMs },
      (bytes) => {
        if (this.#closed) return 'enough'
        const answer = decodeMessageOf('deltas', bytes)
        for (const delta of answer.deltas) {
          if (wanted.some(({ owner }) => owner === delta.owner)) {
            this.#receive(delta, source, source.name === delta.owner)
          }
        }
        more = answer.more
        return answer.last ? 'enough' : 'more'
      },
    )
    return more
  }

  #wantDefinitions(source: Source, ids: readonly DefinitionId[]): void {
    const wanted = ids
      .filter((id) => !this.#definitionFetches.has(id))
      .slice(0, exchangeLimits.definitionsMax)
    if (wanted.length === 0 || this.#closed) return
    for (const id of wanted) this.#definitionFetches.add(id)
    void this.#fetchDefinitions(source, wanted)
  }

  async #fetchDefinitions(source: Source, ids: readonly DefinitionId[]): Promise<void> {
    const { transport, log } = this.#options
    try {
      await transport.requestMany(
        source.subject(syncMethods.definitions),
        encodeMessage({ kind: 'definitions-request', ids }),
        { deadlineMs: exchangeLimits.answerMs },
        (bytes) => {
          if (this.#closed) return 'enough'
          const { definitions, last } = decodeMessageOf('definitions', bytes)
          this.#takeDefinitions(definitions, ids)
          return last ? 'enough' : 'more'
        },
      )
    } catch (error) {
      if (!isMeridianError(error)) throw error
      log.debug({ err: error, source: source.name }, 'definitions not fetched')
    } finally {
      for (const id of ids) this.#definitionFetches.delete(id)
    }
  }

  #takeDefinitions(
    definitions: readonly InlineDefinition[],
    wanted: readonly DefinitionId[],
  ): void {
    const { store, holdings, onDefinitions } = this.#options
    const good = definitions.filter(
      ({ id, canonical }) => wanted.includes(id) && isDefinition(id, canonical),
    )
    if (good.length === 0) return
    store.apply({ definitions: good })
    for (const { id } of good) holdings.definitions.hold(id)
    onDefinitions(good.map(({ id }) => id))
  }

  #compare(): void {
    const { bulk } = this.#options
    if (!bulk || this.#comparing || this.#closed) return
    this.#comparing = true
    void this.#compareWith(bulk)
  }

  async #compareWith(bulk: NonNullable<FollowerOptions['bulk']>): Promise<void> {
    const { transport, holdings, log, clock, random } = this.#options
    const entries: VersionEntry[] = []
    try {
      await transport.requestMany(
        bulk.subject(syncMethods.compare),
        encodeMessage({ kind: 'compare', request: compareRequest(holdings, bulk.scope) }),
        { deadlineMs: exchangeLimits.answerMs },
        (bytes) => {
          const answer = decodeMessageOf('versions', bytes)
          entries.push(...answer.entries)
          return answer.last ? 'enough' : 'more'
        },
      )
      if (this.#closed) return
      this.#failures = 0
      this.#compared = true
      this.#follow(entries, bulk)
    } catch (error) {
      if (!isMeridianError(error)) throw error
      if (this.#closed) return
      log.debug({ err: error, source: bulk.name }, 'comparison failed')
      this.#retry = clock.after(backoffMs(this.#failures, random), () => this.#compare())
      this.#failures += 1
    } finally {
      this.#comparing = false
    }
  }
}

/** The owner itself: the node, or the regional replica, that its id names. */
export function ownerSource(owner: OwnerId): Source | undefined {
  const parts = parseOwnerId(owner)
  if (!parts) return undefined
  const { region, zone, node } = parts
  return {
    name: owner,
    subject: (method) =>
      zone === wholeRegion
        ? subjects.rpcRegional(region, method, node)
        : subjects.rpcNode(parts, method),
  }
}
