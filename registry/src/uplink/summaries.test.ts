import {
  createLinearIndex,
  Holdings,
  identifyDefinition,
  InMemoryOwnerStore,
  MeridianError,
  ownerId,
  wholeRegion,
  type Log,
} from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { ManualClock } from '@meridian/shared/manual-clock'
import { expect, it } from 'vitest'
import { createSummaries } from './summaries.ts'

const owner = ownerId({ region: 'eu', zone: wholeRegion, node: 'r1', id: 'summary' })
const flights = identifyDefinition({ name: 'io.acme/flights', version: '1.0.0' })

/** A store whose disk can be full. */
class FillableStore extends InMemoryOwnerStore {
  isFull = false

  override commit(...change: Parameters<InMemoryOwnerStore['commit']>): void {
    if (this.isFull) throw new MeridianError('storage_full', 'no room')
    super.commit(...change)
  }
}

it('goes on while its disk is full, and says then what it counted', async () => {
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
  const store = new FillableStore()
  const index = createLinearIndex()
  const summaries = createSummaries({
    region: 'eu',
    replica: 'r1',
    index,
    store,
    definition: () => new TextEncoder().encode(flights.canonical),
    transport: network.connect('r1'),
    clock,
    random: () => 0.5,
    log,
    holdings: new Holdings(),
    pulseMs: 2_000,
  })
  summaries.start()
  store.isFull = true
  index.put(
    {
      owner: 'eu/a/n1/agent',
      locality: { region: 'eu', zone: 'a', node: 'n1' },
      spec: {
        id: 'flights-1',
        definition: flights.id,
        endpoint: { transport: 'streamable-http', url: 'http://flights' },
        metadata: {},
        capacity: 100,
      },
      state: { id: 'flights-1', status: 'passing', weight: 100, draining: false },
    },
    flights.definition,
  )
  await clock.advance(2_500)
  expect(store.load(owner)?.records).toEqual([])
  expect(new Set(errors)).toEqual(new Set(['summary not kept']))

  store.isFull = false
  await clock.advance(1_000)
  expect(store.load(owner)?.records).toHaveLength(1)
  summaries.close()
  await network.close()
})
