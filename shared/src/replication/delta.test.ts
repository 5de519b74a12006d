import { describe, expect, it } from 'vitest'
import { encodeMessage } from '../wire/messages.ts'
import { deltaBytes, splitDelta, type Delta } from './delta.ts'

const bytesMax = 10_000

function deltaOf(records: number, bodyBytes: number, definitions: readonly number[] = []): Delta {
  return {
    owner: 'region-with-a-long-name/zone-with-a-long-name/node-with-a-long-name/agent',
    version: { epoch: { number: 2 ** 40, tag: 'x'.repeat(16) }, counter: 2 ** 40 },
    from: 2 ** 39,
    floor: 2 ** 38,
    digest: 'f'.repeat(32),
    records: Array.from({ length: records }, (_, i) => ({
      key: `i/${'猫'.repeat(20)}${i}`,
      counter: 2 ** 39 + i + 1,
      body: new Uint8Array(bodyBytes),
      definition: 'd'.repeat(64),
    })),
    definitions: definitions.map((bytes, i) => ({
      id: `${i}`.padStart(64, '0'),
      canonical: new Uint8Array(bytes),
    })),
  }
}

describe('splitDelta', () => {
  it('sends a delta that fits as it is', () => {
    const delta = deltaOf(10, 100)
    expect(splitDelta(delta, bytesMax)).toEqual([delta])
  })

  it.each([
    [1_000, 10, []],
    [50, 1_000, []],
    [3, 100, [4_000, 4_000, 4_000]],
    [0, 0, [9_000, 9_000]],
    [2_000, 0, [1, 1, 1]],
  ])('makes messages below the limit of %i records of %i bytes and definitions %j', (...args) => {
    const delta = deltaOf(...args)
    const pieces = splitDelta(delta, bytesMax)
    expect(pieces.length).toBeGreaterThan(1)
    for (const [index, piece] of pieces.entries()) {
      expect(piece.piece).toEqual({ index, count: pieces.length })
      expect(encodeMessage({ kind: 'delta', delta: piece }).length).toBeLessThanOrEqual(bytesMax)
    }
    expect(pieces.flatMap(({ records }) => records)).toEqual(delta.records)
    expect(pieces.flatMap(({ definitions }) => definitions)).toEqual(delta.definitions)
  })

  it('cuts the records at the same places, whatever definitions come along', () => {
    const delta = deltaOf(100, 300)
    const records = splitDelta(delta, bytesMax).map((piece) => piece.records)
    for (const definitions of [[100], [4_000, 4_000], [1, 9_000, 700]]) {
      const pieces = splitDelta(deltaOf(100, 300, definitions), bytesMax)
      expect(pieces.map((piece) => piece.records).filter(({ length }) => length > 0)).toEqual(
        records,
      )
    }
  })

  it('gives what is larger than the limit a message of its own', () => {
    const pieces = splitDelta(deltaOf(2, 20_000, [30_000]), bytesMax)
    expect(pieces.map((piece) => [piece.definitions.length, piece.records.length])).toEqual([
      [1, 0],
      [0, 1],
      [0, 1],
    ])
  })

  it('never estimates less than a message takes', () => {
    for (const delta of [deltaOf(0, 0), deltaOf(1, 0), deltaOf(7, 300, [10, 70_000])]) {
      expect(encodeMessage({ kind: 'delta', delta }).length).toBeLessThanOrEqual(deltaBytes(delta))
    }
  })
})
