import { serveRpc, subjects, type RegistryEvent } from '@meridian/shared'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { createSilentLog } from '@meridian/shared/log'
import { ManualClock } from '@meridian/shared/manual-clock'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EventLog, eventLogLimits } from './event-log.ts'
import { InMemoryEventStore } from './event-store.ts'
import { gatheredEvents, type GatheredEvents } from './gathered-events.ts'
import { tailLimits } from './gathered-tail.ts'
import { halfOf, regionEvents, regionEventsRequestSchema } from './region-events.ts'

const log = createSilentLog()
let network: InProcessNetwork
let clock: ManualClock
let own: EventLog
let gathered: GatheredEvents
let regions: string[]

beforeEach(() => {
  network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  clock = new ManualClock()
  own = createLog()
  regions = ['eu', 'us']
  const transport = network.connect('global')
  gathered = gatheredEvents({ log: own, transport, regions: () => regions, clock })
})

afterEach(async () => {
  gathered.close()
  await network.close()
})

function createLog(): EventLog {
  return new EventLog({ store: new InMemoryEventStore(), clock, log })
}

/** A regional replica, as far as events are concerned. */
function startRegion(region: string, replica = 'r1') {
  const events = createLog()
  const transport = network.connect(`${region}-${replica}`)
  const subscriptions = [undefined, replica].map((named) =>
    serveRpc(
      transport,
      subjects.rpcRegional(region, 'events', named),
      { request: regionEventsRequestSchema, queue: 'regional', log, shrink: halfOf },
      (request) => regionEvents(events, replica, request),
    ),
  )
  return {
    see: (instance: string, server = 'io.acme/x') => {
      append(events, { instance, server, place: `${region}/a/n1` })
    },
    close: () => {
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}

function append(events: EventLog, about: Pick<RegistryEvent, 'instance' | 'server' | 'place'>) {
  const { instance = '', server = '', place } = about
  events.append({ kind: 'instance-registered', instance, server, place })
  clock.tick(eventLogLimits.flushMs)
}

const instancesOf = (events: readonly RegistryEvent[]) => events.map(({ instance }) => instance)

describe('history gathered from regions', () => {
  it('is theirs and its own, the newest first, page by page, each once', async () => {
    const [eu, us] = [startRegion('eu'), startRegion('us')]
    for (const instance of ['a', 'b', 'c']) eu.see(instance)
    append(own, { instance: 'd', place: '' })
    for (const instance of ['e', 'f']) us.see(instance)
    eu.see('g')
    const told: RegistryEvent[] = []
    let cursor: string | undefined
    for (let page = 0; page < 4; page += 1) {
      const { events, nextCursor, unreachable } = await gathered.history({ limit: 2, cursor })
      expect(unreachable).toEqual([])
      told.push(...events)
      // What happens meanwhile is on no later page.
      us.see(`later-${page}`)
      append(own, { instance: `later-${page}`, place: '' })
      cursor = nextCursor
      if (cursor === undefined) break
    }
    expect(cursor).toBeUndefined()
    expect(instancesOf(told)).toEqual(['g', 'f', 'e', 'd', 'c', 'b', 'a'])
    expect(told.map(({ seenBy }) => seenBy)).toEqual(
      ['eu/r1', 'us/r1', 'us/r1', undefined].concat(Array(3).fill('eu/r1')),
    )
    expect(new Set(told.map(({ id }) => id)).size).toBe(told.length)
    for (const { id } of told) expect(String(id)).toMatch(/^\d{1,15}$/)
  })

  it('is narrowed where it is kept', async () => {
    const [eu, us] = [startRegion('eu'), startRegion('us')]
    eu.see('a', 'io.acme/y')
    eu.see('b')
    us.see('c')
    const history = async (filter: object) =>
      instancesOf((await gathered.history({ limit: 10, ...filter })).events)
    expect(await history({ place: 'eu' })).toEqual(['b', 'a'])
    expect(await history({ place: 'us/a' })).toEqual(['c'])
    expect(await history({ server: 'io.acme/y' })).toEqual(['a'])
    expect(await history({ instance: 'c' })).toEqual(['c'])
    expect(await history({ kind: ['node-state'] })).toEqual([])
  })

  it('names regions that cannot be asked, and goes on without them', async () => {
    const eu = startRegion('eu')
    for (const instance of ['a', 'b']) eu.see(instance)
    const first = await gathered.history({ limit: 1 })
    expect(first).toMatchObject({
      events: [{ instance: 'b' }],
      unreachable: [{ scope: 'region', name: 'us' }],
    })
    // It would begin with what is newer than this page.
    startRegion('us').see('c')
    const second = await gathered.history({ limit: 1, cursor: first.nextCursor })
    expect(second).toMatchObject({ events: [{ instance: 'a' }], unreachable: [] })
  })

  it('goes on with the replica that it began with', async () => {
    regions = ['eu']
    const first = startRegion('eu')
    for (const instance of ['a', 'b']) first.see(instance)
    const { nextCursor: cursor } = await gathered.history({ limit: 1 })
    startRegion('eu', 'r2').see('x')
    expect(instancesOf((await gathered.history({ limit: 9, cursor })).events)).toEqual(['a'])
    first.close()
    expect(await gathered.history({ limit: 9, cursor })).toMatchObject({
      events: [],
      unreachable: [{ name: 'eu' }],
    })
  })

  it.each(['x', '7', Buffer.from('{"o":1}').toString('base64url')])(
    'refuses the cursor %s, which is none of its own',
    async (cursor) => {
      await expect(gathered.history({ limit: 1, cursor })).rejects.toMatchObject({
        code: 'invalid_request',
      })
    },
  )
})

describe('live events gathered from regions', () => {
  const live = (from: number, filter = {}) =>
    gathered.newer(filter, from, 100).map(({ event }) => event)

  /** Lets regions be asked, until it is so. */
  async function polled(isSo: () => void): Promise<void> {
    await vi.waitFor(
      () => {
        clock.tick(tailLimits.pollMs)
        isSo()
      },
      { timeout: 10_000, interval: 10 },
    )
  }

  it('are what happens from then on, with the same numbers as in history', async () => {
    const [eu, us] = [startRegion('eu'), startRegion('us')]
    eu.see('before')
    let woken = 0
    const from = gathered.position
    const stop = gathered.onEvents(() => (woken += 1))
    await polled(() => {
      eu.see('probe')
      expect(instancesOf(live(from))).toContain('probe')
    })
    eu.see('a')
    us.see('b')
    append(own, { instance: 'own', place: '' })
    await polled(() => {
      expect(instancesOf(live(from))).toEqual(expect.arrayContaining(['a', 'b', 'own']))
    })
    expect(instancesOf(live(from))).not.toContain('before')
    expect(woken).toBeGreaterThan(0)
    expect(instancesOf(live(from, { instance: 'b' }))).toEqual(['b'])
    const { events } = await gathered.history({ limit: 100 })
    const numbers = new Map(events.map(({ instance, id }) => [instance, id]))
    for (const { instance, id } of live(from)) {
      if (instance !== 'probe') expect(id).toBe(numbers.get(instance))
    }
    // Whoever was cut off goes on where it was.
    const [first] = gathered.newer({}, from, 1)
    expect(gathered.newer({}, first?.position ?? 0, 1_000)).toHaveLength(live(from).length - 1)
    stop()
  })

  it('cost nothing while nobody listens', async () => {
    let asked = 0
    const counting = network.connect('counting')
    serveRpc(
      counting,
      subjects.rpcRegional('eu', 'events'),
      { request: regionEventsRequestSchema, queue: 'regional', log },
      () => {
        asked += 1
        return { replica: 'r1', lastId: 0, events: [], isMore: false }
      },
    )
    clock.tick(10 * tailLimits.pollMs)
    expect(asked).toBe(0)
    gathered.onEvents(() => undefined)()
    await polled(() => {
      expect(asked).toBeGreaterThan(0)
    })
    clock.tick(tailLimits.lingerMs)
    // Until the question that was on its way has ended it.
    await vi.waitFor(
      () => {
        const before = asked
        clock.tick(10 * tailLimits.pollMs)
        expect(asked).toBe(before)
      },
      { timeout: 10_000, interval: 200 },
    )
  })
})
