import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerCache, cacheLimits, type Kept } from './answer-cache.ts'

const noDefinitions: ReadonlySet<string> = new Set()

function kept(value: string, over: Partial<Kept<string>> = {}): Kept<string> {
  return { value, bytes: 100, definitions: noDefinitions, kind: 'found', ...over }
}

function touchOf(term: number, position: number, source = 'r1') {
  return { source, position, terms: new Set([term]), definitions: noDefinitions }
}

function fill(cache: AnswerCache<string>, key: string, what: Kept<string>, now = 0): void {
  cache.fill(cache.begin(key, new Set([1])), what, now)
}

describe('an answer that is kept', () => {
  it.each([
    ['found', cacheLimits.leaseMs],
    ['none', cacheLimits.negativeMs],
    ['incomplete', cacheLimits.incompleteMs],
  ] as const)('is good as new for the lease of one that is %s, and then old', (kind, leaseMs) => {
    const cache = new AnswerCache<string>()
    fill(cache, 'a', kept('x', { kind }))
    expect(cache.look('a', leaseMs)).toMatchObject({ kind: 'fresh', value: 'x', ageMs: leaseMs })
    expect(cache.look('a', leaseMs + 1)).toMatchObject({ kind: 'old', value: 'x' })
    expect(cache.look('a', cacheLimits.keepMs + 1)).toBeUndefined()
  })

  it('is old for whoever wants it younger', () => {
    const cache = new AnswerCache<string>()
    fill(cache, 'a', kept('x'))
    expect(cache.look('a', 500, 400)?.kind).toBe('old')
    expect(cache.look('a', 500, 600)?.kind).toBe('fresh')
  })

  it('is worth asking for ahead of time when it is asked for often', () => {
    const cache = new AnswerCache<string>()
    fill(cache, 'a', kept('x'))
    const late = cacheLimits.leaseMs * 0.8
    expect([1, 2, 3].map(() => cache.look('a', late))).toMatchObject([
      { refresh: false },
      { refresh: false },
      { refresh: true },
    ])
  })

  it('becomes old by a change with one of its terms, or of one of its definitions', () => {
    const cache = new AnswerCache<string>()
    fill(cache, 'a', kept('x', { definitions: new Set(['d']) }))
    expect(cache.touch(touchOf(2, 1))).toBe(0)
    expect(cache.look('a', 0)?.kind).toBe('fresh')
    expect(cache.touch({ ...touchOf(2, 2), definitions: new Set(['d']) })).toBe(1)
    expect(cache.look('a', 0)?.kind).toBe('old')
  })

  it('stays, where it reflects the change already', () => {
    const cache = new AnswerCache<string>()
    fill(cache, 'a', kept('x', { source: 'r1', position: 7 }))
    expect(cache.touch(touchOf(1, 7))).toBe(0)
    expect(cache.touch(touchOf(1, 7, 'r2'))).toBe(1)
  })

  it('makes room, the least used first, within its bounds', () => {
    const cache = new AnswerCache<string>({ entriesMax: 2, bytesMax: 10_000 })
    fill(cache, 'a', kept('a'))
    fill(cache, 'b', kept('b'))
    cache.look('a', 0)
    fill(cache, 'c', kept('c'))
    expect(cache.look('b', 0)).toBeUndefined()
    expect(cache.look('a', 0)?.value).toBe('a')
    expect(cache.counts.evicted).toBe(1)
    const small = new AnswerCache<string>({ bytesMax: 1_000 })
    for (let i = 0; i < 50; i += 1) fill(small, `k${i}`, kept('x'))
    expect(small.bytes).toBeLessThanOrEqual(1_000)
    fill(small, 'big', kept('x', { bytes: 900 }))
    expect(small.look('big', 0)).toBeUndefined()
  })
})

describe('an answer on its way', () => {
  it('is not kept when it is older than a change that was seen', () => {
    const cache = new AnswerCache<string>()
    const pending = cache.begin('a', new Set([1]))
    cache.touch(touchOf(1, 5))
    expect(cache.fill(pending, kept('x', { source: 'r1', position: 4 }), 0)).toBe('late')
    expect(cache.look('a', 0)).toBeUndefined()
  })

  it('is kept when it reflects the change', () => {
    const cache = new AnswerCache<string>()
    const pending = cache.begin('a', new Set([1]))
    cache.touch(touchOf(1, 5))
    expect(cache.fill(pending, kept('x', { source: 'r1', position: 5 }), 0)).toBe('kept')
  })
})

/**
 * The model: one giver with a state for each term, numbered by its changes. An answer tells the
 * state as of some position. Whatever was seen of the feed last, an answer that is good as new
 * must not be older than a change to its term that was seen.
 */
it('never gives as new what is older than the feed that was seen, whatever comes in what order', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('change' as const), term: fc.nat(2) }),
    fc.record({ kind: fc.constant('hear' as const) }),
    fc.record({ kind: fc.constant('ask' as const), term: fc.nat(2) }),
    fc.record({ kind: fc.constant('arrive' as const), which: fc.nat(4) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(1_500) }),
    fc.record({ kind: fc.constant('look' as const), term: fc.nat(2) }),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const cache = new AnswerCache<number>()
      let now = 0
      const changes: number[] = []
      let heard = 0
      const flights: { term: number; position: number; pending: ReturnType<typeof cache.begin> }[] =
        []
      const lastSeen = (term: number) => changes.slice(0, heard).lastIndexOf(term) + 1
      for (const step of events) {
        switch (step.kind) {
          case 'change':
            changes.push(step.term)
            break
          case 'hear': {
            const term = changes[heard]
            if (term === undefined) break
            heard += 1
            cache.touch(touchOf(term, heard))
            break
          }
          case 'ask': {
            const pending = cache.begin(String(step.term), new Set([step.term]))
            // Answered from what the giver holds at that moment.
            flights.push({ term: step.term, position: changes.length, pending })
            break
          }
          case 'arrive': {
            const [flight] = flights.splice(step.which % Math.max(1, flights.length), 1)
            if (flight === undefined) break
            const { position, pending } = flight
            const what = { value: position, bytes: 1, definitions: noDefinitions } as const
            cache.fill(pending, { ...what, kind: 'found', source: 'r1', position }, now)
            break
          }
          case 'wait':
            now += step.ms
            break
          case 'look': {
            const look = cache.look(String(step.term), now)
            if (look?.kind !== 'fresh') break
            expect(look.value).toBeGreaterThanOrEqual(lastSeen(step.term))
            expect(look.ageMs).toBeLessThanOrEqual(cacheLimits.leaseMs)
            break
          }
          default:
            step satisfies never
        }
      }
    }),
    { numRuns: 500 },
  )
})
