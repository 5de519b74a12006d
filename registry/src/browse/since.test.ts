import type { Topology } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { withSince } from './since.ts'

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
    const told = withSince(topology, (place) => known.get(place))
    const [a, b] = told.regions[0]?.zones ?? []
    expect([a?.since, b?.since]).toEqual(['then', undefined])
    expect(a?.nodes?.map(({ since }) => since)).toEqual(['later', undefined, undefined])
  })
})
