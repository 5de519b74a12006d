import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OwnerRecord } from './record.ts'
import { RecordSet } from './record-set.ts'
import type { SetChange } from './set-change.ts'

const owner = 'eu/a/n1/agent'

function change(
  kind: SetChange['kind'],
  records: readonly OwnerRecord[],
  { floor = 0, counter = 1_000 } = {},
): SetChange {
  const version = { epoch: { number: 1, tag: 'a' }, counter }
  return { kind, owner, version, floor, digest: '', records }
}

function record(key: string, counter: number, text: string | null): OwnerRecord {
  return { key, counter, body: text === null ? null : new TextEncoder().encode(text) }
}

/** Settles with the digest that belongs to it, as machines do. */
function settle(set: RecordSet, step: SetChange) {
  return set.settle({ ...step, digest: set.digestAfter(step.kind, step.records) })
}

/** One record for each different key, stamped from `after` on. */
function recordsOf(keys: readonly string[], after: number, text: string | null): OwnerRecord[] {
  return [...new Set(keys)].map((key, i) => record(key, after + i + 1, text))
}

/** The slow, obvious one. */
class PlainSet {
  records = new Map<string, OwnerRecord>()

  settle({ kind, records, floor, version }: SetChange): void {
    if (kind === 'whole') this.records = new Map()
    if (kind === 'adopt') {
      for (const [key, held] of this.records) {
        const counter = Math.min(held.counter, version.counter)
        this.records.set(key, { ...held, counter })
      }
    }
    for (const held of records) this.records.set(held.key, held)
    for (const [key, held] of this.records) {
      if (held.body === null && held.counter <= floor) this.records.delete(key)
    }
  }

  since(counter: number): string[] {
    return [...this.records.values()]
      .filter((held) => held.counter > counter)
      .map((held) => `${held.counter} ${held.key}`)
      .sort()
  }

  live(): string[] {
    return [...this.records.values()].filter((held) => held.body !== null).map((held) => held.key)
  }
}

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<SetChange['kind']>('delta', 'delta', 'delta', 'whole', 'adopt'),
    keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 4 }),
    text: fc.constantFrom('1', '2', null),
    floorBack: fc.nat(6),
    clampBack: fc.nat(6),
  }),
  { maxLength: 60 },
)

describe('RecordSet', () => {
  it('holds what a plain map of the same changes holds, by key and by stamp', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const set = new RecordSet()
        const plain = new PlainSet()
        let counter = 0
        for (const { kind, keys, text, floorBack, clampBack } of list) {
          const records = kind === 'adopt' ? [] : recordsOf(keys, counter, text)
          counter += records.length
          if (kind === 'adopt') counter = Math.max(0, counter - clampBack)
          const floor = kind === 'adopt' ? counter : Math.max(0, counter - floorBack)
          const step = change(kind, records, { floor, counter })
          settle(set, step)
          plain.settle(step)
          expect(set.digest).toBe(RecordSet.from(set.live()).digest)
          expect(set.size).toBe(plain.live().length)
          expect([...set.live()].map(({ key }) => key).sort()).toEqual(plain.live().sort())
          for (let from = 0; from <= counter; from++) {
            const since = set.since(from)
            expect(since.map((held) => `${held.counter} ${held.key}`).sort()).toEqual(
              plain.since(from),
            )
            const stamps = since.map((held) => held.counter)
            expect(stamps).toEqual([...stamps].sort((a, b) => a - b))
          }
        }
      }),
    )
  })

  it('has the digest of its live content, whatever led there', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const set = new RecordSet()
        let counter = 0
        for (const { keys, text } of list) {
          const records = recordsOf(keys, counter, text)
          counter += records.length
          settle(set, change('delta', records))
        }
        const shuffled = [...set.live()].reverse().map((held) => ({ ...held, counter: 1 }))
        expect(RecordSet.from(shuffled).digest).toBe(set.digest)
      }),
    )
  })

  it('tells a reader of every visible difference and of nothing else', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const set = new RecordSet()
        const seen = new Map<string, string>()
        let counter = 0
        for (const { kind, keys, text } of list) {
          const records = kind === 'adopt' ? [] : recordsOf(keys, counter, text)
          counter += records.length
          for (const { key, before, after } of settle(set, change(kind, records))) {
            const was = before && new TextDecoder().decode(before.body ?? undefined)
            const is = after && new TextDecoder().decode(after.body ?? undefined)
            expect(was).not.toBe(is)
            expect(seen.get(key)).toBe(was)
            if (is === undefined) seen.delete(key)
            else seen.set(key, is)
          }
          expect([...seen.keys()].sort()).toEqual([...set.live()].map(({ key }) => key).sort())
        }
      }),
    )
  })

  it('counts key, definition and body into the digest, each for itself', () => {
    const digests = new Set(
      [
        record('i/a', 1, 'x'),
        record('i/b', 1, 'x'),
        record('i/a', 1, 'y'),
        { ...record('i/a', 1, 'x'), definition: 'd'.repeat(64) },
        record('i/a', 1, ''),
        record('i/ax', 1, ''),
      ].map((held) => RecordSet.from([held]).digest),
    )
    expect(digests.size).toBe(6)
    expect(RecordSet.from([record('i/a', 1, 'x')]).digest).toBe(
      RecordSet.from([record('i/a', 9, 'x')]).digest,
    )
  })

  it('stays as large as its content under endless change of one record', () => {
    const set = new RecordSet()
    for (let counter = 1; counter <= 10_000; counter++) {
      settle(set, change('delta', [record('s/a', counter, `${counter}`)]))
    }
    expect(set.since(0)).toHaveLength(1)
    expect(set.since(9_999)).toHaveLength(1)
    expect(set.since(10_000)).toHaveLength(0)
  })
})

it('tells readers nothing of what came and went before it was heard of', () => {
  const set = RecordSet.from([record('i/a', 1, 'a')])
  const records = [record('i/b', 3, null), record('i/c', 4, 'c')]
  const superseded = set.supersededBy(records)
  expect(superseded).toEqual([])
  const events = settle(set, { ...change('delta', records), superseded })
  expect(events.map(({ key, after }) => [key, after?.counter])).toEqual([['i/c', 4]])
  const more = [record('i/b', 5, 'b'), record('i/a', 6, 'a'), record('i/d', 7, 'd')]
  expect(set.supersededBy(more)).toEqual([3, 1])
})
