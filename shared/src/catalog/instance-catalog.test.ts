import { beforeEach, expect, it } from 'vitest'
import { createLinearIndex } from '../capability-index/index.ts'
import {
  agentOwnerId,
  identifyDefinition,
  type Definition,
  type DefinitionId,
} from '../model/index.ts'
import type { OwnerRecord, RecordInput } from '../replication/index.ts'
import { specKey, stateKey } from '../replication/index.ts'
import { encodeInstanceSpec, encodeInstanceState } from '../wire/index.ts'
import { InstanceCatalog } from './instance-catalog.ts'

const owner = agentOwnerId({ region: 'eu', zone: 'a', node: 'n1' })
const flights = identifyDefinition({ name: 'io.acme/flights', version: '1.0.0' })

let records: Map<string, OwnerRecord>
let definitions: Map<DefinitionId, Definition>
let catalog: InstanceCatalog

beforeEach(() => {
  records = new Map()
  definitions = new Map()
  catalog = new InstanceCatalog({
    index: createLinearIndex(),
    record: (_, key) => records.get(key),
    definition: (id) => definitions.get(id),
    onUnreadable: (_, key, reason) => {
      throw new Error(`${key}: ${reason}`)
    },
  })
})

function put(id: string): void {
  const inputs: RecordInput[] = [
    encodeInstanceSpec({
      id,
      definition: flights.id,
      endpoint: { transport: 'streamable-http', url: 'http://flights' },
      metadata: {},
      capacity: 100,
    }),
    encodeInstanceState({ id, status: 'passing', weight: 100, draining: false }),
  ]
  for (const input of inputs) records.set(input.key, { ...input, counter: 1 })
  tell(id)
}

function remove(id: string): void {
  for (const key of [specKey(id), stateKey(id)]) records.delete(key)
  tell(id)
}

function tell(id: string): void {
  catalog.apply(owner, [{ key: specKey(id) }, { key: stateKey(id) }])
}

function shown(): string[] {
  return [...catalog.index.ofOwner(owner)].map(({ spec }) => spec.id).sort()
}

it('holds an instance back until its definition arrives', () => {
  put('a')
  expect([shown(), catalog.heldBack]).toEqual([[], 1])
  definitions.set(flights.id, flights.definition)
  catalog.definitionsArrived([flights.id])
  expect([shown(), catalog.heldBack]).toEqual([['a'], 0])
  expect(catalog.head(flights.id)?.name).toBe('io.acme/flights')
})

it('holds an instance back whose definition went when the last one of its kind had left', () => {
  definitions.set(flights.id, flights.definition)
  put('a')
  remove('a')
  definitions.delete(flights.id)
  expect(catalog.head(flights.id)).toBeUndefined()

  put('b')
  expect([shown(), catalog.heldBack]).toEqual([[], 1])
  definitions.set(flights.id, flights.definition)
  catalog.definitionsArrived([flights.id])
  expect(shown()).toEqual(['b'])
})

it('shows what is held back as soon as another instance brings the definition', () => {
  put('a')
  definitions.set(flights.id, flights.definition)
  put('b')
  expect([shown(), catalog.heldBack]).toEqual([['a', 'b'], 0])
})
