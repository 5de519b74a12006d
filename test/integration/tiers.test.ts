import { createAgentClient, createRegistryClient, type WatchEvent } from '@meridian/client'
import { instanceKey, type FindAnswer, type LookupAnswer } from '@meridian/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld({ eu: ['a', 'b'], us: ['c'] })
  await register('eu/a/n1', 'bread-1', 'bread')
  await register('eu/b/n1', 'bread-2', 'bread')
  await register('eu/b/n1', 'cheese-1', 'cheese')
  await register('us/c/n1', 'wine-1', 'wine')
  await register('us/c/n1', 'bread-3', 'bread')
  await eventually('everybody is known everywhere', async () => {
    const all = await lookup('q=tool:*&limit=100&min=100')
    return all.results.length === 5 && all.complete
  })
}, 60_000)

afterAll(async () => {
  await world.close()
})

function clientAt(place: string) {
  return createAgentClient({ url: world.agent(place).url })
}

async function register(place: string, id: string, tool: string): Promise<void> {
  await clientAt(place).register(id, {
    endpoint: { url: `http://127.0.0.1:1/${id}` },
    definition: {
      name: `io.acme/${tool}`,
      version: '1.0.0',
      description: `Everything about ${tool}`,
      capabilities: { tools: [{ name: tool, description: `Gives ${tool}` }] },
    },
    checks: [],
  })
}

async function get<T>(path: string, at = world.agent('eu/a/n1').url): Promise<T> {
  const response = await fetch(new URL(path, at))
  expect(response.status).toBe(200)
  return (await response.json()) as T
}

const lookup = async (params: string) => await get<LookupAnswer>(`/v1/lookup?${params}`)
const instancesOf = ({ results }: LookupAnswer) => results.map(({ instance }) => instance)

describe('a lookup across tiers', () => {
  it('goes no further than it has to', async () => {
    const answer = await lookup('q=tool:bread')
    expect(answer).toMatchObject({ answeredBy: 'agent', complete: true })
    expect(instancesOf(answer)).toEqual(['bread-1'])
  })

  it('goes further while fewer than min were found', async () => {
    expect(instancesOf(await lookup('q=tool:bread&min=2'))).toEqual(['bread-1', 'bread-2'])
    expect(instancesOf(await lookup('q=tool:bread&min=3'))).toEqual([
      'bread-1',
      'bread-2',
      'bread-3',
    ])
  })

  it('goes no further than its scope', async () => {
    expect(await lookup('q=tool:wine&scope=zone')).toMatchObject({
      outcome: 'none',
      scopes: [{ scope: 'zone', name: 'eu/a' }],
    })
    expect(await lookup('q=tool:wine&scope=region')).toMatchObject({ outcome: 'none' })
    expect(instancesOf(await lookup('q=tool:wine'))).toEqual(['wine-1'])
    expect(instancesOf(await lookup('q=tool:bread&min=9&scope=region'))).toEqual([
      'bread-1',
      'bread-2',
    ])
  })
})

describe('finding across tiers', () => {
  const find = async (params: string) => await get<FindAnswer>(`/v1/find?${params}`)

  it.each([
    ['bread', 'agent'],
    ['cheese', 'regional'],
    ['wine', 'global'],
  ])('finds %s where it is known: %s', async (text, answeredBy) => {
    const answer = await find(`q=${text}`)
    expect(answer).toMatchObject({ outcome: 'found', answeredBy, complete: true })
    expect(answer.hits[0]).toMatchObject({ server: `io.acme/${text}` })
  })

  it('goes no further than its scope, and finds only what the filter lets through', async () => {
    expect(await find('q=wine&scope=zone')).toMatchObject({ outcome: 'none', hits: [] })
    expect(await find('q=bread&filter=tool:cheese&scope=zone')).toMatchObject({ hits: [] })
  })

  it('says how near the nearest instance of each hit is, as seen from here or elsewhere', async () => {
    const ringsOf = async (params: string, at?: string) => {
      const { hits } = await get<FindAnswer>(`/v1/find?kind=server&${params}`, at)
      // What is about something close to it may be found as well, behind it.
      return hits.slice(0, 1).map(({ server, ring }) => [server, ring])
    }
    expect(await ringsOf('q=bread')).toEqual([['io.acme/bread', 0]])
    expect(await ringsOf('q=cheese')).toEqual([['io.acme/cheese', 2]])
    expect(await ringsOf('q=wine')).toEqual([['io.acme/wine', 3]])
    expect(await ringsOf('q=cheese&near=eu/b/n1')).toEqual([['io.acme/cheese', 0]])
    expect(await ringsOf('q=cheese&near=eu/b/n7')).toEqual([['io.acme/cheese', 1]])
    expect(await ringsOf('q=wine&near=us/c/n1')).toEqual([['io.acme/wine', 1]])
    expect(await ringsOf('q=bread&near=us/c/n1')).toEqual([['io.acme/bread', 1]])
    // A registry is in no node; the world's is nowhere.
    expect(await ringsOf('q=bread', world.registry('eu/a').url)).toEqual([['io.acme/bread', 1]])
    expect(await ringsOf('q=bread', world.registry('eu').url)).toEqual([['io.acme/bread', 2]])
    expect(await ringsOf('q=bread', world.registry('*').url)).toEqual([
      ['io.acme/bread', undefined],
    ])
    expect(await ringsOf('q=bread&near=eu/b/n1', world.registry('*').url)).toEqual([
      ['io.acme/bread', 1],
    ])
  })

  it('keeps what others found for a moment, and says so', async () => {
    const cacheOf = async (params: string) => (await find(`${params}&filter=tool:wine`)).cache
    expect(await cacheOf('q=wine&max-age=0')).toBe('miss')
    expect(await cacheOf('q=wine')).toBe('l1')
    // Of what the zone has nothing is asked.
    expect((await find('q=bread')).cache).toBeUndefined()
  })

  it('says what a score is made of', async () => {
    const { hits } = await find('q=bread&explain=true')
    expect(hits.length).toBeGreaterThan(0)
    for (const { score, factors } of hits) {
      const { words = 0, topics = 0, behind = 0 } = factors ?? {}
      expect(words + topics - behind).toBeCloseTo(score)
    }
    expect((await find('q=bread')).hits[0]).not.toHaveProperty('factors')
    // Across tiers it is the same.
    expect((await find('q=wine&explain=true')).hits[0]).toHaveProperty('factors.covered', 1)
  })

  it('answers the same from a registry', async () => {
    const answer = await get<FindAnswer>('/v1/find?q=wine', world.registry('eu').url)
    expect(answer).toMatchObject({ outcome: 'found', answeredBy: 'global' })
  })
})

it('leads from a hit to the definition, wherever it is held', async () => {
  const answer = await lookup('q=tool:wine')
  const id = answer.results[0]?.definition ?? ''
  expect(await get(`/v1/definitions/${id}`)).toMatchObject({ name: 'io.acme/wine' })
  expect(await get('/v1/servers/io.acme/bread')).toMatchObject({
    name: 'io.acme/bread',
    versions: [{ version: '1.0.0', instances: { passing: 1 }, zones: ['eu/a'] }],
  })
  expect(await get('/v1/servers/io.acme/bread', world.registry('*').url)).toMatchObject({
    versions: [{ instances: { passing: 3 }, zones: ['eu/a', 'eu/b', 'us/c'] }],
  })
  expect(await get('/v1/servers/io.acme/wine')).toMatchObject({ versions: [{ zones: ['us/c'] }] })
})

/** Applies what a watch tells until nobody needs it any more. */
function follow(events: AsyncIterable<WatchEvent>): ReadonlySet<string> {
  const known = new Set<string>()
  const read = async () => {
    for await (const event of events) {
      if (event.kind === 'snapshot') {
        known.clear()
        for (const result of event.results) known.add(instanceKey(result))
      } else if (event.kind === 'added' || event.kind === 'changed') {
        known.add(instanceKey(event.result))
      } else if (event.kind === 'removed') known.delete(instanceKey(event))
    }
  }
  read().catch((error: unknown) => known.add(String(error)))
  return known
}

describe('a watch over HTTP', () => {
  it('follows the zone, the region and the world, and ends with its signal', async () => {
    const gone = new AbortController()
    const options = { signal: gone.signal }
    const agent = follow(clientAt('eu/a/n1').watch('tag:new | tool:oil', options))
    const url = world.registry('eu').url
    const region = follow(createRegistryClient({ url }).watch('tool:oil', options))
    const top = world.registry('*').url
    const global = follow(createRegistryClient({ url: top }).watch('tool:oil', options))
    const watched = [agent, region, global]
    await register('eu/a/n1', 'oil-1', 'oil')
    await register('eu/b/n1', 'oil-2', 'oil')
    await register('us/c/n1', 'oil-3', 'oil')
    const all = ['eu/a/n1/oil-1', 'eu/b/n1/oil-2', 'us/c/n1/oil-3']
    await eventually('everything is told', () => watched.every((one) => one.size === 3))
    expect([...agent].sort()).toEqual(all)
    expect([...region].sort()).toEqual(all)
    expect([...global].sort()).toEqual(all)
    for (const place of ['eu/a/n1', 'eu/b/n1', 'us/c/n1'] as const) {
      const id = `oil-${['eu/a/n1', 'eu/b/n1', 'us/c/n1'].indexOf(place) + 1}`
      await clientAt(place).deregister(id)
    }
    await eventually('all are gone', () => watched.every((one) => one.size === 0))
    gone.abort()
  })

  it('ends with the error that asking again would not help', async () => {
    const events = clientAt('eu/a/n1').watch('tool:')
    await expect(events.next()).rejects.toMatchObject({ code: 'invalid_query' })
    const url = world.registry('*').url
    const above = createRegistryClient({ url }).watch('tool:')
    await expect(above.next()).rejects.toMatchObject({ code: 'invalid_query' })
  })
})

it('answers a long poll when something changes', async () => {
  const client = clientAt('eu/a/n1')
  const options = { scope: 'zone', waitMs: 20_000 } as const
  const first = await client.lookup('tool:salt', { ...options, index: 'unknown-0' })
  const { index = '' } = first
  const next = client.lookup('tool:salt', { ...options, index })
  await register('eu/a/n1', 'salt-1', 'salt')
  expect(instancesOf(await next)).toEqual(['salt-1'])
})

it('forgets within the region what changed, however often it is asked for', async () => {
  const client = clientAt('eu/a/n1')
  await register('eu/b/n1', 'rye-1', 'rye')
  const instances = async () => instancesOf(await client.lookup('tool:rye', { maxAgeMs: 0 })).join()
  // Not older than asked for here, and the zone's registry hears of changes.
  await eventually('it is found', async () => (await instances()) === 'rye-1')
  await register('eu/b/n1', 'rye-2', 'rye')
  await eventually('both are', async () => (await instances()).length === 'rye-1,rye-2'.length)
  await clientAt('eu/b/n1').deregister('rye-1')
  await eventually('one is gone', async () => (await instances()) === 'rye-2')
})

it('answers many lookups at once, and takes reports', async () => {
  const client = clientAt('eu/a/n1')
  const [bread, bad, wine] = await client.lookups([
    { q: 'tool:bread' },
    { q: 'tool:' },
    { q: { field: 'tool', value: 'wine' }, fields: undefined },
  ])
  expect(bread).toMatchObject({ outcome: 'found' })
  expect(bad).toMatchObject({ code: 'invalid_query' })
  expect(wine).toMatchObject({ results: [{ instance: 'wine-1' }] })
  await client.reportCalls([{ locality: 'eu/a/n1', instance: 'bread-1', ok: true, latencyMs: 3 }])
  expect((await client.find('wine')).hits[0]).toMatchObject({ server: 'io.acme/wine' })
  expect(await client.server('io.acme/wine')).toMatchObject({ name: 'io.acme/wine' })
})

it('sends callers to the next ring when the zone has too much to do, and explains it', async () => {
  const client = clientAt('eu/a/n1')
  const oven = {
    endpoint: { url: 'http://127.0.0.1:1/cake' },
    definition: {
      name: 'io.acme/cake',
      version: '1.0.0',
      capabilities: { tools: [{ name: 'cake' }] },
    },
    capacity: 10,
  }
  const checks = [{ kind: 'ttl' as const, name: 'load', ttlMs: 60_000 }]
  await client.register('cake-1', { ...oven, checks })
  await client.report('cake-1', 'load', {
    status: 'passing',
    load: { inFlight: 10, latencyMs: 40 },
  })
  await clientAt('eu/b/n1').register('cake-2', { ...oven, checks: [] })
  let answer: LookupAnswer | undefined
  await eventually('it spills', async () => {
    answer = await client.lookup('tool:cake', { explain: true })
    return answer.explanation?.spills.at(-1)?.to === 'ring 2'
  })
  expect(answer && instancesOf(answer)).toEqual(['cake-2', 'cake-1'])
  expect(answer?.complete).toBe(true)
  expect(answer?.explanation).toMatchObject({
    spills: [{ ring: 0, drawn: true, to: 'ring 2' }],
    results: [{ instance: 'cake-2', factors: { pending: 0 } }, { instance: 'cake-1' }],
  })
})
