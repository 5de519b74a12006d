import {
  createCapabilityIndex,
  identifyDefinition,
  type FindAnswer,
  type FindParams,
  type StatusCounts,
} from '@meridian/shared'
import { beforeEach, describe, expect, it } from 'vitest'
import { createListed, definitionOf, type ListedRig } from '../directory/listed.fixture.ts'
import { createSearch, type SearchApi } from './search.ts'

const noCounts: StatusCounts = { passing: 0, warning: 0, gated: 0, critical: 0 }

let rig: ListedRig
let asked: FindParams[]
let search: SearchApi

beforeEach(() => {
  rig = createListed()
  asked = []
  search = createSearch({
    index: rig.index,
    catalog: {
      placed: (query) => rig.catalog.placed(query),
      regions: () => [
        {
          region: 'eu',
          instances: noCounts,
          zones: [{ zone: 'a', servers: 0, instances: noCounts, nodes: [] }],
        },
      ],
    },
    servers: rig.list,
    find: (params) => {
      asked.push(params)
      return Promise.resolve(found)
    },
  })
  rig.put('eu/a/n1', 'i1', definitionOf('flights'))
  rig.put('eu/b/n1', 'i1', definitionOf('hotels'), 'critical')
})

const noHighlights = { server: [], name: [], title: [], line: [] }
const hit = {
  definitionId: definitionOf('flights').id,
  server: 'io.acme/flights',
  version: '1.0.0',
  line: '',
  score: 1,
  highlights: noHighlights,
}
const found: FindAnswer = {
  query: '',
  outcome: 'found',
  complete: true,
  degraded: false,
  answeredBy: 'local',
  scopes: [],
  hits: [
    {
      ...hit,
      kind: 'server',
      name: 'io.acme/flights',
      inside: [{ ...hit, kind: 'tool', name: 'flights_tool', line: 'Looks for flights' }],
    },
    { ...hit, kind: 'server', name: 'io.acme/gone', server: 'io.acme/gone' },
  ],
}

const names = async (text: string) =>
  (await search.search({ text, limit: 10 })).servers.map(({ name }) => name)

describe('a search box', () => {
  it('lists everything, by name, while nothing is typed', async () => {
    expect(await search.search({ text: '', limit: 10 })).toMatchObject({
      words: '',
      filter: '',
      total: 2,
      servers: [{ name: 'io.acme/flights' }, { name: 'io.acme/hotels' }],
    })
    expect(asked).toEqual([])
  })

  it('takes terms as a query', async () => {
    expect(await names('zone:eu/b')).toEqual(['io.acme/hotels'])
    expect(await names('-status:critical')).toEqual(['io.acme/flights'])
  })

  it('ranks by words, among what the terms beside them leave, and shows what of a server matches', async () => {
    const answer = await search.search({ text: 'cheap region:eu flights', limit: 10, typing: true })
    expect(asked).toMatchObject([
      { q: 'cheap flights', filter: 'region:eu', typing: true, group: true, scope: 'zone' },
    ])
    expect(answer).toMatchObject({
      words: 'cheap flights',
      filter: 'region:eu',
      servers: [{ name: 'io.acme/flights', inside: [{ kind: 'tool', name: 'flights_tool' }] }],
    })
    expect(answer.total).toBeUndefined()
  })

  it('says where a query is wrong, in the text as it was typed', async () => {
    expect(await search.search({ text: 'cheap tols:echo', limit: 10 })).toMatchObject({
      problem: { at: 6, detail: expect.stringContaining('"tols" is no field') as string },
      servers: [],
    })
    expect((await search.search({ text: '(tool:x', limit: 10 })).problem?.at).toBe(7)
  })

  it('goes on page by page', async () => {
    const first = await search.search({ text: '', limit: 1 })
    const second = await search.search({ text: '', limit: 1, cursor: first.nextCursor })
    expect(second.servers.map(({ name }) => name)).toEqual(['io.acme/hotels'])
    await expect(search.search({ text: '', limit: 1, cursor: 'x' })).rejects.toThrow('the cursor')
  })
})

describe('facets', () => {
  it('count servers, not instances, by health and place', async () => {
    rig.put('eu/a/n2', 'i1', definitionOf('flights'))
    const { servers, partial, facets } = await search.facets({ text: '' })
    expect({ servers, partial }).toEqual({ servers: 2, partial: false })
    expect(Object.fromEntries(facets.map(({ field, values }) => [field, values]))).toMatchObject({
      status: [
        { value: 'critical', servers: 1 },
        { value: 'passing', servers: 1 },
      ],
      region: [{ value: 'eu', servers: 2 }],
      zone: [
        { value: 'eu/a', servers: 1 },
        { value: 'eu/b', servers: 1 },
      ],
    })
  })

  it('of words are those of the best hits, and of a wrong query none', async () => {
    expect((await search.facets({ text: 'flights' })).servers).toBe(1)
    expect(await search.facets({ text: 'tols:x' })).toMatchObject({ servers: 0, facets: [] })
  })
})

describe('completion', () => {
  const texts = (text: string, at?: number) =>
    search.complete({ text, at }).items.map((item) => item.text)

  it('offers fields, then values of the field that was begun', () => {
    expect(texts('to')).toEqual(['tool:'])
    expect(texts('-re')).toEqual(['resource:', 'region:'])
    expect(texts('tool:')).toEqual(['flights_tool', 'hotels_tool'])
    expect(texts('tool:fl')).toEqual(['flights_tool'])
    expect(texts('status:un')).toEqual(['unreachable'])
    expect(texts('region:')).toEqual(['eu'])
    expect(texts('zone:e')).toEqual(['eu/a'])
    expect(texts('nothing')).toEqual([])
    expect(texts('')).toEqual([])
  })

  it('says what of the text it stands for', () => {
    expect(search.complete({ text: 'cheap tool:fl rest', at: 13 })).toMatchObject({
      from: 11,
      to: 13,
    })
  })
})

describe('the values of a field', () => {
  it('come in order, from the first that begins as asked', () => {
    const index = createCapabilityIndex()
    const { id, definition } = identifyDefinition({
      name: 'io.acme/x',
      version: '1.0.0',
      capabilities: { tools: [{ name: 'b_two' }, { name: 'a' }, { name: 'b_one' }] },
    })
    index.put(
      {
        owner: 'eu/a/n1/agent',
        locality: { region: 'eu', zone: 'a', node: 'n1' },
        spec: {
          id: 'i1',
          definition: id,
          endpoint: { transport: 'streamable-http', url: 'http://x' },
          metadata: { env: 'prod' },
          capacity: 1,
        },
        state: { id: 'i1', status: 'passing', weight: 100, draining: false },
      },
      definition,
    )
    expect(index.values('tool', '', 2)).toEqual(['a', 'b_one'])
    expect(index.values('tool', 'b_', 9)).toEqual(['b_one', 'b_two'])
    expect(index.values('tool', 'c', 9)).toEqual([])
    expect(index.fields()).toContain('meta.env')
  })
})
