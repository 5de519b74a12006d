import type { Topology } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { unwellIn, withSince } from './since.ts'

const instances = { passing: 0, warning: 0, gated: 0, critical: 0 }
const node = { servers: 0, instances }

describe('a topology with times', () => {
  it('says since when of what is not as it should be, and of nothing else', () => {
    const topology: Topology = {
      tier: 'regional',
      replica: 'r1',
      regions: [
        {
          region: 'eu',
          instances,
          zones: [
            {
              zone: 'a',
              servers: 0,
              instances,
              state: 'preserved',
              nodes: [
                { node: 'n1', state: 'suspect', ...node },
                { node: 'n2', state: 'alive', ...node },
                { node: 'n3', state: 'reaped', ...node },
              ],
            },
            { zone: 'b', servers: 0, instances, state: 'fresh' },
          ],
        },
      ],
    }
    const known = new Map([
      ['eu/a', 'then'],
      ['eu/a/n1', 'later'],
      ['eu/a/n2', 'never told'],
      ['eu/b', 'never told'],
    ])
    const told = withSince(topology, {
      state: (place) => known.get(place),
      instances: () => undefined,
    })
    const [a, b] = told.regions[0]?.zones ?? []
    expect([a?.since, b?.since]).toEqual(['then', undefined])
    expect(a?.nodes?.map(({ since }) => since)).toEqual(['later', undefined, undefined])
  })
  it('says since when a zone has had instances that do not pass, and a node some that drain', () => {
    const topology: Topology = {
      tier: 'regional',
      replica: 'r1',
      regions: [
        {
          region: 'eu',
          instances,
          zones: [
            {
              zone: 'a',
              servers: 1,
              instances: { ...instances, gated: 2, critical: 1 },
              state: 'fresh',
              nodes: [
                { node: 'n1', state: 'alive', ...node, draining: 1 },
                { node: 'n2', state: 'alive', ...node },
              ],
            },
          ],
        },
      ],
    }
    const known = new Map([
      ['eu/a critical', 'then'],
      ['eu/a warning', 'never told'],
      ['eu/a/n1 draining', 'later'],
      ['eu/a/n2 draining', 'never told'],
    ])
    const told = withSince(topology, {
      state: () => undefined,
      instances: (place, what) => known.get(`${place} ${what}`),
    })
    const [zone] = told.regions[0]?.zones ?? []
    expect(zone?.instancesSince).toEqual({ critical: 'then' })
    expect(zone?.nodes?.map(({ drainingSince }) => drainingSince)).toEqual(['later', undefined])
  })
})

describe('what is unwell', () => {
  const zone = { region: 'eu', zone: 'a', servers: new Map() }

  it('is what instances of zones are, and nodes with some that drain, where they are held', () => {
    const owner = (name: string, draining: number) => {
      const owner = `eu/a/${name}/agent`
      const tally = {
        ...zone,
        owner,
        node: name,
        counts: instances,
        draining,
        servers: new Set(''),
      }
      return [owner, tally] as const
    }
    const counts = { ...instances, warning: 1, critical: 3 }
    const tally = { ...zone, counts, owners: new Map([owner('n1', 2), owner('n2', 0)]) }
    expect([...unwellIn({ tallies: () => [tally], regions: () => [] })]).toEqual([
      { place: 'eu/a', what: 'warning' },
      { place: 'eu/a', what: 'critical' },
      { place: 'eu/a/n1', what: 'draining' },
    ])
  })

  it('is what summaries say of zones, and zones that nobody hears, where only those are held', () => {
    const about = { zone: 'a', servers: 1, instances: { ...instances, gated: 1 } }
    const regions = [{ region: 'eu', instances, zones: [{ ...about, state: 'unknown' as const }] }]
    expect([...unwellIn({ tallies: () => [], regions: () => regions })]).toEqual([
      { place: 'eu/a', what: 'unknown' },
      { place: 'eu/a', what: 'gated' },
    ])
  })
})
