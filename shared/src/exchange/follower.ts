import { MeridianError } from '../errors.ts'
import {
  parseOwnerId,
  type DefinitionId,
  type OwnerId,
  type OwnerParts,
  type Sha256,
} from '../model/index.ts'
import type {
  Cancel,
  Clock,
  Log,
  Millis,
  Random,
  ReplicaStore,
  Subscription,
  Transport,
  TransportMessage,
} from '../ports/index.ts'
import {
  compareRequest,
  parseRecordKey,
  planSync,
  receiveDelta,
  settleStep,
  stateKey,
  wantedOf,
  type Delta,
  type Holdings,
  type InlineDefinition,
  type OwnerRecord,
  type ReceiveContext,
  type ReceiveOutcome,
  type ReceiveStep,
  type RecordEvent,
  type RecordSet,
  type SetChange,
  type VersionEntry,
} from '../replication/index.ts'
import {
  decodeMessage,
  encodeMessage,
  mayWrite,
  parseSubject,
  wireLimits,
  type Pulse,
} from '../wire/index.ts'
import { syncMethods } from './answering.ts'
import { backoffMs } from './backoff.ts'
import { collect } from './collect.ts'
import { DefinitionFetches } from './definition-fetches.ts'
import { guard, logFailure } from './failure.ts'
import { exchangeLimits } from './limits.ts'
import { SetFetches } from './set-fetches.ts'
import { ownerSource, type Source } from './source.ts'

export interface FollowerOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** What definitions are verified with; `portableSha256` unless given. */
  readonly sha256?: Sha256
  readonly holdings: Holdings
  readonly store: ReplicaStore
  /** Subjects of deltas and pulses to follow. */
  readonly subscribe: readonly string[]
  /** Whose sets belong here; others are not taken in, whoever offers them. */
  readonly takes: (owner: OwnerParts) => boolean
  /** Owners that this process writes itself: what it hears of them is its own echo. */
  readonly own: ReadonlySet<OwnerId>
  /** On which nothing but that echo is heard: it is not even decoded. */
  readonly ownSubject?: string
  /** How it signs what it says of versions. */
  readonly signs: { readonly replica: string; readonly tier: string }
  /**
   * Agents do not: the broker lets none of their replies through, lest one speak for a registry.
   * What an owner has lost and they still hold they offer to the zone's replicas, which answer.
   */
  readonly acknowledges: boolean
  /**
   * Who holds the whole scope, to be compared with at the start and after a reconnect, and to be
   * asked for all that is missed, in the owners' place: agents may not ask each other.
   */
  readonly bulk?: Source & { readonly scope: readonly string[] }
  /** Asked now and then for definitions that nobody brought, as those of owners that are gone. */
  readonly others?: Source
  /** Whether other sets in the same store name the definition. None do unless given. */
  readonly namesToo?: (id: DefinitionId) => boolean
  /** A pulse that its sender may send. False: its speaker is not believed, nothing follows of it. */
  readonly onPulse?: (pulse: Pulse) => boolean
  /** The owner itself was heard, by a delta; perhaps one that says nothing new. */
  readonly onHeard?: (owner: OwnerId) => void
  /** What is held of an owner moved on; `fromOwner`: by its own word, so it lives. */
  readonly onAdvanced?: (owner: OwnerId, fromOwner: boolean) => void
  /**
   * Records of a set of which more has to come: nobody may be shown them, and they may never count.
   * What can be worked out of them now does not hold everybody up when all of them are taken in.
   */
  readonly onStaged?: (records: readonly OwnerRecord[]) => void
  readonly onEvents: (owner: OwnerId, events: readonly RecordEvent[]) => void
  readonly onDefinitions: (ids: readonly DefinitionId[]) => void
}

export interface FollowerCounts {
  readonly deltas: ReadonlyMap<ReceiveOutcome, number>
  readonly retries: number
}

/**
 * Keeps copies of others' sets: takes in what owners send, notices what it missed (a gap in a
 * delta, a newer version in a pulse), asks for it, and commits before it acknowledges. The machine
 * in `shared/src/replication` decides; this performs.
 *
 * Whatever fails here is repaired by what is said next: by the owner's next delta or pulse, or by
 * the next comparison.
 */
export class Follower {
  readonly #options: FollowerOptions
  readonly #sets: SetFetches
  readonly #definitions: DefinitionFetches
  readonly #subscriptions: Subscription[] = []
  #compared = false
  #isUpToDate = false
  #comparing = false
  /** Something was missed while a comparison was under way. */
  #compareAgain = false
  #compareFailures = 0
  #retry: Cancel | undefined
  /** Owners whose deltas were missed, until `bulk` is asked for them. */
  readonly #gaps = new Set<OwnerId>()
  #gapTimer: Cancel | undefined
  #sweep: Cancel | undefined
  #ask: Cancel | undefined
  /** Definitions that nothing named at the last sweep. */
  #unnamed: ReadonlySet<DefinitionId> = new Set()
  #stopStatus: (() => void) | undefined
  #closed = false
  #isRestored = false
  /** Owners of whom newer versions were heard than are held, since when. */
  readonly #behind = new Map<OwnerId, Millis>()
  readonly #counts = { deltas: new Map<ReceiveOutcome, number>(), retries: 0 }
  #restoring: Cancel | undefined

  constructor(options: FollowerOptions) {
    const { transport, clock, random, log, holdings } = options
    this.#options = options
    this.#sets = new SetFetches({
      transport,
      clock,
      random,
      log,
      wantedOf: (owner) => wantedOf(owner, holdings.get(owner)),
      onDelta: (delta, source, answer) => {
        this.#receive(delta, source, {
          sender: `${source.name} ${answer}`,
          fromOwner: source.name === delta.owner,
        })
      },
    })
    this.#definitions = new DefinitionFetches({
      transport,
      log,
      sha256: options.sha256,
      has: (id) => holdings.definitions.has(id),
      onDefinitions: (definitions) => {
        this.#commit([], definitions)
      },
    })
  }

  /**
   * Shows what the store gives back, then listens and compares. A large store is shown in pieces,
   * between which others have their turn: lookups are answered meanwhile from what is shown
   * already. `onRestored` is called when all is shown and before anything is heard; whatever takes
   * what is held for complete begins there.
   */
  start(onRestored: () => void = () => undefined): void {
    const { clock } = this.#options
    const startedAt = clock.now()
    const pieces = this.#restore()
    const goOn = () => {
      const until = clock.now() + exchangeLimits.restoreTurnMs
      while (!this.#closed) {
        if (pieces.next().done === true) {
          this.#isRestored = true
          const { size: owners } = this.#options.holdings
          this.#options.log.info({ owners, ms: clock.now() - startedAt }, 'shown from disk')
          this.#listen()
          onRestored()
          return
        }
        if (clock.now() < until) continue
        this.#restoring = clock.after(0, goOn)
        return
      }
    }
    goOn()
  }

  /** For metrics: what became of deltas, and what was asked for again. */
  get counts(): FollowerCounts {
    return { ...this.#counts, retries: this.#counts.retries + this.#sets.retries }
  }

  /** Owners that are behind what was heard of them, and since when. */
  get behind(): ReadonlyMap<OwnerId, Millis> {
    return this.#behind
  }

  /** Definitions that are asked for. */
  get definitionsWanted(): number {
    return this.#definitions.size
  }

  /** Whether all that the store gave back is shown. */
  get restored(): boolean {
    return this.#isRestored
  }

  #listen(): void {
    const { transport, subscribe, bulk } = this.#options
    for (const subject of subscribe) {
      this.#subscriptions.push(
        transport.subscribe(subject, (message) => {
          this.#onMessage(message)
        }),
      )
    }
    this.#stopStatus = transport.onStatus((status) => {
      if (bulk) this.#isUpToDate = false
      if (status !== 'connected') return
      // Deltas were missed meanwhile.
      this.#compareFailures = 0
      this.#compare()
    })
    if (bulk) this.#compare()
    else {
      this.#compared = true
      this.#isUpToDate = true
    }
    this.#sweepLater()
    this.#askLater()
  }

  /** Whether all of the scope has been taken in, since the start, from somebody who holds it. */
  get compared(): boolean {
    return this.#compared
  }

  /** Whether nothing can have been missed: there was no disconnection since. */
  get upToDate(): boolean {
    return this.#isUpToDate
  }

  /** Versions that somebody says it holds: what is newer than here is fetched from there. */
  heard(source: Source, entries: readonly VersionEntry[]): void {
    if (this.#closed) return
    void this.#want(source, this.#plan(entries))
    const { definitions } = this.#options.holdings
    for (const { owner } of entries) this.#definitions.want(source, definitions.missingOf(owner))
  }

  /** Sets of owners that somebody found to be newer there than here. */
  offered(deltas: readonly Delta[]): void {
    for (const delta of deltas) {
      const source = ownerSource(delta.owner)
      if (!source || this.#closed || !this.#takes(delta.owner)) continue
      this.#receive(delta, source, { sender: 'offers', fromOwner: false })
    }
  }

  /** Lets go of the records of some owners, and of others' versions too. */
  letGo(owners: { readonly forget: readonly OwnerId[]; readonly drop: readonly OwnerId[] }): void {
    const { store, holdings, onEvents, log } = this.#options
    if (owners.forget.length + owners.drop.length === 0) return
    try {
      store.apply(owners)
    } catch (error) {
      logFailure(log, error, { owners: [...owners.forget, ...owners.drop] }, 'owners not let go')
      return
    }
    for (const owner of [...owners.forget, ...owners.drop]) this.#behind.delete(owner)
    for (const owner of owners.forget) onEvents(owner, holdings.forget(owner))
    for (const owner of owners.drop) onEvents(owner, holdings.drop(owner))
  }

  close(): void {
    this.#closed = true
    this.#restoring?.()
    this.#retry?.()
    this.#gapTimer?.()
    this.#sweep?.()
    this.#ask?.()
    this.#stopStatus?.()
    this.#sets.close()
    this.#definitions.close()
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  *#restore(): Generator<undefined, void> {
    const { store, holdings, onEvents } = this.#options
    const damaged = this.#dropDamaged()
    for (const id of store.definitionIds()) {
      if (!damaged.has(id)) holdings.definitions.hold(id)
    }
    for (const stored of store.load()) {
      const { owner, records } = holdings.load(stored)
      yield
      let events: RecordEvent[] = []
      for (const after of records.live()) {
        events.push(...shownWith(records, after))
        if (events.length < exchangeLimits.restorePieceRecords) continue
        onEvents(owner, events)
        events = []
        yield
      }
      if (events.length > 0) onEvents(owner, events)
    }
  }

  /** What a disk has made of a definition is shown to nobody; it is asked for as one never had. */
  #dropDamaged(): ReadonlySet<DefinitionId> {
    const { store, log } = this.#options
    const damaged = store.damagedDefinitions()
    if (damaged.length === 0) return new Set()
    log.error({ definitions: damaged.slice(0, 10), count: damaged.length }, 'definitions damaged')
    try {
      store.removeDefinitions(damaged)
    } catch (error) {
      logFailure(log, error, { definitions: damaged.length }, 'definitions not removed')
    }
    return new Set(damaged)
  }

  #onMessage(message: TransportMessage): void {
    if (message.subject === this.#options.ownSubject) return
    guard(this.#options.log, message, () => {
      const body = decodeMessage(message.body)
      if (body.kind === 'delta') this.#onDelta(message, body.delta)
      else if (body.kind === 'pulse') this.#onPulse(message, body.pulse)
    })
  }

  #onDelta(message: TransportMessage, delta: Delta): void {
    if (!this.#accepts(message, delta.owner)) return
    const source = ownerSource(delta.owner)
    if (!source) return
    const step = this.#receive(delta, source, { sender: source.name, fromOwner: true })
    if (step.outcome !== 'invalid') this.#options.onHeard?.(delta.owner)
    const { signs, acknowledges, holdings } = this.#options
    if (!acknowledges || !message.wantsReply || step.outcome === 'invalid') return
    const missing = holdings.definitions.missingOf(delta.owner)
    const reply = {
      ...signs,
      held: step.held,
      complete: step.complete,
      missing: missing.slice(0, exchangeLimits.definitionsMax),
    }
    message.respond(encodeMessage({ kind: 'delta-reply', reply }))
  }

  #onPulse(message: TransportMessage, pulse: Pulse): void {
    const { owner, version } = pulse
    if (!this.#accepts(message, owner)) return
    if (this.#options.onPulse?.(pulse) === false) return
    const { holdings } = this.#options
    const source = this.#options.bulk ?? ownerSource(owner)
    if (!source) return
    holdings.revive(owner)
    void this.#want(source, this.#plan([{ owner, version }]))
    // Nothing else would ask again for those that could not be fetched the first time.
    this.#definitions.want(source, holdings.definitions.missingOf(owner))
  }

  /** Only whoever the subject belongs to may speak for the owner; the broker's word is not enough. */
  #accepts({ subject }: TransportMessage, owner: OwnerId): boolean {
    if (!this.#takes(owner)) return false
    const parsed = parseSubject(subject)
    if (parsed && mayWrite(parsed, owner)) return true
    this.#options.log.warn(
      { subject, owner },
      'somebody speaks for an owner that is not theirs; refused',
    )
    return false
  }

  #takes(owner: OwnerId): boolean {
    const { own, takes } = this.#options
    const parts = parseOwnerId(owner)
    return parts !== undefined && !own.has(owner) && takes(parts)
  }

  #receive(
    delta: Delta,
    source: Source,
    from: Pick<ReceiveContext, 'sender' | 'fromOwner'>,
  ): ReceiveStep {
    const { holdings, clock, log, sha256 } = this.#options
    const step = receiveDelta(holdings, delta, { ...from, now: clock.now(), sha256 })
    const { deltas } = this.#counts
    deltas.set(step.outcome, (deltas.get(step.outcome) ?? 0) + 1)
    this.#commit(step.change ? [step.change] : [], step.definitions)
    if (step.outcome === 'staged') this.#options.onStaged?.(delta.records)
    if (step.change) this.#options.onAdvanced?.(delta.owner, from.fromOwner)
    for (const effect of step.effects) {
      switch (effect.kind) {
        case 'sync':
          // Whoever sends a whole set that contradicts itself would do so again at once.
          if (step.outcome === 'mismatch' && delta.from === 0) break
          this.#repair(effect.wanted.owner, source)
          break
        case 'fetch-definitions':
          this.#definitions.want(this.#options.bulk ?? source, effect.ids)
          break
        case 'alarm':
          log.error(
            { owner: effect.owner, source: from.sender, reason: effect.reason },
            'replication alarm',
          )
          break
        default:
          effect satisfies never
      }
    }
    return step
  }

  /** As `SetFetches.want`, noted until what is held has caught up. */
  async #want(source: Source, wanted: Iterable<OwnerId>): Promise<boolean> {
    const { clock } = this.#options
    const owners = [...wanted]
    for (const owner of owners) if (!this.#behind.has(owner)) this.#behind.set(owner, clock.now())
    const isAll = await this.#sets.want(source, owners)
    // Whoever has nothing newer has been caught up with, though nothing came.
    if (isAll) for (const owner of owners) this.#behind.delete(owner)
    return isAll
  }

  #repair(owner: OwnerId, source: Source): void {
    const { bulk, clock, random } = this.#options
    if (!bulk || source === bulk) {
      void this.#want(source, [owner])
      return
    }
    this.#gaps.add(owner)
    this.#gapTimer ??= clock.after(exchangeLimits.gapMs * random(), () => {
      this.#gapTimer = undefined
      void this.#want(bulk, this.#gaps)
      this.#gaps.clear()
    })
  }

  /** First the disk, then memory, then readers. */
  #commit(changes: readonly SetChange[], definitions: readonly InlineDefinition[]): void {
    const { store, holdings, onEvents, onDefinitions } = this.#options
    if (changes.length === 0 && definitions.length === 0) return
    store.apply({ definitions, changes })
    settleStep(holdings, { definitions })
    for (const change of changes) {
      const events = settleStep(holdings, { change, definitions: [] })
      if (events.length > 0) onEvents(change.owner, events)
      this.#behind.delete(change.owner)
    }
    if (definitions.length > 0) onDefinitions(definitions.map(({ id }) => id))
  }

  /** Takes the versions of sets held already; returns the owners whose sets have to be fetched. */
  #plan(entries: readonly VersionEntry[]): OwnerId[] {
    const foreign = entries.filter(({ owner }) => this.#takes(owner))
    const { wanted, adopted } = planSync(this.#options.holdings, foreign)
    this.#commit(adopted, [])
    return wanted.map(({ owner }) => owner)
  }

  #compare(): void {
    const { bulk } = this.#options
    if (!bulk || this.#closed) return
    this.#retry?.()
    this.#retry = undefined
    if (this.#comparing) this.#compareAgain = true
    else void this.#compareWith(bulk)
  }

  async #compareWith(bulk: NonNullable<FollowerOptions['bulk']>): Promise<void> {
    this.#comparing = true
    this.#compareAgain = false
    const isWhole = await this.#takeFrom(bulk)
    this.#comparing = false
    if (this.#closed) return
    if (isWhole) {
      this.#compared = true
      this.#isUpToDate = !this.#compareAgain
      this.#compareFailures = 0
    }
    if (this.#compareAgain) this.#compare()
    else if (!isWhole) this.#compareLater()
  }

  #compareLater(): void {
    const { clock, random } = this.#options
    this.#retry = clock.after(backoffMs(this.#compareFailures, random), () => {
      this.#compare()
    })
    this.#compareFailures += 1
    this.#counts.retries += 1
  }

  /** Whether all that differs has been asked for and answered. */
  async #takeFrom(bulk: NonNullable<FollowerOptions['bulk']>): Promise<boolean> {
    const { transport, holdings, log } = this.#options
    const entries: VersionEntry[] = []
    try {
      await collect(
        transport,
        bulk.subject(syncMethods.compare),
        { kind: 'compare', request: compareRequest(holdings, bulk.scope) },
        'versions',
        (part) => {
          if (entries.length + part.entries.length > wireLimits.entriesMax) {
            throw new MeridianError(
              'invalid_message',
              `${bulk.name} names more than ${wireLimits.entriesMax} owners, the limit`,
            )
          }
          for (const entry of part.entries) entries.push(entry)
        },
      )
      if (this.#closed) return false
      const isWhole = await this.#want(bulk, this.#plan(entries))
      this.#wantMissingDefinitions()
      return isWhole
    } catch (error) {
      if (!this.#closed) logFailure(log, error, { source: bulk.name }, 'comparison failed')
      return false
    }
  }

  /** Those of owners that are silent are asked for by nothing else. */
  #wantMissingDefinitions(): void {
    const { bulk, others, holdings } = this.#options
    const source = bulk ?? others
    if (source) this.#definitions.want(source, holdings.definitions.missing())
  }

  #sweepLater(): void {
    this.#sweep = this.#options.clock.after(exchangeLimits.definitionSweepMs, () => {
      this.#sweepLater()
      this.#sweepDefinitions()
    })
  }

  #askLater(): void {
    this.#ask = this.#options.clock.after(exchangeLimits.definitionAskMs, () => {
      this.#askLater()
      this.#wantMissingDefinitions()
    })
  }

  /** Lets go of definitions that nothing has named for at least one interval. */
  #sweepDefinitions(): void {
    const { store, holdings, log, namesToo = () => false } = this.#options
    const unnamed = holdings.unnamedDefinitions()
    const gone = unnamed
      .filter((id) => this.#unnamed.has(id) && !namesToo(id))
      .slice(0, exchangeLimits.definitionsSweptMax)
    this.#unnamed = new Set(unnamed)
    if (gone.length === 0) return
    try {
      store.removeDefinitions(gone)
    } catch (error) {
      logFailure(log, error, { definitions: gone.length }, 'definitions not removed')
      return
    }
    for (const id of gone) holdings.definitions.release(id)
    log.debug({ definitions: gone.length }, 'definitions removed that nothing names')
  }
}

/**
 * An instance's spec and its state in one piece, so that readers join them once. A state without a
 * spec shows nothing, and readers look it up when the spec comes.
 */
function shownWith(records: RecordSet, after: OwnerRecord): RecordEvent[] {
  const parts = parseRecordKey(after.key)
  if (parts?.kind === 'state') return []
  const own = { key: after.key, after }
  if (parts?.kind !== 'spec') return [own]
  const state = records.get(stateKey(parts.id))
  return isLive(state) ? [own, { key: state.key, after: state }] : [own]
}

function isLive(record: OwnerRecord | undefined): record is OwnerRecord {
  return record !== undefined && record.body !== null
}
