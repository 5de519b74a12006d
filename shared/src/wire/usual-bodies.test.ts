import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMeridianError } from '../errors.ts'
import type { InstanceSpec, InstanceState } from '../model/index.ts'
import type { RecordInput } from '../replication/index.ts'
import {
  decodeInstanceSpec,
  decodeInstanceState,
  encodeInstanceSpec,
  encodeInstanceState,
} from './bodies.ts'

const definition = 'ab'.repeat(32)

const specs: fc.Arbitrary<InstanceSpec> = fc.record({
  id: fc.constant('a'),
  definition: fc.constant(definition),
  endpoint: fc.record({
    transport: fc.constantFrom('streamable-http', 'sse', 'websocket'),
    url: fc.oneof(
      fc.webUrl({ size: 'small' }),
      fc.constantFrom('http://é.example/', `http://a/${'x'.repeat(300)}`),
    ),
  }),
  // Few, so that some come again.
  metadata: fc.constantFrom<Record<string, string>>({}, { env: 'prod' }, { a: 'é', b: 'x' }),
  capacity: fc.integer({ min: 1, max: 1_000_000 }),
})

const states: fc.Arbitrary<InstanceState> = fc.record({
  id: fc.constant('a'),
  status: fc.constantFrom('passing', 'warning', 'gated', 'critical'),
  weight: fc.integer({ min: 0, max: 1_000 }),
  draining: fc.boolean(),
})

const changes = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 2 })

describe('bodies of the usual kind', () => {
  it('say of a spec what the general reader makes of the same bytes, damaged ones too', () => {
    fc.assert(
      fc.property(specs, changes, (spec, damage) => {
        const record = damaged(encodeInstanceSpec(spec), damage)
        const first = outcomeOf(() => decodeInstanceSpec(record))
        expect(first).toEqual(outcomeOf(() => decodeInstanceSpec(appended(record))))
        // Now its metadata is known.
        expect(outcomeOf(() => decodeInstanceSpec(record))).toEqual(first)
        if (damage.length === 0) expect(first).toEqual(spec)
      }),
    )
  })

  it('say of a state what the general reader makes of the same bytes, damaged ones too', () => {
    fc.assert(
      fc.property(states, changes, (state, damage) => {
        const record = damaged(encodeInstanceState(state), damage)
        const read = outcomeOf(() => decodeInstanceState(record))
        expect(read).toEqual(outcomeOf(() => decodeInstanceState(appended(record))))
        if (damage.length === 0) expect(read).toEqual(state)
      }),
    )
  })

  it('share what their instances have in common, and nothing else', () => {
    const spec = (id: string, env: string): InstanceSpec => ({
      id,
      definition,
      endpoint: { transport: 'sse', url: `http://10.0.0.1/${id}` },
      metadata: { env },
      capacity: 100,
    })
    const read = (of: InstanceSpec) => decodeInstanceSpec({ ...encodeInstanceSpec(of), counter: 1 })
    const [a, b, c] = [read(spec('a', 'one')), read(spec('b', 'one')), read(spec('c', 'two'))]
    expect(b).toEqual(spec('b', 'one'))
    expect(b.metadata).toBe(a.metadata)
    expect(c.metadata).toEqual({ env: 'two' })
  })
})

interface Stamped extends RecordInput {
  readonly counter: number
}

/** The first byte stays: it says of how many fields they are. */
function damaged(
  { body, ...record }: RecordInput,
  damage: readonly (readonly [number, number])[],
): Stamped {
  const bytes = new Uint8Array(body)
  for (const [at, byte] of damage) bytes[1 + (at % (bytes.length - 1))] = byte
  return { ...record, body: bytes, counter: 1 }
}

/** As from a newer release, which appends a field: no longer of the usual kind. */
function appended({ body, ...record }: Stamped): Stamped {
  const head = (body[0] ?? 0) + 1
  return { ...record, body: new Uint8Array([head, ...body.subarray(1), 0xc0]) }
}

function outcomeOf<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    if (isMeridianError(error)) return error.code
    throw error
  }
}
