import { describe, expect, it } from 'vitest'
import { MeridianError } from '../errors.ts'
import { InMemoryReplicaStore, type ReplicaBatch } from '../ports/index.ts'
import { cutDelta, cutNothing } from '../replication/index.ts'
import { zeroVersion } from '../model/index.ts'
import { decodeMessageOf, encodeMessage, subjects } from '../wire/index.ts'
import {
  createFabric,
  definitionOf,
  pulseMs,
  rpcLocal,
  TestFollower,
  TestOwner,
  zone,
  type Fabric,
} from './exchange.fixture.ts'
import { exchangeLimits } from './limits.ts'

const flights = definitionOf('flights')
const hotels = definitionOf('hotels')

/** A network that loses what `loses` says. */
function lossy() {
  let loses: (from: string, to: string, subject: string) => boolean = () => false
  const fabric = createFabric({ carry: (...way) => (loses(...way) ? [] : [0]) })
  return {
    fabric,
    lose(what: typeof loses) {
      loses = what
    },
  }
}

function isDelta(subject: string): boolean {
  return subject.startsWith('mrd.1.delta.')
}

describe('a follower', () => {
  it('shows what owners send, and what they remove no more', async () => {
    const fabric = createFabric()
    const agent = new TestFollower(fabric, 'n9').start()
    const owner = new TestOwner(fabric, 'n1').start()
    owner.put('i/a', 'one')
    owner.put('i/b', 'two')
    await fabric.clock.advance(100)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one', 'i/b': 'two' })
    owner.remove('i/a')
    await fabric.clock.advance(100)
    expect(Object.fromEntries(agent.seen.get(owner.owner) ?? [])).toEqual({ 'i/b': 'two' })
  })

  it('asks the owner for what a gap shows to be missing', async () => {
    const { fabric, lose } = lossy()
    const agent = new TestFollower(fabric, 'n9').start()
    const owner = new TestOwner(fabric, 'n1').start({ pulses: false })
    await fabric.clock.advance(100)
    lose((_from, to, subject) => to === 'n9' && isDelta(subject))
    owner.put('i/a', 'one')
    await fabric.clock.advance(10)
    expect(agent.content(owner.owner)).toEqual({})
    lose(() => false)
    owner.put('i/b', 'two')
    await fabric.clock.advance(10)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one', 'i/b': 'two' })
  })

  it('asks anew for a definition that its disk has changed', async () => {
    const fabric = createFabric()
    const replica = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const owner = new TestOwner(fabric, 'n1').start()
    owner.put('i/a', 'one', flights)
    await fabric.clock.advance(100)
    const { id, canonical } = flights
    replica.store.putDefinitions([{ id, canonical: canonical.with(0, 0) }])
    replica.restart()
    expect(replica.holdings.definitions.missing()).toEqual([id])
    await fabric.clock.advance(2 * pulseMs)
    expect(replica.store.definition(id)).toEqual(canonical)
    expect(replica.holdings.definitions.missing()).toEqual([])
  })

  it('tells for how long it has been behind an owner that cannot be asked', async () => {
    const { fabric, lose } = lossy()
    const agent = new TestFollower(fabric, 'n9').start()
    const owner = new TestOwner(fabric, 'n1').start()
    await fabric.clock.advance(100)
    lose((_from, _to, subject) => !subject.startsWith('mrd.1.pulse.'))
    owner.put('i/a', 'one')
    await fabric.clock.advance(pulseMs)
    const since = agent.follower.behind.get(owner.owner) ?? Infinity
    await fabric.clock.advance(5 * pulseMs)
    expect(agent.follower.behind.get(owner.owner)).toBe(since)
    expect(fabric.clock.now() - since).toBeGreaterThanOrEqual(5 * pulseMs)
    lose(() => false)
    await fabric.clock.advance(30_000)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(agent.follower.behind.size).toBe(0)
    expect(agent.follower.counts.deltas.size).toBeGreaterThan(0)
  })

  it('asks the owner when a pulse states a newer version', async () => {
    const { fabric, lose } = lossy()
    const agent = new TestFollower(fabric, 'n9').start()
    const owner = new TestOwner(fabric, 'n1').start()
    await fabric.clock.advance(100)
    lose((_from, _to, subject) => isDelta(subject))
    owner.put('i/a', 'one')
    await fabric.clock.advance(pulseMs)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one' })
  })

  it('asks again with the next pulse when the owner did not answer', async () => {
    const { fabric, lose } = lossy()
    const agent = new TestFollower(fabric, 'n9').start()
    const owner = new TestOwner(fabric, 'n1').start()
    lose((_from, _to, subject) => isDelta(subject) || subject.includes('.rpc.'))
    owner.put('i/a', 'one')
    await fabric.clock.advance(2 * pulseMs)
    expect(agent.content(owner.owner)).toEqual({})
    lose((_from, _to, subject) => isDelta(subject))
    await fabric.clock.advance(exchangeLimits.answerMs + pulseMs)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one' })
  })

  it('asks one question at a time, however many gaps and pulses there are', async () => {
    const fabric = createFabric({
      // Answers of the owner take their time.
      carry: (from, _to, subject) => [from === 'n1' && subject.includes('.rpc.') ? 500 : 0],
    })
    const owner = new TestOwner(fabric, 'n1').start()
    for (let at = 0; at < 100; at += 1) owner.put(`i/${at}`, 'one')
    await fabric.clock.advance(10)
    const agent = new TestFollower(fabric, 'n9').start()
    for (let at = 0; at < 30; at += 1) {
      owner.put('i/0', `${at}`)
      await fabric.clock.advance(9)
    }
    const asked = fabric.sent.filter(
      ({ from, subject }) => from === 'n9' && subject.includes('rpc'),
    )
    expect(asked.length).toBe(1)
    await fabric.clock.advance(2_000)
    expect(agent.content(owner.owner)).toEqual(owner.content)
  })

  it('takes in a set that no single message can hold', async () => {
    const fabric = createFabric({ payloadBytesMax: 10_000 })
    const owner = new TestOwner(fabric, 'n1').start()
    for (let at = 0; at < 40; at += 1) owner.put(`i/${at}`, 'x'.repeat(1_000))
    await fabric.clock.advance(100)
    const agent = new TestFollower(fabric, 'n9').start()
    await fabric.clock.advance(pulseMs)
    expect(agent.content(owner.owner)).toEqual(owner.content)
  })

  it('shows what its store gives back before it hears anything', () => {
    const fabric = createFabric()
    const owner = new TestOwner(fabric, 'n1')
    owner.put('i/a', 'one', flights)
    const follower = new TestFollower(fabric, 'n9')
    const whole = cutDelta(owner.set, zeroVersion)
    if (!whole) throw new Error('nothing to store')
    follower.store.apply({
      definitions: [flights],
      changes: [{ ...whole, kind: 'whole' }],
    })
    follower.start()
    expect(Object.fromEntries(follower.seen.get(owner.owner) ?? [])).toEqual({ 'i/a': 'one' })
    expect(follower.holdings.definitions.has(flights.id)).toBe(true)
    expect(follower.holdings.definitions.missing()).toEqual([])
  })

  it('fetches a stored set anew that is not what its digest says', async () => {
    const fabric = createFabric()
    const owner = new TestOwner(fabric, 'n1')
    owner.put('i/a', 'one')
    owner.put('i/b', 'two')
    const follower = new TestFollower(fabric, 'l1', { tier: 'local' })
    const whole = cutDelta(owner.set, zeroVersion)
    if (!whole) throw new Error('nothing to store')
    follower.store.apply({
      changes: [{ ...whole, kind: 'whole', records: whole.records.slice(1) }],
    })
    follower.start()
    owner.start()
    await fabric.clock.advance(pulseMs)
    expect(follower.content(owner.owner)).toEqual(owner.content)
    expect(Object.fromEntries(follower.seen.get(owner.owner) ?? [])).toEqual(owner.content)
  })

  it('ignores the echo of its own owner', async () => {
    const fabric = createFabric()
    const owner = new TestOwner(fabric, 'n1')
    const follower = new TestFollower(fabric, 'n1', { own: [owner.owner] }).start()
    owner.start()
    owner.put('i/a', 'one')
    await fabric.clock.advance(3 * pulseMs)
    expect(follower.holdings.size).toBe(0)
    expect(fabric.sent.some(({ subject }) => subject.includes('.rpc.'))).toBe(false)
  })

  it('keeps out owners that do not belong to it, also when it hears of them', async () => {
    const fabric = createFabric()
    const follower = new TestFollower(fabric, 'l1', {
      tier: 'local',
      takes: ({ node }) => node !== 'n1',
    }).start()
    const owner = new TestOwner(fabric, 'n1').start()
    owner.put('i/a', 'one')
    await fabric.clock.advance(3 * pulseMs)
    expect(follower.holdings.size).toBe(0)
    expect(owner.publisher.settled).toBe(false)
  })

  it('refuses whoever speaks for an owner on a subject that is not that owner’s', async () => {
    const fabric = createFabric()
    const owner = new TestOwner(fabric, 'n1').start()
    owner.put('i/a', 'one')
    await fabric.clock.advance(pulseMs)
    owner.close()
    const [pulse] = fabric.bodies.get(subjects.pulse(owner.locality)) ?? []
    const delta = cutDelta(owner.set, zeroVersion)
    if (!delta || !pulse) throw new Error('nothing to send')
    const follower = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const intruder = fabric.connect('n2')
    intruder.publish(
      subjects.delta({ ...zone, node: 'n2' }),
      encodeMessage({ kind: 'delta', delta }),
    )
    // A true pulse, said by somebody else.
    intruder.publish(subjects.pulse({ ...zone, node: 'n2' }), pulse)
    await fabric.clock.advance(100)
    expect(follower.holdings.size).toBe(0)
    expect(fabric.log.at('warn')).toEqual([
      'somebody speaks for an owner that is not theirs; refused',
      'somebody speaks for an owner that is not theirs; refused',
    ])
  })

  it('is no worse for bytes that it cannot read', async () => {
    const fabric = createFabric()
    const follower = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const intruder = fabric.connect('n2')
    const subject = subjects.delta({ ...zone, node: 'n2' })
    for (const body of [new Uint8Array(), Uint8Array.of(9, 9, 9), new Uint8Array(5_000).fill(7)]) {
      intruder.publish(subject, body)
    }
    const replies: string[] = []
    await intruder.requestMany(subject, Uint8Array.of(1), { deadlineMs: 50 }, (bytes) => {
      replies.push(decodeMessageOf('rpc-failure', bytes).code)
      return 'enough'
    })
    expect(replies).toEqual(['invalid_message'])
    const owner = new TestOwner(fabric, 'n1', { tiers: ['local'] }).start()
    owner.put('i/a', 'one')
    await fabric.clock.advance(1_000)
    expect(follower.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(owner.publisher.settled).toBe(true)
  })

  it('does not ask without end for a whole set that contradicts itself', async () => {
    const fabric = createFabric()
    const follower = new TestFollower(fabric, 'l1').start()
    const owner = new TestOwner(fabric, 'n1')
    owner.put('i/a', 'one')
    owner.close()
    const liar = fabric.connect('liar')
    let asked = 0
    const wrong = { ...cutNothing(owner.set), from: 0 }
    liar.subscribe(subjects.rpcNode(owner.locality, 'fetch'), (message) => {
      asked += 1
      message.respond(encodeMessage({ kind: 'deltas', deltas: [wrong], last: true, more: false }))
    })
    liar.publish(owner.subject, encodeMessage({ kind: 'delta', delta: wrong }))
    liar.publish(owner.subject, encodeMessage({ kind: 'delta', delta: cutNothing(owner.set) }))
    await fabric.clock.advance(1_000)
    expect(asked).toBe(1)
    expect(follower.content(owner.owner)).toBeUndefined()
  })

  it('does not ask without end a source that always promises more', async () => {
    const fabric = createFabric()
    const follower = new TestFollower(fabric, 'l1').start()
    const liar = fabric.connect('liar')
    const owner = new TestOwner(fabric, 'n1')
    owner.put('i/a', 'one')
    owner.close()
    let asked = 0
    liar.subscribe(subjects.rpcNode(owner.locality, 'fetch'), (message) => {
      asked += 1
      message.respond(encodeMessage({ kind: 'deltas', deltas: [], last: true, more: true }))
    })
    liar.publish(owner.subject, encodeMessage({ kind: 'delta', delta: cutNothing(owner.set) }))
    await fabric.clock.advance(1_000)
    expect(asked).toBe(1)
    expect(follower.holdings.size).toBe(0)
  })
})

describe('a follower whose disk fails', () => {
  /** Takes nothing while `full`. */
  class FillingStore extends InMemoryReplicaStore {
    full = true
    override apply(batch: ReplicaBatch): void {
      if (this.full) throw new MeridianError('storage_full', 'the disk is full')
      super.apply(batch)
    }
  }

  async function filling() {
    const fabric = createFabric()
    const store = new FillingStore()
    const follower = new TestFollower(fabric, 'l1', { tier: 'local' })
    follower.store = store
    follower.restart()
    const owner = new TestOwner(fabric, 'n1', { tiers: ['local'] }).start()
    owner.put('i/a', 'one', flights)
    await fabric.clock.advance(5 * pulseMs)
    return { fabric, store, follower, owner }
  }

  it('acknowledges nothing, shows nothing, and says so', async () => {
    const { fabric, follower, owner } = await filling()
    expect(owner.publisher.settled).toBe(false)
    expect(follower.seen.size).toBe(0)
    expect(follower.content(owner.owner)).toBeUndefined()
    expect(fabric.log.at('error')).toContain('sets not fetched')
  })

  it('takes everything in once there is room', async () => {
    const { fabric, store, follower, owner } = await filling()
    store.full = false
    await fabric.clock.advance(2 * exchangeLimits.retryMostMs)
    expect(follower.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(store.hasDefinition(flights.id)).toBe(true)
    expect(owner.publisher.settled).toBe(true)
  })
})

describe('a follower that compares', () => {
  async function zoneWithReplica(fabric: Fabric) {
    const local = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const owner = new TestOwner(fabric, 'n1').start()
    owner.put('i/a', 'one', flights)
    await fabric.clock.advance(200)
    return { local, owner }
  }

  it('has the zone at once, sets of owners that are gone included', async () => {
    const fabric = createFabric()
    const { owner } = await zoneWithReplica(fabric)
    owner.close()
    const agent = new TestFollower(fabric, 'n9', { compares: true }).start()
    expect(agent.follower.compared).toBe(false)
    await fabric.clock.advance(10)
    expect(agent.follower.compared).toBe(true)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(agent.store.hasDefinition(flights.id)).toBe(true)
  })

  it('takes nothing but versions when it holds the same already', async () => {
    const fabric = createFabric()
    const { owner } = await zoneWithReplica(fabric)
    const agent = new TestFollower(fabric, 'n9', { compares: true }).start()
    await fabric.clock.advance(10)
    agent.close()
    owner.restart()
    await fabric.clock.advance(200)
    owner.close()
    const before = fabric.bodies.get(rpcLocal('fetch'))?.length
    agent.restart()
    await fabric.clock.advance(10)
    expect(agent.follower.compared).toBe(true)
    expect(agent.holdings.get(owner.owner)?.version).toEqual(owner.set.version)
    expect(fabric.bodies.get(rpcLocal('fetch'))?.length).toBe(before)
  })

  it('compares again after a reconnect', async () => {
    const fabric = createFabric()
    const { owner } = await zoneWithReplica(fabric)
    const agent = new TestFollower(fabric, 'n9', { compares: true }).start()
    await fabric.clock.advance(10)
    fabric.network.disconnect('n9')
    owner.put('i/b', 'two', hotels)
    await fabric.clock.advance(10)
    owner.close()
    fabric.network.reconnect('n9')
    await fabric.clock.advance(10)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one', 'i/b': 'two' })
    expect(agent.store.hasDefinition(hotels.id)).toBe(true)
  })

  it('compares again at once where the link broke and came back while it was comparing', async () => {
    const fabric = createFabric({
      carry: (from, to) => [to === 'n9' || from === 'n9' ? 50 : 0],
    })
    const { owner } = await zoneWithReplica(fabric)
    const agent = new TestFollower(fabric, 'n9', { compares: true }).start()
    await fabric.clock.advance(20)
    fabric.network.disconnect('n9')
    fabric.network.reconnect('n9')
    owner.put('i/b', 'two')
    await fabric.clock.advance(10)
    owner.close()
    // Two questions there and back; what fails for another reason waits before the next try.
    await fabric.clock.advance(4 * 50)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one', 'i/b': 'two' })
  })

  it('keeps trying, less and less often, until there is a replica', async () => {
    const fabric = createFabric()
    const agent = new TestFollower(fabric, 'n9', { compares: true }).start()
    await fabric.clock.advance(600_000)
    expect(agent.follower.compared).toBe(false)
    const asked = fabric.bodies.get(rpcLocal('compare'))?.length ?? 0
    expect(asked).toBeGreaterThan(60)
    expect(asked).toBeLessThan(200)
    await zoneWithReplica(fabric)
    await fabric.clock.advance(exchangeLimits.retryMostMs)
    expect(agent.follower.compared).toBe(true)
  })

  it('is not through while what differs could not be fetched', async () => {
    const { fabric, lose } = lossy()
    const { owner } = await zoneWithReplica(fabric)
    owner.close()
    lose((_from, _to, subject) => subject === rpcLocal('fetch'))
    const agent = new TestFollower(fabric, 'n9', { compares: true }).start()
    await fabric.clock.advance(2 * exchangeLimits.answerMs)
    expect(agent.follower.compared).toBe(false)
    lose(() => false)
    await fabric.clock.advance(exchangeLimits.answerMs + exchangeLimits.retryMostMs)
    expect(agent.follower.compared).toBe(true)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one' })
  })

  it('counts an answer that breaks off as none', async () => {
    const fabric = createFabric()
    const liar = fabric.connect('liar')
    liar.subscribe(rpcLocal('compare'), (message) => {
      message.respond(encodeMessage({ kind: 'versions', entries: [], last: false }))
    })
    const agent = new TestFollower(fabric, 'n9', { compares: true }).start()
    await fabric.clock.advance(exchangeLimits.answerMs + 10)
    expect(agent.follower.compared).toBe(false)
  })

  it('waits its turn where a replica has too many askers, and has everything in the end', async () => {
    const fabric = createFabric()
    const { local, owner } = await zoneWithReplica(fabric)
    const kilobytes = 2_000
    for (let at = 0; at < kilobytes; at += 1) owner.put(`i/${at}`, 'x'.repeat(1_000))
    await fabric.clock.advance(1_000)
    expect(local.content(owner.owner)).toEqual(owner.content)
    owner.close()
    const agents = Array.from({ length: 50 }, (_, at) =>
      new TestFollower(fabric, `m${at}`, { compares: true }).start(),
    )
    await fabric.clock.advance(50)
    const served = agents.filter(({ follower }) => follower.compared).length
    expect(served).toBeGreaterThan(10)
    expect(served).toBeLessThan(40)
    await fabric.clock.advance(30_000)
    for (const agent of agents) {
      expect(agent.follower.compared).toBe(true)
      expect(agent.holdings.get(owner.owner)?.version).toEqual(owner.set.version)
    }
  })
})

describe('a follower and definitions', () => {
  it('acknowledges only with the definitions in hand', async () => {
    const { fabric, lose } = lossy()
    const follower = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const owner = new TestOwner(fabric, 'n1', { tiers: ['local'] }).start()
    await fabric.clock.advance(100)
    // It gets the records by asking, and the definition neither so nor inline.
    lose((_from, _to, subject) => isDelta(subject) || subject.endsWith('.definitions'))
    owner.put('i/a', 'one', flights)
    await fabric.clock.advance(pulseMs)
    expect(follower.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(follower.holdings.definitions.missing()).toEqual([flights.id])
    lose((_from, _to, subject) => subject.endsWith('.definitions'))
    const replies: string[][] = []
    await owner.transport.requestMany(
      owner.subject,
      encodeMessage({ kind: 'delta', delta: cutNothing(owner.set) }),
      { deadlineMs: 100 },
      (bytes) => {
        replies.push([...decodeMessageOf('delta-reply', bytes).reply.missing])
        return 'enough'
      },
    )
    expect(replies).toEqual([[flights.id]])
    expect(owner.publisher.settled).toBe(false)
    // Inline, then, because asking does not help.
    await fabric.clock.advance(exchangeLimits.retryMostMs)
    expect(follower.arrived).toEqual([flights.id])
    expect(owner.publisher.settled).toBe(true)
  })

  it('asks for one once, however many records name it', async () => {
    const fabric = createFabric({
      carry: (_from, _to, subject) => [subject.endsWith('.definitions') ? 300 : 0],
    })
    const owners = ['n1', 'n2', 'n3'].map((node) => new TestOwner(fabric, node).start())
    for (const owner of owners) {
      for (let at = 0; at < 5; at += 1) owner.put(`i/${at}`, 'one', flights)
    }
    await fabric.clock.advance(100)
    const agent = new TestFollower(fabric, 'n9').start()
    await fabric.clock.advance(2 * pulseMs)
    const asked = fabric.sent.filter(
      ({ from, subject }) => from === 'n9' && subject.endsWith('.definitions'),
    )
    expect(asked.length).toBe(1)
    expect(agent.arrived).toEqual([flights.id])
  })

  it('asks again at the next pulse for one that did not come', async () => {
    const { fabric, lose } = lossy()
    const owner = new TestOwner(fabric, 'n1').start()
    owner.put('i/a', 'one', flights)
    await fabric.clock.advance(100)
    lose((_from, _to, subject) => subject.endsWith('.definitions'))
    const agent = new TestFollower(fabric, 'n9').start()
    await fabric.clock.advance(pulseMs + exchangeLimits.answerMs)
    expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one' })
    expect(agent.arrived).toEqual([])
    lose(() => false)
    await fabric.clock.advance(exchangeLimits.answerMs + pulseMs)
    expect(agent.arrived).toEqual([flights.id])
  })

  it('asks others for one whose owner is gone', async () => {
    const { fabric, lose } = lossy()
    const owner = new TestOwner(fabric, 'n1').start()
    new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    owner.put('i/a', 'one', flights)
    await fabric.clock.advance(100)
    lose((_from, _to, subject) => subject.endsWith('.definitions'))
    const late = new TestFollower(fabric, 'r1', { asksOthers: true }).start()
    await fabric.clock.advance(pulseMs)
    expect(late.holdings.definitions.missing()).toEqual([flights.id])
    owner.close()
    lose(() => false)
    await fabric.clock.advance(2 * exchangeLimits.definitionAskMs)
    expect(late.arrived).toEqual([flights.id])
  })

  it('fetches more of them than one answer holds', async () => {
    const fabric = createFabric()
    const owner = new TestOwner(fabric, 'n1').start()
    const many = exchangeLimits.definitionsMax + 20
    const large = 'x'.repeat(40_000)
    for (let at = 0; at < many; at += 1) owner.put(`i/${at}`, 'one', definitionOf(`${at}${large}`))
    await fabric.clock.advance(100)
    const agent = new TestFollower(fabric, 'n9').start()
    await fabric.clock.advance(3 * pulseMs)
    expect(agent.arrived.length).toBe(many)
    expect(agent.holdings.definitions.missing()).toEqual([])
  })

  it('keeps none that is not what its id names, from whomever it comes', async () => {
    const fabric = createFabric()
    const owner = new TestOwner(fabric, 'n1')
    const follower = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const forged = { id: flights.id, canonical: hotels.canonical }
    owner.start()
    owner.put('i/a', 'one', forged)
    owner.put('i/b', 'two', hotels)
    await fabric.clock.advance(3 * pulseMs)
    expect(follower.store.hasDefinition(flights.id)).toBe(false)
    expect(follower.arrived).toEqual([hotels.id])
    expect(owner.publisher.settled).toBe(false)
    expect(fabric.log.at('warn')).toContain('a definition is not what its id names')
  })

  it('drops one that nothing names, but not at once', async () => {
    const fabric = createFabric()
    const follower = new TestFollower(fabric, 'l1', { tier: 'local' }).start()
    const owner = new TestOwner(fabric, 'n1', { tiers: ['local'] }).start()
    owner.put('i/a', 'one', flights)
    owner.put('i/b', 'two', hotels)
    await fabric.clock.advance(exchangeLimits.definitionSweepMs - 1_000)
    owner.remove('i/a')
    await fabric.clock.advance(exchangeLimits.definitionSweepMs)
    expect(follower.store.hasDefinition(flights.id)).toBe(true)
    await fabric.clock.advance(2_000)
    expect(follower.store.hasDefinition(flights.id)).toBe(false)
    expect(follower.store.hasDefinition(hotels.id)).toBe(true)
    // It comes again when it is named again.
    owner.put('i/c', 'three', flights)
    await fabric.clock.advance(5_000)
    expect(follower.store.hasDefinition(flights.id)).toBe(true)
    expect(owner.publisher.settled).toBe(true)
  })
})
