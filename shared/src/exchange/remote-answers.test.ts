import { describe, expect, it } from 'vitest'
import { ManualClock } from '../ports/manual-clock.ts'
import type { LookupReply } from '../api/index.ts'
import { parseQuery } from '../capability-index/index.ts'
import { termsOfQuery } from '../lookup/index.ts'
import { RemoteAnswers } from './remote-answers.ts'

const world = { scope: 'world', name: '*' } as const

function replyOf(what: Partial<LookupReply>): LookupReply {
  return {
    query: 'tool:x',
    outcome: 'none',
    complete: true,
    degraded: false,
    answeredBy: 'regional',
    scopes: [{ ...world, state: 'fresh' }],
    results: [],
    etag: 'of nothing',
    ...what,
  }
}

describe('answers of others', () => {
  it('are no longer incomplete once everybody could be asked, though they name the same', async () => {
    const clock = new ManualClock()
    const answers = new RemoteAnswers(clock)
    const get = async (reply: LookupReply) => {
      const answer = answers.get({
        key: 'tool:x',
        terms: termsOfQuery(parseQuery('tool:x')),
        ask: (etag) =>
          Promise.resolve({ ...reply, ...(etag === reply.etag && { unchanged: true }) }),
        waitMs: 100,
      })
      await clock.advance(1)
      return (await answer).reply
    }
    const cutOff = replyOf({
      outcome: 'unknown',
      complete: false,
      scopes: [{ ...world, state: 'unreachable' }],
    })
    expect(await get(cutOff)).toMatchObject({ outcome: 'unknown' })
    await clock.advance(60_000)
    const reply = await get(replyOf({}))
    expect(reply).toMatchObject({ outcome: 'none', complete: true, scopes: [{ state: 'fresh' }] })
    expect(reply).not.toHaveProperty('unchanged')
    await clock.advance(60_000)
    expect(await get(cutOff)).toMatchObject({ outcome: 'unknown', complete: false })
  })
})
