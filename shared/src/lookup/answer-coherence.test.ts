import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerCache, cacheLimits, type Pending, type Touch } from './answer-cache.ts'

/** The question asks for term 1; changes with term 2 do not matter to it. */
const terms = new Set([1])
const key = 'q'
const definitions: ReadonlySet<string> = new Set()
const sources = ['r1', 'r2'] as const
type Source = (typeof sources)[number]

/** What a giver has applied: how many of its changes. */
interface Giver {
  position: number
  /** Told, and not yet heard here. */
  readonly feed: Touch[]
}

/** What the cache may not contradict. */
interface Reply {
  readonly source: Source
  readonly position: number
}

const stepArb = fc.oneof(
  fc.record({
    do: fc.constant('change' as const),
    source: fc.constantFrom(...sources),
    matters: fc.boolean(),
  }),
  fc.record({ do: fc.constant('hear' as const), source: fc.constantFrom(...sources) }),
  fc.record({ do: fc.constant('lose' as const), source: fc.constantFrom(...sources) }),
  fc.record({ do: fc.constant('ask' as const), source: fc.constantFrom(...sources) }),
  fc.record({ do: fc.constant('answer' as const) }),
  fc.record({ do: fc.constant('fail' as const) }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1_500 }) }),
)

describe('answers that are kept while what they tell of changes', () => {
  it('are never as good as new where a change was heard of that they do not know', () => {
    fc.assert(
      fc.property(fc.array(stepArb, { maxLength: 120 }), (steps) => {
        const cache = new AnswerCache<Reply>()
        const givers: Record<Source, Giver> = {
          r1: { position: 0, feed: [] },
          r2: { position: 0, feed: [] },
        }
        /** By source, the last change that mattered and was heard of. */
        const heard: Record<Source, number> = { r1: 0, r2: 0 }
        let now = 0
        let flight:
          { pending: Pending; reply: Reply; heardBefore: Record<Source, number> } | undefined
        let filled: { at: number; reply: Reply; heardBefore: Record<Source, number> } | undefined

        for (const step of steps) {
          switch (step.do) {
            case 'change': {
              const giver = givers[step.source]
              giver.position += 1
              const { position } = giver
              const of = new Set([step.matters ? 1 : 2])
              giver.feed.push({ source: step.source, position, terms: of, definitions })
              break
            }
            case 'hear': {
              const touch = givers[step.source].feed.shift()
              if (touch === undefined) break
              cache.touch(touch)
              if (touch.terms.has(1)) heard[step.source] = touch.position
              break
            }
            case 'lose': {
              // A hole in the feed is seen by the next message, and all is in doubt then.
              const lost = givers[step.source].feed.splice(0)
              const last = lost.at(-1)
              if (last === undefined) break
              cache.touchAll(last)
              heard[step.source] = last.position
              break
            }
            case 'ask': {
              if (flight) break
              const { position } = givers[step.source]
              const reply = { source: step.source, position }
              flight = { pending: cache.begin(key, terms), reply, heardBefore: { ...heard } }
              break
            }
            case 'answer': {
              if (!flight) break
              const { pending, reply, heardBefore } = flight
              flight = undefined
              const kept = { value: reply, bytes: 1, definitions, kind: 'found' } as const
              if (cache.fill(pending, { ...kept, ...reply }, now) === 'kept') {
                filled = { at: now, reply, heardBefore }
              }
              break
            }
            case 'fail':
              if (flight) cache.abandon(flight.pending)
              flight = undefined
              break
            case 'pass':
              now += step.ms
              break
            default:
              step satisfies never
          }

          const look = cache.look(key, now)
          if (look?.kind !== 'fresh' || filled === undefined) continue
          expect(look.value).toEqual(filled.reply)
          expect(now - filled.at).toBeLessThanOrEqual(cacheLimits.leaseMs)
          for (const source of sources) {
            // Its giver's own position says what it knows; of another giver's changes it may know
            // none that was heard of since it was asked for.
            const known =
              source === filled.reply.source ? filled.reply.position : filled.heardBefore[source]
            expect(heard[source]).toBeLessThanOrEqual(known)
          }
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
