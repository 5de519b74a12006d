import { expect, it } from 'vitest'
import { createCapabilityIndex } from '../capability-index/index.ts'
import { definitionSchema, identifyDefinition } from '../model/index.ts'
import { InstanceLoads } from './instance-loads.ts'

const owner = 'eu/a/n1/agent'
const { id: definition, definition: described } = identifyDefinition(
  definitionSchema.parse({ name: 'com.example/x', version: '1.0.0' }),
)

function indexOf(...ids: string[]) {
  const index = createCapabilityIndex()
  for (const id of ids) {
    index.put(
      {
        owner,
        locality: { region: 'eu', zone: 'a', node: 'n1' },
        spec: {
          id,
          definition,
          endpoint: { transport: 'sse', url: 'http://127.0.0.1/' },
          metadata: {},
          capacity: 10,
        },
        state: { id, status: 'passing', weight: 100, draining: false },
      },
      described,
    )
  }
  const loads = new InstanceLoads(index)
  return { loads, inFlight: () => ids.map((id) => index.get(owner, id)?.load.inFlight) }
}

it('takes in what pulses name, smoothed, and lets the rest become idle', () => {
  const { loads, inFlight } = indexOf('a', 'b')
  loads.apply(owner, [
    { id: 'a', inFlight: 3, latencyMs: 10 },
    { id: 'b', inFlight: 1, latencyMs: 0 },
  ])
  expect(inFlight()).toEqual([3, 1])
  loads.apply(owner, [{ id: 'b', inFlight: 2, latencyMs: 0 }])
  // A quarter of the way each time.
  expect(inFlight()).toEqual([2.25, 1.25])
  for (let i = 0; i < 20; i += 1) loads.apply(owner, [{ id: 'b', inFlight: 8, latencyMs: 0 }])
  expect(inFlight()[0]).toBe(0)
  expect(inFlight()[1]).toBeCloseTo(8, 1)
  for (let i = 0; i < 20; i += 1) loads.apply(owner, [])
  expect(inFlight()).toEqual([0, 0])
})

it('passes over instances that are not here', () => {
  const { loads, inFlight } = indexOf('a')
  loads.apply(owner, [{ id: 'gone', inFlight: 3, latencyMs: 10 }])
  loads.apply('eu/a/n2/agent', [{ id: 'a', inFlight: 3, latencyMs: 10 }])
  expect(inFlight()).toEqual([0])
})
