import {
  createCapabilityIndex,
  identifyDefinition,
  summaryKey,
  type CapabilityIndex,
  type InstanceStatus,
  type SummaryRow,
} from '@meridian/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SummaryCounts } from './summary-counts.ts'

const definitions = ['flights', 'hotels', 'trains'].map((name) =>
  identifyDefinition({ name: `io.acme/${name}`, version: '1.0.0' }),
)

const place = {
  zone: fc.constantFrom('a', 'b'),
  node: fc.constantFrom('n1', 'n2'),
  id: fc.constantFrom('i1', 'i2', 'i3'),
}
const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      ...place,
      made: fc.nat(definitions.length - 1),
      status: fc.constantFrom<InstanceStatus>('passing', 'warning', 'gated', 'critical'),
      weight: fc.constantFrom(0, 100),
      draining: fc.boolean(),
      capacity: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), ...place }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('remove-owner' as const), ...place }),
  },
)

/** Counted over again from nothing. */
function recount(index: CapabilityIndex): Map<string, SummaryRow> {
  const rows = new Map<string, SummaryRow>()
  for (const { spec, state, locality } of index.matching({ kind: 'all' })) {
    const { region, zone } = locality
    const key = summaryKey(region, zone, spec.definition)
    const empty = { passing: 0, warning: 0, gated: 0, critical: 0, draining: 0, capacity: 0 }
    const row = rows.get(key) ?? { region, zone, definition: spec.definition, ...empty }
    const bucket = state.draining || state.weight === 0 ? 'draining' : state.status
    rows.set(key, {
      ...row,
      [bucket]: row[bucket] + 1,
      capacity: row.capacity + (bucket === 'passing' ? spec.capacity : 0),
    })
  }
  return rows
}

describe('summary counts', () => {
  it('equal a recount after any changes, and tell of every row that changed', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const index = createCapabilityIndex()
        const counts = new SummaryCounts()
        let told = new Map<string, boolean>()
        index.onChange((change) => {
          for (const { key, atOnce } of counts.take(change)) {
            told.set(key, atOnce || told.get(key) === true)
          }
        })
        let before = recount(index)
        for (const step of operations) {
          told = new Map()
          apply(index, step)
          const after = recount(index)
          const kept = [...counts.keys()].map((key) => [key, counts.get(key)] as const)
          expect(new Map(kept)).toEqual(after)
          for (const key of new Set([...before.keys(), ...after.keys()])) {
            const [was, is] = [before.get(key), after.get(key)]
            const changed = JSON.stringify(was) !== JSON.stringify(is)
            // Telling of a row that is as it was is a waste, not a fault.
            if (changed) expect(told.has(key)).toBe(true)
            if ((was === undefined) !== (is === undefined)) expect(told.get(key)).toBe(true)
          }
          before = after
        }
      }),
      { numRuns: 200 },
    )
  })

  it('tell nothing of a change that no count depends on', () => {
    const index = createCapabilityIndex()
    const counts = new SummaryCounts()
    const told: string[] = []
    index.onChange((change) => told.push(...counts.take(change).map(({ key }) => key)))
    const putOne = (env: string) => {
      apply(index, {
        kind: 'put',
        zone: 'a',
        node: 'n1',
        id: 'i1',
        made: 0,
        status: 'passing',
        weight: 100,
        draining: false,
        capacity: 1,
        env,
      })
    }
    putOne('prod')
    expect(told).toHaveLength(1)
    putOne('test')
    index.setLoad('eu/a/n1/agent', 'i1', { inFlight: 3, latencyMs: 4 })
    expect(told).toHaveLength(1)
  })
})

interface Put {
  readonly kind: 'put'
  readonly zone: string
  readonly node: string
  readonly id: string
  readonly made: number
  readonly status: InstanceStatus
  readonly weight: number
  readonly draining: boolean
  readonly capacity: number
  readonly env?: string
}
type Operation =
  | Put
  | {
      readonly kind: 'remove' | 'remove-owner'
      readonly zone: string
      readonly node: string
      readonly id: string
    }

function apply(index: CapabilityIndex, operation: Operation): void {
  const { zone, node, id } = operation
  const owner = `eu/${zone}/${node}/agent`
  if (operation.kind === 'remove') index.remove(owner, id)
  else if (operation.kind === 'put') put(index, owner, operation)
  else index.removeOwner(owner)
}

function put(index: CapabilityIndex, owner: string, row: Put): void {
  const { zone, node, id, made, status, weight, draining, capacity, env = 'prod' } = row
  const known = definitions[made]
  if (!known) throw new Error(`there is no definition ${made}`)
  index.put(
    {
      owner,
      locality: { region: 'eu', zone, node },
      spec: {
        id,
        definition: known.id,
        endpoint: { transport: 'streamable-http', url: 'http://x' },
        metadata: { env },
        capacity,
      },
      state: { id, status, weight, draining },
    },
    known.definition,
  )
}
