import fc from 'fast-check'
import { beforeEach, expect, it } from 'vitest'
import { createCapabilityIndex } from '../capability-index/index.ts'
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

let unreadable: string[]

function setUp(definition = (id: DefinitionId) => definitions.get(id)): void {
  records = new Map()
  definitions = new Map()
  unreadable = []
  catalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: (_, key) => records.get(key),
    definition,
    onUnreadable: (_, key) => {
      unreadable.push(key)
    },
  })
}

beforeEach(() => {
  setUp()
})

function inputsOf(id: string, definition = flights.id): [spec: RecordInput, state: RecordInput] {
  return [
    encodeInstanceSpec({
      id,
      definition,
      endpoint: { transport: 'streamable-http', url: 'http://flights' },
      metadata: {},
      capacity: 100,
    }),
    encodeInstanceState({ id, status: 'passing', weight: 100, draining: false }),
  ]
}

function put(id: string, definition = flights.id): void {
  for (const input of inputsOf(id, definition)) records.set(input.key, { ...input, counter: 1 })
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

it('shows what was read before it came as if it were read then, and nothing before', () => {
  definitions.set(flights.id, flights.definition)
  const held = inputsOf('a').map((input) => ({ ...input, counter: 1 }))
  const broken = {
    key: specKey('b'),
    counter: 1,
    definition: flights.id,
    body: new Uint8Array([0xc1]),
  }
  catalog.prepare([...held, broken, { key: specKey('c'), counter: 2, body: null }])
  expect([shown(), unreadable]).toEqual([[], []])
  catalog.apply(
    owner,
    held.map((after) => ({ key: after.key, after })),
  )
  expect(shown()).toEqual(['a'])
  for (const record of [broken, { ...stateOfA(held), key: stateKey('b') }]) {
    records.set(record.key, record)
  }
  catalog.apply(owner, [{ key: broken.key, after: broken }])
  expect(unreadable).toEqual([specKey('b')])
})

function stateOfA(held: readonly OwnerRecord[]): OwnerRecord {
  const state = held.find(({ key }) => key === stateKey('a'))
  if (state === undefined) throw new Error('there is a state')
  return state
}

it('shows each of those that waited for a definition once', () => {
  const changes: string[] = []
  for (const id of ['a', 'b', 'c']) put(id)
  catalog.index.onChange(({ kind, instance }) => changes.push(`${kind} ${instance.spec.id}`))
  definitions.set(flights.id, flights.definition)
  catalog.definitionsArrived([flights.id])
  expect(changes).toEqual(['added a', 'added b', 'added c'])
  expect(catalog.heldBack).toBe(0)
})

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

it('shows the same whatever the order in which spec, state and definition arrive', () => {
  const arrivals = ['spec', 'state', 'definition'] as const
  fc.assert(
    fc.property(
      fc.shuffledSubarray([...arrivals, ...arrivals], { minLength: 3 }),
      fc.boolean(),
      (order, isLast) => {
        setUp()
        const [spec, state] = inputsOf('a')
        for (const arrival of [...order, ...(isLast ? [] : arrivals)]) {
          if (arrival === 'definition') {
            definitions.set(flights.id, flights.definition)
            catalog.definitionsArrived([flights.id])
          } else {
            const input = arrival === 'spec' ? spec : state
            records.set(input.key, { ...input, counter: 1 })
            catalog.apply(owner, [{ key: input.key }])
          }
        }
        const isWhole = !isLast || arrivals.every((arrival) => order.includes(arrival))
        expect(shown()).toEqual(isWhole ? ['a'] : [])
        expect(catalog.head(flights.id) !== undefined).toBe(isWhole)
      },
    ),
  )
})

it('hides an instance when either of its records goes', () => {
  definitions.set(flights.id, flights.definition)
  for (const gone of [specKey('a'), stateKey('a')]) {
    put('a')
    expect(shown()).toEqual(['a'])
    records.delete(gone)
    catalog.apply(owner, [{ key: gone }])
    expect([shown(), catalog.heldBack]).toEqual([[], 0])
  }
})

it('takes tombstones for records that are gone', () => {
  definitions.set(flights.id, flights.definition)
  put('a')
  for (const key of [specKey('a'), stateKey('a')]) records.set(key, { key, counter: 2, body: null })
  tell('a')
  expect(shown()).toEqual([])
})

it('follows an instance to another definition', () => {
  const hotels = identifyDefinition({ name: 'io.acme/hotels', version: '1.0.0' })
  definitions.set(flights.id, flights.definition)
  put('a')
  put('a', hotels.id)
  expect([shown(), catalog.heldBack]).toEqual([[], 1])
  definitions.set(hotels.id, hotels.definition)
  catalog.definitionsArrived([hotels.id])
  expect(shown()).toEqual(['a'])
  expect(catalog.head(flights.id)).toBeUndefined()
  expect(catalog.head(hotels.id)?.name).toBe('io.acme/hotels')
})

it('passes over kinds of records that it does not know', () => {
  const key = 'x/from-a-newer-owner'
  records.set(key, { key, counter: 1, body: Uint8Array.of(1, 2, 3) })
  catalog.apply(owner, [{ key }])
  expect([shown(), unreadable]).toEqual([[], []])
})

it('sets aside a record that it cannot read, says whose, and shows the others', () => {
  definitions.set(flights.id, flights.definition)
  const bad = specKey('bad')
  put('bad')
  records.set(bad, { key: bad, counter: 2, body: Uint8Array.of(0xc1), definition: flights.id })
  put('good')
  catalog.apply(owner, [{ key: bad }, { key: specKey('good') }])
  expect(shown()).toEqual(['good'])
  expect(unreadable).toEqual([bad])
})

it('holds back an instance whose definition cannot be read, until it can', () => {
  const broken = new Set([flights.id])
  setUp((id) => {
    if (broken.has(id)) throw new Error('no JSON')
    return flights.definition
  })
  put('a')
  expect([shown(), catalog.heldBack, unreadable]).toEqual([[], 1, [specKey('a')]])
  broken.clear()
  catalog.definitionsArrived([flights.id])
  expect(shown()).toEqual(['a'])
})

it('shows the others when one definition turns out to be gone', () => {
  definitions.set(flights.id, flights.definition)
  put('a')
  // A row in another zone makes the index read the definition once more.
  definitions.delete(flights.id)
  const elsewhere = agentOwnerId({ region: 'eu', zone: 'b', node: 'n1' })
  catalog.apply(elsewhere, [{ key: specKey('a') }])
  definitions.set(flights.id, flights.definition)
  put('b')
  expect(shown()).toEqual(['a', 'b'])
  expect(catalog.head(flights.id)?.name).toBe('io.acme/flights')
})

it('keeps instances of one id apart by their owners', () => {
  definitions.set(flights.id, flights.definition)
  const other = agentOwnerId({ region: 'eu', zone: 'a', node: 'n2' })
  put('a')
  catalog.apply(other, [{ key: specKey('a') }, { key: stateKey('a') }])
  expect(catalog.index.size.instances).toBe(2)
  catalog.remove(other, 'a')
  expect(shown()).toEqual(['a'])
  expect(catalog.head(flights.id)).toBeDefined()
})
