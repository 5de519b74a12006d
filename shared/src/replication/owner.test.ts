import { describe, expect, it } from 'vitest'
import { zeroVersion, type Version } from '../model/index.ts'
import { cutDelta, cutNothing } from './delta.ts'
import { replicationLimits } from './limits.ts'
import {
  changeRecords,
  createOwner,
  forgetTombstones,
  onReply,
  putRecord,
  putRecords,
  removeRecords,
  startEpoch,
  type OwnerState,
} from './owner.ts'
import type { SetChange } from './set-change.ts'
import { settleSet } from './set-state.ts'

const random = () => 0.5

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function settle(state: OwnerState, change: SetChange | undefined): void {
  if (!change) throw new Error('the step changes nothing')
  settleSet(state, change)
}

/** Epoch 1; a (1), b (2), then a again (3), b removed (4). */
function ownerAtFour(): OwnerState {
  const state = createOwner('eu/a/n1/agent')
  settle(state, startEpoch(state, random))
  settle(
    state,
    putRecords(state, [
      { key: 'a', body: bytes('1') },
      { key: 'b', body: bytes('1') },
    ]),
  )
  settle(state, putRecord(state, { key: 'a', body: bytes('2') }))
  settle(state, removeRecords(state, ['b']))
  return state
}

function held(state: OwnerState, counter: number): Version {
  return { epoch: state.version.epoch, counter }
}

function summary(state: OwnerState, from: Version) {
  const delta = cutDelta(state, from)
  return delta && [delta.from, delta.version.counter, delta.records.map((r) => r.key).join(' ')]
}

describe('an owner', () => {
  it('refuses to change its set before its first epoch', () => {
    const state = createOwner('eu/a/n1/agent')
    expect(() => putRecord(state, { key: 'a', body: bytes('1') })).toThrow('first epoch')
  })

  it('raises its counter by one for each record that changes, and by none for those that do not', () => {
    const state = ownerAtFour()
    expect(state.version.counter).toBe(4)
    expect(putRecord(state, { key: 'a', body: bytes('2') })).toBeUndefined()
    expect(removeRecords(state, ['b', 'never there'])).toBeUndefined()
    const change = putRecords(state, [
      { key: 'a', body: bytes('2') },
      { key: 'c', body: bytes('1') },
      { key: 'd', body: bytes('1') },
    ])
    expect(change?.records.map(({ key, counter }) => [key, counter])).toEqual([
      ['c', 5],
      ['d', 6],
    ])
  })

  it('counts a record whose definition alone differs as changed', () => {
    const state = ownerAtFour()
    const named = { key: 'a', body: bytes('2'), definition: 'd'.repeat(64) }
    settle(state, putRecord(state, named))
    expect(state.version.counter).toBe(5)
    expect(putRecord(state, named)).toBeUndefined()
  })

  it('takes the last of several puts of one key, and a put over a removal', () => {
    const state = ownerAtFour()
    const change = changeRecords(state, {
      removes: ['a'],
      puts: [
        { key: 'a', body: bytes('3') },
        { key: 'a', body: bytes('4') },
      ],
    })
    expect(change?.records).toEqual([{ key: 'a', counter: 5, body: bytes('4') }])
  })

  it('plans without changing anything', () => {
    const state = ownerAtFour()
    const before = cutDelta(state, zeroVersion)
    putRecord(state, { key: 'z', body: bytes('1') })
    removeRecords(state, ['a'])
    startEpoch(state, random)
    expect(cutDelta(state, zeroVersion)).toEqual(before)
  })

  it('promises in a change the digest that the set then has', () => {
    const state = ownerAtFour()
    const change = changeRecords(state, {
      removes: ['a'],
      puts: [{ key: 'c', body: bytes('x') }],
    })
    settle(state, change)
    expect(state.records.digest).toBe(change?.digest)
  })

  it.each([
    [0, [0, 4, 'a b']],
    [1, [1, 4, 'a b']],
    [3, [3, 4, 'b']],
    [4, undefined],
  ])('cuts what lies above counter %i', (counter, expected) => {
    const state = ownerAtFour()
    expect(summary(state, held(state, counter))).toEqual(expected)
  })

  it('cuts the whole set for another epoch and for nothing at all', () => {
    const state = ownerAtFour()
    expect(summary(state, zeroVersion)).toEqual([0, 4, 'a b'])
    expect(summary(state, { epoch: { number: 1, tag: 'clone' }, counter: 4 })).toEqual([
      0,
      4,
      'a b',
    ])
  })

  it('cuts the whole set below its floor, where the tombstones are gone', () => {
    const state = ownerAtFour()
    settle(state, putRecord(state, { key: 'c', body: bytes('1') }))
    settle(state, forgetTombstones(state, 0))
    expect(state.floor).toBe(4)
    expect(summary(state, held(state, 3))).toEqual([0, 5, 'a c'])
    expect(summary(state, held(state, 4))).toEqual([4, 5, 'c'])
  })

  it('keeps the newest tombstones when it forgets', () => {
    const state = createOwner('eu/a/n1/agent')
    settle(state, startEpoch(state, random))
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
    settle(
      state,
      putRecords(
        state,
        keys.map((key) => ({ key, body: bytes('1') })),
      ),
    )
    settle(state, removeRecords(state, keys))
    expect(forgetTombstones(state, 20)).toBeUndefined()
    settle(state, forgetTombstones(state, 5))
    expect([state.records.tombstones, state.floor]).toEqual([5, 35])
    expect(state.version.counter).toBe(40)
  })

  it('begins each epoch above the last, without tombstones and with nothing below its counter', () => {
    const state = ownerAtFour()
    settle(state, startEpoch(state, random))
    expect(state.version).toMatchObject({ epoch: { number: 2 }, counter: 4 })
    expect([state.floor, state.records.tombstones, state.records.size]).toEqual([4, 0, 1])
    expect(cutNothing(state)).toMatchObject({ from: 4, version: state.version, records: [] })
  })

  it('begins an epoch above any that it is told of', () => {
    const state = ownerAtFour()
    settle(state, startEpoch(state, random, { number: 40, tag: 'z' }))
    expect(state.version.epoch.number).toBe(41)
  })

  it('draws another tag for another start', () => {
    const state = ownerAtFour()
    const tags = [0.1, 0.9].map((chance) => startEpoch(state, () => chance).version.epoch.tag)
    expect(new Set(tags).size).toBe(2)
    expect(tags.every((tag) => tag.length <= replicationLimits.epochTagMax)).toBe(true)
  })

  it('goes on after a restart from what its store held', () => {
    const state = ownerAtFour()
    const again = createOwner(state.owner, {
      version: state.version,
      floor: state.floor,
      records: state.records.since(0),
    })
    expect(cutDelta(again, zeroVersion)).toEqual(cutDelta(state, zeroVersion))
  })

  describe('judging the version that a receiver states', () => {
    const far = replicationLimits.epochJumpMax + 1

    it.each([
      ['nothing', () => zeroVersion, 'send'],
      ['an older counter', (s: OwnerState) => held(s, 2), 'send'],
      ['the present version', (s: OwnerState) => s.version, 'acknowledged'],
      ['a higher counter of the epoch', (s: OwnerState) => held(s, 5), 'start-epoch'],
      ['a later epoch', () => ({ epoch: { number: 9, tag: '' }, counter: 1 }), 'start-epoch'],
      ['a clone that began last', () => clone('~'), 'start-epoch'],
      ['a clone that began first', () => clone('!'), 'send'],
      ['an absurd epoch', () => ({ epoch: { number: 1 + far, tag: '' }, counter: 1 }), 'refused'],
    ])('%s', (_, version, advice) => {
      const state = ownerAtFour()
      expect(onReply(state, { held: version(state), complete: true }).kind).toBe(advice)
    })

    it('sends the whole set to one that heard of the version and does not hold it', () => {
      const state = ownerAtFour()
      const reply = { held: state.version, complete: false }
      expect(onReply(state, reply)).toMatchObject({ kind: 'send', delta: { from: 0 } })
      const newer = { held: { epoch: { number: 9, tag: '' }, counter: 1 }, complete: false }
      expect(onReply(state, newer).kind).toBe('start-epoch')
    })

    function clone(tag: string): Version {
      return { epoch: { number: 1, tag }, counter: 4 }
    }
  })
})
