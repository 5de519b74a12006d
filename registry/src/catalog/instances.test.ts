import {
  agentOwnerId,
  createCapabilityIndex,
  identifyDefinition,
  InstanceCatalog,
  LookupPlans,
  parseQuery,
  type InstanceStatus,
  type NodeStatus,
  type OwnerId,
} from '@meridian/shared'
import { beforeEach, describe, expect, it } from 'vitest'
import { createInstancesCatalog } from './instances.ts'
import type { TierCatalog } from './tier-catalog.ts'

let instances: InstanceCatalog
let catalog: TierCatalog
const statuses = new Map<OwnerId, NodeStatus>()

beforeEach(() => {
  instances = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: () => undefined,
    definition: () => undefined,
    onUnreadable: () => undefined,
  })
  statuses.clear()
  catalog = createInstancesCatalog(
    instances,
    { stateOf: () => 'fresh', statusOf: (owner) => statuses.get(owner) },
    () => 0.5,
  )
})

function put(
  place: string,
  id: string,
  server: string,
  { version = '1.0.0', status = 'passing' }: { version?: string; status?: InstanceStatus } = {},
): void {
  const [region = '', zone = '', node = ''] = place.split('/')
  const { id: definition, definition: whole } = identifyDefinition({
    name: `io.acme/${server}`,
    version,
    title: `${server} ${version}`,
    capabilities: { tools: [{ name: `${server}_tool` }] },
  })
  instances.put(
    agentOwnerId({ region, zone, node }),
    {
      id,
      definition,
      endpoint: { transport: 'streamable-http', url: 'http://x' },
      metadata: {},
      capacity: 1,
    },
    { id, status, weight: 100, draining: false },
    whole,
  )
}

describe('a catalog of instances', () => {
  it('finds instances, the nearest first', () => {
    put('eu/b/n1', 'far', 'flights')
    put('eu/a/n1', 'near', 'flights')
    put('eu/a/n2', 'other', 'hotels')
    const from = { region: 'eu', zone: 'a', node: 'n1' }
    const plan = new LookupPlans().of('tool:flights_tool')
    const { candidates } = catalog.candidates(plan, { from, limit: 10, now: 0 })
    const hits = candidates.map(({ item }) => item)
    expect(hits).toMatchObject([
      { instance: 'near', server: 'io.acme/flights', locality: 'eu/a/n1', ring: 0 },
      { instance: 'far', locality: 'eu/b/n1', ring: 2 },
    ])
  })

  it('counts by region, zone and node, in the order of their names', () => {
    put('us/a/n1', 'i1', 'flights')
    put('eu/b/n1', 'i1', 'flights', { status: 'gated' })
    put('eu/a/n2', 'i1', 'flights')
    put('eu/a/n1', 'i1', 'flights')
    put('eu/a/n1', 'i2', 'hotels', { status: 'critical' })
    const counts = { passing: 0, warning: 0, gated: 0, critical: 0 }
    expect(catalog.regions()).toEqual([
      {
        region: 'eu',
        instances: { ...counts, passing: 2, gated: 1, critical: 1 },
        zones: [
          {
            zone: 'a',
            state: 'fresh',
            servers: 2,
            instances: { ...counts, passing: 2, critical: 1 },
            nodes: [
              {
                node: 'n1',
                state: 'alive',
                servers: 2,
                instances: { ...counts, passing: 1, critical: 1 },
              },
              { node: 'n2', state: 'alive', servers: 1, instances: { ...counts, passing: 1 } },
            ],
          },
          {
            zone: 'b',
            state: 'fresh',
            servers: 1,
            instances: { ...counts, gated: 1 },
            nodes: [{ node: 'n1', state: 'alive', servers: 1, instances: { ...counts, gated: 1 } }],
          },
        ],
      },
      {
        region: 'us',
        instances: { ...counts, passing: 1 },
        zones: [
          {
            zone: 'a',
            state: 'fresh',
            servers: 1,
            instances: { ...counts, passing: 1 },
            nodes: [
              { node: 'n1', state: 'alive', servers: 1, instances: { ...counts, passing: 1 } },
            ],
          },
        ],
      },
    ])
  })

  it('counts nothing as passing on a node that cannot be reached, and hides a reaped one', () => {
    put('eu/a/n1', 'i1', 'flights')
    put('eu/a/n2', 'i1', 'flights')
    for (const node of ['n1', 'n2'])
      instances.index.setLiveness(`eu/a/${node}/agent`, 'unreachable')
    statuses.set('eu/a/n1/agent', 'unreachable').set('eu/a/n2/agent', 'reaped')
    expect(catalog.regions()).toMatchObject([
      {
        instances: { passing: 0, critical: 2 },
        zones: [
          {
            nodes: [
              { node: 'n1', state: 'unreachable', instances: { passing: 0, critical: 1 } },
              { node: 'n2', state: 'reaped' },
            ],
          },
        ],
      },
    ])
    expect([...catalog.placed({ kind: 'all' })]).toMatchObject([
      { zone: 'a', counts: { passing: 0, critical: 1 } },
    ])
  })

  it('names the regions that have a match', () => {
    put('us/a/n1', 'i1', 'flights')
    put('eu/a/n1', 'i1', 'hotels')
    expect(catalog.regionsWith(parseQuery('tool:flights_tool'))).toEqual(['us'])
    expect(catalog.regionsWith(parseQuery(''))).toEqual(['eu', 'us'])
  })
})
