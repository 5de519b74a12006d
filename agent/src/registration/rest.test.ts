import { describe, expect, it } from 'vitest'
import type { RegistrationRow } from './registration-row.ts'
import { restOf } from './rest.ts'

const since = '2026-01-01T00:00:00.000Z'
const sinceWall = Date.parse(since)

function row(id: string, more: Partial<RegistrationRow> = {}): RegistrationRow {
  return { spec: { id }, ...more } as RegistrationRow
}

describe('restOf', () => {
  it('tells a drain from a maintenance, of the node and of each instance', () => {
    const rows = [
      row('b', { maintenance: { sinceWall, reason: 'looks odd' } }),
      row('c'),
      row('a', { drain: { sinceWall, thenDeregister: false, waitMs: 30_000 } }),
    ]
    const words = { drain: { sinceWall, reason: 'new disk', forMs: 1_500 } }
    expect(restOf({ leaving: false, words, rows })).toEqual({
      leaving: false,
      drain: { since, reason: 'new disk', seconds: 2 },
      instances: [
        { id: 'a', drain: { since, reason: '' } },
        { id: 'b', maintenance: { since, reason: 'looks odd' } },
      ],
      total: 2,
    })
  })

  it('tells how long a drain lasts that ends by itself, and no other', () => {
    const drain = { sinceWall, thenDeregister: false, waitMs: 60_000, thenEnds: true }
    const { instances } = restOf({ leaving: true, words: {}, rows: [row('a', { drain })] })
    expect(instances).toEqual([{ id: 'a', drain: { since, reason: '', seconds: 60 } }])
  })

  it('counts those that it does not list', () => {
    const rows = Array.from({ length: 501 }, (_, at) =>
      row(`i-${at}`, { maintenance: { sinceWall, reason: '' } }),
    )
    const { instances, total } = restOf({ leaving: false, words: {}, rows })
    expect([instances.length, total]).toEqual([500, 501])
  })
})
