import { describe, expect, it } from 'vitest'
import { ReplicaPresence } from './replica-presence.ts'

const r1 = 'eu/-/r1/summary'

describe('the presence of replicas', () => {
  it('begins with their first word and ends a lease after the last', () => {
    const presence = new ReplicaPresence(12_000, 1_000, 0)
    expect(presence.lives(r1)).toBe(false)
    expect([presence.heard(r1, 500), presence.heard(r1, 1_000)]).toEqual([true, false])
    const gone: string[] = []
    for (let now = 1_000; now < 13_000; now += 1_000) gone.push(...presence.sweep(now, true))
    expect([gone, presence.lives(r1)]).toEqual([[], true])
    expect(presence.sweep(13_000, true)).toEqual([r1])
    expect(presence.lives(r1)).toBe(false)
    expect(presence.heard(r1, 13_500)).toBe(true)
  })

  it('does not count time in which this process was not there, or cut off', () => {
    const presence = new ReplicaPresence(12_000, 1_000, 0)
    presence.heard(r1, 0)
    expect(presence.sweep(60_000, true)).toEqual([])
    for (let now = 61_000; now <= 90_000; now += 1_000) presence.sweep(now, false)
    expect(presence.lives(r1)).toBe(true)
    for (let now = 91_000; now <= 110_000; now += 1_000) presence.sweep(now, true)
    expect(presence.lives(r1)).toBe(false)
  })

  it('knows those that were held at the start and are not heard', () => {
    const presence = new ReplicaPresence(12_000, 1_000, 0)
    presence.expect(r1, 0)
    expect(presence.lives(r1)).toBe(false)
    for (let now = 1_000; now <= 20_000; now += 1_000) presence.sweep(now, true)
    expect(presence.silentFor(20_000, 20_000)).toEqual([r1])
    presence.forget(r1)
    expect(presence.silentFor(0, 20_000)).toEqual([])
  })
})
