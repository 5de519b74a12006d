import {
  createCapabilityIndex,
  headOf,
  Holdings,
  identifyDefinition,
  ownerId,
  parseQuery,
  type OwnerId,
} from '@meridian/shared'
import { ManualClock } from '@meridian/shared/manual-clock'
import { expect, it } from 'vitest'
import { Held } from './held.ts'
import { LagBook } from './lag-book.ts'

const { id: definition, definition: flights } = identifyDefinition({
  name: 'io.acme/flights',
  version: '1.0.0',
})
const epoch = { number: 1, tag: 'a' }

it('tells instances page by page, owner by owner, each once, whether all are asked for or some', () => {
  const index = createCapabilityIndex()
  const holdings = new Holdings()
  const expected: string[] = []
  // In no order, and with names of which one begins another.
  for (const node of ['n2', 'n10', 'n1']) {
    const owner: OwnerId = ownerId({ region: 'eu', zone: 'a', node, id: 'agent' })
    holdings.settle({
      kind: 'whole',
      owner,
      version: { epoch, counter: 1 },
      floor: 0,
      digest: '0'.repeat(32),
      records: [],
    })
    for (const id of ['b', 'a', 'a-1', 'c'].map((each) => `${each}-${node}`)) {
      const endpoint = { transport: 'streamable-http', url: 'http://x.test/' } as const
      index.put(
        {
          owner,
          locality: { region: 'eu', zone: 'a', node },
          spec: { id, definition, endpoint, metadata: {}, capacity: 1 },
          state: { id, status: 'passing', weight: 100, draining: false },
        },
        flights,
      )
      expected.push(`${owner} ${id}`)
    }
  }
  expected.sort()
  const held = new Held({
    index,
    holdings,
    catalog: { head: () => headOf(definition, flights), tallies: () => [] },
    liveness: { stateOf: () => 'fresh', statusOf: () => 'alive' },
    lags: new LagBook(new ManualClock()),
  })
  for (const query of ['', 'server:io.acme/flights']) {
    for (const limit of [1, 3, 4, 5, 100]) {
      const told: string[] = []
      let after: string | undefined = ''
      while (after !== undefined) {
        const { items, next } = held.instances(parseQuery(query), after, limit)
        expect(items.length).toBeLessThanOrEqual(limit)
        told.push(...items.map(({ owner, instance }) => `${owner} ${instance}`))
        after = next
      }
      expect(told).toEqual(expected)
    }
  }
})
