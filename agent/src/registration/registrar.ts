import {
  checkName,
  identifyDefinition,
  MeridianError,
  type Check,
  type Clock,
  type Definition,
  type Drain,
  type Endpoint,
  type IdentifiedDefinition,
  type InstancePatch,
  type InstanceSpec,
  type RegisteredInstance,
  type Registration,
  type Sha256,
  type StdioEndpoint,
} from '@meridian/shared'
import { isDeepStrictEqual } from 'node:util'
import type { RegisterOutcome } from '../http/routes.ts'
import { IdentifiedDefinitions } from './identified-definitions.ts'
import { InstanceSet, type Edit, type InstanceSetOptions, type Plan } from './instance-set.ts'
import type { Introspection } from './introspection/introspection.ts'
import { Limiter } from './limiter.ts'
import { createMemoryNodeWords, type NodeWords, type NodeWordStore } from './node-words.ts'
import { toRegistered, type LiveView } from './registered.ts'
import {
  noHealth,
  startHealth,
  stateOf,
  summarize,
  type AnyCheck,
  type Introspected,
  type InstanceHealth,
  type FileSource,
  type RegistrationRow,
} from './registration-row.ts'
import { refuseCommand, refuseName, type Rights } from './rights.ts'

export interface RegistrarOptions extends InstanceSetOptions {
  readonly clock: Clock
  /** Asks a running server what it is. Errors as `introspect`'s. */
  readonly introspect: (endpoint: Endpoint, fallbackName: string) => Promise<Introspection>
  /** Whether instances are checked that do not say how; without, their registrants' word holds. */
  readonly checksByDefault?: boolean
  /** Runs commands; absent where the operator does not allow it. */
  readonly stdio?: StdioRunner | undefined
  /** Whose commands: everybody's unless it says that only service files may ask. */
  readonly commandsFrom?: CommandsFrom | undefined
  /** What is known beyond the row. */
  readonly live?: (id: string) => LiveView
  /** The server has just been seen to answer: its checks need not begin with doubt. */
  readonly onSeen?: (id: string) => void
  /** What operators said of the whole node; kept in memory unless given. */
  readonly nodeWords?: NodeWordStore | undefined
  /** What definitions are named with; `portableSha256` unless given. */
  readonly sha256?: Sha256 | undefined
}

export type CommandsFrom = 'everybody' | 'service-files'

/** Runs stdio servers, one per instance id. */
export interface StdioRunner {
  /**
   * The command, running: the one that runs already where it is the same. `commit` ends what it
   * replaces, `undo` ends it again if it was started for this.
   */
  prepare(
    id: string,
    endpoint: StdioEndpoint,
    port?: number,
  ): Promise<{ readonly url: string; readonly port: number; commit(): void; undo(): Promise<void> }>
}

/** Introspections at once: each holds a few sockets, for seconds where the server is slow. */
const introspectionsAtOnceMax = 32
/** A burst of registrations waits its turn; what is beyond that is told to come again. */
const introspectionsWaitingMax = 20_000

/** What registrants and operators may do to this node's instances. */
export class Registrar {
  readonly instances: InstanceSet
  readonly #options: RegistrarOptions
  readonly #introspections = new Limiter(introspectionsAtOnceMax, introspectionsWaitingMax)
  readonly #definitions: IdentifiedDefinitions
  readonly #summaries = new WeakMap<IdentifiedDefinition, RegistrationRow['definition']>()
  #lastAsked: Asked | undefined
  /** Registrations under way, by id: one after the other, so that the last to ask is the last word. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #nodeWords: NodeWordStore
  #words: NodeWords
  #leaving = false

  constructor(options: RegistrarOptions) {
    this.#options = options
    this.#definitions = new IdentifiedDefinitions(options.sha256)
    this.#nodeWords = options.nodeWords ?? createMemoryNodeWords()
    this.#words = this.#nodeWords.load()
    this.instances = new InstanceSet(options)
  }

  get(id: string): RegisteredInstance | undefined {
    const row = this.instances.get(id)
    return row && this.#show(row)
  }

  /** Up to `limit` instances whose ids follow `after`. */
  page(after: string, limit: number): RegisteredInstance[] {
    return this.instances.page(after, limit).map((row) => this.#show(row))
  }

  /**
   * Registers, or replaces what is registered under the id. Errors: `conflict` when the id is
   * another registrant's, `forbidden` for commands where they are not allowed and for names that
   * are not the caller's, `storage_full`, `busy`, those of introspection and of definitions.
   */
  async register(
    id: string,
    registration: Registration,
    { source, rights }: Asking = {},
  ): Promise<Registered> {
    const extra: Extra = { ...(source && { source }), ...(rights && { rights }) }
    const edit = this.#editOf(id, registration, extra)
    // Nothing to wait for: together with whatever else is asked in this moment.
    if (edit) return await this.instances.edit(id, edit.plan)
    return await this.#inTurn(id, () => this.#registerInTurn(id, registration, extra))
  }

  /**
   * What registers it once it is committed, for whoever registers many together. Undefined where its
   * server has to be asked first, or others register the same: then `register` does it. Errors: as
   * `register`'s.
   */
  editOf(
    id: string,
    registration: Registration,
    rights: Rights | undefined,
  ): Edit<Registered> | undefined {
    return this.#editOf(id, registration, rights === undefined ? nothingElse : { rights })
  }

  /** Errors: `not_found`, `conflict`, `storage_full`. */
  deregister(id: string, registrant: string): void {
    this.instances.editNow(id, (row) => {
      refuseOthers(id, known(id, row), registrant)
      return { value: undefined, next: null }
    })
  }

  /** Takes out an instance on the agent's own account. False: it was gone, or not so any more. */
  remove(id: string, isStillSo: (row: RegistrationRow) => boolean): Promise<boolean> {
    return this.instances.edit(id, (row) =>
      row && isStillSo(row) ? { value: true, next: null } : { value: false },
    )
  }

  /** What the checks found out. Instances and checks that are gone are passed over. */
  setHealth(id: string, found: InstanceHealth): Promise<void> {
    return this.#change(id, (row) => {
      const names = new Set([...row.checks.map(checkName), identityCheck])
      const health = Object.fromEntries(Object.entries(found).filter(([name]) => names.has(name)))
      // Whatever says nothing new about a check leaves it as it was.
      const kept = Object.entries(row.health).filter(([name]) => name !== identityCheck)
      return { ...row, health: { ...Object.fromEntries(kept), ...health } }
    })
  }

  /** Errors: `not_found`, `storage_full`. */
  patch(id: string, { weight, capacity }: InstancePatch): Promise<RegisteredInstance> {
    return this.#operate(id, (row) => ({
      ...row,
      ...(capacity !== undefined &&
        capacity !== row.spec.capacity && { spec: { ...row.spec, capacity } }),
      ...(weight !== undefined && { state: { ...row.state, weight } }),
    }))
  }

  /** No new work. Errors: `not_found`, `storage_full`. */
  drain(id: string, { thenDeregister, waitMs }: Drain): Promise<RegisteredInstance> {
    const sinceWall = this.#options.clock.wall()
    return this.#operate(id, (row) => ({
      ...row,
      drain: { sinceWall: row.drain?.sinceWall ?? sinceWall, thenDeregister, waitMs },
    }))
  }

  /** No new work for so long; without `forMs`, until it is ended. Errors: `not_found`, `storage_full`. */
  rest(id: string, reason: string, forMs: number | undefined): Promise<RegisteredInstance> {
    const sinceWall = this.#options.clock.wall()
    return this.#operate(id, (row) => ({
      ...row,
      drain: {
        // Counted from now, where it was drained before without an end.
        sinceWall: forMs === undefined ? (row.drain?.sinceWall ?? sinceWall) : sinceWall,
        thenDeregister: false,
        waitMs: forMs ?? 0,
        ...(forMs !== undefined && { thenEnds: true }),
        ...(reason !== '' && { reason }),
      },
    }))
  }

  undrain(id: string): Promise<RegisteredInstance> {
    return this.#operate(id, withoutDrain)
  }

  /** No new work, for a reason. Errors: `not_found`, `storage_full`. */
  maintain(id: string, reason: string): Promise<RegisteredInstance> {
    const sinceWall = this.#options.clock.wall()
    return this.#operate(id, (row) => ({
      ...row,
      maintenance: { sinceWall: row.maintenance?.sinceWall ?? sinceWall, reason },
    }))
  }

  endMaintenance(id: string): Promise<RegisteredInstance> {
    return this.#operate(id, withoutMaintenance)
  }

  /** Whether the whole host takes new work. Not kept: an agent that starts again is back. */
  async setLeaving(leaving: boolean): Promise<void> {
    this.#leaving = leaving
    await this.refreshStates()
  }

  get leaving(): boolean {
    return this.#leaving
  }

  /** What operators have said of the whole node. */
  get words(): NodeWords {
    return this.#words
  }

  /** Durable before any instance changes. Errors: `storage_full`, `data_unwritable`. */
  async setWords(words: NodeWords): Promise<void> {
    this.#nodeWords.save(words)
    this.#words = words
    await this.refreshStates()
  }

  /** Whether no instance of this node takes new work, whatever is said of it. */
  get #isClosed(): boolean {
    const { drain, maintenance } = this.#words
    return this.#leaving || drain !== undefined || maintenance !== undefined
  }

  /** Brings every state up to what its row says; those that are so already change nothing. */
  async refreshStates(): Promise<void> {
    const differ = [...this.instances.rows()].filter((row) => this.#restate(row) !== row)
    await Promise.all(differ.map(({ spec }) => this.#change(spec.id, (row) => row)))
  }

  /**
   * What the server says of itself now. The same as before changes nothing; another name changes
   * nothing either, and is the answer. Errors: `storage_full`, `invalid_request`.
   */
  reintrospected(id: string, asked: Endpoint, found: Introspection): Promise<Reintrospected> {
    const row = this.instances.get(id)
    if (row === undefined) return Promise.resolve({ kind: 'gone' })
    const identified = identifyDefinition(
      definitionOf(found, row.asked ?? { tags: [], publish: false }),
      this.#options.sha256,
    )
    return this.instances.edit<Reintrospected>(id, (present) => {
      // It was registered anew meanwhile, and that is newer than what was asked.
      const same = present?.introspected && isDeepStrictEqual(present.spec.endpoint, asked)
      if (!present || !same) return { value: { kind: 'gone' } }
      const { name } = found.definitionInput
      const expected = present.introspected?.name ?? present.definition.name
      if (name !== expected) return { value: { kind: 'moved', name } }
      const introspected = toIntrospected(found, present.asked, this.#options.clock.wall())
      const isSame = identified.id === present.definition.id
      if (isSame && sameIntrospection(introspected, present.introspected)) {
        return { value: { kind: 'unchanged' } }
      }
      const next = isSame
        ? { ...present, introspected }
        : {
            ...present,
            introspected,
            private: identified.definition.private === true,
            spec: { ...present.spec, definition: identified.id },
            definition: summarize(identified.id, identified.definition),
          }
      return { value: { kind: isSame ? 'unchanged' : 'changed' }, next, definition: identified }
    })
  }

  /** The address of a stdio server that the agent has started again. */
  reserved(id: string, url: string, port: number): Promise<void> {
    return this.#change(id, (row) => {
      if (!row.stdio) return row
      const isSame = row.spec.endpoint.url === url && row.stdio.port === port
      if (isSame) return row
      const endpoint = { transport: 'streamable-http' as const, url }
      return { ...row, stdio: { ...row.stdio, port }, spec: { ...row.spec, endpoint } }
    })
  }

  #editOf(id: string, registration: Registration, extra: Extra): Edit<Registered> | undefined {
    const { endpoint, definition } = registration
    if (this.#turns.has(id) || definition === undefined || endpoint.transport === 'stdio') {
      return undefined
    }
    return this.#givenEdit(
      id,
      registration,
      endpoint,
      this.#identify(registration, definition),
      extra,
    )
  }

  #registerGiven(
    id: string,
    registration: Registration,
    endpoint: Endpoint,
    identified: IdentifiedDefinition,
    extra: Extra,
  ): Promise<Registered> {
    const edit = this.#givenEdit(id, registration, endpoint, identified, extra)
    return this.instances.edit(id, edit.plan)
  }

  #givenEdit(
    id: string,
    registration: Registration,
    endpoint: Endpoint,
    identified: IdentifiedDefinition,
    extra: Extra,
  ): Edit<Registered> {
    const { rights } = extra
    refuseName(rights, identified.definition.name)
    const plan = (before: RegistrationRow | undefined): Plan<Registered> => {
      if (before) refuseName(rights, before.definition.name)
      const next = this.#rowOf({ id, registration, endpoint, identified, extra, before })
      if (before && isUnchanged(next, before)) {
        return { value: new Outcome('unchanged', before, () => this.#show(before)) }
      }
      const change = before ? 'replaced' : 'created'
      const value = new Outcome(change, next, () => toRegistered(next))
      return { value, next, definition: identified }
    }
    return { id, plan }
  }

  async #registerInTurn(
    id: string,
    registration: Registration,
    extra: Extra = {},
  ): Promise<Registered> {
    const { endpoint, definition } = registration
    // Before anything is started or asked on behalf of somebody who may not have the id.
    const holder = this.instances.get(id)
    if (holder) {
      refuseUnlessHolder(id, holder, registration, extra)
      refuseName(extra.rights, holder.definition.name)
    }
    if (definition) refuseName(extra.rights, definition.name)
    if (endpoint.transport === 'stdio') {
      refuseCommand(extra.rights)
      return await this.#registerCommand(id, registration, endpoint, extra)
    }
    if (definition) {
      return await this.#registerGiven(
        id,
        registration,
        endpoint,
        this.#identify(registration, definition),
        extra,
      )
    }
    return await this.#registerSeen(id, registration, endpoint, extra)
  }

  async #registerSeen(
    id: string,
    registration: Registration,
    endpoint: Endpoint,
    extra: Extra,
  ): Promise<Registered> {
    const { clock, introspect, onSeen } = this.#options
    const found = await this.#introspections.run(() => introspect(endpoint, id))
    const identified = identifyDefinition(definitionOf(found, registration), this.#options.sha256)
    const introspected = toIntrospected(found, registration, clock.wall())
    const outcome = await this.#registerGiven(id, registration, endpoint, identified, {
      ...extra,
      introspected,
    })
    onSeen?.(id)
    return outcome
  }

  async #registerCommand(
    id: string,
    registration: Registration,
    command: StdioEndpoint,
    asking: Extra,
  ): Promise<Registered> {
    const { stdio, commandsFrom = 'everybody' } = this.#options
    if (!stdio || (commandsFrom === 'service-files' && !asking.source)) {
      throw new MeridianError(
        'forbidden',
        'this agent runs no commands for registrants; its operator can allow it (MERIDIAN_STDIO=on)',
      )
    }
    const before = this.instances.get(id)?.stdio
    const running = await stdio.prepare(id, command, before?.port)
    try {
      const endpoint = { transport: 'streamable-http' as const, url: running.url }
      const extra = { ...asking, stdio: { endpoint: command, port: running.port } }
      const { definition } = registration
      const outcome = definition
        ? await this.#registerGiven(
            id,
            registration,
            endpoint,
            this.#identify(registration, definition),
            extra,
          )
        : await this.#registerSeen(id, registration, endpoint, extra)
      running.commit()
      return outcome
    } catch (error) {
      await running.undo()
      throw error
    }
  }

  /** Errors: `invalid_request`. */
  #identify({ tags }: Registration, definition: Definition): IdentifiedDefinition {
    if (tags.length === 0) return this.#definitions.identify(definition)
    const all = [...new Set([...definition.tags, ...tags])].sort()
    return this.#definitions.identify({ ...definition, tags: all })
  }

  #rowOf({ id, registration, endpoint, identified, extra, before }: RowParts): RegistrationRow {
    if (before) refuseUnlessHolder(id, before, registration, extra)
    const { metadata, capacity, weight, registrant } = registration
    const asked = this.#askedOf(registration)
    // What an operator has set since lasts until the registrant asks for something else.
    const keeps = before?.asked && isDeepStrictEqual(before.asked, asked)
    const spec: InstanceSpec = {
      id,
      definition: identified.id,
      endpoint,
      metadata,
      capacity: keeps ? before.spec.capacity : capacity,
    }
    const checks = this.#checksOf(registration, extra)
    const health =
      checks.length === 0
        ? noHealth
        : startHealth(
            checks,
            earlierHealth(before, endpoint, checks),
            new Set(checks.filter((check) => wasSeen(check, extra)).map(checkName)),
            this.#options.clock.wall(),
          )
    const { drain, maintenance } = before ?? {}
    const kept = { health, drain, maintenance }
    const row: RegistrationRow = {
      registrant,
      private: identified.definition.private === true,
      // The same object where nothing differs: its record is then not made again.
      spec: before && isDeepStrictEqual(before.spec, spec) ? before.spec : spec,
      state: stateOf(kept, { id, weight: keeps ? before.state.weight : weight }, this.#isClosed),
      definition: this.#summaryOf(identified),
      asked,
      checks,
      health,
    }
    if (drain) row.drain = drain
    if (maintenance) row.maintenance = maintenance
    const { introspected, stdio, source } = extra
    if (introspected) row.introspected = introspected
    if (stdio) row.stdio = stdio
    if (source) row.source = source
    return row
  }

  /** The same object as the last one where nothing differs: replicas come together. */
  #askedOf({ weight, capacity, tags, publish, serverJson }: Registration): Asked {
    const last = this.#lastAsked
    const isSame =
      last?.weight === weight &&
      last.capacity === capacity &&
      last.publish === publish &&
      last.tags.length + tags.length === 0 &&
      last.serverJson === serverJson
    if (isSame) return last
    const asked = { weight, capacity, tags, publish, ...(serverJson && { serverJson }) }
    this.#lastAsked = asked
    return asked
  }

  /** One object for all instances of a definition. */
  #summaryOf(identified: IdentifiedDefinition): RegistrationRow['definition'] {
    const known = this.#summaries.get(identified)
    if (known) return known
    const summary = summarize(identified.id, identified.definition)
    this.#summaries.set(identified, summary)
    return summary
  }

  #checksOf(
    { checks, endpoint }: Registration,
    { introspected, stdio }: Pick<RegistrationRow, 'introspected' | 'stdio'>,
  ): AnyCheck[] {
    const process: AnyCheck[] = stdio ? [{ kind: 'process' }] : []
    if (checks) return stdio ? [...process, ...checks] : checks
    if (this.#options.checksByDefault !== true) return process
    const kind = introspected || endpoint.transport === 'stdio' ? 'mcp' : 'tcp'
    return [...process, defaultCheck(kind)]
  }

  #operate(
    id: string,
    change: (row: RegistrationRow) => RegistrationRow,
  ): Promise<RegisteredInstance> {
    return this.instances.edit(id, (row) => {
      const next = this.#restate(change(known(id, row)))
      return isDeepStrictEqual(next, row)
        ? { value: this.#show(next) }
        : { value: this.#show(next), next }
    })
  }

  #change(id: string, change: (row: RegistrationRow) => RegistrationRow): Promise<void> {
    return this.instances.edit(id, (row) => {
      if (!row) return { value: undefined }
      const next = this.#restate(change(row))
      return isDeepStrictEqual(next, row) ? { value: undefined } : { value: undefined, next }
    })
  }

  /** The row with the state that follows from it; itself where that is so already. */
  #restate(row: RegistrationRow): RegistrationRow {
    const state = stateOf(row, row.state, this.#isClosed)
    return isDeepStrictEqual(state, row.state) ? row : { ...row, state }
  }

  #show(row: RegistrationRow): RegisteredInstance {
    return toRegistered(row, this.#options.live?.(row.spec.id))
  }

  async #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(id)
    const turn = (async () => {
      await before?.catch(() => undefined)
      return await work()
    })()
    this.#turns.set(id, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id)
    }
  }
}

type RowExtra = Pick<RegistrationRow, 'introspected' | 'stdio' | 'source'>

/** What came of a registration, and the row that stands for it now. */
export interface Registered extends RegisterOutcome {
  readonly row: RegistrationRow
}

/** Who asks; the agent itself where nothing is said. */
export interface Asking {
  /** The service file in which it stands. */
  readonly source?: FileSource | undefined
  readonly rights?: Rights | undefined
}

/** What is known of a registration beyond what it says. */
type Extra = RowExtra & { readonly rights?: Rights }

const nothingElse: Extra = {}

type Asked = NonNullable<RegistrationRow['asked']>

class Outcome implements Registered {
  readonly change: RegisterOutcome['change']
  readonly row: RegistrationRow
  readonly #show: () => RegisteredInstance

  constructor(
    change: RegisterOutcome['change'],
    row: RegistrationRow,
    show: () => RegisteredInstance,
  ) {
    this.change = change
    this.row = row
    this.#show = show
  }

  /** Whoever registers many does not look at it. */
  get instance(): RegisteredInstance {
    return this.#show()
  }
}

interface RowParts {
  readonly id: string
  readonly registration: Registration
  readonly endpoint: Endpoint
  readonly identified: IdentifiedDefinition
  readonly extra: RowExtra
  readonly before: RegistrationRow | undefined
}

export type Reintrospected =
  | { readonly kind: 'unchanged' | 'changed' | 'gone' }
  /** The server that answers at the endpoint calls itself something else. */
  | { readonly kind: 'moved'; readonly name: string }

/** Of the agent's own: whether the server that was registered is still the one that answers. */
export const identityCheck = 'identity'

const defaultChecks = {
  mcp: {
    kind: 'mcp',
    intervalMs: 10_000,
    timeoutMs: 5_000,
    successBeforePassing: 1,
    failuresBeforeWarning: 1,
    failuresBeforeCritical: 3,
  },
  tcp: {
    kind: 'tcp',
    intervalMs: 10_000,
    timeoutMs: 5_000,
    successBeforePassing: 1,
    failuresBeforeWarning: 1,
    failuresBeforeCritical: 3,
  },
} as const satisfies Record<string, Check>

function defaultCheck(kind: 'mcp' | 'tcp'): Check {
  return defaultChecks[kind]
}

/** What has just been seen: the process that was started, the server that was introspected. */
function wasSeen({ kind }: AnyCheck, { introspected, stdio }: RowParts['extra']): boolean {
  return kind === 'process' ? stdio !== undefined : kind === 'mcp' && introspected !== undefined
}

/** By check, what is known of the same check of the same endpoint. */
function earlierHealth(
  before: RegistrationRow | undefined,
  endpoint: Endpoint,
  checks: readonly AnyCheck[],
): InstanceHealth {
  if (!before || !isDeepStrictEqual(before.spec.endpoint, endpoint)) return {}
  return Object.fromEntries(
    before.checks
      .filter((old) => checks.some((check) => isDeepStrictEqual(check, old)))
      .map(checkName)
      .flatMap((name) => {
        const health = before.health[name]
        return health ? [[name, health]] : []
      }),
  )
}

function definitionOf(
  { definitionInput }: Introspection,
  { tags, publish, serverJson }: Pick<Registration, 'tags' | 'publish' | 'serverJson'>,
): unknown {
  const { private: isPrivate, ...input } = definitionInput
  const { name, version, title, description } = serverJson ?? {}
  return {
    ...input,
    // What the publisher has written down, before what the program calls itself.
    ...(serverJson && { name, version, serverJson }),
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    tags: [...(input.tags ?? []), ...tags],
    ...(isPrivate === true && !publish && { private: true }),
  }
}

function toIntrospected(
  found: Introspection,
  asked: Pick<Registration, 'serverJson'> | undefined,
  atWall: number,
): Introspected {
  const { era, protocol, ttlMs, cacheScope, listChanged, definitionInput } = found
  return {
    atWall,
    ...(asked?.serverJson && { name: definitionInput.name }),
    era,
    protocol,
    ...(ttlMs !== undefined && { ttlMs }),
    ...(cacheScope !== undefined && { cacheScope }),
    listChanged,
  }
}

/** The verdict's date is worth no write of its own, until it is old. */
function sameIntrospection(a: Introspected, b: Introspected | undefined): boolean {
  if (!b || a.atWall - b.atWall > datedMs) return false
  return isDeepStrictEqual({ ...a, atWall: 0 }, { ...b, atWall: 0 })
}

const datedMs = 60 * 60_000

function isUnchanged(next: RegistrationRow, before: RegistrationRow): boolean {
  const { introspected: a, ...rest } = next
  const { introspected: b, ...restBefore } = before
  return (
    isDeepStrictEqual(rest, restBefore) &&
    (a === undefined ? b === undefined : sameIntrospection(a, b))
  )
}

function withoutDrain(row: RegistrationRow): RegistrationRow {
  const rest = { ...row }
  delete rest.drain
  return rest
}

function withoutMaintenance(row: RegistrationRow): RegistrationRow {
  const rest = { ...row }
  delete rest.maintenance
  return rest
}

function known(id: string, row: RegistrationRow | undefined): RegistrationRow {
  if (row) return row
  throw new MeridianError('not_found', `no instance ${JSON.stringify(id)} is registered here`)
}

/** Files take over from one another: which of them has an id is not for the registrar to say. */
function refuseUnlessHolder(
  id: string,
  holder: RegistrationRow,
  { registrant }: Registration,
  { source }: RowExtra,
): void {
  if (!source || !holder.source) refuseOthers(id, holder, registrant)
}

/** Errors: `conflict`. */
export function refuseOthers(
  id: string,
  { registrant: holder }: RegistrationRow,
  registrant: string,
): void {
  if (holder === registrant) return
  throw new MeridianError(
    'conflict',
    `the id ${JSON.stringify(id)} is held by the registrant ${JSON.stringify(holder)}, not by ${JSON.stringify(registrant)}: choose another id, or have the holder deregister it`,
  )
}
