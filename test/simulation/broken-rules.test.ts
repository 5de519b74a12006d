import { InstanceCatalog, type SetChange } from '@meridian/shared'
import { WatchFeed } from '../../shared/src/lookup/watch-feed.ts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type * as ReceiveModule from '../../shared/src/replication/receive.ts'
import type * as SyncModule from '../../shared/src/replication/sync.ts'
import type * as TrustModule from '../../shared/src/replication/trust.ts'
import { simulate, type SimulationOptions } from './simulate.ts'

/**
 * A check that has never failed proves nothing. Here the machines are broken on purpose, one rule
 * at a time, as others have been broken in the wild, and the simulation has to notice.
 */
type Rule =
  | 'absence deletes'
  | 'the last word wins'
  | 'whoever is not named is gone'
  | 'nobody asks for what is missing'

const broken = vi.hoisted(() => ({ rule: undefined as Rule | undefined }))

vi.mock('../../shared/src/replication/receive.ts', async (original) => {
  const { RecordSet } = await import('../../shared/src/replication/record-set.ts')
  const real = await original<typeof ReceiveModule>()
  const receiveDelta: typeof real.receiveDelta = (holdings, delta, context) => {
    if (broken.rule === 'absence deletes' && delta.from > 0 && delta.records.length > 0) {
      const { digest } = RecordSet.from(delta.records)
      return real.receiveDelta(holdings, { ...delta, from: 0, digest }, context)
    }
    const step = real.receiveDelta(holdings, delta, context)
    if (broken.rule !== 'nobody asks for what is missing') return step
    return { ...step, effects: step.effects.filter(({ kind }) => kind !== 'sync') }
  }
  return { ...real, receiveDelta }
})

vi.mock('../../shared/src/replication/trust.ts', async (original) => {
  const real = await original<typeof TrustModule>()
  const isNew: typeof real.isNew = (holding, version) =>
    broken.rule === 'the last word wins' || real.isNew(holding, version)
  return { ...real, isNew }
})

vi.mock('../../shared/src/replication/sync.ts', async (original) => {
  const real = await original<typeof SyncModule>()
  const planSync: typeof real.planSync = (holdings, entries) => {
    const plan = real.planSync(holdings, entries)
    if (broken.rule === 'nobody asks for what is missing') return { ...plan, wanted: [] }
    if (broken.rule !== 'whoever is not named is gone') return plan
    const listed = new Set(entries.map(({ owner }) => owner))
    const gone = [...holdings.values()]
      .filter(({ owner, records }) => !listed.has(owner) && records.size > 0)
      .map(({ owner, version, floor }): SetChange => ({
        kind: 'whole',
        owner,
        version,
        floor,
        digest: '0'.repeat(32),
        records: [],
      }))
    return { ...plan, adopted: [...plan.adopted, ...gone] }
  }
  return { ...real, planSync }
})

afterEach(() => {
  broken.rule = undefined
  vi.restoreAllMocks()
})

describe('a simulation of machines with a broken rule', { timeout: 60_000 }, () => {
  it.each<{ rule: Rule; breaks: string }>([
    // A receiver that takes a delta for the whole set.
    { rule: 'absence deletes', breaks: '3' },
    // Messages that overtake each other, and disks that are restored, undo what came after.
    { rule: 'the last word wins', breaks: '3' },
    // As in Nacos #15857 and #4470: what a peer does not list is deleted.
    { rule: 'whoever is not named is gone', breaks: '3' },
    { rule: 'nobody asks for what is missing', breaks: '2' },
  ])('notices that $rule', async ({ rule, breaks }) => {
    broken.rule = rule
    await expectBreach(breaks, {})
  })

  it('notices an agent that acknowledges what its disk may lose', async () => {
    await expectBreach('1', { shape: { agentWritesUnsynced: 6 } })
  })

  it('notices an index that keeps what is gone', async () => {
    vi.spyOn(InstanceCatalog.prototype, 'remove').mockReturnValue(undefined)
    await expectBreach('6', {})
  })

  it('notices a watch that is never told of what goes', async () => {
    const { flush } = WatchFeed.prototype
    vi.spyOn(WatchFeed.prototype, 'flush').mockImplementation(function (this: WatchFeed, ...args) {
      return flush.apply(this, args).filter(({ kind }) => kind !== 'removed')
    })
    await expectBreach('5', {})
  })
})

const seedsMax = 12

async function expectBreach(rule: string, options: Omit<SimulationOptions, 'seed'>): Promise<void> {
  const found: string[] = []
  for (let seed = 1; seed <= seedsMax && !found.includes(rule); seed += 1) {
    const { breaches } = await simulate({ seed, ...options })
    found.push(...breaches.map((breach) => breach.rule))
  }
  expect(found).toContain(rule)
}
