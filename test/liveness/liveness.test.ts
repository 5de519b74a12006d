import type { AgentNode } from '@meridian/agent'
import {
  decodeMessageOf,
  encodeMessage,
  preservationStatusSchema,
  subjects,
} from '@meridian/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isPulseOf, Region } from './region.ts'

let region: Region

beforeEach(() => {
  region = new Region()
})

afterEach(async () => {
  await region.close()
})

const everything = { q: '', text: '', sort: 'name', limit: 10 } as const

describe('a node that dies', () => {
  it('leaves lookups of other agents and replicas, and comes back with its process', async () => {
    const local = region.replica('local', 'l1')
    const regional = region.replica('regional', 'g1')
    const a = region.agent('n1')
    await region.register(region.agent('n2'), 'on-n2')
    await region.register(a, 'on-n1')
    await region.clock.advance(5_000)
    for (const asked of [a, local, regional]) {
      expect(await region.found(asked)).toEqual(['on-n1', 'on-n2'])
    }

    await region.kill('n2')
    await region.clock.advance(13_500)
    for (const asked of [a, local, regional]) {
      expect(await region.found(asked)).toEqual(['on-n1'])
    }
    for (const { api } of [local, regional]) {
      expect(api.topology().regions[0]?.zones).toMatchObject([
        {
          state: 'fresh',
          instances: { passing: 1, critical: 1 },
          nodes: [
            { node: 'n1', state: 'alive', instances: { passing: 1, critical: 0 } },
            { node: 'n2', state: 'unreachable', instances: { passing: 0, critical: 1 } },
          ],
        },
      ])
    }

    region.agent('n2')
    await region.clock.advance(1_500)
    for (const asked of [a, local, regional]) {
      expect(await region.found(asked)).toEqual(['on-n1', 'on-n2'])
    }
  })

  it('stands as it last did while the only replica knows nothing of it', async () => {
    region.replica('local', 'l1')
    const regional = region.replica('regional', 'g1')
    await region.register(region.agent('n1'), 'on-n1')
    await region.clock.advance(5_000)
    await region.kill('n1')
    await region.clock.advance(13_500)
    await region.kill('l1')
    region.replica('local', 'l2')
    await region.clock.advance(3_600)
    expect(regional.api.topology().regions[0]?.zones).toMatchObject([
      { state: 'fresh', nodes: [{ node: 'n1', state: 'unreachable', instances: { critical: 1 } }] },
    ])
    expect(await region.found(regional)).toEqual([])
  })

  it('is told of, with what it served, to a replica that comes without a disk', async () => {
    const former = region.replica('local', 'l1')
    region.replica('regional', 'g1')
    await region.register(region.agent('n1'), 'on-n1')
    await region.clock.advance(5_000)
    const known = former.api.servers(everything).servers
    await region.kill('n1')
    await region.kill('l1')
    const latter = region.replica('local', 'l2')
    await region.clock.advance(15_000)
    const told = latter.api.servers(everything).servers
    expect(told).toMatchObject(known.map(({ name, tools }) => ({ name, tools })))
    expect(told).toHaveLength(1)
  })

  it('is forgotten after a while, and known again when it returns', async () => {
    await region.close()
    region = new Region({ forgetMs: 300_000 })
    const local = region.replica('local', 'l1')
    const a = region.agent('n1')
    await region.register(region.agent('n2'), 'on-n2')
    await region.clock.advance(5_000)
    await region.kill('n2')
    await region.clock.advance(400_000)
    expect(await region.found(local, 'status:unreachable')).toEqual([])
    expect(await region.found(a, 'status:unreachable')).toEqual([])
    region.agent('n2')
    await region.clock.advance(5_000)
    expect(await region.found(local)).toEqual(['on-n2'])
    expect(await region.found(a)).toEqual(['on-n2'])
  })
})

describe('a zone without its local replica', () => {
  it('keeps what it had, whoever dies meanwhile', async () => {
    region.replica('local', 'l1')
    const a = region.agent('n1')
    await region.register(region.agent('n2'), 'on-n2')
    await region.clock.advance(5_000)
    await region.kill('l1')
    await region.kill('n2')
    await region.clock.advance(60_000)
    expect(await region.found(a)).toEqual(['on-n2'])
    expect(await region.lookup(a)).toMatchObject({ outcome: 'found', degraded: true })
  })

  it('is judged anew after a lease when the replica is back', async () => {
    region.replica('local', 'l1')
    const a = region.agent('n1')
    await region.register(region.agent('n2'), 'on-n2')
    await region.clock.advance(5_000)
    await region.kill('l1')
    await region.kill('n2')
    await region.clock.advance(60_000)
    region.replica('local', 'l1')
    await region.clock.advance(3_000)
    expect(await region.found(a)).toEqual(['on-n2'])
    await region.clock.advance(11_000)
    expect(await region.found(a)).toEqual([])
  })
})

describe('a zone behind a link that was cut', () => {
  it('shows its region what that missed as soon as it can be heard, and is not called for ever', async () => {
    region.replica('local', 'l1')
    const regional = region.replica('regional', 'g1')
    const a = region.agent('n1')
    await region.register(a, 'before')
    await region.clock.advance(10_000)
    let calls = 0
    const isCall = (to: string, subject: string) =>
      to === 'l1' && subject === 'mrd.1.rpc.local.eu.a.vitals.l1'
    const cut = (from: string, to: string, subject: string) => {
      if (from === 'g1' && isCall(to, subject)) calls += 1
      return from === 'g1' || to === 'g1'
    }
    for (const [at, id] of ['first', 'second', 'third'].entries()) {
      region.loses = cut
      await region.register(a, id)
      // Each time at another moment between two vitals.
      await region.clock.advance(25_000 + 150 * at)
      expect(await region.found(regional)).not.toContain(id)
      region.loses = () => false
      await region.clock.advance(350)
      expect(await region.found(regional)).toContain(id)
      await region.clock.advance(15_000)
    }
    // Some ten a second.
    expect(calls).toBeGreaterThan(3 * 100)
    expect(calls).toBeLessThan(3 * 400)

    region.loses = cut
    await region.clock.advance(700_000)
    calls = 0
    await region.clock.advance(60_000)
    expect(calls).toBe(0)
    region.loses = () => false
    await region.clock.advance(1_500)
    expect(regional.api.topology().regions[0]?.zones).toMatchObject([{ state: 'fresh' }])
  })

  it('is called from inside the less often the more there are who miss it', async () => {
    region.replica('local', 'l1')
    for (let node = 1; node <= 20; node += 1) region.agent(`n${node}`)
    await region.clock.advance(10_000)
    let calls = 0
    region.loses = (from, to, subject) => {
      if (to === 'l1' && subject === 'mrd.1.rpc.local.eu.a.vitals.l1') calls += 1
      return to === 'l1' || from === 'l1'
    }
    await region.clock.advance(11_250)
    // All together as often as one alone.
    expect(calls).toBeGreaterThan(50)
    expect(calls).toBeLessThan(400)
  })
})

describe('a replica that lost its disk', () => {
  it('makes nobody lose instances, and is offered the sets of the dead', async () => {
    region.replica('local', 'l1')
    const regional = region.replica('regional', 'g1')
    const a = region.agent('n1')
    await region.register(a, 'on-n1')
    await region.register(region.agent('n2'), 'on-n2')
    await region.clock.advance(5_000)
    await region.kill('n2')
    await region.kill('l1')
    await region.clock.advance(5_000)
    const l2 = region.replica('local', 'l2')
    await region.clock.advance(1_000)
    expect(await region.found(a)).toEqual(['on-n1', 'on-n2'])
    expect(await region.found(regional)).toEqual(['on-n1', 'on-n2'])
    await region.clock.advance(20_000)
    expect(await region.found(l2, 'status:unreachable | status:passing')).toEqual([
      'on-n1',
      'on-n2',
    ])
  })
})

describe('pulses that stop', () => {
  const nodes = Array.from({ length: 50 }, (_, at) => `n${at}`)

  /** 50 nodes, each with an instance of one server, the first with the only one of another. */
  async function createZone(): Promise<AgentNode> {
    region.replica('local', 'l1')
    // Neither look nor pulse at the same moments.
    await region.clock.advance(130)
    region.replica('local', 'l2')
    const agents: AgentNode[] = []
    for (const node of nodes) {
      agents.push(region.agent(node))
      await region.clock.advance(37)
    }
    for (const [at, agent] of agents.entries()) {
      await region.register(agent, `i${at}`, at === 1 ? 'io.acme/only' : 'io.acme/flights')
    }
    await region.clock.advance(5_000)
    const [first] = agents
    if (!first) throw new Error('no agents')
    expect(await region.found(first)).toHaveLength(50)
    return first
  }

  it.each([
    { share: '16 %', silent: 9 },
    { share: '50 %', silent: 25 },
    { share: '100 %', silent: 50 },
  ])('of $share of a zone at once take out a few nodes a window', async ({ silent }) => {
    const asked = await createZone()
    const muted = new Set(nodes.slice(0, silent))
    region.loses = (_from, _to, subject) => isPulseOf(subject, muted)
    await region.clock.advance(30_000)
    // 15 % of 50 in the first window.
    const left = await region.found(asked)
    expect(left.length).toBeGreaterThanOrEqual(50 - 7)
    expect(await region.lookup(asked)).toMatchObject({ degraded: true })
    expect(await region.found(asked, 'server:io.acme/only')).toEqual(['i1'])
    expect(
      region.told.filter(({ level }) => level === 'error').map(({ message }) => message),
    ).toEqual([
      'too many nodes fell silent: the zone is preserved',
      'too many nodes fell silent: the zone is preserved',
    ])

    region.loses = () => false
    await region.clock.advance(5_000)
    expect(await region.found(asked)).toHaveLength(50)
  })

  it('are overridden by an operator, at every replica and at those that start anew', async () => {
    const asked = await createZone()
    const operator = region.connect('operator')
    const tell = async (override: string) => {
      const request = encodeMessage({ kind: 'rpc-request', value: { override } })
      const told: string[] = []
      const options = { deadlineMs: 500, repliesMax: 8 }
      const asking = operator.requestMany(
        subjects.operate({ region: 'eu', zone: 'a' }),
        request,
        options,
        (bytes) => {
          const { value } = decodeMessageOf('rpc-answer', bytes)
          const status = preservationStatusSchema.parse(value)
          told.push(`${status.replica} ${status.override}`)
          return 'more'
        },
      )
      await region.clock.advance(500)
      await asking
      return told.sort((a, b) => a.localeCompare(b))
    }
    expect(await tell('on')).toEqual(['l1 on', 'l2 on'])
    await region.kill('l2')
    region.replica('local', 'l2')
    await region.clock.advance(2_000)
    // Two of fifty are not many, and are taken out by those who go by the count.
    region.loses = (_from, _to, subject) => isPulseOf(subject, new Set(['n0', 'n1']))
    await region.clock.advance(20_000)
    expect(await region.lookup(asked)).toMatchObject({ degraded: true })
    expect(await region.found(asked, 'server:io.acme/only')).toEqual(['i1'])
    expect(await tell('off')).toEqual(['l1 off', 'l2 off'])
    await region.clock.advance(2_000)
    expect(await region.found(asked, 'server:io.acme/only')).toEqual([])
    expect(await tell('none')).toEqual(['l1 none', 'l2 none'])
  })

  it('of 14 % that die are all taken out', async () => {
    const asked = await createZone()
    for (const node of nodes.slice(43)) await region.kill(node)
    await region.clock.advance(15_000)
    expect(await region.found(asked)).toHaveLength(43)
  })
})

describe('a node whose disk is new', () => {
  it('learns through the zone’s replica what only a neighbour still knows of it', async () => {
    region.replica('local', 'l1')
    region.replica('regional', 'g1')
    const neighbour = region.agent('n2')
    await region.register(region.agent('n1'), 'before')
    await region.clock.advance(1_000)
    // So that what is lost is newer than what begins anew.
    await region.kill('n1')
    region.agent('n1')
    await region.clock.advance(5_000)
    for (const name of ['n1', 'l1', 'g1']) await region.kill(name)
    const local = region.replica('local', 'l2')
    region.replica('regional', 'g2')
    await region.register(region.agent('n1', { disk: 'new' }), 'after')
    await region.clock.advance(40_000)
    for (const asked of [neighbour, local]) expect(await region.found(asked)).toEqual(['after'])
  })
})

describe('two processes under one name', () => {
  it('come down to one, loudly; the other goes on when that one has ended', async () => {
    region.replica('local', 'l1')
    region.replica('regional', 'g1')
    const first = region.agent('n1')
    await region.register(first, 'of-first')
    await region.clock.advance(5_000)
    const clone = region.agent('n1', { name: 'clone' })
    await region.register(clone, 'of-clone')
    await region.clock.advance(15_000)
    const rivals = () =>
      [first, clone].filter(({ api }) =>
        api.readiness().reasons.some((reason) => reason.startsWith('rival')),
      )
    expect(rivals()).toHaveLength(1)
    expect(
      region.told.filter(
        ({ who, level }) => level === 'error' && (who === 'n1' || who === 'clone'),
      ),
    ).not.toEqual([])

    const yielded = rivals()[0]
    await region.kill(yielded === first ? 'clone' : 'n1')
    region.told.length = 0
    await region.clock.advance(45_000)
    expect(rivals()).toEqual([])
    expect(yielded?.settled).toBe(true)
    expect(region.told.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('do not hide what the one that was there has registered', async () => {
    const local = region.replica('local', 'l1')
    const neighbour = region.agent('n2')
    // Epochs of the same number are ordered by chance: here the later ones come out higher.
    for (const name of ['n3', 'n4', 'n5']) region.agent(name)
    // It has never started before, so both disks know of one start.
    await region.register(region.agent('n1'), 'of-first')
    await region.clock.advance(10_000)
    for (let chance = 0; chance < 4; chance += 1) {
      const stranger = region.agent('n1', { name: `stranger${chance}`, disk: 'new' })
      await region.register(stranger, 'of-stranger')
      for (let half = 0; half < 60; half += 1) {
        await region.clock.advance(500)
        for (const asked of [neighbour, local]) {
          expect(await region.found(asked)).toEqual(['of-first'])
        }
      }
      expect(stranger.api.readiness().reasons.join()).toContain('rival')
      await region.kill(`stranger${chance}`)
    }
  })

  it('are not what a host is that was set up anew after its node was taken for dead', async () => {
    const local = region.replica('local', 'l1')
    await region.register(region.agent('n1'), 'of-old')
    await region.clock.advance(5_000)
    await region.kill('n1')
    await region.clock.advance(15_000)
    expect(await region.found(local)).toEqual([])
    // What it sends first is a delta, by which the node lives again.
    await region.register(region.agent('n1', { disk: 'new' }), 'of-new')
    // It has listened for a while first whether its predecessor lives after all.
    await region.clock.advance(7_000)
    for (let second = 0; second < 40; second += 1) {
      await region.clock.advance(1_000)
      expect(await region.found(local)).toEqual(['of-new'])
    }
    expect(region.told.map(({ message }) => message)).not.toContain(
      'another database claims a name that is held; refused',
    )
  })
})
