import { formatVersion } from '@meridian/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agents, all, Tree, type ReplicaName } from './tree.ts'

/**
 * What a process keeps of others may be lost, an old copy, or damaged where nobody looks: that is
 * noticed, filled from below, and not passed for whole meanwhile.
 */
let tree: Tree

beforeEach(async () => {
  tree = new Tree()
  await tree.startAll()
})

afterEach(async () => {
  await tree.region.close()
})

const fates = ['empty', 'old', 'damaged'] as const
const holders = ['l1', 'g1', 'w1', 'n2'] as const

function heldBy(name: string): string[] {
  return tree
    .copies(name)
    .sets()
    .map(({ owner, version, records, digest }) => {
      return `${owner} ${formatVersion(version)} ${digest} ${[...records].length}`
    })
    .sort((a, b) => a.localeCompare(b))
}

describe.each(fates)('a disk that is %s', (fate) => {
  it.each(holders)('is filled again at %s', async (name) => {
    const copies = tree.copies(name)
    const backup = copies.copy()
    await tree.register('n1', 'newer')
    await tree.region.clock.advance(2_000)
    const before = heldBy(name)
    await tree.stop(name)
    if (fate === 'empty') copies.replace()
    else if (fate === 'old') copies.replace(backup)
    else copies.damage(([first]) => first!)
    expect(heldBy(name)).not.toEqual(before)
    if (agents.includes(name)) tree.startAgent(name)
    else tree.startReplica(name as ReplicaName)
    await tree.region.clock.advance(20_000)
    expect(heldBy(name).map(withoutVersion)).toEqual(before.map(withoutVersion))
    const newest = ['newer', ...all].sort((a, b) => a.localeCompare(b))
    for (const its of Object.values(await tree.found())) expect(its).toEqual(newest)
    expect(tree.counted()).toBe(4)
  })
})

/** Starts of owners in between make new versions of the same set. */
function withoutVersion(line: string): string {
  const [owner, , ...rest] = line.split(' ')
  return [owner, ...rest].join(' ')
}

describe('a replica that has just lost its disk', () => {
  it.each(['l1', 'g1'] as const)('does not say that nobody has anything (%s)', async (name) => {
    // Nothing else is there to ask.
    for (const other of ['l2', 'g2', 'w1']) await tree.stop(other)
    if (name === 'l1') await tree.stop('g1')
    for (const node of agents) await tree.stop(node)
    await tree.stop(name)
    tree.region.disk(name).replace()
    tree.startReplica(name)
    expect(await tree.region.lookup(tree.replica(name))).toMatchObject({
      outcome: 'unknown',
      complete: false,
      scopes: [{ state: 'stale' }, { state: 'unreachable' }],
    })
  })
})
