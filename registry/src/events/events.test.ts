import {
  encodeInstanceSpec,
  encodeInstanceState,
  identifyDefinition,
  headOf,
  type InstanceStatus,
  type OwnerRecord,
  type ZoneState,
} from '@meridian/shared'
import { migrationsDir } from '../program.ts'
import { openDatabase, type SqliteDatabase } from '@meridian/shared/sqlite'
import { createEdge } from '@meridian/shared/http'
import { createLog } from '@meridian/shared/log'
import { ManualClock } from '@meridian/shared/manual-clock'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serveEvents } from '../http/events.ts'
import { EventLog, eventLogLimits } from './event-log.ts'
import { InMemoryEventStore, type EventStore } from './event-store.ts'
import { createEventTable } from './event-table.ts'
import { ownHistory } from './history.ts'
import { Witness } from './witness.ts'

const log = createLog({ name: 'test', level: 'silent' })
const anything = { limit: 100 }

const flights = identifyDefinition({ name: 'io.acme/flights', version: '1.0.0' })

function specOf(id: string): OwnerRecord {
  const endpoint = { transport: 'streamable-http', url: 'http://x' } as const
  const spec = { id, definition: flights.id, endpoint, metadata: {}, capacity: 1 }
  return { ...encodeInstanceSpec(spec), counter: 1 }
}

function stateOf(id: string, status: InstanceStatus, draining = false): OwnerRecord {
  return { ...encodeInstanceState({ id, status, weight: 100, draining }), counter: 1 }
}

let db: SqliteDatabase

beforeEach(() => {
  const folder = join(migrationsDir, 'registry')
  db = openDatabase({ path: ':memory:', migrationsDir: folder, durability: 'normal' })
})

afterEach(() => {
  db.close()
})

describe.each([
  ['in memory', () => new InMemoryEventStore()],
  ['in SQLite', () => createEventTable(db)],
] as const)('events kept %s', (_, createStore) => {
  let clock: ManualClock
  let store: EventStore
  let events: EventLog

  beforeEach(() => {
    clock = new ManualClock()
    store = createStore()
    events = new EventLog({ store, clock, log })
    events.start()
  })

  afterEach(() => {
    events.close()
  })

  it('are written some at a time, in order, where many come at once', async () => {
    const sizes: number[] = []
    const append = store.append.bind(store)
    store.append = (some) => {
      sizes.push(some.length)
      append(some)
    }
    const woken: number[] = []
    events.onEvents(() => woken.push(events.lastId))
    appendMany(1_200)
    await clock.advance(eventLogLimits.flushMs)
    expect(sizes).toEqual([500, 500, 200])
    expect(woken).toHaveLength(3)
    expect(events.waiting).toBe(0)
    expect(events.newer({}, 1_190, 100).map(({ id }) => id)).toEqual([
      1_191, 1_192, 1_193, 1_194, 1_195, 1_196, 1_197, 1_198, 1_199, 1_200,
    ])
  })

  function appendMany(count: number): void {
    for (let at = 1; at <= count; at += 1) {
      const place = at % 2 === 0 ? 'eu/a/n1' : 'eu/ab/n1'
      events.append({ kind: 'instance-registered', place, instance: `i${at}`, server: 'io.acme/x' })
    }
  }

  it('are told newest first, page by page, and say how long they are kept', async () => {
    appendMany(5)
    const history = ownHistory(events)
    const first = await history.history({ limit: 3 })
    expect(first.events.map(({ id }) => id)).toEqual([5, 4, 3])
    expect(first.retention).toEqual({ rows: 200_000, days: 14 })
    const second = await history.history({ limit: 3, cursor: first.nextCursor })
    expect(second.events.map(({ id }) => id)).toEqual([2, 1])
    expect(second.nextCursor).toBeUndefined()
    expect(second.events[1]).toEqual({
      id: 1,
      at: '2026-01-01T00:00:00.000Z',
      kind: 'instance-registered',
      place: 'eu/ab/n1',
      instance: 'i1',
      server: 'io.acme/x',
    })
  })

  it('can be narrowed to kinds, a place and what is below it, a server, an instance', () => {
    appendMany(4)
    events.append({ kind: 'node-state', place: 'eu/a/n1', before: 'alive', after: 'suspect' })
    const ids = (filter: object) => events.older({ ...anything, ...filter }).events.map((e) => e.id)
    expect(ids({ kind: ['node-state'] })).toEqual([5])
    expect(ids({ kind: ['node-state', 'instance-registered'] })).toHaveLength(5)
    expect(ids({ place: 'eu/a' })).toEqual([5, 4, 2])
    expect(ids({ place: 'eu/a/n1', kind: ['instance-registered'] })).toEqual([4, 2])
    expect(ids({ place: 'eu' })).toHaveLength(5)
    expect(ids({ server: 'io.acme/x' })).toHaveLength(4)
    expect(ids({ instance: 'i3' })).toEqual([3])
    expect(ids({ instance: "'; drop table event" })).toEqual([])
  })

  it('go on counting after a restart', () => {
    appendMany(3)
    events.close()
    events = new EventLog({ store, clock, log })
    events.append({ kind: 'zone-state', place: 'eu/a', before: 'fresh', after: 'unknown' })
    expect(events.newer({}, 3, 10)).toMatchObject([{ id: 4, kind: 'zone-state' }])
  })

  it('are forgotten by age and by number', () => {
    appendMany(3)
    clock.tick(eventLogLimits.daysMax * 24 * 3_600_000 - 1)
    appendMany(1)
    clock.tick(eventLogLimits.forgetMs + 1)
    expect(events.older(anything).events.map(({ id }) => id)).toEqual([4])
    store.forget(0, 4)
    expect(events.older(anything).events).toEqual([])
  })

  it('wake whoever listens once they are kept', () => {
    let woken = 0
    const stop = events.onEvents(() => (woken += 1))
    appendMany(10)
    clock.tick(eventLogLimits.flushMs)
    expect(woken).toBe(1)
    stop()
    appendMany(1)
    clock.tick(eventLogLimits.flushMs)
    expect(woken).toBe(1)
  })
})

describe('a witness', () => {
  let clock: ManualClock
  let events: EventLog
  let witness: Witness
  let zone: ZoneState = 'fresh'
  let shown = true
  const owner = 'eu/a/n1/agent'

  beforeEach(() => {
    clock = new ManualClock()
    events = new EventLog({ store: new InMemoryEventStore(), clock, log })
    zone = 'fresh'
    shown = true
    witness = new Witness(options())
    witness.start()
  })

  function options(): ConstructorParameters<typeof Witness>[0] {
    return {
      events,
      head: (id) => (shown ? headOf(id, flights.definition) : undefined),
      definitionOf: () => flights.id,
      liveness: { stateOf: () => zone, statusOf: () => 'alive' },
      recent: (kind) => events.older({ kind: [...kind], limit: 100 }).events,
      zones: () => ['eu/a'],
      clock,
    }
  }

  const told = () =>
    events
      .older(anything)
      .events.map((event) => ({ ...event, id: undefined, at: undefined }))
      .reverse()
  const about = {
    place: 'eu/a/n1',
    instance: 'i1',
    server: 'io.acme/flights',
    version: '1.0.0',
  }

  it('sees instances come, change and go, with their servers', () => {
    const spec = specOf('i1')
    const change = (changes: Parameters<Witness['onRecords']>[1]) => {
      witness.beforeRecords(owner, changes)
      shown = changes.some(({ after }) => after)
      witness.onRecords(owner, changes)
    }
    const passing = stateOf('i1', 'passing')
    const critical = stateOf('i1', 'critical', true)
    change([
      { key: spec.key, after: spec },
      { key: passing.key, after: passing },
    ])
    change([{ key: passing.key, before: passing, after: critical }])
    change([{ key: spec.key, before: spec, after: spec }])
    change([
      { key: critical.key, before: critical },
      { key: spec.key, before: spec },
    ])
    expect(told()).toEqual([
      { kind: 'instance-registered', ...about },
      { kind: 'instance-status', ...about, before: 'passing', after: 'critical' },
      { kind: 'instance-draining', ...about, before: 'false', after: 'true' },
      { kind: 'instance-removed', ...about },
    ])
  })

  it('does not take a set that is taken over for registrations that it saw', () => {
    const setOf = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => specOf(`i${from + at}`)).map((after) => ({
        key: after.key,
        after,
      }))
    witness.onRecords(owner, setOf(0, 1_000))
    expect(told()).toEqual([])
    witness.onRecords(owner, setOf(1_000, 200))
    witness.onRecords('eu/a/n2/agent', setOf(0, 1))
    expect(events.older({ limit: 1_000 }).events).toHaveLength(201)
  })

  it('tells of a node when it stands differently, not when it is first heard or only busy', () => {
    for (const status of ['alive', 'alive', 'suspect', 'alive'] as const) {
      witness.onNode({ owner, status })
    }
    expect(told()).toEqual([
      { kind: 'node-state', place: 'eu/a/n1', before: 'alive', after: 'suspect' },
      { kind: 'node-state', place: 'eu/a/n1', before: 'suspect', after: 'alive' },
    ])
  })

  it('tells of a zone whose nodes can be trusted less', () => {
    clock.tick(3_000)
    zone = 'preserved'
    clock.tick(3_000)
    expect(told()).toEqual([
      { kind: 'zone-state', place: 'eu/a', before: 'fresh', after: 'preserved' },
    ])
  })

  it('knows since when a node or a zone is what it is, after a restart too', () => {
    witness.onNode({ owner, status: 'alive' })
    expect(witness.sinceOf('eu/a/n1')).toBeUndefined()
    clock.tick(3_000)
    witness.onNode({ owner, status: 'suspect' })
    zone = 'unknown'
    clock.tick(3_000)
    const since = ['eu/a/n1', 'eu/a'].map((place) => witness.sinceOf(place))
    expect(since).toEqual(['2026-01-01T00:00:03.000Z', '2026-01-01T00:00:04.000Z'])
    const next = new Witness({ ...options(), clock })
    next.start()
    expect(['eu/a/n1', 'eu/a'].map((place) => next.sinceOf(place))).toEqual(since)
    next.close()
  })

  it('looks away from what the disk gives back', () => {
    witness.close()
    const spec = specOf('i1')
    witness.beforeRecords(owner, [{ key: spec.key, after: spec }])
    witness.onRecords(owner, [{ key: spec.key, after: spec }])
    expect(told()).toEqual([])
  })

  it('is not kept from going on by a record that cannot be read', () => {
    const before = stateOf('i1', 'passing')
    const broken = { ...before, body: Uint8Array.of(0xc1) }
    witness.onRecords(owner, [{ key: before.key, before, after: broken }])
    expect(told()).toEqual([])
  })
})

describe('live events', () => {
  function createApp() {
    const clock = new ManualClock()
    const events = new EventLog({ store: new InMemoryEventStore(), clock, log })
    const app = createEdge({ log })
    serveEvents(app, ownHistory(events))
    const append = (instance: string) => {
      events.append({ kind: 'instance-registered', place: 'eu/a/n1', instance })
      clock.tick(eventLogLimits.flushMs)
    }
    return { app, append }
  }

  /** What a stream says until it has said that many events. */
  async function read(response: Response, count: number): Promise<string[]> {
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    let text = ''
    const ids = () => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id = '']) => id)
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part
      if (ids().length >= count) break
    }
    return ids()
  }

  const accept = { accept: 'text/event-stream' }

  it('begin with what happens from then on', async () => {
    const { app, append } = createApp()
    append('before')
    const response = await app.request('/v1/events', { headers: accept })
    const reading = read(response, 2)
    append('i2')
    append('i3')
    expect(await reading).toEqual(['2', '3'])
  })

  it.each([
    ['Last-Event-ID', '/v1/events', { 'last-event-id': '1' }],
    ['after', '/v1/events?after=1', {}],
  ])('go on where a client was, by %s', async (_, path, headers) => {
    const { app, append } = createApp()
    for (const instance of ['i1', 'i2', 'i3']) append(instance)
    const response = await app.request(path, { headers: { ...accept, ...headers } })
    expect(await read(response, 2)).toEqual(['2', '3'])
  })

  it('are narrowed as history is', async () => {
    const { app, append } = createApp()
    for (const instance of ['i1', 'i2', 'i1']) append(instance)
    const path = '/v1/events?after=0&instance=i1'
    expect(await read(await app.request(path, { headers: accept }), 2)).toEqual(['1', '3'])
  })

  it.each(['kind=nonsense', 'place=EU', 'limit=0', 'cursor=x', 'after=-1', 'what=1'])(
    'and history refuse ?%s',
    async (search) => {
      const { app } = createApp()
      expect((await app.request(`/v1/events?${search}`)).status).toBe(400)
      expect((await app.request(`/v1/events?${search}`, { headers: accept })).status).toBe(400)
    },
  )
})
