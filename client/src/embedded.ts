import {
  createCapabilityIndex,
  feedLineSchema,
  feedTiming,
  InstanceCatalog,
  lookupLimits,
  LookupPlans,
  MeridianError,
  Outliers,
  PanicWatch,
  parseOwnerId,
  PlainLookup,
  readDefinition,
  ResultMemo,
  toLookupResult,
  verdictOf,
  type CallReports,
  type Definition,
  type DefinitionId,
  type FeedLine,
  type Locality,
  type LookupAnswer,
  type LookupResult,
  type ScopeReport,
} from '@meridian/shared'
import { createConnection, type Connection, type HttpClientOptions } from './http-client.ts'
import { createLookups, type LookupOptions, type Lookups } from './lookups.ts'
import { asMeridianError, pause, refusal, retryMs } from './retrying.ts'

export const embeddedLimits = {
  /** Instances that are held unless the caller says otherwise. */
  instances: 250_000,
  /** Characters of definitions that are held; a definition is some thousand. */
  definitionChars: 512 * 1024 * 1024,
  /** Of one line of the feed: a definition at its limit, quoted. */
  lineChars: 8 * 1024 * 1024,
  /** Without a word from the agent for so long, what is held is not answered from. */
  silentMs: 3 * feedTiming.readyMs,
} as const

export interface EmbeddedOptions extends HttpClientOptions {
  /** A zone with more is not held, and the agent is asked for every lookup. */
  readonly instancesMax?: number
  /** Told when the feed breaks off, before it is taken up again. */
  readonly onLost?: (error: MeridianError) => void
}

/** How far what is held here can be trusted. */
export type EmbeddedState =
  /** The agent spoke `ageMs` ago, and all that it had told by then is held. */
  | { readonly state: 'following'; readonly instances: number; readonly ageMs: number }
  /** The agent is asked for every lookup. */
  | { readonly state: 'behind'; readonly reason: string }

/** Lookups that this process answers itself, as its agent would, and asks it for the rest. */
export interface EmbeddedClient extends Lookups {
  /**
   * The answer at once, from what is held here: in microseconds, without the network. Undefined where
   * the agent has to be asked, which `lookup` does: while behind, for options that need more than the
   * zone's index, and where the zone has too little, or too much to do. Results are shared: they
   * are frozen. Errors: `invalid_query`.
   */
  lookupHere(query: string, options?: LookupOptions): LookupAnswer | undefined
  readonly state: EmbeddedState
  /** Resolves once it follows. Errors: `deadline_exceeded` after `timeoutMs`; what ended the feed for good. */
  ready(timeoutMs?: number): Promise<void>
  /** Stops following; lookups go to the agent from then on. Twice is fine. */
  close(): Promise<void>
}

/**
 * Follows the agent's feed, everything it holds and then every change, and answers from the same
 * index with the same code. Lost connections are made again and go on where they ended.
 */
export function createEmbeddedClient(options: EmbeddedOptions): EmbeddedClient {
  const connection = createConnection(options)
  const lookups = createLookups(connection)
  const held = new Held(options.instancesMax ?? embeddedLimits.instances)
  const closing = new AbortController()
  const following = follow(connection, held, closing.signal, options.onLost)

  const lookupHere = (query: string, given: LookupOptions = {}): LookupAnswer | undefined =>
    closing.signal.aborted ? undefined : held.lookup(query, given)
  return {
    ...lookups,
    lookupHere,
    lookup: async (query, given) =>
      lookupHere(query, given) ?? (await lookups.lookup(query, given)),
    async reportCalls(calls) {
      held.report(calls)
      await lookups.reportCalls(calls)
    },
    get state() {
      return held.state
    },
    async ready(timeoutMs = 10_000) {
      const late = AbortSignal.timeout(timeoutMs)
      while (held.state.state !== 'following') {
        if (held.ended) throw held.ended
        if (late.aborted) {
          throw new MeridianError(
            'deadline_exceeded',
            `the agent's feed was not read within ${timeoutMs} ms`,
          )
        }
        await held.changed(late)
      }
    },
    async close() {
      closing.abort()
      await following
      held.behind('it is closed')
    },
  }
}

async function follow(
  connection: Connection,
  held: Held,
  signal: AbortSignal,
  onLost: EmbeddedOptions['onLost'],
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    try {
      for await (const line of connect(connection, held.index, signal)) {
        if (line.kind === 'ready') failures = 0
        held.take(line)
      }
    } catch (error) {
      if (signal.aborted) return
      const lost = asMeridianError(error, 'the feed lost its connection')
      if (!lost.retryable && lost.code !== 'endpoint_unreachable') {
        held.end(lost)
        return
      }
      onLost?.(lost)
    }
    failures += 1
    await pause(retryMs(failures), signal)
  }
}

async function* connect(
  connection: Connection,
  index: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<FeedLine, void, undefined> {
  const url = connection.url('/v1/feed', { index })
  const response = await connection.fetch(url, { headers: connection.headers, signal })
  if (!response.ok || response.body === null) throw await refusal(response, 'the feed')
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of response.body) {
    rest += decoder.decode(bytes as Uint8Array, { stream: true })
    const end = rest.lastIndexOf('\n')
    if (end < 0 && rest.length > embeddedLimits.lineChars) {
      throw new MeridianError('endpoint_not_mcp', 'the feed has a line without end')
    }
    const lines = rest.slice(0, Math.max(0, end)).split('\n')
    rest = rest.slice(end + 1)
    for (const line of lines) {
      const read = line === '' ? undefined : readLine(line)
      if (read !== undefined) yield read
    }
  }
}

/** Undefined for what only newer clients know. */
function readLine(text: string): FeedLine | undefined {
  const json: unknown = JSON.parse(text)
  const read = feedLineSchema.safeParse(json)
  if (read.success) return read.data
  const { kind } = json as { kind?: unknown }
  if (!feedLineSchema.options.some(({ shape }) => shape.kind.value === kind)) return undefined
  throw new MeridianError(
    'endpoint_not_mcp',
    `the feed says what makes no sense: ${kind as string}`,
  )
}

/** What the agent told. */
class Held {
  readonly #instancesMax: number
  readonly #plans = new LookupPlans()
  readonly #outliers = new Outliers()
  readonly #definitions = new Map<DefinitionId, string>()
  #definitionChars = 0
  #world: World | undefined
  #scopes: ScopeReport[] = []
  #index: string | undefined
  #readyAt = 0
  #behind: string | undefined = 'it has not read the feed yet'
  #waiting: (() => void)[] = []
  ended: MeridianError | undefined

  constructor(instancesMax: number) {
    this.#instancesMax = instancesMax
  }

  /** Where the feed goes on. */
  get index(): string | undefined {
    return this.#index
  }

  get state(): EmbeddedState {
    const ageMs = performance.now() - this.#readyAt
    if (this.#behind !== undefined) return { state: 'behind', reason: this.#behind }
    if (ageMs > embeddedLimits.silentMs) {
      return { state: 'behind', reason: `the agent is silent for ${Math.round(ageMs)} ms` }
    }
    const instances = this.#world?.catalog.index.size.instances ?? 0
    return { state: 'following', instances, ageMs }
  }

  take(line: FeedLine): void {
    switch (line.kind) {
      case 'begin':
        this.#definitions.clear()
        this.#definitionChars = 0
        this.#index = undefined
        this.#world = new World(line.locality, this.#outliers, (id) => this.#definition(id))
        this.behind('it reads the feed')
        return
      case 'definition': {
        const before = this.#definitions.get(line.id)
        this.#definitionChars += line.canonical.length - (before?.length ?? 0)
        this.#definitions.set(line.id, line.canonical)
        return
      }
      case 'put':
        this.#world?.put(line)
        this.#refuseTooMuch()
        return
      case 'forget':
        this.#definitionChars -= this.#definitions.get(line.id)?.length ?? 0
        this.#definitions.delete(line.id)
        return
      case 'remove':
        this.#world?.catalog.remove(line.owner, line.id)
        return
      case 'scopes':
        this.#scopes = line.scopes
        this.#world?.forgetHeads()
        return
      case 'ready':
        this.#index = line.index
        this.#readyAt = performance.now()
        this.#behind = undefined
        this.#tell()
        return
      default:
        line satisfies never
    }
  }

  lookup(query: string, options: LookupOptions): LookupAnswer | undefined {
    const world = this.#world
    const now = performance.now()
    if (world === undefined || this.#behind !== undefined) return undefined
    if (now - this.#readyAt > embeddedLimits.silentMs) return undefined
    if (!isPlain(options)) return undefined
    return world.lookup(this.#plans.of(query), options, this.#scopes, now)
  }

  report(calls: CallReports['calls']): void {
    for (const { locality, instance, ok, latencyMs } of calls) {
      this.#outliers.report(`${locality}/${instance}`, { ok, latencyMs }, performance.now())
    }
  }

  behind(reason: string): void {
    this.#behind = reason
  }

  /** For good: asking again would not help. */
  end(error: MeridianError): void {
    this.ended = error
    this.#world = undefined
    this.#definitions.clear()
    this.behind(error.message)
    this.#tell()
  }

  /** Resolves when the state may have changed, or at the signal. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      signal.addEventListener('abort', () => {
        resolve()
      })
    })
  }

  #tell(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #definition(id: DefinitionId): Definition | undefined {
    const canonical = this.#definitions.get(id)
    return canonical === undefined ? undefined : readDefinition(new TextEncoder().encode(canonical))
  }

  #refuseTooMuch(): void {
    const instances = this.#world?.catalog.index.size.instances ?? 0
    const { definitionChars } = embeddedLimits
    if (instances <= this.#instancesMax && this.#definitionChars <= definitionChars) return
    throw new MeridianError(
      'payload_too_large',
      `the zone has over ${this.#instancesMax} instances, or its definitions over ${definitionChars} characters, the limits of what is held in this process`,
    )
  }
}

type Put = Extract<FeedLine, { readonly kind: 'put' }>
type Plan = ReturnType<LookupPlans['of']>

/** An index of what one snapshot and its changes say. */
class World {
  readonly catalog: InstanceCatalog
  readonly #plain: PlainLookup
  readonly #panics: PanicWatch
  readonly #results: ResultMemo<LookupResult>
  #heads = new WeakMap<Plan, Omit<LookupAnswer, 'results'>>()

  constructor(
    locality: Locality,
    outliers: Outliers,
    definition: (id: DefinitionId) => Definition | undefined,
  ) {
    const { region, zone } = locality
    this.catalog = new InstanceCatalog({
      index: createCapabilityIndex(),
      record: () => undefined,
      definition,
      // The agent shows it, so this release is too old for it: its answers would lack something.
      onUnreadable: (owner, key, reason) => {
        throw new MeridianError('endpoint_not_mcp', `${owner} ${key} cannot be read: ${reason}`)
      },
    })
    const { catalog } = this
    this.#plain = new PlainLookup({ locality, catalog, outliers, random: Math.random })
    this.#panics = new PanicWatch(catalog, (at) => at.region === region && at.zone === zone)
    this.#results = new ResultMemo((hit) => frozen(toLookupResult(catalog, hit)))
  }

  put({ owner, spec, state, load, liveness }: Put): void {
    const isKnown = this.catalog.head(spec.definition) !== undefined
    const definition = isKnown ? undefined : this.catalog.definition(spec.definition)
    if (parseOwnerId(owner) === undefined || (!isKnown && definition === undefined)) {
      throw new MeridianError('endpoint_not_mcp', `the feed names ${owner} and ${spec.definition}`)
    }
    this.catalog.put(owner, spec, state, definition)
    const { index } = this.catalog
    if (index.get(owner, spec.id)?.liveness !== liveness) index.setLiveness(owner, liveness)
    index.setLoad(owner, spec.id, load)
  }

  forgetHeads(): void {
    this.#heads = new WeakMap()
  }

  lookup(
    plan: Plan,
    { limit = lookupLimits.limitDefault, min, scope, order }: LookupOptions,
    scopes: readonly ScopeReport[],
    now: number,
  ): LookupAnswer | undefined {
    if (this.#panics.of(plan, now) !== undefined) return undefined
    const hits = this.#plain.hits(plan, { q: plan.text, limit, deadline: 0, min, scope, order })
    if (hits === undefined) return undefined
    const results = hits.map((hit) => this.#results.of(hit))
    const known = results.length > 0 ? this.#heads.get(plan) : undefined
    if (known !== undefined) return { ...known, results }
    const verdict = verdictOf(scopes, results.length)
    const head = { query: plan.text, answeredBy: 'agent' as const, ...verdict }
    if (results.length > 0) this.#heads.set(plan, head)
    return { ...head, results }
  }
}

/** Whether nothing is asked for but what the zone's index tells. */
function isPlain(options: LookupOptions): boolean {
  const { limit = 1, min = 1 } = options
  return (
    options.near === undefined &&
    options.affinity === undefined &&
    options.explain === undefined &&
    options.maxAgeMs === undefined &&
    options.staleIfErrorMs === undefined &&
    options.index === undefined &&
    Number.isInteger(limit) &&
    limit >= 1 &&
    limit <= lookupLimits.limitMax &&
    min <= limit
  )
}

function frozen(result: LookupResult): LookupResult {
  return Object.freeze({
    ...result,
    endpoint: Object.freeze({ ...result.endpoint }),
    metadata: Object.freeze({ ...result.metadata }),
  })
}
