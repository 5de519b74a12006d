import { describe, expect, it } from 'vitest'
import { IdentityBook, RivalWatch, type HeardPulse, type Identity } from './rivals.ts'

const owner = 'eu/a/n1/agent'

function run(runId: string, epoch = 5, agentId = 'disk-1'): Identity {
  return { agentId, runId, epoch: { number: epoch, tag: 'x' } }
}

function pulse(identity: Identity, number: number): HeardPulse {
  return { ...identity, number }
}

describe('an agent that listens for rivals', () => {
  const own = run('m', 5)

  function watch() {
    return new RivalWatch(() => 0.5)
  }

  it('takes its own pulses for its own', () => {
    expect(watch().heard(own, pulse(own, 1), 0)).toEqual({ kind: 'none' })
  })

  it('takes one pulse of another run for the last of its predecessor', () => {
    const rivals = watch()
    for (let i = 0; i < 3; i++) {
      expect(rivals.heard(own, pulse(run('a', 4), 99), i)).toEqual({ kind: 'none' })
    }
    expect(rivals.hasYielded).toBe(false)
  })

  it.each([
    ['a lower epoch', run('z', 4), 'stand'],
    ['a higher epoch', run('a', 6), 'yield'],
    ['the same epoch and a lower run', run('a', 5), 'stand'],
    ['the same epoch and a higher run', run('z', 5), 'yield'],
    ['another disk and a higher epoch', run('a', 6, 'disk-2'), 'yield'],
  ])('of two living runs the lower yields: %s', (_, rival, kind) => {
    const rivals = watch()
    rivals.heard(own, pulse(rival, 1), 0)
    expect(rivals.heard(own, pulse(rival, 2), 2_000)).toMatchObject({ kind, rival })
    expect(rivals.hasYielded).toBe(kind === 'yield')
  })

  it('never has both of two yield to the same pulses', () => {
    for (const [a, b] of [
      [run('a', 4), run('b', 5)],
      [run('a', 5), run('b', 5)],
    ] as const) {
      const [forA, forB] = [watch(), watch()]
      for (const number of [1, 2]) {
        forA.heard(a, pulse(b, number), number)
        forB.heard(b, pulse(a, number), number)
      }
      expect([forA.hasYielded, forB.hasYielded]).toEqual([true, false])
    }
  })

  it('comes back once its rival is silent, and not while it speaks', () => {
    const rivals = watch()
    const rival = run('z', 6)
    for (let number = 1; number <= 20; number++) {
      rivals.heard(own, pulse(rival, number), number * 2_000)
      expect(rivals.sweep(number * 2_000)).toBe('wait')
    }
    expect(rivals.sweep(40_000 + 22_000)).toBe('wait')
    expect(rivals.hasYielded).toBe(true)
    expect(rivals.sweep(40_000 + 23_000)).toBe('come-back')
    expect(rivals.hasYielded).toBe(false)
    expect(rivals.sweep(100_000)).toBe('wait')
  })

  it('stays silent to one that it yielded to, though its own epoch is higher by then', () => {
    const rivals = watch()
    rivals.heard(own, pulse(run('z', 6), 1), 0)
    rivals.heard(own, pulse(run('z', 6), 2), 1)
    expect(rivals.heard(run('m', 9), pulse(run('z', 6), 3), 2).kind).toBe('yield')
  })
})

describe('a replica’s book of identities', () => {
  const leaseMs = 12_000

  it('accepts the first, its later pulses, and its next run', () => {
    const book = new IdentityBook()
    for (const identity of [run('a'), run('a', 6), run('b', 7), run('b', 7), run('c', 8)]) {
      expect(book.heard(owner, identity, 0, leaseMs)).toEqual({ kind: 'accepted' })
      expect(book.holder(owner)).toEqual(identity)
    }
  })

  it('reports two runs on one database that both go on speaking', () => {
    const book = new IdentityBook()
    book.heard(owner, run('a'), 0, leaseMs)
    book.heard(owner, run('b', 6), 2_000, leaseMs)
    for (const at of [2_000, 13_000]) {
      expect(book.heard(owner, run('a'), at, leaseMs)).toEqual({
        kind: 'rivals',
        holder: run('b', 6),
        other: run('a'),
      })
    }
  })

  it('accepts a run again that had stopped for another, once the other is silent', () => {
    const book = new IdentityBook()
    book.heard(owner, run('a'), 0, leaseMs)
    book.heard(owner, run('b', 6), 2_000, leaseMs)
    const comingBack = run('a', 7)
    expect(book.heard(owner, comingBack, 14_000, leaseMs)).toEqual({ kind: 'accepted' })
    expect(book.heard(owner, comingBack, 16_000, leaseMs)).toEqual({ kind: 'accepted' })
    expect(book.heard(owner, run('b', 6), 18_000, leaseMs).kind).toBe('rivals')
  })

  it('refuses another database while the holder speaks, and accepts it after', () => {
    const book = new IdentityBook()
    book.heard(owner, run('a'), 0, leaseMs)
    const other = run('b', 9, 'disk-2')
    const refused = { kind: 'refused', holder: run('a') }
    expect(book.heard(owner, other, 2_000, leaseMs)).toEqual(refused)
    expect(book.heard(owner, run('a', 6), 4_000, leaseMs)).toEqual({ kind: 'accepted' })
    expect(book.heard(owner, other, 15_999, leaseMs)).toMatchObject({ kind: 'refused' })
    expect(book.heard(owner, other, 16_000, leaseMs)).toEqual({ kind: 'accepted' })
    expect(book.heard(owner, run('a', 6), 18_000, leaseMs)).toMatchObject({ holder: other })
  })

  it('keeps owners apart and forgets them', () => {
    const book = new IdentityBook()
    book.heard(owner, run('a'), 0, leaseMs)
    const other = run('b', 1, 'disk-2')
    expect(book.heard('eu/a/n2/agent', other, 0, leaseMs).kind).toBe('accepted')
    book.forget(owner)
    expect(book.heard(owner, other, 0, leaseMs).kind).toBe('accepted')
  })
})
