import { ManualClock } from '@meridian/shared/manual-clock'
import { describe, expect, it } from 'vitest'
import { LagBook } from './lag-book.ts'

const versionOf = (counter: number, tag = 'x') => ({ epoch: { number: 1, tag }, counter })

describe('how far an owner is ahead', () => {
  it('is what was last heard of it, and how long ago', () => {
    const clock = new ManualClock()
    const book = new LagBook(clock)
    expect(book.lagOf('eu/a/n1/agent', versionOf(3))).toEqual({})
    book.heard('eu/a/n1/agent', versionOf(7))
    clock.tick(1_500)
    expect(book.lagOf('eu/a/n1/agent', versionOf(3))).toEqual({ behind: 4, heardAgeMs: 1_500 })
    expect(book.lagOf('eu/a/n1/agent', versionOf(9))).toEqual({ behind: 0, heardAgeMs: 1_500 })
    book.heard('eu/a/n1/agent', versionOf(5))
    expect(book.lagOf('eu/a/n1/agent', versionOf(3))).toEqual({ behind: 4, heardAgeMs: 0 })
    expect(book.lagOf('eu/a/n1/agent', versionOf(9, 'y'))).toEqual({ heardAgeMs: 0 })
  })
})
