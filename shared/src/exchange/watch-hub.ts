import type { LookupResult, LookupScope, ScopeReport } from '../api/index.ts'
import {
  asksForStatus,
  isUsable,
  standingOf,
  type IndexedInstance,
} from '../capability-index/index.ts'
import { instanceKey, toLookupResult, type InstanceCatalog } from '../catalog/index.ts'
import { MeridianError } from '../errors.ts'
import { DefinitionTerms } from '../lookup/definition-terms.ts'
import type { LookupPlan } from '../lookup/lookup-plans.ts'
import { termsOfPlace } from '../lookup/query-terms.ts'
import { feedLimits, WatchFeed, type WatchChange } from '../lookup/watch-feed.ts'
import { formatLocality, ringOf, type Locality } from '../model/index.ts'
import type { Cancel, Clock, Random } from '../ports/index.ts'

export const watchLimits = {
  watchers: 4_096,
  /** Of one caller's address. An agent's callers are all on its host. */
  watchersOfCaller: 2_048,
  /** Different queries that are followed, those that nobody watches just now included. */
  feeds: 4_096,
  /** Changes are told at most so often: 20 times a second. */
  flushMs: 50,
  heartbeatMs: 15_000,
  /** How often what lies beyond is looked at. */
  remoteMs: 2_000,
  /** Snapshots that are kept for whoever comes next, and how large each may be. */
  snapshots: 16,
  snapshotBytes: 512 * 1024,
  /** A feed that nobody watches waits so long for those who come back. */
  idleMs: 60_000,
} as const

/** Where a watcher's events go. */
export interface WatchSink {
  /** False: it is too slow, and gets nothing more. The bytes are others' too. */
  send(bytes: Uint8Array): boolean
  end(): void
}

export interface WatchRequest {
  readonly plan: LookupPlan
  readonly scope: LookupScope
  /** Go on from here. */
  readonly index?: string | undefined
  /** Who watches, for the limit of each. */
  readonly caller: string
}

/** What lies beyond what is held here, as it was heard last. */
export interface RemoteView {
  readonly results: readonly LookupResult[]
  readonly scopes: readonly ScopeReport[]
}

export interface WatchHubOptions {
  readonly catalog: InstanceCatalog
  /** Results say how far they are from here. */
  readonly from: Locality
  /** How far what is held here can be trusted. */
  readonly own: () => ScopeReport
  /** Whether the scope goes beyond what is held here; then `remote` is asked. */
  readonly goesBeyond: (scope: LookupScope) => boolean
  readonly remote: (plan: LookupPlan, scope: LookupScope) => Promise<RemoteView>
  /** Names this run: positions of another mean nothing. */
  readonly run: string
  readonly clock: Clock
  readonly random: Random
}

interface Feed {
  readonly name: string
  readonly plan: LookupPlan
  readonly scope: LookupScope
  readonly log: WatchFeed
  readonly dirty: Set<IndexedInstance>
  readonly watchers: Set<Watcher>
  /** Those that wait for the next change only. */
  readonly waiting: Set<() => void>
  scopes: readonly ScopeReport[]
  remoteKeys: ReadonlySet<string>
  flushing: Cancel | undefined
  polling: Cancel | undefined
  idle: Cancel | undefined
  isClosed: boolean
}

interface Snapshot {
  readonly index: string
  readonly scopes: readonly ScopeReport[]
  readonly bytes: Uint8Array
}

interface Watcher {
  readonly sink: WatchSink
  readonly caller: string
}

/**
 * Follows queries for whoever watches them. Watchers of the same share a feed.
 *
 *     index change ─▶ feeds with one of its terms ─▶ dirty ─(≤ 20 times a second)▶ changes
 *                                                                   ├▶ every watcher, as one text
 *                                                                   └▶ log, for those who come back
 *
 * Invariant 5: snapshot and changes, applied, are the set that the query matches in its scope. What
 * takes no work is not in it, as in lookups, unless the query asks for a status.
 */
export class WatchHub {
  readonly #options: WatchHubOptions
  readonly #terms: DefinitionTerms
  readonly #feeds = new Map<string, Feed>()
  readonly #byTerm = new Map<number, Set<Feed>>()
  readonly #ofAny = new Set<Feed>()
  readonly #memberOf = new Map<string, Set<Feed>>()
  readonly #callers = new Map<string, number>()
  readonly #stop: () => void
  /** Of feeds that somebody came to lately, the latest last. */
  readonly #snapshots = new Map<Feed, Snapshot>()
  #generation = 0
  #watchers = 0
  #heartbeat: Cancel | undefined
  #isClosed = false
  /** Watchers that were too slow. */
  dropped = 0

  constructor(options: WatchHubOptions) {
    this.#options = options
    const { catalog } = options
    this.#terms = new DefinitionTerms((id) => catalog.definition(id))
    this.#stop = catalog.index.onChange(({ instance }) => {
      this.#generation += 1
      if (this.#feeds.size > 0) this.#touch(instance)
    })
  }

  /** Where things stand: every change that can be watched moves it. */
  get index(): string {
    return `${this.#options.run}-${this.#generation}`
  }

  get watchers(): number {
    return this.#watchers
  }

  /**
   * Sends a snapshot, or what was missed since `index`, then every change, until the returned
   * function is called or the sink ends. Errors: `busy` at a limit, `invalid_request` for a query
   * that matches too much to be followed.
   */
  watch(request: WatchRequest, sink: WatchSink): () => void {
    const { caller, index } = request
    this.#admit(caller)
    const feed = this.#feed(request)
    this.#flush(feed)
    const watcher: Watcher = { sink, caller }
    feed.watchers.add(watcher)
    this.#watchers += 1
    this.#callers.set(caller, (this.#callers.get(caller) ?? 0) + 1)
    this.#heartbeat ??= this.#options.clock.after(watchLimits.heartbeatMs, () => this.#beat())
    this.#greet(feed, watcher, index)
    if (feed.polling === undefined) this.#poll(feed)
    return () => {
      this.#leave(feed, watcher)
    }
  }

  /** Resolves when something changed since `index`, at the latest after `waitMs`. */
  async changed(
    plan: LookupPlan,
    scope: LookupScope,
    index: string,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#watchers >= watchLimits.watchers) throw tooMany(watchLimits.watchers)
    const feed = this.#feed({ plan, scope })
    this.#flush(feed)
    const position = this.#positionOf(index)
    const missed = position === undefined ? undefined : feed.log.since(position)
    if (missed?.length !== 0) return
    this.#watchers += 1
    if (feed.polling === undefined) this.#poll(feed)
    await new Promise<void>((resolve) => {
      const done = () => {
        cancel()
        feed.waiting.delete(done)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      // As Consul's users know it: so that those who came together do not come back together.
      const spreadMs = (waitMs / 16) * this.#options.random()
      const cancel = this.#options.clock.after(waitMs + spreadMs, done)
      signal?.addEventListener('abort', done)
      feed.waiting.add(done)
    })
    this.#watchers -= 1
    this.#rest(feed)
  }

  /** Ends every watch; those who come back elsewhere start anew. */
  close(): void {
    this.#isClosed = true
    this.#stop()
    this.#heartbeat?.()
    for (const feed of this.#feeds.values()) {
      for (const { sink } of feed.watchers) sink.end()
      for (const done of feed.waiting) done()
      this.#forget(feed)
    }
  }

  #admit(caller: string): void {
    if (this.#isClosed) throw new MeridianError('busy', 'this program is closing')
    if (this.#watchers >= watchLimits.watchers) throw tooMany(watchLimits.watchers)
    if ((this.#callers.get(caller) ?? 0) < watchLimits.watchersOfCaller) return
    throw new MeridianError(
      'busy',
      `${watchLimits.watchersOfCaller} watches of one caller are followed at once, no more`,
    )
  }

  #feed({ plan, scope }: Pick<WatchRequest, 'plan' | 'scope'>): Feed {
    const name = `${scope} ${plan.text}`
    const known = this.#feeds.get(name)
    if (known) {
      known.idle?.()
      known.idle = undefined
      return known
    }
    if (this.#feeds.size >= watchLimits.feeds) this.#makeRoom()
    const feed: Feed = {
      name,
      plan,
      scope,
      log: new WatchFeed(this.#generation),
      dirty: new Set(),
      watchers: new Set(),
      waiting: new Set(),
      scopes: [this.#options.own()],
      remoteKeys: new Set(),
      flushing: undefined,
      polling: undefined,
      idle: undefined,
      isClosed: false,
    }
    const matching = [...this.#options.catalog.index.matching(plan.query)].filter((instance) =>
      this.#shows(feed, instance),
    )
    if (matching.length > feedLimits.membersMax) throw tooWide(plan)
    for (const instance of matching) {
      this.#set(feed, keyOf(instance), this.#resultOf(instance))
    }
    feed.log.settle()
    this.#feeds.set(name, feed)
    if (plan.terms === 'any') this.#ofAny.add(feed)
    else for (const term of plan.terms) add(this.#byTerm, term, feed)
    return feed
  }

  /** A feed that nobody watches gives way. */
  #makeRoom(): void {
    for (const feed of this.#feeds.values()) {
      if (feed.watchers.size + feed.waiting.size > 0) continue
      this.#forget(feed)
      return
    }
    throw new MeridianError('busy', `${watchLimits.feeds} different queries are followed already`)
  }

  #greet(feed: Feed, watcher: Watcher, index: string | undefined): void {
    const position = index === undefined ? undefined : this.#positionOf(index)
    const missed = position === undefined ? undefined : feed.log.since(position)
    if (missed !== undefined) {
      this.#send(feed, watcher, encoder.encode(this.#textOf(missed)))
      return
    }
    const reset =
      index === undefined
        ? ''
        : eventText('reset', { reason: 'what happened since then is not known here any more' })
    const { scopes } = feed
    this.#send(feed, watcher, this.#snapshotOf(feed, scopes, reset))
  }

  /** The same bytes for all who come while nothing changes: a crowd that comes back is one snapshot. */
  #snapshotOf(feed: Feed, scopes: readonly ScopeReport[], reset: string): Uint8Array {
    const { index } = this
    const known = reset === '' ? this.#snapshots.get(feed) : undefined
    if (known?.index === index && known.scopes === scopes) return known.bytes
    const text = eventText('snapshot', { results: feed.log.snapshot(), scopes }, index)
    const bytes = encoder.encode(reset + text)
    this.#snapshots.delete(feed)
    if (reset !== '' || bytes.length > watchLimits.snapshotBytes) return bytes
    this.#snapshots.set(feed, { index, scopes, bytes })
    const [oldest] = this.#snapshots.keys()
    if (this.#snapshots.size > watchLimits.snapshots && oldest) this.#snapshots.delete(oldest)
    return bytes
  }

  #touch(instance: IndexedInstance): void {
    for (const feed of this.#ofAny) this.#mark(feed, instance)
    for (const term of this.#terms.of(instance.spec.definition)) {
      for (const feed of this.#byTerm.get(term) ?? []) this.#mark(feed, instance)
    }
    for (const term of termsOfPlace(instance.locality)) {
      for (const feed of this.#byTerm.get(term) ?? []) this.#mark(feed, instance)
    }
    // What it was before may have had other terms.
    for (const feed of this.#memberOf.get(keyOf(instance)) ?? []) this.#mark(feed, instance)
  }

  #mark(feed: Feed, instance: IndexedInstance): void {
    feed.dirty.add(instance)
    feed.flushing ??= this.#options.clock.after(watchLimits.flushMs, () => {
      this.#flush(feed)
    })
  }

  #flush(feed: Feed): void {
    feed.flushing?.()
    feed.flushing = undefined
    if (feed.isClosed) return
    const { index } = this.#options.catalog
    for (const { owner, spec } of feed.dirty) {
      const now = index.get(owner, spec.id)
      const key = keyOf({ owner, spec, locality: localityOf(owner) })
      const isMember =
        now !== undefined &&
        this.#shows(feed, now) &&
        index.matches(feed.plan.query, owner, spec.id)
      this.#set(feed, key, isMember ? this.#resultOf(now) : undefined)
    }
    feed.dirty.clear()
    this.#tell(feed)
  }

  #tell(feed: Feed): void {
    const { clock } = this.#options
    const changes = feed.log.flush(this.#generation, clock.now())
    if (changes.length === 0) return
    // Written once for all: most of what many watchers cost.
    const bytes = encoder.encode(this.#textOf(changes))
    for (const watcher of feed.watchers) this.#send(feed, watcher, bytes)
    for (const done of feed.waiting) done()
    if (feed.log.size <= feedLimits.membersMax) return
    for (const { sink } of feed.watchers) sink.end()
    this.#forget(feed)
  }

  /** Looks at what lies beyond for as long as somebody watches. */
  #poll(feed: Feed): void {
    const { goesBeyond, remote, clock, random } = this.#options
    if (!goesBeyond(feed.scope) || feed.isClosed) return
    const again = () => {
      const waitMs = watchLimits.remoteMs * (0.9 + 0.2 * random())
      feed.polling = clock.after(waitMs, () => {
        feed.polling = undefined
        if (feed.watchers.size + feed.waiting.size > 0) this.#poll(feed)
      })
    }
    feed.polling = () => undefined
    remote(feed.plan, feed.scope)
      .then((view) => {
        if (!feed.isClosed) this.#takeRemote(feed, view)
      })
      .catch(() => undefined)
      .finally(again)
  }

  #takeRemote(feed: Feed, { results, scopes }: RemoteView): void {
    const keys = new Set<string>()
    for (const result of results) {
      const key = instanceKey(result)
      keys.add(key)
      this.#set(feed, key, result)
    }
    // What lies behind a cut is unknown, never gone.
    const isWhole = scopes.every(({ state }) => state === 'fresh')
    for (const key of feed.remoteKeys) {
      if (keys.has(key)) continue
      if (isWhole) this.#set(feed, key, undefined)
      else keys.add(key)
    }
    feed.remoteKeys = keys
    // Positions are counted in changes; this one is seen by nobody's index.
    this.#generation += 1
    this.#tell(feed)
    const all = [this.#options.own(), ...scopes]
    if (statesOf(all) === statesOf(feed.scopes)) return
    feed.scopes = all
    const bytes = encoder.encode(eventText('scopes', { scopes: all }))
    for (const watcher of feed.watchers) this.#send(feed, watcher, bytes)
  }

  #set(feed: Feed, key: string, result: LookupResult | undefined): void {
    feed.log.set(key, result)
    if (result) add(this.#memberOf, key, feed)
    else remove(this.#memberOf, key, feed)
  }

  #send(feed: Feed, watcher: Watcher, bytes: Uint8Array): void {
    if (bytes.length === 0 || watcher.sink.send(bytes)) return
    this.dropped += 1
    watcher.sink.end()
    this.#leave(feed, watcher)
  }

  #leave(feed: Feed, watcher: Watcher): void {
    if (!feed.watchers.delete(watcher)) return
    this.#watchers -= 1
    const others = (this.#callers.get(watcher.caller) ?? 1) - 1
    if (others === 0) this.#callers.delete(watcher.caller)
    else this.#callers.set(watcher.caller, others)
    this.#rest(feed)
  }

  #rest(feed: Feed): void {
    if (feed.watchers.size + feed.waiting.size > 0 || feed.isClosed) return
    feed.idle ??= this.#options.clock.after(watchLimits.idleMs, () => {
      this.#forget(feed)
    })
  }

  #forget(feed: Feed): void {
    feed.isClosed = true
    this.#snapshots.delete(feed)
    feed.flushing?.()
    feed.polling?.()
    feed.idle?.()
    this.#feeds.delete(feed.name)
    this.#ofAny.delete(feed)
    const { terms } = feed.plan
    if (terms !== 'any') for (const term of terms) remove(this.#byTerm, term, feed)
    for (const key of feed.log.keys()) remove(this.#memberOf, key, feed)
    for (const watcher of feed.watchers) this.#leave(feed, watcher)
  }

  #beat(): void {
    this.#heartbeat = undefined
    for (const feed of this.#feeds.values()) {
      for (const watcher of feed.watchers) this.#send(feed, watcher, heartbeat)
    }
    if (this.#watchers === 0) return
    this.#heartbeat = this.#options.clock.after(watchLimits.heartbeatMs, () => this.#beat())
  }

  #shows(feed: Feed, { state, liveness }: IndexedInstance): boolean {
    return isUsable(standingOf(state, liveness)) || asksForStatus(feed.plan.query)
  }

  #resultOf(instance: IndexedInstance): LookupResult {
    const { catalog, from } = this.#options
    const ring = ringOf(from, instance.locality)
    return toLookupResult(catalog, { instance, ring, weight: 1 })
  }

  #textOf(changes: readonly WatchChange[]): string {
    let text = ''
    for (const [at, { kind, result }] of changes.entries()) {
      // Only after the last of a batch is there a place to go on from.
      text += eventText(kind, result, at === changes.length - 1 ? this.index : undefined)
    }
    return text
  }

  #positionOf(index: string): number | undefined {
    const { run } = this.#options
    if (!index.startsWith(`${run}-`)) return undefined
    const position = Number(index.slice(run.length + 1))
    return position <= this.#generation ? position : undefined
  }
}

const encoder = new TextEncoder()
const heartbeat = encoder.encode(': here\n\n')

function eventText(event: string, data: unknown, id?: string): string {
  const head = id === undefined ? '' : `id: ${id}\n`
  return `${head}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

function statesOf(scopes: readonly ScopeReport[]): string {
  return scopes
    .map(({ scope, name, state, degraded }) => `${scope} ${name} ${state} ${degraded === true}`)
    .join()
}

function keyOf({
  spec,
  locality,
}: Pick<IndexedInstance, 'spec' | 'locality'> & { readonly owner: string }): string {
  return `${formatLocality(locality)}/${spec.id}`
}

function localityOf(owner: string): Locality {
  const [region = '', zone = '', node = ''] = owner.split('/')
  return { region, zone, node }
}

function tooMany(count: number): MeridianError {
  return new MeridianError('busy', `${count} watches are followed at once, no more`)
}

function tooWide({ text }: LookupPlan): MeridianError {
  const problem = `matches more than ${feedLimits.membersMax} instances, too many to be watched`
  return new MeridianError('invalid_request', `the query ${problem}; ask for less`, {
    violations: [{ field: 'q', value: JSON.stringify(text.slice(0, 80)), problem }],
  })
}

function add<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const known = map.get(key)
  if (known) known.add(value)
  else map.set(key, new Set([value]))
}

function remove<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const known = map.get(key)
  known?.delete(value)
  if (known?.size === 0) map.delete(key)
}
