import { describe, expect, it } from 'vitest'
import type { OwnerId, Version } from '../model/index.ts'
import { Holdings } from './holdings.ts'
import { Offers } from './offers.ts'
import { RecordSet } from './record-set.ts'

const [n1, n2] = ['eu/a/n1/agent', 'eu/a/n2/agent'] as const

function version(counter: number): Version {
  return { epoch: { number: 1, tag: '' }, counter }
}

function holdings(...owners: OwnerId[]): Holdings {
  const held = new Holdings()
  const records = [{ key: 'a', counter: 5, body: new Uint8Array(1) }]
  const { digest } = RecordSet.from(records)
  for (const owner of owners) held.load({ owner, version: version(5), floor: 0, digest, records })
  return held
}

describe('offers', () => {
  const behind = new Map([
    [n1, version(4)],
    [n2, version(5)],
  ])

  it('go to a replica that is behind in two messages running, and not in one', () => {
    const offers = new Offers()
    const held = holdings(n1, n2)
    expect(offers.note('r1', behind, held.values())).toEqual([])
    expect(offers.note('r2', behind, held.values())).toEqual([])
    expect(offers.note('r1', behind, held.values())).toEqual([n1])
    // It gets time to take what it was offered.
    expect(offers.note('r1', behind, held.values())).toEqual([])
    expect(offers.note('r1', behind, held.values())).toEqual([n1])
  })

  it('are not made to one that has reached what was held at the message before', () => {
    const offers = new Offers()
    const held = (counter: number, theirs: number) => {
      const set = holdings(n1)
      const { digest } = RecordSet.from([])
      set.load({ owner: n1, version: version(counter), floor: 0, digest, records: [] })
      return offers.note('r1', new Map([[n1, version(theirs)]]), set.values())
    }
    expect(held(100, 60)).toEqual([])
    expect(held(200, 100)).toEqual([])
    expect(held(300, 260)).toEqual([])
    expect(held(400, 290)).toEqual([n1])
  })

  it('tell of owners that the replica does not know', () => {
    const offers = new Offers()
    offers.note('r1', new Map(), holdings(n1).values())
    expect(offers.note('r1', new Map(), holdings(n1).values())).toEqual([n1])
  })

  it('are not made to one that caught up, nor by one that is behind itself', () => {
    const offers = new Offers()
    offers.note('r1', behind, holdings(n1).values())
    expect(offers.note('r1', new Map([[n1, version(5)]]), holdings(n1).values())).toEqual([])
    expect(offers.note('r1', new Map([[n1, version(9)]]), holdings(n1).values())).toEqual([])
    expect(offers.note('r1', behind, holdings(n1).values())).toEqual([])
  })

  it('are not made of sets that are doubted or forgotten', () => {
    const offers = new Offers()
    const held = holdings(n1, n2)
    held.doubt(n1)
    held.forget(n2)
    offers.note('r1', new Map(), held.values())
    expect(offers.note('r1', new Map(), held.values())).toEqual([])
  })

  it('begin anew with a replica that was gone', () => {
    const offers = new Offers()
    offers.note('r1', behind, holdings(n1).values())
    offers.forget('r1')
    expect(offers.note('r1', behind, holdings(n1).values())).toEqual([])
  })

  it('are limited in number, and the rest follows', () => {
    const owners = Array.from({ length: 250 }, (_, i) => `eu/a/n${i}/agent`)
    const held = holdings(...owners)
    const offers = new Offers()
    offers.note('r1', new Map(), held.values())
    const offered = new Set<OwnerId>()
    for (let i = 0; i < 6; i++) {
      const made = offers.note('r1', new Map(), held.values())
      expect(made.length).toBeLessThanOrEqual(100)
      for (const owner of made) offered.add(owner)
    }
    expect(offered.size).toBe(250)
  })
})
