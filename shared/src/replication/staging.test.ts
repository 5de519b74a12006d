import { describe, expect, it } from 'vitest'
import { deltaBytes, type Delta } from './delta.ts'
import { replicationLimits } from './limits.ts'
import { RecordSet } from './record-set.ts'
import { Staging } from './staging.ts'

function piece(owner: string, index: number, count = 2): Delta {
  return {
    owner,
    version: { epoch: { number: 1, tag: 'a' }, counter: 9 },
    from: 0,
    floor: 0,
    digest: '0'.repeat(32),
    records: [{ key: `i/${index}`, counter: index + 1, body: new Uint8Array(100) }],
    definitions: [],
    piece: { index, count },
  }
}

describe('Staging', () => {
  it('gives back a delta of one piece at once', () => {
    const staging = new Staging()
    const whole = piece('a', 0, 1)
    expect(staging.add('r1', whole, 0)?.delta).toBe(whole)
    expect(staging.size).toBe(0)
  })

  it('puts pieces together in their own order and lets go of them', () => {
    const staging = new Staging()
    for (const index of [2, 0, 0])
      expect(staging.add('r1', piece('a', index, 3), 0)).toBeUndefined()
    const whole = staging.add('r1', piece('a', 1, 3), 0)?.delta
    expect(whole?.records.map(({ key }) => key)).toEqual(['i/0', 'i/1', 'i/2'])
    expect(whole?.piece).toBeUndefined()
    expect([staging.size, staging.bytes]).toEqual([0, 0])
  })

  it('adds up each piece once, however often it comes, and no tombstone', () => {
    const staging = new Staging()
    const tombstone = { key: 'i/gone', counter: 9, body: null }
    const last = piece('a', 1)
    staging.add('r1', piece('a', 0), 0)
    staging.add('r1', piece('a', 0), 0)
    const whole = staging.add('r1', { ...last, records: [...last.records, tombstone] }, 0)
    expect(whole?.sum.toDigest()).toBe(RecordSet.from(whole?.delta.records ?? []).digest)
  })

  it('begins again when a sender cut the same version anew', () => {
    const staging = new Staging()
    staging.add('r1', piece('a', 0, 3), 0)
    expect(staging.add('r1', piece('a', 1, 2), 0)).toBeUndefined()
    expect(staging.size).toBe(1)
    expect(staging.add('r1', piece('a', 0, 2), 0)?.delta.records).toHaveLength(2)
  })

  it('lets go of what waits too long for its next piece, and not of what still grows', () => {
    const staging = new Staging()
    const late = replicationLimits.stagedMs
    staging.add('r1', piece('old', 0), 0)
    staging.add('r1', piece('grows', 0, 3), 0)
    staging.add('r1', piece('grows', 1, 3), late - 1)
    staging.expire(late)
    expect(staging.size).toBe(1)
    expect(staging.add('r1', piece('grows', 2, 3), late)).toBeDefined()
    expect(staging.bytes).toBe(0)
  })

  it('stays below its limits by letting go of what was begun first', () => {
    const bytes = deltaBytes(piece('a', 0))
    const staging = new Staging(3, bytes * 2)
    for (const owner of ['a', 'b', 'c', 'd']) {
      staging.add('r1', piece(owner, 0), 0)
      expect(staging.size).toBeLessThanOrEqual(3)
      expect(staging.bytes).toBeLessThanOrEqual(bytes * 2)
    }
    expect(staging.add('r1', piece('a', 1), 0)).toBeUndefined()
    expect(staging.add('r1', piece('d', 1), 0)).toBeDefined()
  })

  it('refuses a delta that alone is beyond the limit', () => {
    const staging = new Staging(3, deltaBytes(piece('a', 0)) * 2)
    for (let index = 0; index < 9; index++) {
      expect(staging.add('r1', piece('a', index, 10), 0)).toBeUndefined()
    }
    expect(staging.bytes).toBeLessThanOrEqual(deltaBytes(piece('a', 0)) * 2)
  })

  it('forgets an owner at all senders', () => {
    const staging = new Staging()
    staging.add('r1', piece('a', 0), 0)
    staging.add('r2', piece('a', 0), 0)
    staging.add('r1', piece('b', 0), 0)
    staging.forget('a')
    expect(staging.size).toBe(1)
  })
})
