import { createAgentClient, type WatchEvent } from '@meridian/client'
import type { LookupAnswer } from '@meridian/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startProgramTree, type ProgramTree } from '../support/program-tree.ts'
import { describedServer } from '../support/registrations.ts'

/** Five NATS servers and seven processes of ours, on a machine that does other things. */
const timeout = 180_000

describe('lookups while a region is cut off', { timeout }, () => {
  let tree: ProgramTree
  const seen: WatchEvent[] = []
  const gone = new AbortController()

  const client = (place: string) => createAgentClient({ url: tree.program(`agent ${place}`).url })
  const lookup = (query: string, options: { staleIfErrorMs?: number; maxAgeMs?: number } = {}) =>
    client('eu/a/n1').lookup(query, { deadlineMs: 3_000, ...options })
  const until = async (what: string, query: string, is: (answer: LookupAnswer) => boolean) => {
    let last: LookupAnswer | undefined
    await eventually(
      what,
      async () => {
        last = await lookup(query)
        return is(last)
      },
      60_000,
    )
    if (last === undefined) throw new Error('nothing was answered')
    return last
  }

  beforeAll(async () => {
    const zone = { agents: 1, registries: 1 }
    tree = await startProgramTree({ zones: { 'eu/a': zone, 'us/b': zone } })
    await client('eu/a/n1').register('bread-1', describedServer('bread'))
    await client('us/b/n1').register('wine-1', describedServer('wine'))
  }, timeout)

  afterAll(async () => {
    gone.abort()
    await tree.close()
  }, timeout)

  it('answers from the other region before', async () => {
    const answer = await until('it is found', 'tool:wine_tool', ({ complete, outcome }) => {
      return complete && outcome === 'found'
    })
    expect(answer).toMatchObject({
      answeredBy: 'global',
      results: [{ instance: 'wine-1', ring: 3 }],
    })
    expect(answer.scopes).toContainEqual({ scope: 'region', name: 'us', state: 'fresh' })
    const events = client('eu/a/n1').watch('tool:wine_tool', { signal: gone.signal })
    const read = async () => {
      for await (const event of events) seen.push(event)
    }
    read().catch((error: unknown) => {
      throw error
    })
    await eventually(
      'the watch tells of it',
      () => seen.some(({ kind }) => kind === 'added'),
      30_000,
    )
  })

  it('answers what it knew, marked, while the region is cut off, and its zone as ever', async () => {
    tree.nats.link('us').cut()
    const answer = await until('it is stale', 'tool:wine_tool', ({ scopes }) => {
      return scopes.some(({ name, state }) => name === 'us' && state === 'stale')
    })
    expect(answer).toMatchObject({
      outcome: 'found',
      complete: false,
      results: [{ instance: 'wine-1' }],
    })
    expect(answer.scopes).toContainEqual(
      expect.objectContaining({ scope: 'region', name: 'us', state: 'stale' }),
    )
    // Whoever wants nothing old is told who could not be asked.
    const strict = await lookup('tool:wine_tool', { staleIfErrorMs: 0, maxAgeMs: 0 })
    expect(strict).toMatchObject({ outcome: 'unknown', complete: false, results: [] })
    expect(await lookup('tool:bread_tool')).toMatchObject({
      outcome: 'found',
      complete: true,
      answeredBy: 'agent',
    })
    // What lies behind the cut is unknown, not gone.
    await eventually('the watch says so', () => seen.at(-1)?.kind === 'scopes', 30_000)
    expect(seen.some(({ kind }) => kind === 'removed')).toBe(false)
  })

  it('answers what it knew when its own zone is cut off from everybody', async () => {
    tree.nats.link('us').heal()
    await until('it is whole again', 'tool:wine_tool', ({ complete }) => complete)
    tree.nats.link('eu/a').cut()
    const answer = await until('it is stale', 'tool:wine_tool', ({ complete }) => !complete)
    expect(answer).toMatchObject({ outcome: 'found', results: [{ instance: 'wine-1' }] })
    expect(await lookup('tool:bread_tool')).toMatchObject({ outcome: 'found', complete: true })
    tree.nats.link('eu/a').heal()
  })

  it('answers as before afterwards', async () => {
    const answer = await until('it is fresh', 'tool:wine_tool', ({ complete, cache }) => {
      return complete && cache !== 'stale'
    })
    expect(answer).toMatchObject({ outcome: 'found', results: [{ instance: 'wine-1', ring: 3 }] })
    await client('us/b/n1').deregister('wine-1', { registrant: 'test' })
    await eventually(
      'the watch hears that it has gone',
      () => {
        return seen.some(({ kind }) => kind === 'removed')
      },
      60_000,
    )
    expect(
      await until('nobody has it', 'tool:wine_tool', ({ outcome }) => outcome === 'none'),
    ).toMatchObject({ complete: true })
  })
})
