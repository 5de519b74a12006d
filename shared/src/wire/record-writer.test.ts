import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OwnerRecord } from '../replication/index.ts'
import { decodeMsgpack, encodeMsgpack } from './msgpack.ts'
import { packRecords } from './record-writer.ts'

describe('packing records', () => {
  it('gives the bytes that the library gives, whatever they hold', () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ minLength: 250, maxLength: 300 }),
      fc.constant(null),
    )
    const record = fc.record(
      {
        key: fc.oneof(
          fc.string({ maxLength: 40 }),
          fc.string({ unit: 'binary', maxLength: 80 }),
          fc.string({ minLength: 250, maxLength: 260 }),
        ),
        counter: fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat({ max: Number.MAX_SAFE_INTEGER })),
        body,
        definition: fc
          .uint8Array({ minLength: 32, maxLength: 32 })
          .map((bytes) => Buffer.from(bytes).toString('hex')),
      },
      { requiredKeys: ['key', 'counter', 'body'] },
    )
    fc.assert(
      fc.property(fc.array(record, { maxLength: 40 }), (records) => {
        expect(packRecords(records)).toEqual(bytesOfLibrary(records))
      }),
    )
  })

  it.each([0, 15, 16, 65_535, 65_536])('gives them of %d records too', (count) => {
    const records = Array.from({ length: count }, (_, at) => ({
      key: `s/${at}`,
      counter: at + 1,
      body: new Uint8Array([1, 2, 3]),
    }))
    expect(Buffer.compare(packRecords(records), bytesOfLibrary(records))).toBe(0)
  })

  it('gives them of large bodies, and bytes that later ones leave alone', () => {
    const large = [{ key: 'i/a', counter: 1, body: new Uint8Array(300_000).fill(7) }]
    const first = packRecords(large)
    expect(Buffer.compare(first, bytesOfLibrary(large))).toBe(0)
    packRecords([{ key: 'i/b', counter: 2, body: new Uint8Array(100).fill(9) }])
    expect(Buffer.compare(first, bytesOfLibrary(large))).toBe(0)
    expect(decodeMsgpack(first)).toHaveLength(1)
  })

  it('remembers ids of definitions without end to them', () => {
    const records = Array.from({ length: 9_000 }, (_, at) => ({
      key: `i/${at}`,
      counter: at + 1,
      body: new Uint8Array(),
      definition: at.toString(16).padStart(64, '0'),
    }))
    expect(Buffer.compare(packRecords(records), bytesOfLibrary(records))).toBe(0)
  })
})

function bytesOfLibrary(records: readonly OwnerRecord[]): Uint8Array {
  const fields = records.map(({ key, counter, body, definition }) =>
    definition === undefined
      ? [key, counter, body]
      : [key, counter, body, Buffer.from(definition, 'hex')],
  )
  return new Uint8Array(encodeMsgpack(fields))
}
