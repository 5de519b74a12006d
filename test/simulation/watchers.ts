import {
  instanceKey,
  watchEventSchemas,
  type LookupResult,
  type LookupScope,
} from '@meridian/shared'
import type { AgentProcess } from './agent-process.ts'
import { resultText, rowText, scanAgent, scanRegistry, sorted } from './holdings-check.ts'
import { RegistryProcess } from './registry-process.ts'
import type { SeededRandom } from './seeded-random.ts'
import { queries, type KnownQuery } from './servers.ts'
import type { World } from './world.ts'

/** Who can be watched: whoever holds instances. */
type Watched = AgentProcess | RegistryProcess

/** How often, at a check, a watcher loses its connection, and comes back at a later one. */
const leavesShare = 0.05
const returnsShare = 0.5

/**
 * Clients that watch, one of a query at every process that holds instances, and come back where they
 * left off whenever their process was gone or they were. Invariant 5: what they were told, applied,
 * is what the same query matches.
 */
export class Watchers {
  readonly #random: SeededRandom
  readonly #watchers: readonly Watcher[]

  constructor(world: World) {
    this.#random = world.random.fork('watchers')
    const watched = [...world.agents, ...world.registries.filter(({ tier }) => tier !== 'global')]
    this.#watchers = watched.map(
      (process) => new Watcher(world, process, this.#random.pick(queries)),
    )
  }

  /** Some leave, some come back, and those who are there are told all and compared. */
  check(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.process.isAwake) continue
      if (watcher.isThere && this.#random.chance(leavesShare)) watcher.leave()
      else if (!watcher.isThere && this.#random.chance(returnsShare)) watcher.come()
      if (watcher.isThere) watcher.compare()
    }
  }

  /** All leave: a timer of a watch is left behind by nobody. */
  end(): void {
    for (const watcher of this.#watchers) watcher.leave()
  }
}

class Watcher {
  readonly process: Watched
  readonly #world: World
  readonly #query: KnownQuery
  readonly #scope: LookupScope
  readonly #known = new Map<string, LookupResult>()
  #lastId: string | undefined
  #program: Watched['program']
  #leave: (() => void) | undefined

  constructor(world: World, process: Watched, query: KnownQuery) {
    this.#world = world
    this.process = process
    this.#query = query
    const isRegional = process instanceof RegistryProcess && process.tier === 'regional'
    this.#scope = isRegional ? 'region' : 'zone'
  }

  /** Connected with the run that is there now. */
  get isThere(): boolean {
    return this.#leave !== undefined && this.#program === this.process.program
  }

  come(): void {
    const { program } = this.process
    if (!program) return
    this.#program = program
    const { q } = this.#query
    const sink = {
      send: (bytes: Uint8Array) => {
        this.#take(bytes)
        return true
      },
      end: () => {
        this.#leave = undefined
      },
    }
    this.#leave = program.api.watch(
      { q, scope: this.#scope, ...(this.#lastId !== undefined && { index: this.#lastId }) },
      'simulated',
      sink,
    )
  }

  leave(): void {
    if (this.isThere) this.#leave?.()
    this.#leave = undefined
  }

  /** Another who comes now is told what is there; whoever is there already is told what is due. */
  compare(): void {
    let seen: readonly LookupResult[] = []
    const { q } = this.#query
    const stop = this.process.program?.api.watch({ q, scope: this.#scope }, 'simulated', {
      send: (bytes) => {
        seen = eventsOf(bytes).flatMap(({ kind, data }) =>
          kind === 'snapshot' ? watchEventSchemas.snapshot.parse(data).results : [],
        )
        return true
      },
      end: () => undefined,
    })
    stop?.()
    this.#mustAgree('there is', textOf(seen), textOf([...this.#known.values()]))
    const { expected, allowed } =
      this.process instanceof RegistryProcess
        ? scanRegistry(this.process, this.#query)
        : scanAgent(this.process, this.#query)
    const scan = expected.map(rowText)
    const may = new Set(allowed.map(rowText).filter((text) => !scan.includes(text)))
    const shown = seen.map(resultText).filter((text) => !may.has(text))
    this.#mustAgree('a scan finds', sorted(scan), sorted(shown))
  }

  #mustAgree(what: string, there: string, known: string): void {
    if (there === known) return
    const who = `who watches '${this.#query.q}' at ${this.process.name}`
    this.#world.breach('5', `${who} knows [${known}]; ${what} [${there}]`)
  }

  #take(bytes: Uint8Array): void {
    for (const { kind, id, data } of eventsOf(bytes)) {
      this.#lastId = id ?? this.#lastId
      if (kind === 'snapshot') {
        this.#known.clear()
        for (const result of watchEventSchemas.snapshot.parse(data).results) {
          this.#known.set(instanceKey(result), result)
        }
      } else if (kind === 'added' || kind === 'changed') {
        const result = watchEventSchemas[kind].parse(data)
        const key = instanceKey(result)
        if (this.#known.has(key) !== (kind === 'changed')) this.#refuse(kind, key)
        this.#known.set(key, result)
      } else if (kind === 'removed') {
        const key = instanceKey(watchEventSchemas.removed.parse(data))
        if (!this.#known.delete(key)) this.#refuse(kind, key)
      }
    }
  }

  #refuse(kind: string, key: string): void {
    this.#world.breach('5', `who watches at ${this.process.name} is told wrongly: ${key} ${kind}`)
  }
}

interface WatchEvent {
  readonly kind: string
  readonly id: string | undefined
  readonly data: unknown
}

/** Server-sent events, as a client reads them; heartbeats have no name. */
function eventsOf(bytes: Uint8Array): WatchEvent[] {
  const blocks = new TextDecoder().decode(bytes).split('\n\n')
  return blocks.flatMap((block) => {
    const lines = new Map(
      block.split('\n').map((line): [string, string] => {
        const at = line.indexOf(': ')
        return [line.slice(0, at), line.slice(at + 2)]
      }),
    )
    const kind = lines.get('event')
    if (kind === undefined) return []
    return [{ kind, id: lines.get('id'), data: JSON.parse(lines.get('data') ?? 'null') as unknown }]
  })
}

function textOf(results: readonly LookupResult[]): string {
  return sorted(results.map((result) => `${resultText(result)} ${result.status}`))
}
