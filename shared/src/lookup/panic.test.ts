import { expect, it } from 'vitest'
import { createCapabilityIndex, parseQuery } from '../capability-index/index.ts'
import { agentOwnerId, identifyDefinition, type InstanceStatus } from '../model/index.ts'
import { panicLimits, panicOf } from './panic.ts'

const { id: definition, definition: described } = identifyDefinition({
  name: 'com.example/x',
  version: '1.0.0',
})
const all = parseQuery('')

function indexOf(statuses: readonly InstanceStatus[]) {
  const index = createCapabilityIndex()
  for (const [at, status] of statuses.entries()) {
    const id = `${status}${at}`
    const endpoint = { transport: 'sse', url: 'http://127.0.0.1/' } as const
    const locality = { region: 'eu', zone: 'a', node: `n${at}` }
    index.put(
      {
        owner: agentOwnerId(locality),
        locality,
        spec: { id, definition, endpoint, metadata: {}, capacity: 10 },
        state: { id, status, weight: 100, draining: false },
      },
      described,
    )
  }
  return index
}

it('returns most who are called unhealthy, behind those who are not', () => {
  const index = indexOf(['critical', 'critical', 'critical', 'passing', 'critical', 'warning'])
  const panicking = panicOf(index, all, () => true) ?? []
  expect(panicking).toHaveLength(6)
  const first = panicking.slice(0, 2).map(({ state }) => state.status)
  expect(first.sort()).toEqual(['passing', 'warning'])
})

it('believes checks where half are well, where nobody is, and where there are few', () => {
  const few = panicLimits.instancesMin - 2
  const several: InstanceStatus[][] = [
    ['critical', 'critical', 'passing', 'passing'],
    ['critical', 'critical', 'critical', 'critical'],
    [...Array<InstanceStatus>(few).fill('critical'), 'passing'],
  ]
  for (const statuses of several) {
    expect(panicOf(indexOf(statuses), all, () => true)).toBeUndefined()
  }
})
