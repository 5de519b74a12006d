import { expect, it } from 'vitest'
import { createInProcessNetwork } from '../adapters/in-process/index.ts'
import { ManualClock } from '../ports/manual-clock.ts'
import { InMemoryReplicaStore, type Clock } from '../ports/index.ts'
import {
  createOwner,
  cutDelta,
  Holdings,
  putRecords,
  settleSet,
  startEpoch,
} from '../replication/index.ts'
import { Follower } from './follower.ts'
import { exchangeLimits } from './limits.ts'

const silence = () => undefined
const log = { debug: silence, info: silence, warn: silence, error: silence }
const zero = { epoch: { number: 0, tag: '' }, counter: 0 }
const instances = 3 * exchangeLimits.restorePieceRecords

/** As many owners, each with its instances, as their store keeps them. */
function filledStore(owners: number): InMemoryReplicaStore {
  const store = new InMemoryReplicaStore()
  const body = new Uint8Array([1])
  for (let node = 0; node < owners; node += 1) {
    const set = createOwner(`eu/a/n${node}/agent`)
    settleSet(
      set,
      startEpoch(set, () => 0.5),
    )
    const ids = Array.from({ length: instances }, (_, at) => at)
    // As a database orders them: all specs, then all states.
    const keys = [...ids.map((id) => `i/x${id}`), ...ids.map((id) => `s/x${id}`)]
    const change = putRecords(
      set,
      keys.map((key) => ({ key, body })),
    )
    if (change) settleSet(set, change)
    const whole = cutDelta(set, zero)
    if (whole) store.apply({ changes: [{ ...whole, kind: 'whole' }] })
  }
  return store
}

async function restore(clock: ManualClock, shown: Clock) {
  const network = createInProcessNetwork({ clock, random: Math.random })
  const turns: string[][] = [[]]
  const told: string[] = []
  const follower = new Follower({
    transport: network.connect('l1'),
    clock: {
      ...shown,
      after: (ms, task) =>
        shown.after(ms, () => {
          turns.push([])
          task()
        }),
    },
    random: Math.random,
    log,
    holdings: new Holdings(),
    store: filledStore(2),
    subscribe: [],
    takes: () => true,
    own: new Set(),
    signs: { replica: 'l1', tier: 'local' },
    acknowledges: true,
    onEvents: (owner, events) => {
      turns.at(-1)?.push(...events.map(({ key }) => `${owner} ${key}`))
    },
    onDefinitions: silence,
  })
  follower.start(() => {
    told.push(`restored in turn ${turns.length}`)
  })
  const isRestoredAtOnce = follower.restored
  await clock.advance(1_000)
  follower.close()
  await network.close()
  return { turns, told, isRestoredAtOnce, isRestored: follower.restored }
}

it('shows a large store in pieces, and tells once when all is shown', async () => {
  const clock = new ManualClock()
  // Every look at it takes as long as a whole turn may.
  let looks = 0
  const slow: Clock = {
    now: () => {
      looks += 1
      return clock.now() + looks * exchangeLimits.restoreTurnMs
    },
    wall: () => clock.wall(),
    after: (ms, task) => clock.after(ms, task),
  }
  const { turns, told, isRestoredAtOnce, isRestored } = await restore(clock, slow)
  expect(isRestoredAtOnce).toBe(false)
  expect(isRestored).toBe(true)
  expect(turns.length).toBeGreaterThan(4)
  expect(told).toEqual([`restored in turn ${turns.length}`])
  const all = turns.flat()
  expect(all).toHaveLength(2 * 2 * instances)
  expect(new Set(all).size).toBe(all.length)
  // Spec and state of an instance come together, so that they are joined once.
  for (const turn of turns) {
    const specs = turn.filter((each) => each.includes(' i/'))
    expect(turn.filter((each) => each.includes(' s/'))).toHaveLength(specs.length)
  }
})

it('shows a small store at once', async () => {
  const clock = new ManualClock()
  const { turns, told, isRestoredAtOnce } = await restore(clock, {
    now: () => clock.now(),
    wall: () => clock.wall(),
    after: (ms, task) => clock.after(ms, task),
  })
  expect(isRestoredAtOnce).toBe(true)
  expect(turns).toHaveLength(1)
  expect(told).toEqual(['restored in turn 1'])
})
