import {
  changeRecords,
  createOwner,
  cutDelta,
  cutNothing,
  emptyDigest,
  forgetTombstones,
  Holdings,
  putRecords,
  receiveDelta,
  removeRecords,
  sha256Hex,
  settleSet,
  settleStep,
  startEpoch,
  zeroVersion,
  type Delta,
  type InlineDefinition,
  type OwnerId,
  type OwnerRecord,
  type OwnerState,
  type OwnerStore,
  type RecordInput,
  type ReplicaStore,
  type SetChange,
} from '@meridian/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../support/seeded-random.ts'

/** A store under test: as it is, and as the next process finds it. */
export interface StoreUnderTest<Store> {
  readonly store: Store
  /** Ends the store without ceremony and opens what it left behind. */
  reopen(): Store
  /** Removes everything. */
  dispose(): void
}

const owner: OwnerId = 'eu/a/n1/agent'
const other: OwnerId = 'eu/a/n2/agent'
const random = () => 0.42

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function definition(text: string): InlineDefinition {
  return { id: sha256Hex(text), canonical: bytes(text) }
}

function input(key: string, text: string, names?: InlineDefinition): RecordInput {
  const record = { key, body: bytes(text) }
  return names ? { ...record, definition: names.id } : record
}

function required(change: SetChange | undefined): SetChange {
  if (!change) throw new Error('the step changes nothing')
  return change
}

/** Plain data, sorted by key: what a store gives back is compared with what was put in. */
function rows(records: Iterable<OwnerRecord>) {
  return [...records]
    .map(({ body, ...rest }) => ({ ...rest, body: body === null ? null : [...body] }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** An owner whose every step is committed to the store it is given. */
function ownerOn(commit: (change: SetChange) => void, id: OwnerId = owner) {
  const state: OwnerState = createOwner(id)
  const step = (change: SetChange | undefined) => {
    commit(required(change))
    settleSet(state, required(change))
  }
  step(startEpoch(state, random))
  return { state, step }
}

/** What every `OwnerStore` does. */
export function describeOwnerStore(name: string, open: () => StoreUnderTest<OwnerStore>): void {
  describe(`${name} as a store of owned sets`, () => {
    let test: StoreUnderTest<OwnerStore>
    beforeEach(() => {
      test = open()
    })
    afterEach(() => {
      test.dispose()
    })

    it('knows nothing of an owner that never committed', () => {
      expect(test.store.load(owner)).toBeUndefined()
    })

    it('gives back the version, the floor, the digest and every record, in the next process too', () => {
      const { state, step } = ownerOn((change) => {
        test.store.commit(change)
      })
      step(putRecords(state, [input('i/a', 'one', definition('d')), input('s/a', 'two')]))
      step(removeRecords(state, ['s/a']))
      for (const store of [test.store, test.reopen()]) {
        const loaded = store.load(owner)
        expect(loaded).toMatchObject({
          owner,
          version: state.version,
          floor: 0,
          digest: state.records.digest,
        })
        expect(rows(loaded?.records ?? [])).toEqual(rows(state.records.since(0)))
        expect(createOwner(owner, loaded).records.digest).toBe(state.records.digest)
      }
    })

    it('holds a record once, however often it was put, removed and put again', () => {
      const { state, step } = ownerOn((change) => {
        test.store.commit(change)
      })
      step(putRecords(state, [input('i/a', 'one'), input('i/b', 'two')]))
      step(putRecords(state, [input('i/a', 'three')]))
      step(removeRecords(state, ['i/b']))
      step(putRecords(state, [input('i/b', 'four'), input('i/a', 'five')]))
      expect(rows(test.reopen().load(owner)?.records ?? [])).toEqual(rows(state.records.since(0)))
    })

    it('gives back many that came together, and what took their places or took them out', () => {
      let { store } = test
      const { state, step } = ownerOn((change) => {
        store.commit(change)
      })
      const held = () => {
        store = test.reopen()
        return rows(store.load(owner)?.records ?? [])
      }
      const many = (count: number, text: string) =>
        Array.from({ length: count }, (_, at) =>
          input(`i/${at}`, `${text} ${at}`, ...(at % 3 === 0 ? [definition('d')] : [])),
        )
      step(putRecords(state, many(1_000, 'first')))
      expect(held()).toEqual(rows(state.records.since(0)))
      // One by one, of pages here and there; some of them to the last.
      for (let at = 0; at < 70; at += 1) step(putRecords(state, [input(`i/${at}`, 'one')]))
      step(removeRecords(state, ['i/500', 'i/999', 'i/3']))
      expect(held()).toEqual(rows(state.records.since(0)))
      // Half of them at once, among them those that were replaced and removed.
      step(putRecords(state, many(500, 'second')))
      expect(held()).toEqual(rows(state.records.since(0)))
      step(
        removeRecords(
          state,
          many(1_000, '').map(({ key }) => key),
        ),
      )
      expect(held()).toEqual(rows(state.records.since(0)))
      expect(state.records.size).toBe(0)
      step(putRecords(state, many(1_000, 'third')))
      const loaded = test.reopen().load(owner)
      expect(createOwner(owner, loaded).records.digest).toBe(state.records.digest)
      expect(loaded?.digest).toBe(state.records.digest)
    })

    it('keeps empty bodies apart from tombstones, and bytes of every value', () => {
      const { state, step } = ownerOn((change) => {
        test.store.commit(change)
      })
      const every = Uint8Array.from({ length: 256 }, (_, value) => value)
      step(
        putRecords(state, [
          { key: 'i/empty', body: new Uint8Array() },
          { key: 'i/every', body: every },
          { key: 'i/é 猫', body: every.subarray(10, 12) },
        ]),
      )
      expect(rows(test.reopen().load(owner)?.records ?? [])).toEqual(rows(state.records.since(0)))
    })

    it('forgets the tombstones at or below the floor', () => {
      const { state, step } = ownerOn((change) => {
        test.store.commit(change)
      })
      step(putRecords(state, [input('i/a', 'one'), input('i/b', 'two')]))
      step(removeRecords(state, ['i/a']))
      const { version, records } = state
      step({ kind: 'delta', owner, version, floor: 3, digest: records.digest, records: [] })
      const loaded = test.reopen().load(owner)
      expect(loaded?.floor).toBe(3)
      expect(loaded?.records.map(({ key }) => key)).toEqual(['i/b'])
    })

    it('begins an epoch without touching a record, and without its tombstones', () => {
      const { state, step } = ownerOn((change) => {
        test.store.commit(change)
      })
      step(putRecords(state, [input('i/a', 'one'), input('i/b', 'two')]))
      step(removeRecords(state, ['i/a']))
      step(startEpoch(state, random))
      const loaded = test.reopen().load(owner)
      expect(loaded).toMatchObject({ version: { epoch: { number: 2 }, counter: 3 }, floor: 3 })
      expect(rows(loaded?.records ?? [])).toEqual(rows(state.records.live()))
    })

    it('keeps the sets of several owners apart', () => {
      const first = ownerOn((change) => {
        test.store.commit(change)
      })
      const second = ownerOn((change) => {
        test.store.commit(change)
      }, other)
      first.step(putRecords(first.state, [input('i/a', 'one')]))
      second.step(putRecords(second.state, [input('i/a', 'two')]))
      expect(rows(test.store.load(owner)?.records ?? [])).toEqual(rows(first.state.records.live()))
      expect(rows(test.store.load(other)?.records ?? [])).toEqual(rows(second.state.records.live()))
    })

    it('commits definitions together with the change that names them', () => {
      const named = definition('{"name":"a"}')
      const { state } = ownerOn((change) => {
        test.store.commit(change)
      })
      test.store.commit(required(putRecords(state, [input('i/a', 'one', named)])), [named])
      expect(test.reopen().definition(named.id)).toEqual(named.canonical)
    })

    it('keeps a definition that no record names', () => {
      const named = definition('{"name":"private"}')
      test.store.putDefinitions([named])
      expect(test.reopen().definition(named.id)).toEqual(named.canonical)
    })

    describeDefinitions(
      () => test,
      (definitions) => {
        test.store.putDefinitions(definitions)
      },
    )
  })
}

/** What every `ReplicaStore` does. */
export function describeReplicaStore(name: string, open: () => StoreUnderTest<ReplicaStore>): void {
  describe(`${name} as a store of others' sets`, () => {
    let test: StoreUnderTest<ReplicaStore>
    beforeEach(() => {
      test = open()
    })
    afterEach(() => {
      test.dispose()
    })

    const commit = (change: SetChange) => {
      test.store.apply({ changes: [change] })
    }
    const loaded = (store: ReplicaStore, id: OwnerId = owner) =>
      [...store.load()].find((set) => set.owner === id)

    it('holds nothing at first', () => {
      expect([...test.store.load()]).toEqual([])
      expect([...test.store.definitionIds()]).toEqual([])
    })

    it('tells which definitions are not what their ids name', () => {
      const [a, b] = [definition('a'), definition('b')]
      test.store.apply({ definitions: [a, { ...b, canonical: a.canonical }] })
      expect(test.store.damagedDefinitions()).toEqual([b.id])
      expect(test.reopen().damagedDefinitions()).toEqual([b.id])
    })

    it('gives back each set whole, in the next process too', () => {
      const first = ownerOn(commit)
      const second = ownerOn(commit, other)
      first.step(putRecords(first.state, [input('i/a', 'one', definition('d'))]))
      second.step(putRecords(second.state, [input('i/a', 'two')]))
      for (const store of [test.store, test.reopen()]) {
        for (const { state } of [first, second]) {
          const set = loaded(store, state.owner)
          expect(set).toMatchObject({
            version: state.version,
            floor: state.floor,
            digest: state.records.digest,
          })
          expect(set?.forgotten ?? false).toBe(false)
          expect(rows(set?.records ?? [])).toEqual(rows(state.records.since(0)))
          expect(set && new Holdings().load(set).trust).toBe('whole')
        }
      }
    })

    it('replaces a set by a whole one, with nothing left over', () => {
      const { state, step } = ownerOn(commit)
      step(putRecords(state, [input('i/a', 'one'), input('i/b', 'two')]))
      const whole = createOwner(owner)
      settleSet(whole, startEpoch(whole, random, state.version.epoch))
      const change = required(putRecords(whole, [input('i/c', 'three')]))
      test.store.apply({ changes: [{ ...change, kind: 'whole' }] })
      const set = loaded(test.reopen())
      expect(set?.version).toEqual(change.version)
      expect(rows(set?.records ?? [])).toEqual(rows(change.records))
    })

    it('lowers stamps that are above the version of an adopted epoch', () => {
      const { state, step } = ownerOn(commit)
      step(putRecords(state, [input('i/a', 'one'), input('i/b', 'two'), input('i/c', 'three')]))
      step(removeRecords(state, ['i/a']))
      step({
        kind: 'adopt',
        owner,
        version: { epoch: { number: 7, tag: 'x' }, counter: 2 },
        floor: 2,
        digest: state.records.digest,
        records: [],
      })
      const set = loaded(test.reopen())
      expect(set?.version).toEqual({ epoch: { number: 7, tag: 'x' }, counter: 2 })
      expect(rows(set?.records ?? []).map(({ key, counter }) => [key, counter])).toEqual([
        ['i/b', 2],
        ['i/c', 2],
      ])
    })

    it('adopts the empty set of an owner that was not held', () => {
      test.store.apply({
        changes: [
          {
            kind: 'adopt',
            owner,
            version: { epoch: { number: 1, tag: 'x' }, counter: 0 },
            floor: 0,
            digest: emptyDigest,
            records: [],
          },
        ],
      })
      expect(loaded(test.reopen())).toMatchObject({ owner, digest: emptyDigest })
    })

    it('applies many changes of one owner in one batch, in their order', () => {
      const changes: SetChange[] = []
      const { state, step } = ownerOn((change) => changes.push(change))
      for (let i = 0; i < 50; i++) step(putRecords(state, [input(`i/${i % 7}`, `${i}`)]))
      step(removeRecords(state, ['i/3']))
      test.store.apply({ changes })
      expect(rows(loaded(test.reopen())?.records ?? [])).toEqual(rows(state.records.since(0)))
    })

    it.each([1, 2])('gives back what many deltas and few at random lead to (%i)', (seed) => {
      const chance = seededRandom(seed)
      const upTo = (max: number) => Math.floor(chance() * max)
      const state = createOwner(owner)
      settleSet(state, startEpoch(state, chance))
      const holdings = new Holdings()
      const receive = (delta: Delta | undefined) => {
        if (!delta) return
        const context = { sender: 'o', fromOwner: true, now: 0 }
        // Records of its own, as everybody has who reads a message.
        const records = delta.records.map((record) => ({ ...record }))
        const step = receiveDelta(holdings, { ...delta, records }, context)
        expect(step.outcome).toMatch(/^(applied|replaced|adopted|stale)$/)
        if (step.change) commit(step.change)
        settleStep(holdings, step)
      }
      const change = (made: SetChange | undefined) => made && settleSet(state, made)
      const some = (count: number) => Array.from({ length: count }, () => `i/${upTo(1_500)}`)
      for (let round = 0; round < 60; round++) {
        const before = state.version
        // Many of an import, some of a burst, one alone; what comes and goes between two deltas too.
        for (let edits = 1 + upTo(2); edits > 0; edits--) {
          const puts = some([1, 40, 900][upTo(3)] ?? 0)
          const named = (at: number) => (at % 3 === 0 ? definition(`${at % 7}`) : undefined)
          const inputs = puts.map((key, at) => input(key, `${round}/${upTo(3)}`, named(at)))
          const removes = some([0, 1, 60, 400][upTo(4)] ?? 0)
          change(changeRecords(state, { puts: inputs, removes }))
        }
        const { epoch, counter } = before
        const chosen = upTo(10)
        // What was held is cut again now and then, as for somebody who is further behind.
        if (chosen < 6) receive(cutDelta(state, before))
        else if (chosen < 8) receive(cutDelta(state, { epoch, counter: upTo(counter) }))
        else if (chosen === 8) receive(cutDelta(state, zeroVersion))
        else {
          receive(cutDelta(state, before))
          // As from an owner whose disk was set back, and which then came to the same set.
          const number = state.version.epoch.number + 1
          const version = { epoch: { number, tag: 'x' }, counter: upTo(state.version.counter) }
          const { digest } = state.records
          change({ kind: 'adopt', owner, version, floor: version.counter, digest, records: [] })
          receive(cutNothing(state))
        }
        if (upTo(4) === 0) {
          change(forgetTombstones(state, 30))
          const { key } = [...state.records.live()][0] ?? { key: 'i/0' }
          const earlier = state.version
          change(putRecords(state, [input(key, `${round}`)]))
          receive(cutDelta(state, earlier))
        }
        const set = loaded(round === 59 ? test.reopen() : test.store)
        expect(rows(set?.records ?? [])).toEqual(rows(holdings.get(owner)?.records.since(0) ?? []))
        expect(set && new Holdings().load(set).trust).toBe('whole')
      }
    })

    it('keeps nothing of old, whatever stamps an owner gives', () => {
      const many = (counter: (at: number) => number, text: string) =>
        Array.from({ length: 600 }, (_, at) => ({
          key: `i/${at}`,
          counter: counter(at),
          body: bytes(text),
        }))
      const holdings = new Holdings()
      const change = (kind: SetChange['kind'], records: OwnerRecord[], counter: number) => {
        const digest = (holdings.get(owner)?.records ?? createOwner(owner).records).digestAfter(
          kind,
          records,
        )
        const version = { epoch: { number: 1, tag: 'x' }, counter }
        const superseded = holdings.get(owner)?.records.supersededBy(records) ?? []
        const made = { kind, owner, version, floor: 0, digest, records, superseded }
        commit(made)
        holdings.settle(made)
      }
      const words: OwnerRecord[][] = [
        many((at) => 1 + at, 'rising'),
        many((at) => 2 + at, 'the stamps of others').filter((_, at) => at % 2 === 0),
        many((at) => 5 + at, 'the same for all but some').slice(7),
        many(() => 250, 'one stamp for all').slice(0, 590),
        many((at) => 600 - at, 'falling').slice(5),
        many((at) => 5 + at, 'rising again').slice(0, 570),
        many(() => 3, 'few').slice(3, 9),
      ]
      for (const [at, records] of words.entries()) {
        change(at === 0 ? 'whole' : 'delta', records, 600 + at)
        const set = loaded(test.store)
        expect(rows(set?.records ?? [])).toEqual(rows(holdings.get(owner)?.records.since(0) ?? []))
      }
    })

    it('forgets records that came together, and drops them', () => {
      const many = Array.from({ length: 400 }, (_, at) => input(`i/${at}`, 'one'))
      const first = ownerOn(commit)
      first.step(putRecords(first.state, many))
      const second = ownerOn(commit, other)
      second.step(putRecords(second.state, many))
      test.store.apply({ forget: [owner], drop: [other] })
      const sets = [...test.reopen().load()]
      expect(sets.map(({ owner: id, records }) => [id, [...records].length])).toEqual([[owner, 0]])
      ownerOn(commit, other)
      expect([...(loaded(test.store, other)?.records ?? [])]).toEqual([])
    })

    it('forgets records and keeps the version, until the owner is heard again', () => {
      const { state, step } = ownerOn(commit)
      step(putRecords(state, [input('i/a', 'one')]))
      test.store.apply({ forget: [owner] })
      const set = loaded(test.reopen())
      expect(set).toMatchObject({ version: state.version, forgotten: true })
      expect([...(set?.records ?? [])]).toEqual([])

      const change = required(putRecords(state, [input('i/b', 'two')]))
      const whole = [...state.records.since(0), ...change.records]
      test.store.apply({ changes: [{ ...change, kind: 'whole', records: whole }] })
      const revived = loaded(test.store)
      expect(revived?.forgotten ?? false).toBe(false)
      expect(rows(revived?.records ?? [])).toEqual(rows(whole))
    })

    it('drops an owner altogether, and only that one', () => {
      const first = ownerOn(commit)
      first.step(putRecords(first.state, [input('i/a', 'one')]))
      ownerOn(commit, other)
      test.store.apply({ drop: [owner, 'eu/a/unknown/agent'] })
      expect([...test.reopen().load()].map((set) => set.owner)).toEqual([other])
    })

    it('keeps definitions and changes of one batch together', () => {
      const named = definition('{"name":"a"}')
      const changes: SetChange[] = []
      const { state, step } = ownerOn((change) => changes.push(change))
      step(putRecords(state, [input('i/a', 'one', named)]))
      test.store.apply({ definitions: [named], changes })
      const store = test.reopen()
      expect(store.definition(named.id)).toEqual(named.canonical)
      expect(loaded(store)?.version).toEqual(state.version)
    })

    describeDefinitions(
      () => test,
      (definitions) => {
        test.store.apply({ definitions })
      },
    )
  })
}

function describeDefinitions(
  test: () => StoreUnderTest<OwnerStore | ReplicaStore>,
  put: (definitions: readonly InlineDefinition[]) => void,
): void {
  it('lists its definitions and answers for those alone', () => {
    const [a, b] = [definition('a'), definition('b')]
    put([a, b])
    const store = test().reopen()
    expect([...store.definitionIds()].sort()).toEqual([a.id, b.id].sort())
    expect(store.hasDefinition(a.id)).toBe(true)
    expect(store.hasDefinition(definition('c').id)).toBe(false)
    expect(store.definition(definition('c').id)).toBeUndefined()
  })

  it('takes the same definition twice', () => {
    put([definition('a')])
    put([definition('a'), definition('a')])
    expect(test().store.definitionIds()).toEqual([definition('a').id])
  })

  it('lets go of the definitions it is told to', () => {
    const [a, b] = [definition('a'), definition('b')]
    put([a, b])
    test().store.removeDefinitions([a.id, definition('c').id])
    expect(test().reopen().definitionIds()).toEqual([b.id])
  })
}
