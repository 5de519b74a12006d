import {
  pingRequestSchema,
  referRequestSchema,
  serveRpc,
  subjects,
  type Subscription,
} from '@meridian/shared'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { ManualClock } from '@meridian/shared/manual-clock'
import { beforeEach, expect, it } from 'vitest'
import { createAskers, type Askers } from '../lookup/askers.ts'
import { createRoundTrips } from './round-trips.ts'

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
const random = () => 0.5

let clock: ManualClock
let network: InProcessNetwork
let askers: Askers

beforeEach(() => {
  clock = new ManualClock()
  network = createInProcessNetwork({ clock, random, defer: queueMicrotask })
  askers = createAskers({ transport: network.connect('eu'), clock, random })
})

/** A region that is so far away. */
function region(name: string, ms: () => number): Subscription {
  return serveRpc(
    network.connect(name),
    subjects.rpcRegional(name, 'ping'),
    { request: pingRequestSchema, queue: 'regional', log: quiet },
    () =>
      new Promise((resolve) => {
        clock.after(ms(), () => {
          resolve({ replica: 'r1' })
        })
      }),
  )
}

function world(regions: readonly string[]): void {
  serveRpc(
    network.connect('top'),
    subjects.rpcGlobal('refer'),
    { request: referRequestSchema, queue: 'global', log: quiet },
    () => ({ regions }),
  )
}

it('measures every other region that the top names, nearest first', async () => {
  world(['eu', 'us', 'ap', 'sa'])
  region('us', () => 80)
  region('ap', () => 30)
  // Nobody is in sa.
  const roundTrips = createRoundTrips({ region: 'eu', askers, clock, random, log: quiet })
  expect(roundTrips.measured).toEqual([])
  roundTrips.start()
  await clock.advance(5_000)
  expect(roundTrips.measured).toEqual([
    { region: 'ap', ms: 30 },
    { region: 'us', ms: 80 },
  ])
  expect(askers.region('us').roundTripMs).toBe(80)
  roundTrips.close()
})

it('measures again, and forgets a region that is gone', async () => {
  let far = 80
  const us = region('us', () => far)
  const roundTrips = createRoundTrips({
    regions: () => ['us'],
    askers,
    clock,
    random,
    log: quiet,
  })
  roundTrips.start()
  await clock.advance(5_000)
  far = 20
  await clock.advance(20_000)
  expect(roundTrips.measured).toEqual([{ region: 'us', ms: 20 }])
  us.unsubscribe()
  await clock.advance(20_000)
  expect(roundTrips.measured).toEqual([])
  expect(askers.region('us').roundTripMs).toBeUndefined()
  roundTrips.close()
})

it('goes on when the top cannot be asked', async () => {
  const roundTrips = createRoundTrips({ region: 'eu', askers, clock, random, log: quiet })
  roundTrips.start()
  await clock.advance(5_000)
  world(['eu', 'us'])
  region('us', () => 10)
  await clock.advance(30_000)
  expect(roundTrips.measured).toEqual([{ region: 'us', ms: 10 }])
  roundTrips.close()
})
