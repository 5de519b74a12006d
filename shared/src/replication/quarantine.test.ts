import { describe, expect, it } from 'vitest'
import { Quarantine } from './quarantine.ts'

const [n1, n2] = ['eu/a/n1/agent', 'eu/a/n2/agent'] as const

describe('the quarantine', () => {
  it('names each record once, with its owner and since when', () => {
    const quarantine = new Quarantine()
    quarantine.put(n1, 'i/a', 'cannot be read', 10)
    quarantine.put(n1, 'i/a', 'cannot be read either', 20)
    quarantine.put(n2, 's/b', 'x'.repeat(1_000), 30)
    expect(quarantine.size).toBe(2)
    expect([...quarantine.counts()]).toEqual([
      [n1, 1],
      [n2, 1],
    ])
    const [first, second] = [...quarantine.entries()]
    expect(first).toEqual({ owner: n1, key: 'i/a', reason: 'cannot be read either', since: 10 })
    expect(second?.reason).toHaveLength(300)
  })

  it('lets go of a record, of an owner, and of nothing twice', () => {
    const quarantine = new Quarantine()
    for (const key of ['a', 'b', 'c']) quarantine.put(n1, key, 'bad', 0)
    quarantine.put(n2, 'a', 'bad', 0)
    quarantine.release(n1, 'a')
    quarantine.release(n1, 'a')
    quarantine.release(n2, 'zzz')
    expect(quarantine.size).toBe(3)
    expect([quarantine.has(n1), quarantine.has(n2)]).toEqual([true, true])
    for (const key of ['b', 'c']) quarantine.release(n1, key)
    expect(quarantine.has(n1)).toBe(false)
    expect([...quarantine.entries()].map(({ owner }) => owner)).toEqual([n2])
    expect(quarantine.size).toBe(1)
  })

  it('keeps a limited number and counts the rest', () => {
    const quarantine = new Quarantine()
    for (let i = 0; i < 10_010; i++) quarantine.put(n1, `i/${i}`, 'bad', i)
    expect([quarantine.size, quarantine.uncounted]).toEqual([10_000, 10])
    quarantine.release(n1, 'i/0')
    quarantine.put(n2, 'i/0', 'bad', 0)
    expect(quarantine.size).toBe(10_000)
  })
})
