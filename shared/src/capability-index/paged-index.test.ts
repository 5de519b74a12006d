import { beforeEach, describe, expect, test } from 'vitest'
import { agentOwnerId, type Definition, type Locality, type Ring } from '../model/index.ts'
import {
  createCapabilityIndex,
  type CapabilityIndex,
  type IndexChange,
  type LookupOptions,
} from './index.ts'
import { createLinearIndex } from './linear-index.ts'
import { parseQuery } from './query/index.ts'

const here: Locality = { region: 'eu', zone: 'a', node: 'n1' }
const places: Record<Ring, Locality> = {
  0: here,
  1: { ...here, node: 'n2' },
  2: { ...here, zone: 'b' },
  3: { region: 'us', zone: 'a', node: 'n1' },
}

function definition(tools: readonly string[], version = '1.0.0'): Definition {
  return {
    name: 'io.github.acme/flights',
    version,
    tags: [],
    protocols: [],
    capabilities: {
      tools: tools.map((name) => ({ name })),
      resources: [],
      resourceTemplates: [],
      prompts: [],
    },
  }
}

/** Ids that begin with all kinds of digits, as hashes do. */
function spreadId(number: number): string {
  const start = ((number * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0')
  return definitionId(number, start)
}

/** Ids of definitions; the digits that decide on canonical order can be given. */
function definitionId(number: number, start = ''): string {
  return start + number.toString(16).padStart(64 - start.length, '0')
}

const options = (change: Partial<LookupOptions> = {}): LookupOptions => ({
  from: here,
  limit: 10,
  order: 'ranked',
  random: () => 0.5,
  ...change,
})

function put(
  index: CapabilityIndex,
  id: string,
  change: {
    locality?: Locality
    definition?: string
    tools?: readonly string[]
    status?: 'passing' | 'warning' | 'gated' | 'critical'
    draining?: boolean
    inFlight?: number
  } = {},
): void {
  const { locality = here, tools = ['search'], status = 'passing', draining = false } = change
  index.put(
    {
      owner: agentOwnerId(locality),
      locality,
      spec: {
        id,
        definition: change.definition ?? definitionId(1),
        endpoint: { transport: 'streamable-http', url: 'http://127.0.0.1/' },
        metadata: {},
        capacity: 100,
      },
      state: { id, status, weight: 100, draining },
      load: { inFlight: change.inFlight ?? 0, latencyMs: 10 },
    },
    definition(tools),
  )
}

const ids = (
  index: CapabilityIndex,
  query: string,
  change: Partial<LookupOptions> = {},
): string[] =>
  index.lookup(parseQuery(query), options(change)).map(({ instance }) => instance.spec.id)

describe.each([
  ['the index', createCapabilityIndex],
  ['its oracle', createLinearIndex],
])('%s', (_, create) => {
  let index: CapabilityIndex
  beforeEach(() => {
    index = create()
  })

  test('answers nearer rings first, whatever their load', () => {
    for (const ring of [3, 1, 0, 2] as const) {
      put(index, `ring-${ring}`, { locality: places[ring], inFlight: ring === 0 ? 99 : 0 })
    }
    expect(ids(index, 'tool:search')).toEqual(['ring-0', 'ring-1', 'ring-2', 'ring-3'])
    expect(ids(index, 'tool:search', { limit: 2 })).toEqual(['ring-0', 'ring-1'])
    expect(ids(index, 'tool:search', { ringMin: 1, ringMax: 2 })).toEqual(['ring-1', 'ring-2'])
    expect(index.lookup(parseQuery(''), options()).map(({ ring }) => ring)).toEqual([0, 1, 2, 3])
  })

  test('answers other regions by measured distance, unknown ones last', () => {
    for (const region of ['ap', 'us', 'sa'])
      put(index, region, { locality: { region, zone: 'a', node: 'n' } })
    const distances: Record<string, number> = { us: 80, ap: 200 }
    const regionDistanceMs = (region: string) => distances[region]
    expect(ids(index, '', { regionDistanceMs })).toEqual(['us', 'ap', 'sa'])
  })

  test('prefers health, then load, of what is equally near', () => {
    put(index, 'gated', { definition: definitionId(1), status: 'gated' })
    put(index, 'busy', { definition: definitionId(2), inFlight: 90 })
    put(index, 'warning', { definition: definitionId(3), status: 'warning' })
    put(index, 'idle', { definition: definitionId(4) })
    expect(ids(index, 'tool:search')).toEqual(['idle', 'warning', 'gated', 'busy'])
    // The pool is taken bucket by bucket: what is busy but healthy comes before what is not.
    for (let i = 10; i < 41; i += 1) put(index, `idle-${i}`, { definition: definitionId(i) })
    expect(ids(index, 'tool:search', { limit: 32 })).not.toContain('busy')
    expect(ids(index, 'tool:search', { limit: 33 }).at(-1)).toBe('busy')
  })

  test('leaves out what takes no work, unless a status is asked for', () => {
    put(index, 'passing')
    put(index, 'critical', { status: 'critical' })
    put(index, 'draining', { draining: true })
    put(index, 'silent', { locality: places[1] })
    index.setLiveness(agentOwnerId(places[1]), 'unreachable')
    expect(ids(index, 'tool:search')).toEqual(['passing'])
    expect(ids(index, 'tool:search -status:warning')).toEqual(['passing'])
    expect(ids(index, 'tool:search status:critical')).toEqual(['critical'])
    expect(ids(index, 'status:draining')).toEqual(['draining'])
    expect(ids(index, 'tool:search status:*')[0]).toBe('passing')
    expect(ids(index, 'tool:search status:*')).toHaveLength(4)
    const count = index.count(parseQuery('tool:search'))
    expect(count).toMatchObject({ instances: 4, usable: 1, capacity: 100, groups: 1 })
    expect(count.byStatus).toEqual({ passing: 3, warning: 0, gated: 0, critical: 1 })
    expect([...index.matching(parseQuery('tool:search'))]).toHaveLength(4)
  })

  test('counts by region and zone, sorted', () => {
    for (const ring of [3, 2, 1, 0] as const) put(index, `r${ring}`, { locality: places[ring] })
    const { regions } = index.count(parseQuery(''))
    expect(
      regions.map(({ region, instances, zones }) => [
        region,
        instances,
        zones.map(({ zone }) => zone),
      ]),
    ).toEqual([
      ['eu', 3, ['a', 'b']],
      ['us', 1, ['a']],
    ])
  })

  test('tells of every change but load, with the instance as it then is', () => {
    const told: string[] = []
    const stop = index.onChange(({ kind, instance }: IndexChange) => {
      told.push(`${kind} ${instance.spec.id} ${instance.state.status} ${instance.liveness}`)
    })
    const owner = agentOwnerId(here)
    put(index, 'a')
    put(index, 'a', { tools: ['other'], definition: definitionId(2) })
    index.setState(owner, 'a', { id: 'a', status: 'warning', weight: 100, draining: false })
    index.setLoad(owner, 'a', { inFlight: 50, latencyMs: 1 })
    index.setLiveness(owner, 'suspect')
    index.setLiveness(owner, 'suspect')
    index.remove(owner, 'a')
    stop()
    put(index, 'b')
    expect(told).toEqual([
      'added a passing alive',
      'changed a passing alive',
      'changed a warning alive',
      'changed a warning suspect',
      'removed a warning suspect',
    ])
    expect(index.get(owner, 'b')?.liveness).toBe('suspect')
  })

  test('asks for a definition only when it does not know the group', () => {
    let asked = 0
    const ask = () => {
      asked += 1
      return definition(['search'])
    }
    put(index, 'a')
    const { owner, locality, spec, state } =
      index.get(agentOwnerId(here), 'a') ?? expect.unreachable()
    index.put({ owner, locality, spec: { ...spec, id: 'b' }, state: { ...state, id: 'b' } }, ask)
    index.put({ owner, locality, spec: { ...spec, capacity: 7 }, state }, ask)
    expect(asked).toBe(0)
    index.put(
      { owner, locality, spec: { ...spec, id: 'c', definition: definitionId(9) }, state },
      ask,
    )
    expect(asked).toBe(1)
  })

  test('is unchanged when a definition cannot be had', () => {
    put(index, 'a')
    const { owner, locality, spec, state } =
      index.get(agentOwnerId(here), 'a') ?? expect.unreachable()
    const missing = () => {
      throw new Error('not here')
    }
    const other = { ...spec, definition: definitionId(9) }
    expect(() => index.put({ owner, locality, spec: other, state }, missing)).toThrow('not here')
    expect(() =>
      index.put({ owner, locality: places[3], spec: { ...other, id: 'b' }, state }, missing),
    ).toThrow('not here')
    expect(ids(index, '')).toEqual(['a'])
    expect(index.size).toMatchObject({ instances: 1, groups: 1 })
    expect(index.get(owner, 'b')).toBeUndefined()
  })

  test('refuses a limit out of bounds, and a wildcard that stands for too much', () => {
    const ask = (limit: number) => () => ids(index, '', { limit })
    for (const limit of [0, -1, 1.5, 1_001, Number.NaN]) {
      expect(ask(limit)).toThrow(/must be a whole number from 1 to 1000/)
    }
    const small = create({ wildcardTermsMax: 3 })
    put(small, 'a', { tools: ['a1', 'a2', 'a3', 'b'] })
    expect(ids(small, 'tool:a*')).toEqual(['a'])
    put(small, 'b', { tools: ['a4'], definition: definitionId(2) })
    expect(() => ids(small, 'tool:a*')).toThrow(
      'tool:a* stands for more than 3 values here; write more of its beginning',
    )
    expect(() => small.count(parseQuery('tool:zzz tool:a*'))).toThrow(
      expect.objectContaining({ code: 'invalid_query' }),
    )
    expect(ids(small, 'tool:*')).toHaveLength(2)
  })
})

describe('the index', () => {
  test('looks at no more rows when there are ten times as many', () => {
    const touched = [1_000, 10_000].map((size) => {
      const index = createCapabilityIndex()
      for (let i = 0; i < size; i += 1)
        put(index, `i${i}`, { definition: spreadId(i), inFlight: i % 90 })
      const from = { ...here, node: 'asker' }
      const { rowsTouched, rowsTotal, zones } = index.explain(
        parseQuery('tool:search'),
        options({ from }),
      )
      expect(rowsTotal).toBe(size)
      expect(zones[0]?.ended).toBe('early')
      return rowsTouched
    })
    expect(touched[1]).toBeLessThan(100)
    expect(touched[1]).toBeLessThan((touched[0] ?? 0) * 2)
  })

  test('says how it found its answer', () => {
    const index = createCapabilityIndex()
    for (let i = 0; i < 300; i += 1)
      put(index, `i${i}`, {
        definition: definitionId(i),
        tools: i % 100 === 0 ? ['search', 'rare'] : ['search'],
      })
    const { query, plan, rowsTouched, hits } = index.explain(
      parseQuery('tool:search tool:rare -transport:sse'),
      options({ from: { ...here, node: 'asker' } }),
    )
    expect(query).toBe('tool:search tool:rare -transport:sse')
    expect(plan.how).toBe('all of')
    expect(plan.steps.map(({ what, rows }) => [what, rows])).toEqual([
      ['tool:rare', 3],
      ['tool:search', 300],
      ['-transport:sse', 300],
    ])
    expect(rowsTouched).toBe(3)
    expect(hits).toHaveLength(3)
  })

  test('keeps rows apart whose definitions have ids that begin alike', () => {
    const index = createCapabilityIndex()
    const oracle = createLinearIndex()
    for (const one of [index, oracle]) {
      for (let i = 0; i < 300; i += 1)
        put(one, `i${i}`, { definition: definitionId(i, i % 3 === 0 ? '11111111' : '22222222') })
      for (let i = 0; i < 300; i += 4) one.remove(agentOwnerId(here), `i${i}`)
      for (let i = 300; i < 340; i += 1)
        put(one, `i${i}`, { definition: definitionId(i, `${i}00000`) })
    }
    while (index.maintain());
    expect(ids(index, '', { limit: 300 })).toEqual(ids(oracle, '', { limit: 300 }))
  })

  test('refuses what no shelf can hold, and goes on', () => {
    const index = createCapabilityIndex({ shelfPagesMax: 8 })
    let refused = 0
    for (let i = 0; i < 400; i += 1) {
      try {
        put(index, `i${i}`, { definition: definitionId(i, '11111111'), tools: [`t${i}`] })
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_request' })
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(0)
    expect(index.size.instances).toBe(400 - refused)
    expect(ids(index, 'tool:t*', { limit: 1_000 })).toHaveLength(400 - refused)
    // Wherever on the circle they lie, others are not in the way of those.
    for (let i = 0; i < 600; i += 1) put(index, `other${i}`, { definition: spreadId(i) })
    expect(ids(index, 'tool:search', { limit: 1_000 })).toHaveLength(600)
    const owner = agentOwnerId(here)
    for (let i = 0; i < 400; i += 1) index.remove(owner, `i${i}`)
    while (index.maintain());
    const oracle = createLinearIndex()
    for (let i = 0; i < 600; i += 1) put(oracle, `other${i}`, { definition: spreadId(i) })
    expect(ids(index, '', { limit: 1_000 })).toEqual(ids(oracle, '', { limit: 1_000 }))
  })

  test('tells the instances of a row apart as soon as one becomes different', () => {
    const index = createCapabilityIndex()
    const owner = agentOwnerId(here)
    for (let i = 0; i < 12; i += 1) put(index, `i${i}`)
    expect(ids(index, 'status:passing', { limit: 20 })).toHaveLength(12)
    index.setState(owner, 'i3', { id: 'i3', status: 'warning', weight: 100, draining: false })
    expect(ids(index, 'status:passing', { limit: 20 })).toHaveLength(11)
    expect(ids(index, 'status:warning')).toEqual(['i3'])
    index.setState(owner, 'i3', { id: 'i3', status: 'passing', weight: 100, draining: false })
    expect(ids(index, 'status:passing', { limit: 20 })).toHaveLength(12)
    const known = index.get(owner, 'i5')
    if (known === undefined) throw new Error('it is gone')
    const { spec, state } = known
    index.put(
      { owner, locality: here, state, spec: { ...spec, metadata: { env: 'prod' } } },
      definition(['search']),
    )
    expect(ids(index, 'meta.env:prod', { limit: 20 })).toEqual(['i5'])
    expect(ids(index, '-meta.env:prod', { limit: 20 })).toHaveLength(11)
  })

  test('knows what is on the node of the asker after instances came, went and moved', () => {
    const index = createCapabilityIndex()
    const rings = (): Ring[] =>
      index.lookup(parseQuery('tool:search'), options({ limit: 100 })).map(({ ring }) => ring)
    put(index, 'own')
    put(index, 'other', { locality: places[1] })
    expect(rings()).toEqual([0, 1])
    put(index, 'own2')
    expect(rings()).toEqual([0, 0, 1])
    const owner = agentOwnerId(here)
    const moved = index.get(owner, 'own')
    if (moved === undefined) throw new Error('it is gone')
    index.put({ ...moved, owner, locality: places[1] }, definition(['search']))
    expect(rings()).toEqual([0, 1, 1])
    index.remove(owner, 'own2')
    expect(rings()).toEqual([1, 1])
    // So many that it does not note them.
    for (let i = 0; i < 1_100; i += 1) put(index, `i${i}`, { definition: spreadId(i % 40) })
    expect(index.lookup(parseQuery('tool:search'), options({ limit: 1_000 })).length).toBe(1_000)
    for (let i = 0; i < 1_090; i += 1) index.remove(owner, `i${i}`)
    expect(rings().filter((ring) => ring === 0)).toHaveLength(10)
  })

  test('answers what weighs the same in canonical order, whatever came first', () => {
    const names = Array.from({ length: 20 }, (_, at) => `i${at}`)
    const forwards = createCapabilityIndex()
    const backwards = createCapabilityIndex()
    const oracle = createLinearIndex()
    for (const [index, order] of [
      [forwards, names],
      [backwards, names.toReversed()],
      [oracle, names],
    ] as const) {
      for (const id of order) {
        const at = Number(id.slice(1))
        // Three definitions, two of which have ids that begin alike.
        put(index, id, { definition: definitionId(at % 3, at % 3 === 0 ? '1234' : '12345678') })
      }
    }
    expect(ids(forwards, '', { limit: 20 })).toEqual(ids(oracle, '', { limit: 20 }))
    expect(ids(backwards, '', { limit: 20 })).toEqual(ids(oracle, '', { limit: 20 }))
    expect(ids(forwards, '', { limit: 7 })).toEqual(ids(oracle, '', { limit: 7 }))
  })

  test('tidies to an end, in pieces, without another answer in between', () => {
    const index = createCapabilityIndex({ shelfPagesMax: 64 })
    const owner = agentOwnerId(here)
    for (let i = 0; i < 6_000; i += 1) {
      put(index, `i${i}`, {
        definition: spreadId(i),
        tools: ['search', `t${i % 50}`],
      })
    }
    for (let i = 0; i < 6_000; i += 1) if (i % 5 !== 0) index.remove(owner, `i${i}`)
    const query = parseQuery('tool:t5*')
    const before = index
      .lookup(query, options({ limit: 100 }))
      .map(({ instance }) => instance.spec.id)
    const bytes = index.size.bytes
    let pieces = 0
    while (index.maintain()) {
      pieces += 1
      if (pieces % 50 === 0) {
        expect(
          index.lookup(query, options({ limit: 100 })).map(({ instance }) => instance.spec.id),
        ).toEqual(before)
      }
    }
    expect(pieces).toBeGreaterThan(10)
    expect(index.size.bytes).toBeLessThan(bytes * 0.8)
    expect(index.maintain()).toBe(false)
    expect([...index.matching(parseQuery(''))]).toHaveLength(1_200)
    for (let i = 0; i < 6_000; i += 5) index.remove(owner, `i${i}`)
    while (index.maintain());
    expect(index.size).toMatchObject({ instances: 0, groups: 0 })
  })
})
