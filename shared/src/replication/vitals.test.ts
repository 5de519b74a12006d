import { describe, expect, it } from 'vitest'
import type { OwnerId } from '../model/index.ts'
import type { Random } from '../ports/random.ts'
import type { NodeStatus } from './judgement.ts'
import type { NodeVitals, Vitals } from './vitals.ts'
import { followerDefaults, VitalsFollower } from './vitals-follower.ts'
import { VitalsWriter, vitalsNodesMax } from './vitals-writer.ts'

const calm = { isPreserved: false, isUnsure: false }
const [n1, n2, n3] = ['eu/a/n1/agent', 'eu/a/n2/agent', 'eu/a/n3/agent'] as const

function writer(replica = 'r1', runId = `${replica}-run-1`): VitalsWriter {
  return new VitalsWriter({ region: 'eu', zone: 'a', replica, runId })
}

function node(owner: OwnerId, status: NodeStatus, pulse = 1, fields: Partial<NodeVitals> = {}) {
  return {
    owner,
    status,
    pulse: { epoch: { number: 1, tag: '' }, number: pulse },
    loads: [],
    ...fields,
  }
}

function all(follower: VitalsFollower, messages: readonly Vitals[], now = 0) {
  return messages.map((vitals) => follower.receive(vitals, now))
}

function standing(follower: VitalsFollower): string {
  return [...follower.nodes()]
    .map(({ owner, status }) => `${owner.split('/')[2]} ${status}`)
    .sort()
    .join(', ')
}

describe('a writer of vitals', () => {
  it('says what differs from what it said, and that it lives when nothing does', () => {
    const vitals = writer()
    const tell = (...nodes: NodeVitals[]) =>
      vitals.changes(nodes, calm).map((message) => [message.number, message.nodes.length])
    expect(tell(node(n1, 'alive', 1), node(n2, 'alive', 1))).toEqual([[1, 2]])
    expect(tell(node(n1, 'alive', 2), node(n2, 'alive', 2))).toEqual([[2, 0]])
    expect(tell(node(n1, 'alive', 3), node(n2, 'suspect', 2))).toEqual([[3, 1]])
    const load = { id: 'x', inFlight: 1, latencyMs: 5 }
    expect(tell(node(n1, 'alive', 3, { loads: [load] }), node(n2, 'suspect', 2))).toEqual([[4, 1]])
    expect(tell(node(n1, 'alive', 4, { loads: [{ ...load }] }), node(n2, 'suspect', 2))).toEqual([
      [5, 0],
    ])
    const held = { epoch: { number: 1, tag: '' }, counter: 7 }
    expect(tell(node(n1, 'alive', 5, { held, loads: [load] }), node(n2, 'suspect', 2))).toEqual([
      [6, 1],
    ])
  })

  it('says everything when a node is gone, because nothing less tells of it', () => {
    const vitals = writer()
    vitals.changes([node(n1, 'alive'), node(n2, 'alive')], calm)
    const [message] = vitals.changes([node(n1, 'alive')], calm)
    expect(message?.whole).toEqual({ part: 0, parts: 1 })
  })

  it('says everything in parts of bounded size', () => {
    const nodes = Array.from({ length: vitalsNodesMax + 1 }, (_, i) =>
      node(`eu/a/n${i}/agent`, 'alive'),
    )
    const messages = writer().whole(nodes, calm)
    expect(
      messages.map(({ whole, number, nodes: part }) => [whole?.part, number, part.length]),
    ).toEqual([
      [0, 1, vitalsNodesMax],
      [1, 2, 1],
    ])
  })
})

describe('a follower of vitals', () => {
  it('is told that a node’s records were let go of, once, until it is back', () => {
    const [vitals, follower] = [writer(), new VitalsFollower()]
    all(follower, vitals.whole([node(n1, 'reaped')], calm))
    const gone = { ...node(n1, 'reaped'), isForgotten: true }
    const [told] = all(follower, vitals.changes([gone], calm))
    expect(told?.changes).toEqual([{ owner: n1, status: 'reaped', loads: [], isForgotten: true }])
    const [again] = all(follower, vitals.changes([gone], calm))
    expect(again?.changes).toEqual([])
    const [back] = all(follower, vitals.changes([node(n1, 'alive', 2)], calm))
    expect(back?.changes).toEqual([{ owner: n1, status: 'alive', loads: [] }])
  })

  it('takes in the whole state and then changes', () => {
    const [vitals, follower] = [writer(), new VitalsFollower()]
    const [whole] = all(follower, vitals.whole([node(n1, 'alive'), node(n2, 'suspect')], calm))
    expect(whole).toMatchObject({ outcome: 'applied', changes: [{ owner: n1 }, { owner: n2 }] })
    const next = all(follower, vitals.changes([node(n1, 'alive', 2), node(n2, 'alive', 2)], calm))
    expect(next).toMatchObject([{ outcome: 'applied', changes: [{ owner: n2, status: 'alive' }] }])
    expect(standing(follower)).toBe('n1 alive, n2 alive')
  })

  it('asks for the whole state when it begins in the middle and when it missed a message', () => {
    const [vitals, follower] = [writer(), new VitalsFollower()]
    expect(all(follower, vitals.changes([node(n1, 'alive')], calm))[0]?.outcome).toBe('hole')
    expect(all(follower, vitals.whole([node(n1, 'alive')], calm))[0]?.outcome).toBe('applied')
    vitals.changes([node(n1, 'suspect')], calm)
    const [after] = all(follower, vitals.changes([node(n1, 'suspect'), node(n2, 'alive')], calm))
    // What it says is true all the same.
    expect(after).toMatchObject({ outcome: 'hole', changes: [{ owner: n2 }] })
    all(follower, vitals.whole([node(n1, 'suspect'), node(n2, 'alive')], calm))
    expect(standing(follower)).toBe('n1 suspect, n2 alive')
  })

  it('ignores repeats and what comes late', () => {
    const [vitals, follower] = [writer(), new VitalsFollower()]
    const whole = vitals.whole([node(n1, 'alive')], calm)
    const change = vitals.changes([node(n1, 'suspect')], calm)
    all(follower, [...whole, ...change])
    expect(all(follower, [...whole, ...change]).map(({ outcome }) => outcome)).toEqual([
      'stale',
      'stale',
    ])
    expect(standing(follower)).toBe('n1 suspect')
  })

  it('drops nodes that a whole state leaves out, once all of its parts came', () => {
    const [vitals, follower] = [writer(), new VitalsFollower()]
    all(follower, vitals.whole([node(n1, 'alive'), node(n2, 'alive')], calm))
    const many = Array.from({ length: vitalsNodesMax + 1 }, (_, i) =>
      node(`eu/a/m${i}/agent`, 'alive'),
    )
    const [first, second] = vitals.whole(many, calm)
    if (!first || !second) throw new Error('two parts')
    expect(follower.receive(first, 0).gone).toEqual([])
    expect(follower.receive(second, 0).gone).toMatchObject([
      { owner: n1, status: 'alive' },
      { owner: n2, status: 'alive' },
    ])
  })

  it('drops nothing when a part of the whole state is missing', () => {
    const [vitals, follower] = [writer(), new VitalsFollower()]
    all(follower, vitals.whole([node(n1, 'alive')], calm))
    const many = Array.from({ length: vitalsNodesMax * 2 + 1 }, (_, i) =>
      node(`eu/a/m${i}/agent`, 'alive'),
    )
    const [first, , third] = vitals.whole(many, calm)
    if (!first || !third) throw new Error('three parts')
    expect(all(follower, [first, third]).map(({ outcome }) => outcome)).toEqual(['applied', 'hole'])
    expect(follower.node(n1)).toBeDefined()
  })

  it('weighs replicas against each other, node by node', () => {
    const follower = new VitalsFollower()
    const [r1, r2] = [writer('r1'), writer('r2')]
    // r1 is cut off from n1; neither has heard n2 lately, r2 is a sweep ahead; n3 fell silent
    // to r1 later than to r2.
    all(
      follower,
      r1.whole([node(n1, 'unreachable', 4), node(n2, 'suspect', 9), node(n3, 'suspect', 9)], calm),
    )
    all(
      follower,
      r2.whole(
        [node(n1, 'alive', 2), node(n2, 'unreachable', 9), node(n3, 'unreachable', 8)],
        calm,
      ),
    )
    expect(standing(follower)).toBe('n1 alive, n2 unreachable, n3 suspect')
  })

  it('leaves out replicas that are unsure while another is sure', () => {
    const follower = new VitalsFollower()
    const [r1, r2] = [writer('r1'), writer('r2')]
    const unsure = { isPreserved: true, isUnsure: true }
    all(follower, r1.whole([node(n1, 'alive', 9)], unsure))
    expect([standing(follower), follower.isPreserved]).toEqual(['n1 alive', true])
    all(follower, r2.whole([node(n1, 'unreachable', 8)], calm))
    expect([standing(follower), follower.isPreserved]).toEqual(['n1 unreachable', false])
    all(follower, r2.changes([node(n1, 'unreachable', 8)], unsure))
    expect(standing(follower)).toBe('n1 alive')
  })

  it('no longer counts a replica that fell silent, and tells what changes by it', () => {
    const follower = new VitalsFollower()
    const [r1, r2] = [writer('r1'), writer('r2')]
    all(follower, r1.whole([node(n1, 'alive', 9)], calm), 0)
    all(follower, r2.whole([node(n1, 'suspect', 8)], calm), 2_000)
    expect(standing(follower)).toBe('n1 alive')
    const { changes } = follower.sweep(followerDefaults.replicaLeaseMs)
    expect(changes).toMatchObject([{ owner: n1, status: 'suspect' }])
    expect(follower.replicas()).toEqual(['r2'])
  })

  it('keeps what it had when no replica lives, and calls it unknown', () => {
    const [vitals, follower] = [writer(), new VitalsFollower()]
    all(follower, vitals.whole([node(n1, 'alive'), node(n2, 'suspect')], calm))
    expect(follower.isKnown).toBe(true)
    expect(follower.sweep(60_000)).toEqual({ changes: [], gone: [] })
    expect([follower.isKnown, standing(follower)]).toEqual([false, 'n1 alive, n2 suspect'])
    const back = vitals.changes([node(n1, 'suspect', 2), node(n2, 'suspect')], calm)
    all(follower, back, 61_000)
    expect([follower.isKnown, standing(follower)]).toEqual([true, 'n1 suspect, n2 suspect'])
  })

  it('follows a replica over its restart', () => {
    const follower = new VitalsFollower()
    const first = writer('r1', 'run-1')
    all(follower, first.whole([node(n1, 'alive', 50)], calm))
    const second = writer('r1', 'run-2')
    // Its first word is about a node that it has not heard since; the old word stands no more.
    const [step] = all(follower, second.changes([node(n1, 'suspect', 50)], calm))
    expect(step?.outcome).toBe('hole')
    expect(standing(follower)).toBe('n1 suspect')
    expect(all(follower, second.whole([node(n1, 'alive', 51)], calm))[0]?.outcome).toBe('applied')
    expect(standing(follower)).toBe('n1 alive')
  })

  it('names the versions that a replica can be asked for', () => {
    const [vitals, follower] = [writer(), new VitalsFollower()]
    const held = { epoch: { number: 2, tag: 'b' }, counter: 7 }
    const nodes = [node(n1, 'alive', 1, { held }), node(n2, 'alive')]
    const [step] = all(follower, vitals.whole(nodes, calm))
    expect(step?.entries).toEqual([{ owner: n1, version: held }])
    expect([...follower.stated('r1')]).toEqual([{ owner: n1, version: held }])
    expect([...follower.stated('nobody')]).toEqual([])
  })

  it('follows a limited number of replicas', () => {
    const follower = new VitalsFollower({ replicaLeaseMs: 3_000, replicasMax: 2 })
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      all(follower, writer(name).whole([node(n1, 'alive')], calm), i)
    }
    expect(follower.replicas()).toEqual(['b', 'c'])
  })

  it('comes to hold what the replicas say, whatever is lost or repeated on the way', () => {
    for (let seed = 1; seed <= 60; seed++) walk(seed)
  })
})

const statuses: readonly NodeStatus[] = ['alive', 'suspect', 'unreachable']

/** Two replicas that judge alike; messages get lost and come twice; holes are asked for. */
function walk(seed: number): void {
  const random = seeded(seed)
  const follower = new VitalsFollower()
  const writers = ['r1', 'r2'].map((name) => writer(name))
  const zone = new Map<OwnerId, NodeVitals>()
  let now = 0
  const send = (vitals: VitalsWriter, messages: readonly Vitals[], loss: number): void => {
    for (const message of messages) {
      if (random() < loss) continue
      const { outcome } = follower.receive(message, now)
      if (random() < 0.2) expect(follower.receive(message, now).outcome).toBe('stale')
      if (outcome === 'hole' && loss === 0) send(vitals, vitals.whole(zone.values(), calm), 0)
    }
  }
  let pulse = 0
  for (let step = 0; step < 100; step++) {
    now += 100
    pulse++
    const owner = `eu/a/n${Math.floor(random() * 8)}/agent`
    if (random() < 0.15) zone.delete(owner)
    else zone.set(owner, node(owner, statuses[Math.floor(random() * 3)] ?? 'alive', pulse))
    for (const vitals of writers) {
      const all = random() < 0.05
      send(
        vitals,
        all ? vitals.whole(zone.values(), calm) : vitals.changes(zone.values(), calm),
        0.3,
      )
    }
  }
  for (const vitals of writers) {
    for (let i = 0; i < 2; i++) send(vitals, vitals.changes(zone.values(), calm), 0)
  }
  const held = [...follower.nodes()].map(({ owner, status }) => `${owner} ${status}`).sort()
  const judged = [...zone.values()].map(({ owner, status }) => `${owner} ${status}`).sort()
  expect({ seed, nodes: held }).toEqual({ seed, nodes: judged })
}

function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 0) / 4_294_967_296
  }
}
