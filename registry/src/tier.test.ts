import {
  mayWrite,
  ownerId,
  parseSubject,
  wholeRegion,
  type OwnerParts,
  type Tier,
} from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { tierRoles, tierSubjects } from './tier.ts'

const place = { region: 'eu', zone: 'a', replica: 'r1' }

const owners = {
  'an agent of the zone': { region: 'eu', zone: 'a', node: 'n1', id: 'agent' },
  'an agent of another zone': { region: 'eu', zone: 'b', node: 'n1', id: 'agent' },
  'an agent of another region': { region: 'us', zone: 'a', node: 'n1', id: 'agent' },
  'summaries of the region': { region: 'eu', zone: wholeRegion, node: 'r1', id: 'summary' },
  'summaries of another region': { region: 'us', zone: wholeRegion, node: 'r1', id: 'summary' },
} satisfies Record<string, OwnerParts>

const taken: Readonly<Record<Tier, readonly (keyof typeof owners)[]>> = {
  local: ['an agent of the zone'],
  regional: ['an agent of the zone', 'an agent of another zone'],
  global: ['summaries of the region', 'summaries of another region'],
}

describe.each(Object.keys(taken) as Tier[])('the %s tier', (tier) => {
  const subjects = tierSubjects[tier](place)

  it('takes the owners below it, and no others', () => {
    const names = Object.entries(owners)
      .filter(([, owner]) => subjects.takes(owner))
      .map(([name]) => name)
    expect(names).toEqual(taken[tier])
  })

  it('hears those owners, on subjects on which they may speak', () => {
    for (const name of taken[tier]) {
      const { region, zone, node } = owners[name]
      const kind = tierRoles[tier].holds === 'summaries' ? 'summary' : 'delta'
      const spoken =
        kind === 'summary'
          ? `mrd.1.summary.${region}.${node}`
          : `mrd.1.delta.${region}.${zone}.${node}`
      expect(subjects.follows.some((filter) => matches(filter, spoken))).toBe(true)
      const subject = parseSubject(spoken)
      expect(subject && mayWrite(subject, ownerId(owners[name]))).toBe(true)
    }
  })

  it('answers on a subject of its own', () => {
    expect(parseSubject(subjects.rpc('lookup'))).toMatchObject({
      kind: `rpc-${tier}`,
      method: 'lookup',
    })
  })
})

it('sends summaries from the tier that holds all instances of a region, to the one that holds summaries', () => {
  const tiers = Object.entries(tierRoles)
  expect(tiers.filter(([, { summarises }]) => summarises).map(([tier]) => tier)).toEqual([
    'regional',
  ])
  expect(tiers.filter(([, { holds }]) => holds === 'summaries').map(([tier]) => tier)).toEqual([
    'global',
  ])
})

function matches(filter: string, subject: string): boolean {
  const parts = subject.split('.')
  const wanted = filter.split('.')
  return (
    parts.length === wanted.length && wanted.every((part, at) => part === '*' || part === parts[at])
  )
}
