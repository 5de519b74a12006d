import { describe, expect, it } from 'vitest'
import type { FindAnswer, FindReply, FindRequest } from '../api/index.ts'
import { MeridianError } from '../errors.ts'
import { ManualClock } from '../ports/manual-clock.ts'
import { createInProcessNetwork } from '../adapters/in-process/index.ts'
import { findCacheLimits, findUpwards } from './find-upwards.ts'
import { RemoteAnswers } from './remote-answers.ts'
import { serveRpc } from './rpc.ts'
import { TierAsker } from './tier-asker.ts'
import { findRequestSchema } from '../api/index.ts'

const region = { scope: 'region', name: 'eu' } as const
const request: FindRequest = { q: 'bread', limit: 3, deadlineMs: 1_000 }

function hit(server: string): FindAnswer['hits'][number] {
  const highlights = { server: [], name: [], title: [], line: [] }
  const definitionId = server.padEnd(64, '0').replaceAll(/[^0-9a-f]/g, '0')
  const rest = { version: '1.0.0', kind: 'server' as const, name: server, line: '', score: 1 }
  return { definitionId, server, ...rest, highlights }
}

function replyOf(...servers: string[]): FindReply {
  const head = { query: 'bread', complete: true, degraded: false, answeredBy: 'regional' } as const
  const outcome = servers.length > 0 ? 'found' : 'none'
  return { ...head, outcome, scopes: [{ ...region, state: 'fresh' }], hits: servers.map(hit) }
}

const own: FindReply = {
  ...replyOf('a'),
  answeredBy: 'agent',
  scopes: [{ scope: 'zone', name: 'eu/a', state: 'fresh' }],
}

/** Somebody above who answers `replies`, the last again and again; an error is one, too. */
function above(...replies: (FindReply | MeridianError)[]) {
  const clock = new ManualClock()
  const network = createInProcessNetwork({ clock, random: () => 0.5 })
  const asked: FindRequest[] = []
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  serveRpc(
    network.connect('above'),
    'find.above',
    { request: findRequestSchema, queue: 'above', log },
    (question) => {
      const reply = replies[Math.min(asked.length, replies.length - 1)]
      asked.push(question)
      if (reply === undefined || reply instanceof MeridianError) {
        throw reply ?? new MeridianError('internal', 'nothing to answer')
      }
      return reply
    },
  )
  const asker = new TierAsker({
    transport: network.connect('here'),
    clock,
    random: () => 0.5,
    subject: () => 'find.above',
  })
  const remote = new RemoteAnswers<FindReply>(clock, findCacheLimits)
  const find = async (what: Partial<FindRequest> = {}) => {
    const found = findUpwards({
      own,
      request: { ...request, ...what },
      deadlineMs: 500,
      asker,
      scope: region,
      remote,
    })
    // Errors are looked at below; until then they are nobody's.
    found.catch(() => undefined)
    await clock.advance(10)
    return await found
  }
  return { clock, asked, remote, find }
}

describe('finding further up', () => {
  it('asks once for a lease, and says where the answer came from', async () => {
    const { clock, asked, find } = above(replyOf('a', 'b'))
    expect(await find()).toMatchObject({ from: 'asked', reply: { answeredBy: 'regional' } })
    await clock.advance(1)
    const again = await find()
    expect(again.from).toBe('cache')
    expect(again.reply.ageMs).toBeGreaterThan(0)
    expect(asked).toHaveLength(1)
    await clock.advance(2_000)
    expect((await find()).from).toBe('asked')
    expect(asked).toHaveLength(2)
  })

  it('asks whoever holds it where nothing from a cache is wanted', async () => {
    const { clock, asked, find } = above(replyOf('a'))
    await find()
    await clock.advance(1)
    expect((await find({ maxAgeMs: 0 })).from).toBe('asked')
    expect(asked.at(-1)).toMatchObject({ maxAgeMs: 0 })
  })

  it.each<Partial<FindRequest>>([
    { q: 'cheese' },
    { limit: 2 },
    { kind: ['tool'] },
    { group: true },
    { typing: true },
    { filter: 'tag:x' },
    { scope: 'region' },
    { min: 2 },
    { from: { region: 'eu', zone: 'b', node: '' } },
    { explain: true },
  ])('shares no answer with another question: %j', async (other) => {
    const { asked, find } = above(replyOf('a'))
    await find()
    expect((await find(other)).from).toBe('asked')
    expect(asked).toHaveLength(2)
  })

  it('keeps nothing of a definition that has changed, nor of what the filter names', async () => {
    const { asked, remote, find } = above(replyOf('a'))
    await find()
    const touch = { source: 'eu/r1', position: 1, terms: new Set<number>() }
    remote.cache.touch({ ...touch, definitions: new Set(['f'.repeat(64)]) })
    expect((await find()).from).toBe('cache')
    remote.cache.touch({ ...touch, definitions: new Set([hit('a').definitionId]) })
    expect((await find()).from).toBe('asked')
    expect(asked).toHaveLength(2)
  })

  it('answers what it knew, marked, when nobody can be asked', async () => {
    const down = new MeridianError('no_responders', 'nobody is there')
    const { clock, find } = above(replyOf('a', 'b'), down)
    await find()
    await clock.advance(60_000)
    const old = await find()
    expect(old).toMatchObject({ from: 'stale', reply: { outcome: 'found', complete: false } })
    expect(old.reply.hits).toHaveLength(2)
    expect(old.reply.scopes).toEqual([
      own.scopes[0],
      expect.objectContaining({ ...region, state: 'stale' }),
    ])
    const strict = await find({ staleIfErrorMs: 0 })
    expect(strict).toMatchObject({ from: 'own', reply: { answeredBy: 'agent', complete: false } })
    expect(strict.reply.hits).toEqual(own.hits)
    expect(strict.reply.scopes[1]).toMatchObject({ ...region, state: 'unreachable' })
  })

  it('adds what only this node knows, behind what was found', async () => {
    const { find } = above(replyOf('b', 'c'))
    const { reply } = await find()
    expect(reply.hits.map(({ server }) => server)).toEqual(['b', 'c', 'a'])
    const one = await find({ limit: 2 })
    expect(one.reply.hits.map(({ server }) => server)).toEqual(['b', 'c'])
  })

  it('passes on that the question is at fault', async () => {
    const { find } = above(new MeridianError('invalid_query', 'too many values'))
    await expect(find()).rejects.toMatchObject({ code: 'invalid_query' })
  })
})
