import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { watchEventSchemas, type LookupResult } from '../api/index.ts'
import { createCapabilityIndex } from '../capability-index/index.ts'
import { InstanceCatalog, instanceKey } from '../catalog/index.ts'
import { LookupPlans } from '../lookup/index.ts'
import {
  agentOwnerId,
  identifyDefinition,
  type InstanceStatus,
  type Locality,
} from '../model/index.ts'
import { ManualClock } from '../ports/manual-clock.ts'
import { feedLimits } from '../lookup/watch-feed.ts'
import { WatchHub, watchLimits, type RemoteView } from './watch-hub.ts'

const here = { region: 'eu', zone: 'a', node: 'n1' }
const definitions = ['bread', 'cheese'].map((tool) =>
  identifyDefinition({
    name: `io.acme/${tool}`,
    version: '1.0.0',
    tags: ['food'],
    capabilities: { tools: [{ name: tool }] },
  }),
)

let clock: ManualClock
let catalog: InstanceCatalog
let hub: WatchHub
let beyond: RemoteView
const plans = new LookupPlans()

function setUp(): void {
  clock = new ManualClock()
  beyond = { results: [], scopes: [{ scope: 'region', name: 'eu', state: 'fresh' }] }
  catalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: () => undefined,
    definition: (id) => definitions.find((one) => one.id === id)?.definition,
    onUnreadable: () => undefined,
  })
  hub = new WatchHub({
    catalog,
    from: here,
    own: () => ({ scope: 'zone', name: 'eu/a', state: 'fresh' }),
    goesBeyond: (scope) => scope !== 'zone',
    remote: () => Promise.resolve(beyond),
    run: 'run',
    clock,
    random: () => 0.5,
  })
}

beforeEach(setUp)

function put(id: string, tool: number, status: InstanceStatus = 'passing', at = here): void {
  const described = definitions[tool]
  if (described === undefined) throw new Error('no such definition')
  const endpoint = { transport: 'streamable-http', url: `http://${id}` } as const
  catalog.put(
    agentOwnerId(at),
    { id, definition: described.id, endpoint, metadata: {}, capacity: 10 },
    { id, status, weight: 100, draining: false },
    described.definition,
  )
}

/** A reader of the stream, which applies what it reads. */
class Reader {
  readonly known = new Map<string, LookupResult>()
  readonly kinds: string[] = []
  lastId: string | undefined
  isEnded = false
  isSlow = false
  stop: () => void = () => undefined

  send(bytes: Uint8Array): boolean {
    if (this.isSlow) return false
    for (const block of new TextDecoder().decode(bytes).split('\n\n')) this.#read(block)
    return true
  }

  end(): void {
    this.isEnded = true
  }

  #read(block: string): void {
    const lines = new Map(
      block.split('\n').map((line): [string, string] => {
        const at = line.indexOf(': ')
        return [line.slice(0, at), line.slice(at + 2)]
      }),
    )
    const kind = lines.get('event')
    if (kind === undefined) return
    const data: unknown = JSON.parse(lines.get('data') ?? '')
    this.kinds.push(kind)
    this.lastId = lines.get('id') ?? this.lastId
    if (kind === 'snapshot') {
      this.known.clear()
      for (const result of watchEventSchemas.snapshot.parse(data).results) {
        this.known.set(instanceKey(result), result)
      }
    } else if (kind === 'added' || kind === 'changed') {
      const result = watchEventSchemas[kind].parse(data)
      expect(this.known.has(instanceKey(result))).toBe(kind === 'changed')
      this.known.set(instanceKey(result), result)
    } else if (kind === 'removed') {
      expect(this.known.delete(instanceKey(watchEventSchemas.removed.parse(data)))).toBe(true)
    }
  }
}

function watch(q: string, index?: string, reader = new Reader()): Reader {
  reader.stop = hub.watch({ plan: plans.of(q), scope: 'zone', index, caller: 'me' }, reader)
  return reader
}

const settle = () => {
  clock.tick(watchLimits.flushMs)
}
const names = (reader: Reader) => [...reader.known.keys()].sort()

describe('a watch', () => {
  it('writes one snapshot for all who come while nothing changes, and another after that', () => {
    const sent: Uint8Array[] = []
    const come = () => {
      const reader = new Reader()
      const send = (bytes: Uint8Array) => {
        sent.push(bytes)
        return reader.send(bytes)
      }
      const sink = { send, end: () => undefined }
      hub.watch({ plan: plans.of('tag:food'), scope: 'zone', index: undefined, caller: 'me' }, sink)
      return [...reader.known.keys()]
    }
    put('a', 0)
    expect([come(), come()]).toEqual([['eu/a/n1/a'], ['eu/a/n1/a']])
    expect(sent[1]).toBe(sent[0])
    put('b', 1)
    settle()
    expect(come().toSorted()).toEqual(['eu/a/n1/a', 'eu/a/n1/b'])
  })

  it('begins with what matches, and tells what changes', () => {
    put('b1', 0)
    const reader = watch('tool:bread')
    expect(names(reader)).toEqual(['eu/a/n1/b1'])
    put('b2', 0)
    put('c1', 1)
    put('b1', 0, 'warning')
    settle()
    expect(reader.kinds).toEqual(['snapshot', 'added', 'changed'])
    catalog.remove(agentOwnerId(here), 'b2')
    settle()
    expect(names(reader)).toEqual(['eu/a/n1/b1'])
    expect(reader.known.get('eu/a/n1/b1')?.status).toBe('warning')
  })

  it('tells together what happens together, and not what came to nothing', () => {
    const reader = watch('tag:food')
    for (let i = 0; i < 10; i += 1) put('b1', 0, i % 2 === 0 ? 'warning' : 'passing')
    put('b2', 0)
    catalog.remove(agentOwnerId(here), 'b2')
    settle()
    expect(reader.kinds).toEqual(['snapshot', 'added'])
  })

  it('lets go of an instance that serves something else now, and of one that takes no work', () => {
    put('x', 0)
    put('y', 0)
    const bread = watch('tool:bread')
    const cheese = watch('tool:cheese')
    put('x', 1)
    put('y', 0, 'critical')
    settle()
    expect(names(bread)).toEqual([])
    expect(names(cheese)).toEqual(['eu/a/n1/x'])
    expect(names(watch('tool:bread status:critical'))).toEqual(['eu/a/n1/y'])
  })

  it('goes on where it ended', () => {
    put('b1', 0)
    const first = watch('tool:bread')
    first.stop()
    put('b2', 0)
    settle()
    const again = new Reader()
    for (const [key, result] of first.known) again.known.set(key, result)
    watch('tool:bread', first.lastId, again)
    expect(again.kinds).toEqual(['added'])
    expect(names(again)).toEqual(['eu/a/n1/b1', 'eu/a/n1/b2'])
  })

  it.each([
    ['of another run', () => 'other-3'],
    ['from the future', () => 'run-999'],
    ['that was forgotten', () => 'run-0'],
  ])('starts anew, and says so, from a place %s', (_, index) => {
    put('b1', 0)
    watch('tool:bread').stop()
    clock.tick(2 * watchLimits.idleMs)
    const reader = watch('tool:bread', index())
    expect(reader.kinds).toEqual(['reset', 'snapshot'])
  })

  it('is dropped when it is too slow, and can come back', () => {
    const reader = watch('tool:bread')
    const { lastId } = reader
    reader.isSlow = true
    put('b1', 0)
    settle()
    expect(reader.isEnded).toBe(true)
    expect(hub.watchers).toBe(0)
    expect(hub.dropped).toBe(1)
    expect(watch('tool:bread', lastId).kinds).toEqual(['added'])
  })

  it('hears from time to time that somebody is there', () => {
    const beats: string[] = []
    const sink = {
      send: (bytes: Uint8Array) => {
        beats.push(new TextDecoder().decode(bytes))
        return true
      },
      end: () => undefined,
    }
    hub.watch({ plan: plans.of('tool:bread'), scope: 'zone', caller: 'me' }, sink)
    clock.tick(3 * watchLimits.heartbeatMs)
    expect(beats.slice(1)).toEqual([': here\n\n', ': here\n\n', ': here\n\n'])
  })

  it('is refused beyond the limits, each with its words', () => {
    for (let i = 0; i < watchLimits.watchersOfCaller; i += 1) watch('tool:bread')
    expect(() => watch('tool:bread')).toThrow(/of one caller/)
    expect(watchLimits.watchersOfCaller).toBeLessThan(watchLimits.watchers)
    setUp()
    for (let i = 0; i <= feedLimits.membersMax; i += 1) put(`i${i}`, 0)
    expect(() => watch('tool:bread')).toThrow(/too many to be watched/)
  })

  it('covers what lies beyond, as fresh as it says', async () => {
    const far = { region: 'us', zone: 'a', node: 'n1' }
    put('b1', 0, 'passing', far)
    const [far1] = catalog.index
      .lookup(plans.of('tool:bread').query, { from: here, limit: 1, random: () => 0 })
      .map(({ instance }): LookupResult => ({
        server: 'io.acme/bread',
        version: '1.0.0',
        instance: instance.spec.id,
        endpoint: instance.spec.endpoint,
        locality: 'us/a/n1',
        ring: 3,
        status: 'passing',
        draining: false,
        metadata: {},
        definition: instance.spec.definition,
      }))
    catalog.remove(agentOwnerId(far), 'b1')
    const reader = new Reader()
    hub.watch({ plan: plans.of('tool:bread'), scope: 'global', caller: 'me' }, reader)
    beyond = {
      results: far1 ? [far1] : [],
      scopes: [{ scope: 'region', name: 'us', state: 'fresh' }],
    }
    await clock.advance(2 * watchLimits.remoteMs)
    expect(names(reader)).toEqual(['us/a/n1/b1'])
    // Cut off: what was there is unknown now, not gone.
    beyond = { results: [], scopes: [{ scope: 'region', name: 'us', state: 'unreachable' }] }
    await clock.advance(2 * watchLimits.remoteMs)
    expect(names(reader)).toEqual(['us/a/n1/b1'])
    expect(reader.kinds.at(-1)).toBe('scopes')
    beyond = { results: [], scopes: [{ scope: 'region', name: 'us', state: 'fresh' }] }
    await clock.advance(2 * watchLimits.remoteMs)
    expect(names(reader)).toEqual([])
  })
})

describe('a long poll', () => {
  it('ends with a change of what it asks for, not with another one', async () => {
    const plan = plans.of('tool:bread')
    const { index } = hub
    let isOver = false
    const over = hub.changed(plan, 'zone', index, 10_000).then(() => (isOver = true))
    put('c1', 1)
    await clock.advance(1_000)
    expect(isOver).toBe(false)
    put('b1', 0)
    await clock.advance(watchLimits.flushMs)
    expect(isOver).toBe(true)
    await over
    expect(hub.watchers).toBe(0)
  })

  it('ends after its time and a little more, so that not all come back at once', async () => {
    let isOver = false
    const over = hub
      .changed(plans.of('tool:bread'), 'zone', hub.index, 16_000)
      .then(() => (isOver = true))
    await clock.advance(16_400)
    expect(isOver).toBe(false)
    await clock.advance(101)
    expect(isOver).toBe(true)
    await over
  })

  it('ends at once where it asks for a place of which nothing is known', async () => {
    await hub.changed(plans.of('tool:bread'), 'zone', 'other-1', 10_000)
    put('c1', 1)
    await hub.changed(plans.of('tool:bread | tool:cheese'), 'zone', 'run-0', 10_000)
    expect(hub.watchers).toBe(0)
  })

  it('ends when nobody waits any more', async () => {
    const gone = new AbortController()
    const over = hub.changed(plans.of('tool:bread'), 'zone', hub.index, 10_000, gone.signal)
    gone.abort()
    await over
    expect(hub.watchers).toBe(0)
  })
})

it('tells events that, applied, are what the same query matches (invariant 5)', () => {
  const queries = [
    'tool:bread',
    'tag:food -tool:cheese',
    '',
    'node:n2 | tool:cheese',
    'status:critical',
  ]
  const places: Locality[] = ['n1', 'n2'].map((node) => ({ ...here, node }))
  const action = fc.record({
    kind: fc.constantFrom('put', 'remove', 'silent', 'alive', 'flush', 'rejoin'),
    id: fc.constantFrom('x', 'y', 'z'),
    at: fc.nat(1),
    tool: fc.nat(1),
    status: fc.constantFrom<InstanceStatus>('passing', 'warning', 'critical'),
    query: fc.nat(queries.length - 1),
  })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      setUp()
      const readers = queries.map((q) => watch(q))
      for (const { kind, id, at, tool, status, query } of actions) {
        const place = places[at] ?? here
        const owner = agentOwnerId(place)
        if (kind === 'put') put(id, tool, status, place)
        else if (kind === 'remove') catalog.remove(owner, id)
        else if (kind === 'silent') catalog.index.setLiveness(owner, 'unreachable')
        else if (kind === 'alive') catalog.index.setLiveness(owner, 'alive')
        else if (kind === 'flush') settle()
        else {
          const before = readers[query] ?? new Reader()
          before.stop()
          watch(queries[query] ?? '', before.lastId, before)
        }
      }
      settle()
      for (const [at, q] of queries.entries()) {
        const { query } = plans.of(q)
        const hits = catalog.index.lookup(query, { from: here, limit: 100, random: () => 0.5 })
        const expected = hits.map(
          ({ instance: { locality, spec } }) =>
            `${locality.region}/${locality.zone}/${locality.node}/${spec.id}`,
        )
        expect(names(readers[at] ?? new Reader())).toEqual(expected.sort())
      }
    }),
    { numRuns: 300 },
  )
})
