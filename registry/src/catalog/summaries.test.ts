import {
  createLinearIndex,
  encodeSummaryRow,
  encodeZoneReading,
  fixedFields,
  identifyDefinition,
  LookupPlans,
  parseQuery,
  printQuery,
  summaryKey,
  type Definition,
  type DefinitionId,
  type Field,
  type OwnerRecord,
  type QueryPart,
  type SummaryRow,
  type ZoneState,
} from '@meridian/shared'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { SummaryCounts } from '../uplink/summary-counts.ts'
import { coarsen, createSummariesCatalog, type SummariesCatalog } from './summaries.ts'

const flights = identifyDefinition({
  name: 'io.acme/flights',
  version: '1.2.0',
  tags: ['travel'],
  capabilities: { tools: [{ name: 'search_flights' }] },
})
const hotels = identifyDefinition({ name: 'io.acme/hotels', version: '2.0.0' })

function rowOf(region: string, zone: string, definition: string, counts = {}): SummaryRow {
  return {
    region,
    zone,
    definition,
    passing: 1,
    warning: 0,
    gated: 0,
    critical: 0,
    draining: 0,
    capacity: 100,
    ...counts,
  }
}

describe('a catalog of summaries', () => {
  let records: Map<string, OwnerRecord>
  let definitions: Map<DefinitionId, Definition>
  let unreadable: string[]
  let catalog: SummariesCatalog
  let living: Set<string>
  let now: number

  beforeEach(() => {
    now = 0
    records = new Map()
    definitions = new Map([flights, hotels].map(({ id, definition }) => [id, definition]))
    unreadable = []
    living = new Set()
    catalog = createSummariesCatalog({
      index: createLinearIndex(),
      record: (owner, key) => records.get(`${owner} ${key}`),
      definition: (id) => definitions.get(id),
      onUnreadable: (owner, key, reason) => unreadable.push(`${owner} ${key}: ${reason}`),
      lives: (owner) => living.has(owner),
      now: () => now,
      forgetMs: 1_000,
    })
  })

  function put(owner: string, row: SummaryRow): void {
    const input = encodeSummaryRow(row)
    records.set(`${owner} ${input.key}`, { ...input, counter: 1 })
    catalog.apply(owner, [{ key: input.key }])
  }
  function remove(owner: string, row: SummaryRow): void {
    const key = summaryKey(row.region, row.zone, row.definition)
    records.delete(`${owner} ${key}`)
    catalog.apply(owner, [{ key }])
  }
  function read(owner: string, region: string, zone: string, state: ZoneState | undefined): void {
    const input = encodeZoneReading({ region, zone, state: state ?? 'fresh' })
    records.set(`${owner} ${input.key}`, {
      ...input,
      ...(state === undefined && { body: null }),
      counter: 1,
    })
    catalog.apply(owner, [{ key: input.key }])
  }
  function present(owner: string, isThere: boolean): void {
    if (isThere) living.add(owner)
    else living.delete(owner)
    catalog.presenceChanged(owner)
  }
  const regionsWith = (text: string) => catalog.regionsWith(parseQuery(text))

  it('knows which regions may have a match, and no instances', () => {
    put('eu/-/r1/summary', rowOf('eu', 'a', flights.id))
    put('us/-/r1/summary', rowOf('us', 'b', hotels.id))
    expect(regionsWith('tool:search_flights')).toEqual(['eu'])
    expect(regionsWith('')).toEqual(['eu', 'us'])
    expect(regionsWith('tool:teleport')).toEqual([])
    const from = { region: 'eu', zone: 'a', node: 'n1' }
    const options = { from, limit: 10, now: 0 }
    expect(catalog.candidates(new LookupPlans().of(''), options).candidates).toEqual([])
  })

  it('leaves out no region because of what only instances know', () => {
    put('eu/-/r1/summary', rowOf('eu', 'a', flights.id))
    expect(regionsWith('tool:search_flights meta.env:prod -node:n1 transport:sse')).toEqual(['eu'])
    expect(regionsWith('-(status:critical | meta.env:prod)')).toEqual(['eu'])
  })

  it('reads the first replica by name that lives and has read the zone', () => {
    const [r1, r2] = ['eu/-/r1/summary', 'eu/-/r2/summary']
    const shown = () => {
      const [region] = catalog.regions()
      return [region?.instances.passing, region?.zones[0]?.state, ...catalog.staleZones()]
    }
    put(r2, rowOf('eu', 'a', flights.id, { passing: 7 }))
    expect(shown()).toEqual([7, 'unknown', 'eu/a'])
    present(r2, true)
    read(r2, 'eu', 'a', 'fresh')
    expect(shown()).toEqual([7, 'fresh'])
    // It has rows, and has not compared them yet.
    put(r1, rowOf('eu', 'a', flights.id, { passing: 3 }))
    present(r1, true)
    expect(shown()).toEqual([7, 'fresh'])
    read(r1, 'eu', 'a', 'preserved')
    expect(shown()).toEqual([3, 'preserved'])
    // It hears the zone no more, and the other does.
    read(r1, 'eu', 'a', 'unknown')
    expect(shown()).toEqual([7, 'fresh'])
    present(r2, false)
    expect(shown()).toEqual([7, 'unknown', 'eu/a'])
    remove(r2, rowOf('eu', 'a', flights.id))
    read(r2, 'eu', 'a', undefined)
    expect(shown()).toEqual([3, 'unknown', 'eu/a'])
    remove(r1, rowOf('eu', 'a', flights.id))
    expect(catalog.regions()).toEqual([])
  })

  it.each(['rows first', 'its word first'])(
    'takes no zone for empty because the only replica that read it has lost its disk (%s)',
    (order) => {
      const r1 = 'eu/-/r1/summary'
      const row = rowOf('eu', 'a', flights.id)
      const lose = () => {
        const keys = [
          summaryKey(row.region, row.zone, row.definition),
          encodeZoneReading({ region: 'eu', zone: 'a', state: 'fresh' }).key,
        ]
        for (const key of keys) records.delete(`${r1} ${key}`)
        const events = keys.map((key) => ({ key }))
        catalog.apply(r1, order === 'rows first' ? events : events.reverse())
      }
      present(r1, true)
      put(r1, row)
      read(r1, 'eu', 'a', 'fresh')
      expect(catalog.staleZones()).toEqual([])
      lose()
      expect(regionsWith('')).toEqual([])
      expect(catalog.staleZones()).toEqual(['eu/a'])
      // Read again, it may turn out to be empty.
      read(r1, 'eu', 'a', 'fresh')
      expect(catalog.staleZones()).toEqual([])
      read(r1, 'eu', 'a', undefined)
      expect(catalog.staleZones()).toEqual([])
      // Lost again, and never heard of any more.
      put(r1, row)
      lose()
      now = 999
      expect(catalog.staleZones()).toEqual(['eu/a'])
      now = 1_000
      expect(catalog.staleZones()).toEqual([])
    },
  )

  it('believes a replica that has read a zone and found nothing there', () => {
    const [r1, r2] = ['eu/-/r1/summary', 'eu/-/r2/summary']
    put(r2, rowOf('eu', 'a', flights.id))
    present(r1, true)
    read(r1, 'eu', 'a', 'fresh')
    expect(catalog.regions()).toEqual([])
  })

  it('sets aside what is said of zones of other regions', () => {
    present('eu/-/r1/summary', true)
    read('eu/-/r1/summary', 'us', 'a', 'fresh')
    expect(unreadable).toHaveLength(1)
    expect(catalog.staleZones()).toEqual([])
  })

  it('places definitions in zones, with their counts', () => {
    put('eu/-/r1/summary', rowOf('eu', 'a', flights.id, { passing: 2, warning: 1 }))
    put('eu/-/r1/summary', rowOf('eu', 'b', flights.id, { passing: 1, critical: 4 }))
    put('us/-/r1/summary', rowOf('us', 'a', hotels.id))
    expect([...catalog.placed(parseQuery('tool:search_flights'))]).toMatchObject([
      { head: { name: 'io.acme/flights' }, zone: 'a', counts: { passing: 2, warning: 1 } },
      { head: { name: 'io.acme/flights' }, zone: 'b', counts: { passing: 1, critical: 4 } },
    ])
  })

  it('holds a row back until its definition arrives', () => {
    definitions.delete(flights.id)
    put('eu/-/r1/summary', rowOf('eu', 'a', flights.id))
    expect([catalog.heldBack, regionsWith('')]).toEqual([1, []])
    definitions.set(flights.id, flights.definition)
    catalog.definitionsArrived([flights.id])
    expect([catalog.heldBack, regionsWith('')]).toEqual([0, ['eu']])
  })

  it('waits no more for the definition of a row that is gone', () => {
    definitions.delete(flights.id)
    put('eu/-/r1/summary', rowOf('eu', 'a', flights.id))
    remove('eu/-/r1/summary', rowOf('eu', 'a', flights.id))
    expect(catalog.heldBack).toBe(0)
  })

  it('sets a row aside that cannot be read, and reads the others', () => {
    const { key } = encodeSummaryRow(rowOf('eu', 'a', flights.id))
    const body = Uint8Array.of(0xff)
    records.set(`eu/-/r1/summary ${key}`, { key, counter: 1, body, definition: flights.id })
    catalog.apply('eu/-/r1/summary', [{ key }])
    put('eu/-/r1/summary', rowOf('eu', 'b', hotels.id))
    expect(unreadable).toHaveLength(1)
    expect(catalog.regions()[0]?.zones.map(({ zone }) => zone)).toEqual(['b'])
  })

  it('sets aside what a replica says of a region that is not its own', () => {
    put('us/-/r1/summary', rowOf('eu', 'a', flights.id))
    expect(unreadable).toHaveLength(1)
    expect(regionsWith('')).toEqual([])
  })
})

const values: Readonly<Partial<Record<Field, readonly string[]>>> = {
  tool: ['t1', 't2', 't3'],
  tag: ['x', 'y'],
  server: ['io.acme/a', 'io.acme/b'],
  version: ['1.0.0', '2.0.0', '>=1.5.0'],
  region: ['eu', 'us'],
  zone: ['a', 'b'],
  node: ['n1', 'n2'],
  status: ['passing', 'critical', 'draining'],
  transport: ['sse', 'streamable-http'],
  'meta.env': ['prod', 'test'],
}

const term: fc.Arbitrary<QueryPart> = fc
  .constantFrom(...fixedFields, 'meta.env' as const)
  .filter((field) => values[field] !== undefined)
  .chain((field) =>
    fc.record({
      kind: fc.constantFrom('is' as const, ...(field === 'version' ? [] : ['begins' as const])),
      field: fc.constant(field),
      value: fc.constantFrom(...(values[field] ?? [])),
    }),
  )
const part: fc.Arbitrary<QueryPart> = fc.letrec<{ part: QueryPart }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    term,
    fc.record({ kind: fc.constant('not' as const), of: tie('part') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      of: fc.array(tie('part'), { minLength: 2, maxLength: 3 }),
    }),
  ),
})).part

const definitionsMade = [0, 1, 2, 3, 4, 5].map((n) =>
  identifyDefinition({
    name: n % 2 === 0 ? 'io.acme/a' : 'io.acme/b',
    version: n < 3 ? '1.0.0' : '2.0.0',
    tags: n % 3 === 0 ? ['x'] : ['y'],
    capabilities: { tools: [{ name: `t${(n % 3) + 1}` }] },
  }),
)

const instance = fc.record({
  id: fc.constantFrom('i1', 'i2', 'i3'),
  region: fc.constantFrom('eu', 'us'),
  zone: fc.constantFrom('a', 'b'),
  node: fc.constantFrom('n1', 'n2'),
  made: fc.nat(definitionsMade.length - 1),
  transport: fc.constantFrom('sse' as const, 'streamable-http' as const),
  env: fc.constantFrom('prod', 'test'),
  status: fc.constantFrom('passing' as const, 'warning' as const, 'critical' as const),
  draining: fc.boolean(),
})

describe('coarsen', () => {
  it('never loses a region that has a match (against a linear index of the instances)', () => {
    fc.assert(
      fc.property(fc.array(instance, { maxLength: 8 }), part, (instances, query) => {
        const index = createLinearIndex()
        const counts = new SummaryCounts()
        index.onChange((change) => void counts.take(change))
        for (const {
          id,
          region,
          zone,
          node,
          made,
          transport,
          env,
          status,
          draining,
        } of instances) {
          const known = definitionsMade[made]
          if (!known) continue
          index.put(
            {
              owner: `${region}/${zone}/${node}/agent`,
              locality: { region, zone, node },
              spec: {
                id,
                definition: known.id,
                endpoint: { transport, url: 'http://x' },
                metadata: { env },
                capacity: 1,
              },
              state: { id, status, weight: 100, draining },
            },
            known.definition,
          )
        }
        const records = new Map<string, OwnerRecord>()
        for (const key of counts.keys()) {
          const row = counts.get(key)
          if (row) records.set(key, { ...encodeSummaryRow(row), counter: 1 })
        }
        const catalog = createSummariesCatalog({
          index: createLinearIndex(),
          record: (owner, key) => (key.includes(owner.slice(0, 2)) ? records.get(key) : undefined),
          definition: (id) => definitionsMade.find((each) => each.id === id)?.definition,
          onUnreadable: (_owner, key, reason) => {
            throw new Error(`${key}: ${reason}`)
          },
          lives: () => true,
          now: () => 0,
          forgetMs: 1_000,
        })
        for (const region of ['eu', 'us']) {
          const own = [...counts.keys()].filter((key) => counts.get(key)?.region === region)
          catalog.apply(
            `${region}/-/r1/summary`,
            own.map((key) => ({ key })),
          )
        }
        const named = new Set(catalog.regionsWith(query))
        const missed = index.count(query).regions.filter(({ region }) => !named.has(region))
        expect({ query: printQuery(query), missed }).toEqual({
          query: printQuery(query),
          missed: [],
        })
      }),
      { numRuns: 500 },
    )
  })

  it('is exact where nothing depends on the instance', () => {
    const query = parseQuery('tool:t1 (tag:x | -server:io.acme/a) -zone:b')
    expect(coarsen(query)).toEqual(query)
  })

  it('asks everybody where everything does', () => {
    expect(coarsen(parseQuery('-(status:critical meta.env:prod)'))).toEqual({ kind: 'all' })
  })
})
