import { describe, expect, it } from 'vitest'
import { zeroVersion, type OwnerId } from '../model/index.ts'
import { encodeMessage } from '../wire/messages.ts'
import { cutDelta } from './delta.ts'
import { Holdings } from './holdings.ts'
import { createOwner, putRecord, putRecords, startEpoch, type OwnerState } from './owner.ts'
import { receiveDelta, settleStep } from './receive.ts'
import type { SetChange } from './set-change.ts'
import { settleSet } from './set-state.ts'
import {
  answerFetch,
  compareRequest,
  compareZones,
  completeSet,
  entryOf,
  planSync,
  vectorOf,
} from './sync.ts'

function settle(state: OwnerState, change: SetChange | undefined): void {
  if (!change) throw new Error('the step changes nothing')
  settleSet(state, change)
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function owner(id: OwnerId, text = '1'): OwnerState {
  const state = createOwner(id)
  settle(
    state,
    startEpoch(state, () => 0),
  )
  settle(state, putRecord(state, { key: 'a', body: bytes(text) }))
  return state
}

function take(holdings: Holdings, state: OwnerState): void {
  const delta = cutDelta(state, zeroVersion)
  if (!delta) throw new Error('nothing to take')
  const context = { sender: 'x', fromOwner: true, now: 0 }
  settleStep(holdings, receiveDelta(holdings, delta, context))
}

function holding(...states: OwnerState[]): Holdings {
  const holdings = new Holdings()
  for (const state of states) take(holdings, state)
  return holdings
}

/** Both rounds; how many owners were listed, and how many deltas and records came. */
function sync(asker: Holdings, answerer: Holdings, scope = ['eu']): [number, number, number] {
  const entries = compareZones(answerer, compareRequest(asker, scope))
  const plan = planSync(asker, entries)
  for (const change of plan.adopted) asker.settle(change)
  const { deltas } = answerFetch((id) => completeSet(answerer, id), plan.wanted)
  for (const delta of deltas) {
    const context = { sender: 'r', fromOwner: false, now: 0 }
    settleStep(asker, receiveDelta(asker, delta, context))
  }
  return [entries.length, deltas.length, deltas.flatMap(({ records }) => records).length]
}

describe('a sync', () => {
  it('costs one small message each way when a zone of 1,000 nodes is the same', () => {
    const states = Array.from({ length: 1_000 }, (_, i) => owner(`eu/a/n${i}/agent`))
    const [asker, answerer] = [holding(...states), holding(...states.reverse())]
    const request = compareRequest(asker, ['eu/a'])
    expect(encodeMessage({ kind: 'compare', request }).length).toBeLessThan(50)
    const entries = compareZones(answerer, request)
    expect(entries).toEqual([])
    expect(encodeMessage({ kind: 'versions', entries, last: true }).length).toBeLessThan(10)
  })

  it('lists only the zones that differ and sends only what is newer', () => {
    const [a1, a2, b1] = [owner('eu/a/n1/agent'), owner('eu/a/n2/agent'), owner('eu/b/n1/agent')]
    const asker = holding(a1, a2, b1)
    settle(a2, putRecord(a2, { key: 'b', body: bytes('2') }))
    expect(sync(asker, holding(a1, a2, b1))).toEqual([2, 1, 1])
    expect(asker.get(a2.owner)?.version).toEqual(a2.version)
  })

  it('fills one who holds nothing', () => {
    const states = [owner('eu/a/n1/agent'), owner('eu/-/r1/summary')]
    const asker = new Holdings()
    expect(sync(asker, holding(...states))).toEqual([2, 2, 2])
    expect(asker.zoneHash('eu/a')).toBe(holding(...states).zoneHash('eu/a'))
    expect(sync(asker, holding(...states))).toEqual([0, 0, 0])
  })

  it('keeps to its scope: a zone, a region, never a region whose name begins alike', () => {
    const answerer = holding(
      owner('eu/a/n1/agent'),
      owner('eu/b/n1/agent'),
      owner('eu-west/a/n1/agent'),
    )
    expect(sync(new Holdings(), answerer, ['eu/a'])[0]).toBe(1)
    expect(sync(new Holdings(), answerer, ['eu'])[0]).toBe(2)
    expect(sync(new Holdings(), answerer, ['eu/a', 'eu-west'])[0]).toBe(2)
    expect(sync(new Holdings(), answerer, [])[0]).toBe(0)
  })

  it('takes a new epoch of the same set without a record', () => {
    const state = owner('eu/a/n1/agent')
    const asker = holding(state)
    settle(
      state,
      startEpoch(state, () => 0.5),
    )
    expect(sync(asker, holding(state))).toEqual([1, 0, 0])
    expect(asker.get(state.owner)?.version).toEqual(state.version)
  })

  it('never goes back: who is behind learns nothing from one further behind', () => {
    const state = owner('eu/a/n1/agent')
    const old = holding(state)
    settle(state, putRecord(state, { key: 'b', body: bytes('2') }))
    const current = holding(state)
    const entries = compareZones(old, compareRequest(current, ['eu']))
    expect(planSync(current, entries)).toEqual({ wanted: [], adopted: [], ahead: [state.owner] })
  })

  it('neither states nor passes on a doubted or forgotten set', () => {
    const states = [owner('eu/a/n1/agent'), owner('eu/a/n2/agent')]
    const answerer = holding(...states)
    answerer.doubt('eu/a/n1/agent')
    answerer.forget('eu/a/n2/agent')
    expect(vectorOf(answerer)).toEqual([])
    expect(sync(new Holdings(), answerer)).toEqual([0, 0, 0])
    const wanted = states.map(({ owner: id }) => ({ owner: id, known: zeroVersion }))
    expect(answerFetch((id) => completeSet(answerer, id), wanted).deltas).toEqual([])
  })

  it('replaces a doubted set by a good one of the same version', () => {
    const state = owner('eu/a/n1/agent')
    const asker = holding(state)
    asker.load({
      owner: state.owner,
      version: state.version,
      floor: 0,
      digest: 'f'.repeat(32),
      records: [],
    })
    expect(asker.get(state.owner)?.trust).toBe('doubted')
    expect(sync(asker, holding(state))).toEqual([1, 1, 1])
    expect(asker.get(state.owner)?.trust).toBe('whole')
  })

  it('does not bring back what was forgotten, until its owner is heard', () => {
    const state = owner('eu/a/n1/agent')
    const asker = holding(state)
    asker.forget(state.owner)
    // The version is known alike, so the zone does not even differ.
    expect(sync(asker, holding(state))).toEqual([0, 0, 0])
    asker.revive(state.owner)
    expect(sync(asker, holding(state))).toEqual([1, 1, 1])
    expect(asker.get(state.owner)?.records.size).toBe(1)
  })

  it('knows a dropped owner no more', () => {
    const state = owner('eu/a/n1/agent')
    const asker = holding(state)
    expect(asker.drop(state.owner)).toHaveLength(1)
    expect([asker.size, asker.get(state.owner)]).toEqual([0, undefined])
    expect(sync(asker, holding(state))).toEqual([1, 1, 1])
  })

  it('answers at owner boundaries within its limit, and says what is left', () => {
    const states = Array.from({ length: 10 }, (_, i) => owner(`eu/a/n${i}/agent`))
    const answerer = holding(...states)
    let wanted = planSync(new Holdings(), vectorOf(answerer)).wanted
    const sizes: number[] = []
    while (wanted.length > 0) {
      const answer = answerFetch((id) => completeSet(answerer, id), wanted, 1_600)
      sizes.push(answer.deltas.length)
      wanted = answer.left
    }
    expect(sizes.reduce((sum, size) => sum + size)).toBe(10)
    expect(sizes.length).toBeGreaterThan(1)
    expect(Math.min(...sizes)).toBeGreaterThan(0)
  })

  it('sends a set beyond the limit all the same, alone', () => {
    const state = owner('eu/a/n1/agent')
    settle(
      state,
      putRecords(
        state,
        Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, body: bytes('x') })),
      ),
    )
    const { wanted } = planSync(new Holdings(), [entryOf(state)])
    const answer = answerFetch((id) => (id === state.owner ? state : undefined), wanted, 10)
    expect(answer.deltas[0]?.records).toHaveLength(101)
  })

  it('sends nothing but the version to one who states the digest of the same set', () => {
    const state = owner('eu/a/n1/agent')
    const asker = holding(state)
    settle(
      state,
      startEpoch(state, () => 0.5),
    )
    // A pulse carries no digest, so the asker cannot know.
    const { wanted } = planSync(asker, [{ owner: state.owner, version: state.version }])
    const { deltas } = answerFetch(() => state, wanted)
    expect(deltas).toMatchObject([{ from: 1, records: [] }])
    const [delta] = deltas
    if (!delta) throw new Error('no delta')
    const step = receiveDelta(asker, delta, { sender: 'r', fromOwner: false, now: 0 })
    expect(step.outcome).toBe('adopted')
  })
})

describe('the hash of a zone', () => {
  it('depends on owners and versions alone, not on the way there', () => {
    const [first, second] = [owner('eu/a/n1/agent', '1'), owner('eu/a/n2/agent', '2')]
    const slow = holding(first)
    settle(first, putRecord(first, { key: 'b', body: bytes('2') }))
    take(slow, second)
    take(slow, first)
    expect(slow.zoneHash('eu/a')).toBe(holding(second, first).zoneHash('eu/a'))
    settle(second, putRecord(second, { key: 'b', body: bytes('2') }))
    expect(slow.zoneHash('eu/a')).not.toBe(holding(second, first).zoneHash('eu/a'))
  })

  it('is that of nothing once every owner is dropped', () => {
    const state = owner('eu/a/n1/agent')
    const holdings = holding(state)
    holdings.forget(state.owner)
    holdings.revive(state.owner)
    holdings.drop(state.owner)
    expect(holdings.zoneHash('eu/a')).toBe(new Holdings().zoneHash('eu/a'))
  })
})
