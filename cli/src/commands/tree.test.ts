import { expect, it } from 'vitest'
import { renderTree } from './tree.ts'

const counts = { passing: 2, warning: 0, gated: 0, critical: 0 }

it('draws the hierarchy with its counts in columns, the unwell beside them', () => {
  const tree = renderTree({
    tier: 'regional',
    replica: 'r1',
    regions: [
      {
        region: 'eu-west',
        instances: { passing: 10, warning: 1, gated: 0, critical: 1 },
        zones: [
          {
            zone: 'a',
            state: 'preserved',
            servers: 2,
            instances: { passing: 8, warning: 1, gated: 0, critical: 1 },
            nodes: [
              {
                node: 'n1',
                state: 'alive',
                servers: 2,
                instances: { ...counts, warning: 1, critical: 1 },
              },
              { node: 'n2', state: 'suspect', servers: 1, instances: { ...counts, passing: 6 } },
            ],
          },
          { zone: 'b', servers: 1, instances: counts },
        ],
      },
    ],
  })
  expect(tree).toEqual([
    '                       SERVERS  INSTANCES',
    'regional r1                            12  1 critical, 1 warning',
    '└─ eu-west                             12  1 critical, 1 warning',
    '   ├─ a (preserved)          2         10  1 critical, 1 warning',
    '   │  ├─ n1                  2          4  1 critical, 1 warning',
    '   │  └─ n2 (suspect)        1          6',
    '   └─ b                      1          2',
  ])
})
