import { describe, expect, it } from 'vitest'
import { MeridianError } from '../errors.ts'
import { formatVersion, type Version } from '../model/index.ts'
import { replicationLimits, type Delta, type DeltaReply } from '../replication/index.ts'
import { decodeMessageOf, encodeMessage, subjects } from '../wire/index.ts'
import {
  createFabric,
  definitionOf,
  TestFollower,
  TestOwner,
  type Fabric,
} from './exchange.fixture.ts'
import { exchangeLimits } from './limits.ts'

/** An owner of the zone with a replica of either tier. */
async function threesome(fabric = createFabric()) {
  const local = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
  const regional = new TestFollower(fabric, 'r1', { tier: 'regional' }).start()
  const owner = new TestOwner(fabric, 'n1').start({ pulses: false })
  await fabric.clock.advance(200)
  return { fabric, local, regional, owner }
}

/** The deltas that the owner sent, as they left. */
function deltasOf(fabric: Fabric, owner: TestOwner): Delta[] {
  return (fabric.bodies.get(owner.subject) ?? []).map(
    (body) => decodeMessageOf('delta', body).delta,
  )
}

describe('a publisher', () => {
  it('brings a change to both tiers, and is settled when both have it', async () => {
    const { fabric, local, regional, owner } = await threesome()
    expect(owner.publisher.settled).toBe(true)
    owner.put('i/a', 'one')
    expect(owner.publisher.settled).toBe(false)
    await fabric.clock.advance(replicationLimits.batchMs)
    expect(local.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(regional.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(owner.publisher.settled).toBe(true)
  })

  it('sends changes of one moment as one delta', async () => {
    const { fabric, owner } = await threesome()
    const before = deltasOf(fabric, owner).length
    for (let at = 0; at < 10; at += 1) owner.put(`i/${at}`, 'one')
    await fabric.clock.advance(replicationLimits.batchMs)
    const sent = deltasOf(fabric, owner).slice(before)
    expect(sent.map(({ records }) => records.length)).toEqual([10])
  })

  it('sends a change that comes alone at once, and those on its heels together', async () => {
    const { fabric, owner } = await threesome()
    const before = deltasOf(fabric, owner).length
    owner.put('i/alone', 'one')
    await fabric.clock.advance(0)
    for (let at = 0; at < 4; at += 1) {
      owner.put(`i/${at}`, 'one')
      await fabric.clock.advance(1)
    }
    await fabric.clock.advance(replicationLimits.batchMs)
    const sent = deltasOf(fabric, owner).slice(before)
    expect(sent.map(({ records }) => records.length)).toEqual([1, 4])
  })

  it('does not wait for a batch to be full, nor longer than one that is', async () => {
    const { fabric, owner } = await threesome()
    const before = deltasOf(fabric, owner).length
    for (let at = 0; at < replicationLimits.batchRecords; at += 1) owner.put(`i/${at}`, 'one')
    await fabric.clock.advance(0)
    expect(deltasOf(fabric, owner).length).toBe(before + 1)
  })

  it('sends the next delta from where the last one ended', async () => {
    const { fabric, owner } = await threesome()
    owner.put('i/a', 'one')
    await fabric.clock.advance(replicationLimits.batchMs)
    owner.put('i/b', 'two')
    await fabric.clock.advance(replicationLimits.batchMs)
    const last = deltasOf(fabric, owner).at(-1)
    expect(last).toMatchObject({ from: 1, version: { counter: 2 } })
    expect(last?.records.map(({ key }) => key)).toEqual(['i/b'])
  })

  it('with nothing left to say asks now and then what others hold', async () => {
    const { fabric, owner } = await threesome()
    owner.put('i/a', 'one')
    await fabric.clock.advance(100)
    const before = deltasOf(fabric, owner).length
    await fabric.clock.advance(100 * exchangeLimits.probeMs)
    const probes = deltasOf(fabric, owner).slice(before)
    expect(probes.length).toBeGreaterThan(80)
    expect(probes.length).toBeLessThan(120)
    expect(probes.every(({ records }) => records.length === 0)).toBe(true)
  })

  it('begins a new epoch with nothing but the digest, which those who hold the set adopt', async () => {
    const { fabric, local, regional, owner } = await threesome()
    owner.put('i/a', 'one')
    await fabric.clock.advance(replicationLimits.batchMs)
    const before = deltasOf(fabric, owner).length
    owner.restart()
    await fabric.clock.advance(0)
    const sent = deltasOf(fabric, owner).slice(before)
    expect(sent.map(({ records }) => records.length)).toEqual([0])
    for (const replica of [local, regional]) {
      expect(replica.holdings.get(owner.owner)?.version).toEqual(owner.set.version)
    }
    expect(owner.publisher.settled).toBe(true)
  })

  it('repeats until both tiers answered, and says nothing new by it', async () => {
    const fabric = createFabric()
    const owner = new TestOwner(fabric, 'n1').start({ pulses: false })
    owner.put('i/a', 'one')
    await fabric.clock.advance(30_000)
    const version = formatVersion(owner.set.version)
    const sent = deltasOf(fabric, owner)
    expect(sent.length).toBeGreaterThan(3)
    expect(new Set(sent.slice(2).map((delta) => formatVersion(delta.version)))).toEqual(
      new Set([version]),
    )
    expect(formatVersion(owner.set.version)).toBe(version)
    const local = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const regional = new TestFollower(fabric, 'r1', { tier: 'regional' }).start()
    await fabric.clock.advance(2 * exchangeLimits.retryMostMs)
    expect(owner.publisher.settled).toBe(true)
    expect(local.content(owner.owner)).toEqual(owner.content)
    expect(regional.content(owner.owner)).toEqual(owner.content)
  })

  it('asks less and less often while nobody answers', async () => {
    const fabric = createFabric()
    const owner = new TestOwner(fabric, 'n1').start({ pulses: false })
    await fabric.clock.advance(3_600_000)
    // Full jitter up to 10 s: every 5 s on average.
    const { length } = deltasOf(fabric, owner)
    expect(length).toBeGreaterThan(400)
    expect(length).toBeLessThan(1_100)
  })

  it('brings changes to the tier that is there while the other is gone, and no whole sets', async () => {
    const fabric = createFabric()
    const local = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const owner = new TestOwner(fabric, 'n1').start({ pulses: false })
    owner.put('i/a', 'one')
    await fabric.clock.advance(60_000)
    for (let at = 0; at < 20; at += 1) {
      owner.put(`i/${at}`, 'two')
      await fabric.clock.advance(replicationLimits.batchMs)
      expect(local.content(owner.owner)).toEqual(owner.content)
    }
    const records = deltasOf(fabric, owner).map((delta) => delta.records.length)
    expect(Math.max(...records)).toBe(1)
    expect(owner.publisher.settled).toBe(false)
  })

  it('keeps no more than its limit on the way, and loses none of what waits behind it', async () => {
    const fabric = createFabric()
    const local = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const owner = new TestOwner(fabric, 'n1').start({ pulses: false })
    await fabric.clock.advance(exchangeLimits.acknowledgeMs + 1)
    const before = deltasOf(fabric, owner).length
    for (let at = 0; at < 100; at += 1) {
      owner.put(`i/${at}`, 'one')
      await fabric.clock.advance(replicationLimits.batchMs)
    }
    const sent = deltasOf(fabric, owner).length - before
    expect(sent).toBeLessThanOrEqual(exchangeLimits.inFlightMax + 1)
    await fabric.clock.advance(2 * exchangeLimits.acknowledgeMs)
    expect(local.content(owner.owner)).toEqual(owner.content)
  })

  it('asks again at once when the link is back', async () => {
    const { fabric, local, regional, owner } = await threesome()
    fabric.network.disconnect('n1')
    owner.put('i/a', 'one')
    await fabric.clock.advance(600_000)
    expect(local.content(owner.owner)).toEqual({})
    fabric.network.reconnect('n1')
    await fabric.clock.advance(300)
    expect(local.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(regional.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(owner.publisher.settled).toBe(true)
  })

  describe('that meets a version above its own', () => {
    it('starts one epoch above it, and what the new disk does not hold is gone', async () => {
      const { fabric, local, regional, owner } = await threesome()
      owner.put('i/a', 'one')
      owner.restart()
      owner.restart()
      await fabric.clock.advance(200)
      const before = owner.set.version.epoch.number
      owner.restart({ newDisk: true })
      owner.put('i/b', 'two')
      expect(owner.set.version.epoch.number).toBe(1)
      await fabric.clock.advance(1_000)
      expect(owner.set.version.epoch.number).toBe(before + 1)
      expect(owner.epochsAbove).toBe(1)
      for (const replica of [local, regional]) {
        expect(replica.content(owner.owner)).toEqual({ 'i/b': 'two' })
      }
      expect(owner.publisher.settled).toBe(true)
    })

    it('starts epochs no faster than the limit, whatever it is told', async () => {
      const fabric = createFabric()
      let number = 100
      answerWith(fabric, () => {
        number += 10
        return { held: { epoch: { number, tag: 'x' }, counter: 1 } }
      })
      const owner = new TestOwner(fabric, 'n1').start({ pulses: false })
      await fabric.clock.advance(60_000)
      expect(owner.epochsAbove).toBeGreaterThan(3)
      expect(owner.epochsAbove).toBeLessThanOrEqual(60)
    })

    it('refuses an epoch that nobody can have reached, loudly', async () => {
      const fabric = createFabric()
      const number = replicationLimits.epochJumpMax + 100
      answerWith(fabric, () => ({ held: { epoch: { number, tag: 'x' }, counter: 1 } }))
      const owner = new TestOwner(fabric, 'n1').start({ pulses: false })
      await fabric.clock.advance(100)
      expect(owner.epochsAbove).toBe(0)
      expect(fabric.log.at('error')).toContain(
        'a replica holds a version that this owner cannot have reached; refused',
      )
    })

    it('tries again when its own disk did not take the new epoch', async () => {
      const fabric = createFabric()
      const held: Version = { epoch: { number: 7, tag: 'x' }, counter: 1 }
      answerWith(fabric, () => ({ held }))
      const owner = new TestOwner(fabric, 'n1').start({ pulses: false })
      owner.failCommits = true
      await fabric.clock.advance(10_000)
      expect(owner.set.version.epoch.number).toBe(1)
      expect(fabric.log.at('error')).toContain('delta not taken by one that answers')
      owner.failCommits = false
      await fabric.clock.advance(2 * exchangeLimits.retryMostMs)
      expect(owner.set.version.epoch.number).toBe(8)
    })
  })

  describe('and definitions', () => {
    const flights = definitionOf('flights')

    it('sends one inline until both tiers have it, and then no more', async () => {
      const { fabric, local, regional, owner } = await threesome()
      owner.put('i/a', 'one', flights)
      await fabric.clock.advance(replicationLimits.batchMs)
      owner.put('i/b', 'two', flights)
      await fabric.clock.advance(replicationLimits.batchMs)
      const sent = deltasOf(fabric, owner).slice(-2)
      expect(sent.map(({ definitions }) => definitions.map(({ id }) => id))).toEqual([
        [flights.id],
        [],
      ])
      expect(local.store.hasDefinition(flights.id)).toBe(true)
      expect(regional.store.hasDefinition(flights.id)).toBe(true)
    })

    it('counts no reply that lacks one, and sends it again', async () => {
      const fabric = createFabric()
      let missing = [flights.id]
      answerWith(fabric, (delta) => ({ held: delta.version, missing }))
      const owner = new TestOwner(fabric, 'n1', { tiers: ['local'] }).start({ pulses: false })
      owner.put('i/a', 'one', flights)
      await fabric.clock.advance(2_000)
      expect(owner.publisher.settled).toBe(false)
      const carried = deltasOf(fabric, owner).filter(({ definitions }) => definitions.length > 0)
      expect(carried.length).toBeGreaterThan(1)
      missing = []
      await fabric.clock.advance(exchangeLimits.retryMostMs)
      expect(owner.publisher.settled).toBe(true)
    })

    it('leaves out one that no message can hold, and sends the rest', async () => {
      const fabric = createFabric({ payloadBytesMax: 20_000 })
      const { local, owner } = await threesome(fabric)
      const large = definitionOf('x'.repeat(30_000))
      owner.put('i/a', 'one', large)
      owner.put('i/b', 'two', flights)
      await fabric.clock.advance(1_000)
      expect(local.content(owner.owner)).toEqual({ 'i/a': 'one', 'i/b': 'two' })
      expect(local.store.hasDefinition(flights.id)).toBe(true)
      expect(fabric.log.at('error')).toContain('definition beyond the payload')
    })
  })

  it('sends in pieces what no message can hold', async () => {
    const { fabric, local, regional, owner } = await threesome(
      createFabric({ payloadBytesMax: 10_000 }),
    )
    for (let at = 0; at < 40; at += 1) owner.put(`i/${at}`, 'x'.repeat(1_000))
    await fabric.clock.advance(replicationLimits.batchMs)
    const pieces = deltasOf(fabric, owner).filter(({ piece }) => piece !== undefined)
    expect(pieces.length).toBeGreaterThan(5)
    expect(local.content(owner.owner)).toEqual(owner.content)
    expect(regional.content(owner.owner)).toEqual(owner.content)
    expect(owner.publisher.settled).toBe(true)
  })

  it('sends again to a tier that answers, is behind and cannot ask', async () => {
    const fabric = createFabric()
    const held: Version[] = []
    answerWith(fabric, (delta) => {
      // Takes in whole sets and what joins on, never asks.
      const known = held.at(-1)
      const joins = delta.from === 0 || known?.counter === delta.from
      if (joins && delta.records.length > 0) held.push(delta.version)
      return { held: held.at(-1) ?? { epoch: { number: 0, tag: '' }, counter: 0 } }
    })
    const owner = new TestOwner(fabric, 'n1', { tiers: ['local'] })
    owner.put('i/a', 'one')
    owner.start({ pulses: false })
    await fabric.clock.advance(1_000)
    expect(held.at(-1)).toEqual(owner.set.version)
    expect(owner.publisher.settled).toBe(true)
  })

  it('is no worse for replies that cannot be read, or that say the disk there is full', async () => {
    const fabric = createFabric()
    const bad = fabric.connect('bad')
    bad.subscribe(subjects.delta({ region: 'eu', zone: 'a', node: '*' }), (message) => {
      message.respond(Uint8Array.of(1, 2, 3))
      message.respond(encodeMessage({ kind: 'rpc-failure', code: 'storage_full', message: 'full' }))
    })
    const { owner } = await threesome(fabric)
    expect(owner.publisher.settled).toBe(true)
    expect(fabric.log.told.map(({ fields }) => codeOf(fields['err']))).toEqual(
      expect.arrayContaining(['invalid_message', 'storage_full']),
    )
  })

  it('says nothing once it is closed', async () => {
    const { fabric, owner } = await threesome()
    owner.put('i/a', 'one')
    owner.close()
    const before = deltasOf(fabric, owner).length
    fabric.network.disconnect('n1')
    fabric.network.reconnect('n1')
    await fabric.clock.advance(60_000)
    expect(deltasOf(fabric, owner).length).toBe(before)
  })
})

/** A local replica made of one function. */
function answerWith(fabric: Fabric, reply: (delta: Delta) => Partial<DeltaReply>): void {
  const transport = fabric.connect('puppet')
  transport.subscribe(subjects.delta({ region: 'eu', zone: 'a', node: '*' }), (message) => {
    const { delta } = decodeMessageOf('delta', message.body)
    if (!message.wantsReply) return
    message.respond(
      encodeMessage({
        kind: 'delta-reply',
        reply: {
          held: delta.version,
          complete: true,
          replica: 'puppet',
          tier: 'local',
          missing: [],
          ...reply(delta),
        },
      }),
    )
  })
}

function codeOf(error: unknown): string | undefined {
  return error instanceof MeridianError ? error.code : undefined
}
