import { createAgentClient } from '@meridian/client'
import type { FindAnswer, LookupAnswer } from '@meridian/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld({ eu: ['a', 'b'], us: ['c'] })
  const register = async (place: string, id: string, tool: string) => {
    const client = createAgentClient({ url: world.agent(place).url })
    await client.register(id, {
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
