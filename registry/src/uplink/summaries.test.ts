import {
  createLinearIndex,
  decodeMessageOf,
  decodeSummaryRow,
  decodeZoneReading,
  Holdings,
  identifyDefinition,
  InMemoryOwnerStore,
  MeridianError,
  ownerId,
  replicationLimits,
  subjects,
  wholeRegion,
  type InstanceStatus,
  type Log,
  type SummaryRow,
} from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { ManualClock } from '@meridian/shared/manual-clock'
import { describe, expect, it } from 'vitest'
import { createSummaries } from './summaries.ts'

const owner = ownerId({ region: 'eu', zone: wholeRegion, node: 'r1', id: 'summary' })
const flights = identifyDefinition({ name: 'io.acme/flights', version: '1.0.0' })

/** A store whose disk can be full. */
class FillableStore extends InMemoryOwnerStore {
  isFull = false
  commits = 0

  override commit(...change: Parameters<InMemoryOwnerStore['commit']>): void {
    if (this.isFull) throw new MeridianError('storage_full', 'no room')
    this.commits += 1
    super.commit(...change)
  }
}

function createRig(store = new FillableStore(), uncompared?: { readonly zones: number }) {
  const clock = new ManualClock()
  const errors: string[] = []
  const nothing = () => undefined
  const log: Log = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (_, message) => errors.push(message),
  }
  const network = createInProcessNetwork({ clock, random: () => 0.5 })
  const index = createLinearIndex()
  const summaries = createSummaries({
    region: 'eu',
    replica: 'r1',
    index,
    store,
    definition: () => flights.canonical,
    transport: network.connect('r1'),
    clock,
    random: () => 0.5,
    log,
    holdings: new Holdings(),
    pulseMs: 2_000,
    uncomparedZones: () => uncompared?.zones ?? 0,
  })
  return {
    clock,
    errors,
    network,
    store,
    index,
    summaries,
    put(id: string, zone = 'a', status: InstanceStatus = 'passing') {
      index.put(
        {
          owner: `eu/${zone}/n1/agent`,
          locality: { region: 'eu', zone, node: 'n1' },
          spec: {
            id,
            definition: flights.id,
            endpoint: { transport: 'streamable-http', url: 'http://flights' },
            metadata: {},
            capacity: 100,
          },
          state: { id, status, weight: 100, draining: false },
        },
        flights.definition,
      )
    },
    remove: (id: string, zone = 'a') => index.remove(`eu/${zone}/n1/agent`, id),
    rows(): SummaryRow[] {
      const records = store.load(owner)?.records ?? []
      const live = records.filter(({ body }) => body !== null)
      return live.filter(({ key }) => key.startsWith('c/')).map(decodeSummaryRow)
    },
    readings() {
      const records = store.load(owner)?.records ?? []
      const live = records.filter(({ body }) => body !== null)
      return live.filter(({ key }) => key.startsWith('z/')).map(decodeZoneReading)
    },
  }
}

describe('a summary', () => {
  it('tells at once of a row that appears or vanishes', async () => {
    const { clock, summaries, put, remove, rows } = createRig()
    summaries.start()
    put('flights-1')
    await clock.advance(1)
    expect(rows()).toMatchObject([{ region: 'eu', zone: 'a', passing: 1, capacity: 100 }])
    remove('flights-1')
    await clock.advance(1)
    expect(rows()).toEqual([])
    summaries.close()
  })

  it('gathers what only changes counts', async () => {
    const { clock, store, summaries, put, rows } = createRig()
    summaries.start()
    put('flights-0')
    await clock.advance(1)
    const before = store.commits
    for (let at = 1; at <= 10; at += 1) {
      put(`flights-${at}`)
      await clock.advance(10)
    }
    expect(rows()).toMatchObject([{ passing: 1 }])
    await clock.advance(250)
    expect(rows()).toMatchObject([{ passing: 11 }])
    expect(store.commits).toBe(before + 1)
    summaries.close()
  })

  it('begins with what is there, and without what the last run said and is no longer so', () => {
    const store = new FillableStore()
    const last = createRig(store)
    last.summaries.start()
    last.put('flights-1', 'a')
    last.clock.tick(1)
    last.summaries.close()
    const next = createRig(store)
    next.put('flights-2', 'b')
    next.summaries.start()
    expect(next.rows().map(({ zone }) => zone)).toEqual(['b'])
    next.summaries.close()
  })

  it('names the definitions of its rows, as long as they are there', async () => {
    const { clock, summaries, put, remove } = createRig()
    summaries.start()
    put('flights-1')
    await clock.advance(1)
    expect(summaries.names(flights.id)).toBe(true)
    remove('flights-1')
    await clock.advance(1)
    expect(summaries.names(flights.id)).toBe(false)
    summaries.close()
  })

  it('says nothing before its start', async () => {
    const { clock, network, put } = createRig()
    const heard: string[] = []
    network.connect('ear').subscribe('mrd.1.summary.>', ({ subject }) => void heard.push(subject))
    put('flights-1')
    await clock.advance(60_000)
    expect(heard).toEqual([])
    await expect(
      network
        .connect('asker')
        .request(subjects.rpcRegional('eu', 'fetch', 'r1'), new Uint8Array(), { deadlineMs: 10 }),
    ).rejects.toMatchObject({ code: 'no_responders' })
  })

  it('states its version at an interval, so that what was lost is noticed', async () => {
    const { clock, network, summaries } = createRig()
    const versions: number[] = []
    network.connect('ear').subscribe(subjects.summary('eu', '*'), ({ body }) => {
      versions.push(decodeMessageOf('delta', body).delta.version.counter)
    })
    summaries.start()
    await clock.advance(10_000)
    expect(versions.length).toBeGreaterThanOrEqual(5)
    summaries.close()
  })

  it('says which zones it has read, and forgets at a start what the last run had read', async () => {
    const store = new FillableStore()
    const last = createRig(store)
    last.summaries.start()
    last.put('flights-1')
    last.summaries.zoneRead({ region: 'eu', zone: 'a', state: 'fresh' })
    await last.clock.advance(1)
    expect(last.readings()).toEqual([{ region: 'eu', zone: 'a', state: 'fresh' }])
    last.summaries.zoneRead({ region: 'eu', zone: 'a', state: 'unknown' })
    await last.clock.advance(1)
    expect(last.readings()).toEqual([{ region: 'eu', zone: 'a', state: 'unknown' }])
    last.summaries.close()
    const next = createRig(store)
    next.put('flights-1')
    next.summaries.start()
    expect(next.readings()).toEqual([])
    expect(next.rows()).toHaveLength(1)
    next.summaries.close()
  })

  it('says nothing before it has compared with the zones that it hears', async () => {
    const uncompared = { zones: 1 }
    const { clock, network, summaries, put } = createRig(new FillableStore(), uncompared)
    let heard = 0
    network.connect('ear').subscribe(subjects.summary('eu', '*'), () => {
      heard += 1
    })
    summaries.start()
    put('flights-1')
    await clock.advance(5_000)
    expect(heard).toBe(0)
    uncompared.zones = 0
    await clock.advance(1_000)
    expect(heard).toBeGreaterThan(0)
    summaries.close()
  })

  it('speaks after a while though one zone stays behind', async () => {
    const { clock, network, summaries } = createRig(new FillableStore(), { zones: 1 })
    let heard = 0
    network.connect('ear').subscribe(subjects.summary('eu', '*'), () => {
      heard += 1
    })
    summaries.start()
    await clock.advance(25_000)
    expect(heard).toBeGreaterThan(0)
    summaries.close()
  })

  it('remembers rows that went for a while, not for ever', async () => {
    const { clock, store, summaries, put, remove } = createRig()
    summaries.start()
    const rows = 2 * replicationLimits.tombstonesKept + 100
    for (let at = 0; at < rows; at += 1) put('flights-1', `z${at}`)
    await clock.advance(300)
    for (let at = 0; at < rows; at += 1) remove('flights-1', `z${at}`)
    await clock.advance(300)
    expect(store.load(owner)?.records.length).toBeLessThanOrEqual(replicationLimits.tombstonesKept)
    summaries.close()
  })

  it('goes on while its disk is full, and says then what it counted', async () => {
    const { clock, errors, network, store, summaries, put } = createRig()
    summaries.start()
    store.isFull = true
    put('flights-1')
    await clock.advance(2_500)
    expect(store.load(owner)?.records).toEqual([])
    expect(new Set(errors)).toEqual(new Set(['summary not kept']))

    store.isFull = false
    await clock.advance(1_000)
    expect(store.load(owner)?.records).toHaveLength(1)
    summaries.close()
    await network.close()
  })
})
