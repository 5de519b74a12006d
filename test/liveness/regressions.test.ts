import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agents, all, replicaNames, Tree } from './tree.ts'

/**
 * What went wrong in another registry, Nacos, as its users told it, and must not here. The same on
 * real processes and servers is among the faults of `npm run test:faults`.
 */

let tree: Tree

beforeEach(async () => {
  tree = new Tree()
  await tree.startAll()
})

afterEach(async () => {
  await tree.region.close()
})

function everybody(found: Record<string, string[]>, ids: readonly string[]): void {
  for (const [name, its] of Object.entries(found)) expect({ name, its }).toEqual({ name, its: ids })
}

describe('Nacos #4470: an empty push over what is there', () => {
  it.each(['l1', 'g1'] as const)('does not come of %s losing its disk', async (name) => {
    await tree.restart(name, true)
    for (let passed = 0; passed < 20_000; passed += 500) {
      await tree.region.clock.advance(500)
      // Whoever lost its disk knows nothing for a while; nobody else may forget because of it.
      everybody(await tree.found(passed < 10_000 ? name : undefined), all)
      expect(tree.counted()).toBe(3)
    }
  })

  it('does not come of the only regional replica losing its disk', async () => {
    await tree.stop('g2')
    // It has never heard of the other.
    await tree.restart('w1', true)
    await tree.region.clock.advance(15_000)
    await tree.restart('g1', true)
    for (let passed = 0; passed < 30_000; passed += 100) {
      await tree.region.clock.advance(100)
      expect({ passed, counted: tree.counted() }).toEqual({ passed, counted: 3 })
    }
    everybody(await tree.found(), all)
  })

  it('does not come of a zone that is cut off while its region starts anew', async () => {
    const inZone = new Set([...agents, 'l1', 'l2'])
    tree.region.loses = (from, to) => inZone.has(from) !== inZone.has(to)
    await tree.restart('g1', false)
    await tree.restart('g2', false)
    await tree.region.clock.advance(60_000)
    expect(tree.counted()).toBe(3)
  })
})

describe('Nacos #10323: an exchange of checksums that deletes live entries', () => {
  it('does not delete, and mends the copies that differ', async () => {
    for (const name of ['l1', 'g1'] as const) {
      await tree.stop(name)
      tree.region.disk(name).damage(([first]) => first!)
      tree.startReplica(name)
    }
    await tree.region.clock.advance(20_000)
    everybody(await tree.found(), all)
    expect(tree.counted()).toBe(3)
  })
})

describe('Nacos #15857: an older peer’s snapshot deletes newer registrations', () => {
  it('does not, though everybody starts again at once', async () => {
    const older = replicaNames.filter((name) => name.endsWith('2') || name === 'w1')
    const images = older.map((name) => ({ name, image: tree.region.disk(name).copy() }))
    await tree.register('n1', 'newer')
    await tree.region.clock.advance(5_000)
    await tree.stopAll()
    for (const { name, image } of images) tree.region.disk(name).replace(image)
    // Those with the older snapshots are up first.
    for (const name of older) tree.startReplica(name)
    for (const name of agents) tree.startAgent(name)
    for (const name of replicaNames) if (!older.includes(name)) tree.startReplica(name)
    await tree.region.clock.advance(20_000)
    everybody(await tree.found(), ['newer', ...all].sort())
    expect(tree.counted()).toBe(4)
  })
})
