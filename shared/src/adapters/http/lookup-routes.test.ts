import { beforeEach, describe, expect, it } from 'vitest'
import type { ReportedCall } from '../../api/call-report.ts'
import type { FindAnswer, FindParams } from '../../api/find.ts'
import { lookupResultFields, type LookupAnswer, type LookupParams } from '../../api/lookup.ts'
import { problemSchema } from '../../api/problem.ts'
import type { WatchParams } from '../../api/watch.ts'
import { parseQuery } from '../../capability-index/index.ts'
import { MeridianError } from '../../errors.ts'
import { createLog } from '../log.ts'
import { createEdge } from './edge.ts'
import { addLookupRoutes } from './lookup-routes.ts'

const id = 'a'.repeat(64)
const answer: LookupAnswer = {
  query: 'tool:x',
  outcome: 'found',
  complete: true,
  degraded: false,
  answeredBy: 'agent',
  scopes: [{ scope: 'zone', name: 'eu/a', state: 'fresh' }],
  results: [
    {
      server: 'io.acme/x',
      version: '1.0.0',
      instance: 'x-1',
      endpoint: { transport: 'streamable-http', url: 'http://x/mcp' },
      locality: 'eu/a/n1',
      ring: 0,
      status: 'passing',
      draining: false,
      metadata: { env: 'prod' },
      definition: id,
    },
  ],
}
const nothingFound: FindAnswer = {
  query: 'book a flight',
  outcome: 'none',
  complete: true,
  degraded: false,
  answeredBy: 'agent',
  scopes: [],
  hits: [],
}

let found: FindAnswer
let asked: LookupParams[]
let searched: FindParams[]
let stopped: number
let reported: ReportedCall[]
let watched: { params: WatchParams; caller: string }[]

beforeEach(() => {
  found = nothingFound
  asked = []
  searched = []
  stopped = 0
  reported = []
  watched = []
})

function createApp() {
  const app = createEdge({ log: createLog({ name: 'test', level: 'silent' }) })
  addLookupRoutes(app, {
    lookup: (params) => {
      asked.push(params)
      parseQuery(params.q)
      if (params.q === 'tool:slow') throw new MeridianError('busy', 'too many')
      return Promise.resolve(answer)
    },
    index: () => 'run-7',
    watch: (params, caller, sink) => {
      watched.push({ params, caller })
      parseQuery(params.q)
      sink.send(new TextEncoder().encode('event: snapshot\ndata: {}\n\n'))
      if (params.q === 'tool:endless') return () => (stopped += 1)
      sink.end()
      return () => undefined
    },
    reportCalls: (calls) => reported.push(...calls),
    find: (params) => {
      searched.push(params)
      return Promise.resolve(found)
    },
    server: (name) => Promise.resolve(name === 'io.acme/x' ? { name, versions: [] } : undefined),
    definition: (of) => Promise.resolve(of === id ? '{"name":"io.acme/x"}' : undefined),
  })
  return app
}

const get = async (path: string, headers: Record<string, string> = {}) =>
  await createApp().request(path, { headers })
const post = async (path: string, body: unknown) =>
  await createApp().request(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })

async function problemOf(response: Response) {
  const problem = problemSchema.parse(await response.json())
  expect(response.status).toBe(problem.status)
  return problem
}

const everything = {
  q: 'tool:x',
  limit: '5',
  near: 'us/a/n1',
  scope: 'region',
  order: 'ranked',
  min: '2',
  fields: 'server,endpoint',
  explain: 'true',
  'max-age': '1.5',
  'stale-if-error': '60',
  affinity: 'session-1',
  index: '1a-7',
  wait: '10s',
  deadline: '500',
}
const understood = {
  q: 'tool:x',
  limit: 5,
  near: { region: 'us', zone: 'a', node: 'n1' },
  scope: 'region',
  order: 'ranked',
  min: 2,
  fields: ['server', 'endpoint'],
  explain: true,
  maxAgeMs: 1_500,
  staleIfErrorMs: 60_000,
  affinity: 'session-1',
  index: '1a-7',
  waitMs: 10_000,
  deadline: 500,
}

describe('a lookup over HTTP', () => {
  it('reads every parameter of the query string', async () => {
    await get(`/v1/lookup?${new URLSearchParams(everything).toString()}`)
    expect(asked).toEqual([understood])
  })

  it('reads the same from JSON', async () => {
    await post('/v1/lookup', {
      ...everything,
      limit: 5,
      min: 2,
      fields: ['server', 'endpoint'],
      explain: true,
      'max-age': 1.5,
      'stale-if-error': 60,
      deadline: 500,
    })
    expect(asked).toEqual([understood])
  })

  it('takes a query as a tree', async () => {
    await post('/v1/lookup', { q: { not: { field: 'tool', value: 'x' } } })
    expect(asked).toMatchObject([{ q: '-tool:x', limit: 10, deadline: 2_000 }])
  })

  it.each([
    ['limit', '0', 'must be from 1 to 100'],
    ['limit', 'many', 'must be a whole number from 1 to 100'],
    ['near', 'eu-west', 'must be region/zone/node'],
    ['scope', 'planet', 'must be zone, region, global'],
    ['order', 'best', 'must be balanced, ranked, random'],
    ['min', '11', 'must not be above limit, which is 10'],
    ['min', '-1', 'must be a whole number from 1 to 100'],
    ['fields', 'server,colour', 'must be a list, separated by commas'],
    ['fields', '', 'must be a list, separated by commas'],
    ['explain', 'yes', 'must be true or false'],
    ['max-age', 'soon', 'must be seconds, such as 2 or 0.5'],
    ['max-age', '86401', 'must be from 0 to 86400 seconds'],
    ['stale-if-error', '-1', 'must be seconds, such as 2 or 0.5'],
    ['affinity', '', 'must not be empty'],
    ['affinity', 'x'.repeat(300), 'must have at most 256 characters'],
    ['index', 'latest', 'must be an index that an answer gave'],
    ['wait', '10', 'must be a time such as 500ms, 10s or 5m'],
    ['wait', '11m', 'must be at most 10m'],
    ['wait', '10s', 'needs an index to wait on'],
    ['deadline', '0', 'must be from 1 to 10000'],
    ['deadline', '1e3', 'must be a whole number from 1 to 10000'],
    ['color', 'red', 'is unknown'],
  ])('refuses %s=%s, and says why', async (name, value, problem) => {
    const refusal = await problemOf(
      await get(`/v1/lookup?${new URLSearchParams({ [name]: value }).toString()}`),
    )
    expect(refusal).toMatchObject({ code: 'invalid_request' })
    expect(refusal.violations?.[0]?.field.startsWith(name)).toBe(true)
    expect(refusal.violations?.[0]?.problem).toContain(problem)
    expect(asked).toEqual([])
  })

  it.each([
    [{ limit: 1.5 }, 'limit'],
    [{ q: 7 }, 'q'],
    [{ q: { and: 'x' } }, 'q'],
    [{ near: 'eu' }, 'near'],
    [{ scope: 'world' }, 'scope'],
    [{ order: null }, 'order'],
    [{ min: 0 }, 'min'],
    [{ fields: 'server' }, 'fields'],
    [{ fields: [] }, 'fields'],
    [{ explain: 'true' }, 'explain'],
    [{ 'max-age': -1 }, 'max-age'],
    [{ 'stale-if-error': '5' }, 'stale-if-error'],
    [{ affinity: '' }, 'affinity'],
    [{ wait: '5s' }, 'wait'],
    [{ deadline: 0 }, 'deadline'],
    [{ deadlines: 1 }, 'deadlines'],
  ])('refuses the body %j for its %s', async (body, field) => {
    const refusal = await problemOf(await post('/v1/lookup', body))
    expect(['invalid_request', 'invalid_query']).toContain(refusal.code)
    expect(refusal.violations?.[0]?.field).toBe(field)
    expect(asked).toEqual([])
  })

  it('names what an answer says, and does not send it to whoever has it', async () => {
    const first = await get('/v1/lookup?q=tool:x')
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^W\/"/)
    const again = await get('/v1/lookup?q=tool:x', { 'if-none-match': etag })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
    expect((await get('/v1/lookup?q=tool:x', { 'if-none-match': 'W/"other"' })).status).toBe(200)
  })

  it('refuses a query that is none with its position', async () => {
    expect(await problemOf(await get('/v1/lookup?q=tool:'))).toMatchObject({
      code: 'invalid_query',
    })
  })

  it('shows only the fields that are asked for', async () => {
    const response = await get('/v1/lookup?fields=server,metadata')
    expect(await response.json()).toMatchObject({
      outcome: 'found',
      results: [{ server: 'io.acme/x', metadata: { env: 'prod' } }],
    })
    expect(lookupResultFields).toHaveLength(11)
  })
})

describe('many lookups in one call', () => {
  it('are answered in order, and one that fails does not fail the others', async () => {
    const response = await post('/v1/lookups', {
      lookups: [
        { q: 'tool:x', fields: ['server'] },
        { q: 'tool:' },
        { limit: 0 },
        { q: 'tool:slow' },
        'tool:x',
        { q: 'tool:x', wait: '1s' },
        {},
      ],
    })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      answers: [
        { outcome: 'found', results: [{ server: 'io.acme/x' }] },
        { problem: { code: 'invalid_query', status: 400 } },
        { problem: { code: 'invalid_request', violations: [{ field: 'limit' }] } },
        { problem: { code: 'busy', retryable: true } },
        { problem: { code: 'invalid_request' } },
        { problem: { code: 'invalid_request', violations: [{ field: 'wait' }] } },
        { outcome: 'found' },
      ],
    })
  })

  it.each([
    [{ lookups: [] }, 'must hold at least one lookup'],
    [{ lookups: Array.from({ length: 101 }, () => ({})) }, 'must hold at most 100 lookups'],
    [{}, 'is needed'],
  ])('are refused as a whole where there are none or too many', async (body, problem) => {
    const refusal = await problemOf(await post('/v1/lookups', body))
    expect(refusal.violations?.[0]).toMatchObject({ field: 'lookups', problem })
  })

  it('may be a hundred', async () => {
    const lookups = Array.from({ length: 100 }, () => ({ q: 'tool:x' }))
    const response = await post('/v1/lookups', { lookups })
    expect(((await response.json()) as { answers: unknown[] }).answers).toHaveLength(100)
    expect(asked).toHaveLength(100)
  })
})

describe('a watch', () => {
  it('of which only the head is asked begins, is seen to be one, and ends', async () => {
    const response = await createApp().request('/v1/watch?q=tool:endless', { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(await response.text()).toBe('')
    expect(stopped).toBe(1)
  })
})

describe('finding over HTTP', () => {
  it('reads every parameter', async () => {
    const params = {
      q: 'book a flight',
      limit: '3',
      kind: 'tool,server',
      group: 'true',
      typing: 'false',
      filter: 'tag:travel',
      near: 'eu/b/n2',
      scope: 'zone',
      order: 'balanced',
      min: '2',
      fields: 'name,server',
      explain: 'true',
      'max-age': '0.5',
      'stale-if-error': '60',
      deadline: '100',
    }
    await get(`/v1/find?${new URLSearchParams(params).toString()}`)
    expect(searched).toEqual([
      {
        q: 'book a flight',
        limit: 3,
        kind: ['tool', 'server'],
        group: true,
        typing: false,
        filter: 'tag:travel',
        near: { region: 'eu', zone: 'b', node: 'n2' },
        scope: 'zone',
        order: 'balanced',
        min: 2,
        fields: ['name', 'server'],
        explain: true,
        maxAgeMs: 500,
        staleIfErrorMs: 60_000,
        deadline: 100,
      },
    ])
  })

  it('shows the fields that were asked for, of hits inside others too', async () => {
    const factors = { words: 3, covered: 1, topics: 0, behind: 0 }
    const highlights = { server: [], name: [], title: [], line: [] }
    const rest = { server: 'io.acme/x', version: '1.0.0', line: 'Flies', highlights, factors }
    const tool = { ...rest, definitionId: id, kind: 'tool' as const, name: 'fly', score: 2 }
    const server = { ...rest, definitionId: id, kind: 'server' as const, name: 'x', score: 3 }
    found = { ...nothingFound, hits: [{ ...server, ring: 2, inside: [tool] }] }
    const response = await get('/v1/find?q=x&fields=name,ring')
    expect(await response.json()).toMatchObject({
      hits: [{ name: 'x', ring: 2, factors, inside: [{ name: 'fly', factors }] }],
    })
    const whole = await get('/v1/find?q=x')
    expect(await whole.json()).toEqual(found)
  })

  it('tells what stands in a cache, and whoever has the same already', async () => {
    found = { ...nothingFound, cache: 'l1', ageMs: 1_700 }
    const response = await get('/v1/find?q=x')
    expect(response.headers.get('x-meridian-cache')).toBe('l1')
    expect(response.headers.get('age')).toBe('1')
    const etag = response.headers.get('etag') ?? ''
    const again = await get('/v1/find?q=x', { 'if-none-match': etag })
    expect(again.status).toBe(304)
    found = { ...nothingFound, outcome: 'unknown', complete: false }
    const other = await get('/v1/find?q=x', { 'if-none-match': etag })
    expect(other.status).toBe(200)
    expect(other.headers.get('x-meridian-cache')).toBeNull()
  })

  it.each([
    ['', 'q'],
    ['q=', 'q'],
    [`q=${'x'.repeat(9_000)}`, 'q'],
    ['q=x&limit=0', 'limit'],
    ['q=x&kind=server,gadget', 'kind[1]'],
    ['q=x&group=1', 'group'],
    ['q=x&typing=maybe', 'typing'],
    ['q=x&scope=all', 'scope'],
    ['q=x&min=101', 'min'],
    ['q=x&min=11', 'min'],
    ['q=x&near=eu/b', 'near'],
    ['q=x&order=best', 'order'],
    ['q=x&fields=server,colour', 'fields[1]'],
    ['q=x&explain=yes', 'explain'],
    ['q=x&max-age=-1', 'max-age'],
    ['q=x&stale-if-error=99999', 'stale-if-error'],
    ['q=x&affinity=me', 'affinity'],
    ['q=x&deadline=never', 'deadline'],
  ])('refuses %s', async (params, field) => {
    const refusal = await problemOf(await get(`/v1/find?${params}`))
    expect(refusal.code).toBe('invalid_request')
    expect(refusal.violations?.[0]?.field).toBe(field)
    expect(searched).toEqual([])
  })
})

describe('what answers lead on to', () => {
  it('is a server by its name, with its slash as it is or encoded', async () => {
    for (const name of ['io.acme/x', 'io.acme%2Fx']) {
      const response = await get(`/v1/servers/${name}`)
      expect(await response.json()).toEqual({ name: 'io.acme/x', versions: [] })
    }
  })

  it('is a definition, which may be kept for ever', async () => {
    const response = await get(`/v1/definitions/${id}`)
    expect(await response.json()).toEqual({ name: 'io.acme/x' })
    expect(response.headers.get('etag')).toBe(`"${id}"`)
    expect(response.headers.get('cache-control')).toContain('immutable')
    const again = await get(`/v1/definitions/${id}`, { 'if-none-match': `"${id}"` })
    expect(again.status).toBe(304)
  })

  it.each([
    ['/v1/servers/io.acme/y', 'not_found'],
    [`/v1/definitions/${'b'.repeat(64)}`, 'not_found'],
    ['/v1/definitions/latest', 'invalid_request'],
  ])('is not there: %s is %s', async (path, code) => {
    expect((await problemOf(await get(path))).code).toBe(code)
  })
})

describe('reports of calls', () => {
  it('reach whoever draws, under the name of the instance', async () => {
    const call = { locality: 'eu/a/n1', instance: 'x-1', ok: false, latencyMs: 12.5 }
    const response = await post('/v1/report', { calls: [call] })
    expect(response.status).toBe(204)
    expect(reported).toEqual([{ instance: 'eu/a/n1/x-1', ok: false, latencyMs: 12.5 }])
  })

  it.each([
    [{ calls: [] }, 'calls'],
    [{ calls: [{ locality: 'eu', instance: 'x', ok: true }] }, 'calls[0].locality'],
    [{ calls: [{ locality: 'eu/a/n', instance: '', ok: true }] }, 'calls[0].instance'],
    [{ calls: [{ locality: 'eu/a/n', instance: 'x', ok: 'yes' }] }, 'calls[0].ok'],
    [
      { calls: [{ locality: 'eu/a/n', instance: 'x', ok: true, latencyMs: -1 }] },
      'calls[0].latencyMs',
    ],
  ])('are refused: %j', async (body, field) => {
    expect((await problemOf(await post('/v1/report', body))).violations?.[0]?.field).toBe(field)
  })
})

describe('a watch over HTTP', () => {
  it('is a stream of events, which goes on where the last one ended', async () => {
    const response = await get('/v1/watch?q=tool:x&scope=zone&index=a-1', {
      'last-event-id': 'a-2',
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(await response.text()).toBe('event: snapshot\ndata: {}\n\n')
    expect(watched).toMatchObject([{ params: { q: 'tool:x', scope: 'zone', index: 'a-2' } }])
  })

  it.each([
    ['/v1/watch?q=tool:', {}, 'invalid_query'],
    ['/v1/watch?scope=all', {}, 'invalid_request'],
    ['/v1/watch?index=now', {}, 'invalid_request'],
    ['/v1/watch?limit=3', {}, 'invalid_request'],
    ['/v1/watch', { 'last-event-id': 'yesterday' }, 'invalid_request'],
  ])('is refused before it begins: %s', async (path, headers, code) => {
    expect((await problemOf(await get(path, headers))).code).toBe(code)
  })

  it('can begin where a lookup was answered', async () => {
    expect((await get('/v1/lookup?q=tool:x')).headers.get('x-meridian-index')).toBe('run-7')
  })
})
