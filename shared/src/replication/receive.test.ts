import { describe, expect, it } from 'vitest'
import { formatVersion, sha256Hex, type DefinitionId, type Version } from '../model/index.ts'
import { cutDelta, cutNothing, splitDelta, type Delta } from './delta.ts'
import { Holdings, type Trust } from './holdings.ts'
import { replicationLimits } from './limits.ts'
import { createOwner, putRecord, removeRecords, startEpoch, type OwnerState } from './owner.ts'
import { receiveDelta, settleStep, type ReceiveOutcome } from './receive.ts'
import type { RecordInput } from './record.ts'
import type { SetChange } from './set-change.ts'
import { settleSet } from './set-state.ts'
import { planSync } from './sync.ts'

const owner = 'eu/a/n1/agent'
const fromOwner = { sender: owner, fromOwner: true, now: 0 }
const fromReplica = { sender: 'r1', fromOwner: false, now: 0 }

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** An owner at counter `steps` of this history, in epoch 2. */
const history: readonly ((state: OwnerState) => SetChange | undefined)[] = [
  (state) => putRecord(state, { key: 'a', body: bytes('1') }),
  (state) => putRecord(state, { key: 'b', body: bytes('1') }),
  (state) => putRecord(state, { key: 'a', body: bytes('2') }),
  (state) => removeRecords(state, ['b']),
  (state) => putRecord(state, { key: 'c', body: bytes('1') }),
]

function ownerAt(steps: number, epoch = 2): OwnerState {
  const state = createOwner(owner)
  settle(
    state,
    startEpoch(state, () => 0, { number: epoch - 1, tag: '' }),
  )
  for (const step of history.slice(0, steps)) settle(state, step(state))
  return state
}

function settle(state: OwnerState, change: SetChange | undefined): void {
  if (!change) throw new Error('the step changes nothing')
  settleSet(state, change)
}

/** The owner as it is after its next start. */
function restarted(state: OwnerState): OwnerState {
  settle(
    state,
    startEpoch(state, () => 0),
  )
  return state
}

function cut(state: OwnerState, from: number): Delta {
  const delta = cutDelta(state, { epoch: state.version.epoch, counter: from })
  if (!delta) throw new Error('nothing to cut')
  return delta
}

function receive(holdings: Holdings, delta: Delta, context = fromReplica) {
  const step = receiveDelta(holdings, delta, context)
  const events = settleStep(holdings, step)
  return { ...step, events }
}

const states: Record<Trust | 'unknown', () => Holdings> = {
  /** Never heard of. */
  unknown: () => new Holdings(),
  /** The complete set at (2, 3): a = 2, b = 1. */
  whole: () => {
    const holdings = new Holdings()
    receive(holdings, cut(ownerAt(3), 0))
    return holdings
  },
  doubted: () => {
    const holdings = states.whole()
    holdings.doubt(owner)
    return holdings
  },
  forgotten: () => {
    const holdings = states.whole()
    holdings.forget(owner)
    return holdings
  },
}

const events = {
  'a delta that joins on': () => cut(ownerAt(5), 3),
  'a delta that begins earlier': () => cut(ownerAt(5), 2),
  'a delta that begins later': () => cut(ownerAt(5), 4),
  'a delta that ends where the set is': () => cut(ownerAt(3), 1),
  'a delta that ends earlier': () => cut(ownerAt(2), 1),
  'a delta of an older epoch': () => cut(ownerAt(5, 1), 3),
  'a delta of a later epoch': () => cut(ownerAt(5, 4), 3),
  'the first word of an epoch, same set': () => cutNothing(restarted(ownerAt(3))),
  'the first word of an epoch, other set': () => cutNothing(restarted(ownerAt(5))),
  'the first word of an epoch, no set': () => {
    const state = createOwner(owner)
    settle(
      state,
      startEpoch(state, () => 0, { number: 9, tag: '' }),
    )
    return cutNothing(state)
  },
  'the whole set, newer': () => cut(ownerAt(5), 0),
  'the whole set of a later epoch': () => cut(restarted(ownerAt(5)), 0),
  'the whole set at the same version': () => cut(ownerAt(3), 0),
  'the whole set, older': () => cut(ownerAt(2), 0),
  'the whole set of an older epoch': () => cut(ownerAt(5, 1), 0),
  'a delta that joins on, with a wrong digest': () => ({
    ...cut(ownerAt(5), 3),
    digest: 'f'.repeat(32),
  }),
  'the whole set, with a wrong digest': () => ({ ...cut(ownerAt(5), 0), digest: 'f'.repeat(32) }),
  'the first piece of the whole set': () => {
    const [piece] = splitDelta(cut(ownerAt(5), 0), 400)
    if (!piece?.piece) throw new Error('the set fits one message')
    return piece
  },
  'a delta with a stamp beyond its end': () => ({
    ...cut(ownerAt(5), 3),
    records: [{ key: 'x', counter: 6, body: bytes('1') }],
  }),
  'a delta that begins below its floor': () => ({ ...cut(ownerAt(5), 3), floor: 4 }),
  'a delta that ends before it begins': () => ({ ...cut(ownerAt(5), 3), from: 9 }),
  'a delta without an epoch': () => ({
    ...cut(ownerAt(5), 3),
    version: { epoch: { number: 0, tag: '' }, counter: 5 },
  }),
  'a whole set that names a key twice': () => {
    const delta = cut(ownerAt(5), 0)
    return { ...delta, records: [...delta.records, ...delta.records] }
  },
} satisfies Record<string, () => Delta>

type State = keyof typeof states
type Event = keyof typeof events
/** Outcome; then trust, version and live keys afterwards. */
type Expected = readonly [ReceiveOutcome, Trust | 'unknown', string, string]

const nothing = ['unknown', '', ''] as const
const same = ['whole', '2.0000000000:3', 'a b'] as const
const newest = ['whole', '2.0000000000:5', 'a c'] as const
const newestLater = ['whole', '3.0000000000:5', 'a c'] as const
const doubt = ['doubted', '2.0000000000:3', 'a b'] as const
const gone = ['forgotten', '2.0000000000:3', ''] as const

const table: Record<State, Record<Event, Expected>> = {
  unknown: {
    'a delta that joins on': ['gap', ...nothing],
    'a delta that begins earlier': ['gap', ...nothing],
    'a delta that begins later': ['gap', ...nothing],
    'a delta that ends where the set is': ['gap', ...nothing],
    'a delta that ends earlier': ['gap', ...nothing],
    'a delta of an older epoch': ['gap', ...nothing],
    'a delta of a later epoch': ['gap', ...nothing],
    'the first word of an epoch, same set': ['gap', ...nothing],
    'the first word of an epoch, other set': ['gap', ...nothing],
    'the first word of an epoch, no set': ['replaced', 'whole', '10.0000000000:0', ''],
    'the whole set, newer': ['replaced', ...newest],
    'the whole set of a later epoch': ['replaced', ...newestLater],
    'the whole set at the same version': ['replaced', ...same],
    'the whole set, older': ['replaced', 'whole', '2.0000000000:2', 'a b'],
    'the whole set of an older epoch': ['replaced', 'whole', '1.0000000000:5', 'a c'],
    'a delta that joins on, with a wrong digest': ['gap', ...nothing],
    'the whole set, with a wrong digest': ['mismatch', ...nothing],
    'the first piece of the whole set': ['staged', ...nothing],
    'a delta with a stamp beyond its end': ['invalid', ...nothing],
    'a delta that begins below its floor': ['invalid', ...nothing],
    'a delta that ends before it begins': ['invalid', ...nothing],
    'a delta without an epoch': ['invalid', ...nothing],
    'a whole set that names a key twice': ['invalid', ...nothing],
  },
  whole: {
    'a delta that joins on': ['applied', ...newest],
    'a delta that begins earlier': ['applied', ...newest],
    'a delta that begins later': ['gap', ...same],
    'a delta that ends where the set is': ['stale', ...same],
    'a delta that ends earlier': ['stale', ...same],
    'a delta of an older epoch': ['stale', ...same],
    'a delta of a later epoch': ['gap', ...same],
    'the first word of an epoch, same set': ['adopted', 'whole', '3.0000000000:3', 'a b'],
    'the first word of an epoch, other set': ['gap', ...same],
    'the first word of an epoch, no set': ['replaced', 'whole', '10.0000000000:0', ''],
    'the whole set, newer': ['replaced', ...newest],
    'the whole set of a later epoch': ['replaced', ...newestLater],
    'the whole set at the same version': ['stale', ...same],
    'the whole set, older': ['stale', ...same],
    'the whole set of an older epoch': ['stale', ...same],
    'a delta that joins on, with a wrong digest': ['mismatch', ...doubt],
    'the whole set, with a wrong digest': ['mismatch', ...same],
    'the first piece of the whole set': ['staged', ...same],
    'a delta with a stamp beyond its end': ['invalid', ...same],
    'a delta that begins below its floor': ['invalid', ...same],
    'a delta that ends before it begins': ['invalid', ...same],
    'a delta without an epoch': ['invalid', ...same],
    'a whole set that names a key twice': ['invalid', ...same],
  },
  doubted: {
    'a delta that joins on': ['gap', ...doubt],
    'a delta that begins earlier': ['gap', ...doubt],
    'a delta that begins later': ['gap', ...doubt],
    // It names the set that is held after all.
    'a delta that ends where the set is': ['adopted', ...same],
    'a delta that ends earlier': ['stale', ...doubt],
    'a delta of an older epoch': ['stale', ...doubt],
    'a delta of a later epoch': ['gap', ...doubt],
    'the first word of an epoch, same set': ['adopted', 'whole', '3.0000000000:3', 'a b'],
    'the first word of an epoch, other set': ['gap', ...doubt],
    'the first word of an epoch, no set': ['replaced', 'whole', '10.0000000000:0', ''],
    'the whole set, newer': ['replaced', ...newest],
    'the whole set of a later epoch': ['replaced', ...newestLater],
    'the whole set at the same version': ['replaced', ...same],
    'the whole set, older': ['stale', ...doubt],
    'the whole set of an older epoch': ['stale', ...doubt],
    'a delta that joins on, with a wrong digest': ['gap', ...doubt],
    'the whole set, with a wrong digest': ['mismatch', ...doubt],
    'the first piece of the whole set': ['staged', ...doubt],
    'a delta with a stamp beyond its end': ['invalid', ...doubt],
    'a delta that begins below its floor': ['invalid', ...doubt],
    'a delta that ends before it begins': ['invalid', ...doubt],
    'a delta without an epoch': ['invalid', ...doubt],
    'a whole set that names a key twice': ['invalid', ...doubt],
  },
  forgotten: {
    'a delta that joins on': ['gap', ...gone],
    'a delta that begins earlier': ['gap', ...gone],
    'a delta that begins later': ['gap', ...gone],
    'a delta that ends where the set is': ['stale', ...gone],
    'a delta that ends earlier': ['stale', ...gone],
    'a delta of an older epoch': ['stale', ...gone],
    'a delta of a later epoch': ['gap', ...gone],
    'the first word of an epoch, same set': ['gap', ...gone],
    'the first word of an epoch, other set': ['gap', ...gone],
    'the first word of an epoch, no set': ['replaced', 'whole', '10.0000000000:0', ''],
    'the whole set, newer': ['replaced', ...newest],
    'the whole set of a later epoch': ['replaced', ...newestLater],
    // A replica that has not forgotten yet does not bring a dead owner's set back.
    'the whole set at the same version': ['stale', ...gone],
    'the whole set, older': ['stale', ...gone],
    'the whole set of an older epoch': ['stale', ...gone],
    'a delta that joins on, with a wrong digest': ['gap', ...gone],
    'the whole set, with a wrong digest': ['mismatch', ...gone],
    'the first piece of the whole set': ['staged', ...gone],
    'a delta with a stamp beyond its end': ['invalid', ...gone],
    'a delta that begins below its floor': ['invalid', ...gone],
    'a delta that ends before it begins': ['invalid', ...gone],
    'a delta without an epoch': ['invalid', ...gone],
    'a whole set that names a key twice': ['invalid', ...gone],
  },
}

const cells = Object.entries(table).flatMap(([state, row]) =>
  Object.entries(row).map(([event, expected]) => ({
    state: state as State,
    event: event as Event,
    expected,
  })),
)

describe('receiveDelta', () => {
  it.each(cells)('$state set, $event: $expected.0', ({ state, event, expected }) => {
    const holdings = states[state]()
    const { outcome, held, complete } = receive(holdings, events[event]())
    const holding = holdings.get(owner)
    const trust = holding?.trust ?? 'unknown'
    const version = holding ? formatVersion(holding.version) : ''
    const keys = [...(holding?.records.live() ?? [])].map(({ key }) => key).sort()
    expect([outcome, trust, version, keys.join(' ')]).toEqual(expected)
    expect(formatVersion(held)).toBe(version === '' ? '0.:0' : version)
    expect(complete).toBe(trust === 'whole')
  })

  it('changes no set before the step is settled', () => {
    for (const event of Object.values(events)) {
      const holdings = states.whole()
      receiveDelta(holdings, event(), fromReplica)
      expect(holdings.get(owner)?.version).toEqual({
        epoch: { number: 2, tag: '0000000000' },
        counter: 3,
      })
      expect(holdings.get(owner)?.records.size).toBe(2)
    }
  })

  it('asks for the whole set once a delta has shown that the set held is wrong', () => {
    const holdings = states.whole()
    const { effects } = receive(holdings, events['a delta that joins on, with a wrong digest']())
    expect(effects).toMatchObject([
      { kind: 'sync', wanted: { owner, known: { counter: 0 } } },
      { kind: 'alarm', owner },
    ])
  })

  it('asks for what lies between after a gap', () => {
    const { effects } = receive(states.whole(), events['a delta that begins later']())
    expect(effects).toMatchObject([{ kind: 'sync', wanted: { owner, known: { counter: 3 } } }])
  })

  it('takes back a forgotten set from its owner at the version it had', () => {
    const holdings = states.forgotten()
    const { outcome } = receive(holdings, cut(ownerAt(3), 0), fromOwner)
    expect(outcome).toBe('replaced')
    expect(holdings.get(owner)?.trust).toBe('whole')
  })

  it('passes nothing on from below the counter at which it adopted an epoch', () => {
    const holdings = states.whole()
    const state = restarted(ownerAt(3))
    receive(holdings, cutNothing(state))
    settle(state, putRecord(state, { key: 'd', body: bytes('1') }))
    receive(holdings, cut(state, 3))
    const relay = holdings.get(owner)
    if (!relay) throw new Error('nothing held')
    const at = (counter: number): Version => ({ epoch: state.version.epoch, counter })
    expect(cutDelta(relay, at(2))?.from).toBe(0)
    expect(cutDelta(relay, at(3))).toMatchObject({ from: 3, records: [{ key: 'd' }] })
  })

  it('passes nothing on by stamps of an older epoch when it adopts a later one half-way', () => {
    const holdings = states.whole()
    const state = restarted(ownerAt(3))
    settle(state, putRecord(state, { key: 'a', body: bytes('9') }))
    settle(state, putRecord(state, { key: 'a', body: bytes('2') }))
    expect(receive(holdings, cutNothing(state)).outcome).toBe('adopted')
    const relay = holdings.get(owner) ?? never()
    // Somebody who holds a = 9 would miss that it went back to 2.
    expect(cutDelta(relay, { epoch: state.version.epoch, counter: 4 })?.from).toBe(0)
  })

  it('takes a limited number of owners of one node', () => {
    const holdings = new Holdings()
    const ownersMax = replicationLimits.ownersPerNodeMax
    for (let i = 0; i <= ownersMax; i++) {
      const delta = { ...cut(ownerAt(3), 0), owner: `eu/a/n1/o${i}` }
      expect(receive(holdings, delta).outcome).toBe(i < ownersMax ? 'replaced' : 'invalid')
    }
    expect(receive(holdings, { ...cut(ownerAt(5), 3), owner: 'eu/a/n1/o0' }).outcome).toBe(
      'applied',
    )
    expect(receive(holdings, { ...cut(ownerAt(3), 0), owner: 'eu/a/n2/o' }).outcome).toBe(
      'replaced',
    )
    const late = { owner: 'eu/a/n1/late', version: ownerAt(3).version }
    expect(planSync(holdings, [late]).wanted).toEqual([])
    holdings.drop('eu/a/n1/o0')
    expect(planSync(holdings, [late]).wanted).toHaveLength(1)
  })

  it('keeps the higher floor of the sender and its own', () => {
    const holdings = states.whole()
    receive(holdings, { ...cut(ownerAt(4), 3), floor: 2 })
    expect(holdings.get(owner)?.floor).toBe(2)
    receive(holdings, { ...cut(ownerAt(5), 4), floor: 1 })
    expect(holdings.get(owner)?.floor).toBe(2)
  })

  it('applies a set in pieces only when the last is in, whatever their order and repetition', () => {
    const pieces = splitDelta(cut(ownerAt(5), 0), 400)
    expect(pieces.length).toBeGreaterThan(1)
    const holdings = states.whole()
    for (const piece of [...pieces.slice(1), ...pieces.slice(1)].reverse()) {
      expect(receive(holdings, piece).outcome).toBe('staged')
      expect(formatVersion(holdings.get(owner)?.version ?? never())).toBe('2.0000000000:3')
    }
    const [first] = pieces
    if (!first) never()
    expect(receive(holdings, first).outcome).toBe('replaced')
    expect(holdings.staging.size).toBe(0)
  })

  it('asks for the definitions that a piece names before the others are in', () => {
    const state = ownerAt(5)
    const definition = sha256Hex('{}')
    settle(state, putRecord(state, { key: 'i/x', body: bytes('1'), definition }))
    const effects = splitDelta(cut(state, 0), 400).flatMap(
      (piece) => receive(new Holdings(), piece).effects,
    )
    expect(effects).toEqual([{ kind: 'fetch-definitions', ids: [definition] }])
  })

  it('never puts pieces of two senders or two cuts together', () => {
    const now = splitDelta(cut(ownerAt(5), 0), 400)
    const later = splitDelta(cut(restarted(ownerAt(5)), 0), 400)
    const holdings = new Holdings()
    const [first, ...rest] = now
    if (!first) never()
    receive(holdings, first, fromReplica)
    for (const piece of rest) {
      expect(receive(holdings, piece, { ...fromReplica, sender: 'r2' }).outcome).toBe('staged')
    }
    expect(receive(holdings, later[1] ?? never()).outcome).toBe('staged')
    expect(holdings.get(owner)).toBeUndefined()
  })
})

describe('definitions that come along', () => {
  const named = (text: string): DefinitionId => sha256Hex(text)

  function deltaNaming(text: string, ...inline: string[]): Delta {
    const state = ownerAt(3)
    const input: RecordInput = { key: 'i/x', body: bytes('1'), definition: named(text) }
    settle(state, putRecord(state, input))
    const definitions = inline.map((each) => ({ id: named(each), canonical: bytes(each) }))
    return { ...cut(state, 3), definitions }
  }

  it('are kept with the record that names them, once', () => {
    const holdings = states.whole()
    const step = receive(holdings, deltaNaming('{}', '{}', '{}'))
    expect(step.definitions).toEqual([{ id: named('{}'), canonical: bytes('{}') }])
    expect(step.effects).toEqual([])
    expect(holdings.definitions.missingOf(owner)).toEqual([])
  })

  it('are asked for when they did not come, and the record is held meanwhile', () => {
    const holdings = states.whole()
    const step = receive(holdings, deltaNaming('{}'))
    expect(step).toMatchObject({
      outcome: 'applied',
      effects: [{ kind: 'fetch-definitions', ids: [named('{}')] }],
    })
    expect(holdings.definitions.missingOf(owner)).toEqual([named('{}')])
  })

  it('are taken from a repeat of a delta that is stale by then', () => {
    const holdings = states.whole()
    receive(holdings, deltaNaming('{}'))
    const repeat = receive(holdings, deltaNaming('{}', '{}'))
    expect(repeat).toMatchObject({ outcome: 'stale', definitions: [{ id: named('{}') }] })
    expect(holdings.definitions.missing()).toEqual([])
  })

  it('are refused when they are not what their id names, and the record is held', () => {
    const holdings = states.whole()
    const delta = deltaNaming('{}')
    const forged = { ...delta, definitions: [{ id: named('{}'), canonical: bytes('{"x":1}') }] }
    const step = receive(holdings, forged)
    expect(step.definitions).toEqual([])
    expect(step.effects.map(({ kind }) => kind).sort()).toEqual(['alarm', 'fetch-definitions'])
    expect(holdings.get(owner)?.records.get('i/x')).toBeDefined()
  })

  it('are refused when no record names them', () => {
    const step = receive(states.whole(), deltaNaming('{}', '{}', 'stowaway'))
    expect(step.definitions.map(({ id }) => id)).toEqual([named('{}')])
  })

  it('are free to go when the last record that names them goes', () => {
    const holdings = states.whole()
    receive(holdings, deltaNaming('{}', '{}'))
    expect(holdings.unnamedDefinitions()).toEqual([])
    holdings.forget(owner)
    expect(holdings.unnamedDefinitions()).toEqual([named('{}')])
  })

  it('stay while a staged record names them', () => {
    const holdings = states.whole()
    holdings.definitions.hold(named('{}'))
    const pieces = splitDelta({ ...deltaNaming('{}'), from: 3 }, 1)
    expect(pieces).toHaveLength(1)
    const [piece] = pieces
    if (!piece) never()
    receive(holdings, { ...piece, piece: { index: 0, count: 2 } })
    expect(holdings.unnamedDefinitions()).toEqual([])
  })
})

function never(): never {
  throw new Error('cannot be')
}
