import { MeridianError, type Log } from '@meridian/shared'
import { ManualClock } from '@meridian/shared/manual-clock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Introspection } from '../introspection/introspection.ts'
import type { Reintrospected } from '../registrar.ts'
import type { Introspected } from '../registration-row.ts'
import type { FollowRequest } from './follow.ts'
import { refreshLimits } from './limits.ts'
import { Refresher, type Refreshed } from './refresher.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }

let clock: ManualClock
let asked: number[]
let outcome: Reintrospected
let fails: boolean
let moved: [string, string | undefined][]
let follows: (FollowRequest & { end(how: 'ended' | 'unsupported' | 'unreachable'): void })[]
let refresher: Refresher

beforeEach(() => {
  clock = new ManualClock()
  asked = []
  outcome = { kind: 'unchanged' }
  fails = false
  moved = []
  follows = []
  refresher = new Refresher({
    clock,
    random: () => 0.5,
    log,
    introspect: () => {
      asked.push(clock.now())
      return fails
        ? Promise.reject(new MeridianError('endpoint_unreachable', 'nobody there'))
        : Promise.resolve({} as Introspection)
    },
    follow: (request) =>
      new Promise((resolve, reject) => {
        follows.push({
          ...request,
          end: (how) => {
            if (how === 'unreachable') reject(new MeridianError('endpoint_unreachable', 'gone'))
            else resolve(how)
          },
        })
      }),
    take: () => Promise.resolve(outcome),
    onMoved: (id, reason) => {
      moved.push([id, reason])
    },
  })
})

function row(id: string, more: Partial<Introspected> = {}): Refreshed {
  const definition = 'd'.repeat(64)
  const endpoint = { transport: 'streamable-http' as const, url: `http://127.0.0.1:9/${id}` }
  return {
    spec: { id, definition, endpoint, metadata: {}, capacity: 1 },
    definition: {
      id: definition,
      name: 'com.example/x',
      version: '1',
      tools: 0,
      resources: 0,
      resourceTemplates: 0,
      prompts: 0,
    },
    introspected: {
      atWall: 0,
      era: 'modern',
      protocol: '2026-07-28',
      listChanged: { tools: false, resources: false, prompts: false },
      ...more,
    },
  }
}

const announcing = { listChanged: { tools: true, resources: false, prompts: false } }

describe('asking again', () => {
  it.each([
    ['what the server says', 30_000, 30_000],
    ['no more often than the limit', 0, refreshLimits.pollMsMin],
    ['no more seldom than the limit', 86_400_000, refreshLimits.pollMsMax],
    ['the usual, where the server says nothing', undefined, refreshLimits.pollMsDefault],
  ])('comes after %s', async (_, ttlMs, expected) => {
    refresher.watch(row('a', ttlMs === undefined ? {} : { ttlMs }))
    await clock.advance(expected - 1)
    expect(asked).toEqual([])
    await clock.advance(1)
    expect(asked).toEqual([expected])
    await clock.advance(expected)
    expect(asked).toHaveLength(2)
  })

  it('backs off from a server that is away', async () => {
    fails = true
    refresher.watch(row('a', { ttlMs: 10_000 }))
    await clock.advance(70_000)
    expect(asked).toEqual([10_000, 30_000, 70_000])
    fails = false
    await clock.advance(80_000)
    expect(asked.at(-1)).toBe(150_000)
    await clock.advance(10_000)
    expect(asked.at(-1)).toBe(160_000)
  })

  it('ends when the instance is gone, or is given', async () => {
    refresher.watch(row('a'))
    refresher.watch(row('b'))
    refresher.forget('a')
    const { spec, definition } = row('b')
    refresher.watch({ spec, definition })
    await clock.advance(1_000_000)
    expect(asked).toEqual([])
  })

  it('tells of a server that is another now, and of its return', async () => {
    refresher.watch(row('a', { ttlMs: 10_000 }))
    outcome = { kind: 'moved', name: 'com.example/y' }
    await clock.advance(10_000)
    expect(moved).toEqual([['a', expect.stringContaining('calls itself com.example/y') as string]])
    outcome = { kind: 'unchanged' }
    await clock.advance(10_000)
    expect(moved.at(-1)).toEqual(['a', undefined])
  })
})

describe('an announcement', () => {
  beforeEach(async () => {
    refresher.watch(row('a', announcing))
    await clock.advance(0)
    follows[0]?.onOpen()
  })

  it('is acted upon soon, many of them once', async () => {
    for (let at = 0; at < 1_000; at += 1) follows[0]?.onChanged()
    await clock.advance(refreshLimits.coalesceMs)
    expect(asked).toEqual([refreshLimits.coalesceMs])
    await clock.advance(refreshLimits.gapMsMin)
    expect(asked).toHaveLength(1)
  })

  it('of a server that never stops is acted upon once a second', async () => {
    for (let at = 0; at < 1_000; at += 1) {
      follows[0]?.onChanged()
      await clock.advance(10)
    }
    expect(asked.length).toBeGreaterThanOrEqual(9)
    expect(asked.length).toBeLessThanOrEqual(11)
  })

  it('makes asking seldom while the stream is open, and often again when it is not', async () => {
    expect(refresher.follows('a')).toBe(true)
    // The first was planned before the stream was open.
    await clock.advance(refreshLimits.pollMsDefault)
    expect(asked).toHaveLength(1)
    await clock.advance(refreshLimits.pollMsMax - 1)
    expect(asked).toHaveLength(1)
    follows[0]?.end('ended')
    await clock.advance(0)
    expect(refresher.follows('a')).toBe(false)
  })
})

describe('a stream of announcements', () => {
  it('is asked for again when it breaks, at growing intervals, and what was missed is read', async () => {
    refresher.watch(row('a', announcing))
    await clock.advance(0)
    follows[0]?.onOpen()
    follows[0]?.end('ended')
    await clock.advance(1_000)
    expect(follows).toHaveLength(2)
    follows[1]?.end('unreachable')
    await clock.advance(1_499)
    expect(follows).toHaveLength(2)
    await clock.advance(1)
    expect(follows).toHaveLength(3)
    expect(asked).toEqual([])
    follows[2]?.onOpen()
    await clock.advance(refreshLimits.coalesceMs)
    expect(asked).toHaveLength(1)
  })

  it('is not asked for of a server that has none, until much later', async () => {
    refresher.watch(row('a', announcing))
    await clock.advance(0)
    follows[0]?.end('unsupported')
    await clock.advance(refreshLimits.unsupportedMs - 1)
    expect(follows).toHaveLength(1)
    await clock.advance(1)
    expect(follows).toHaveLength(2)
  })

  it('is not asked for of a server that announces nothing', async () => {
    refresher.watch(row('a'))
    await clock.advance(1_000)
    expect(follows).toEqual([])
  })

  it('is let go with its instance', async () => {
    refresher.watch(row('a', announcing))
    await clock.advance(0)
    refresher.forget('a')
    expect(follows[0]?.signal.aborted).toBe(true)
    follows[0]?.end('ended')
    await clock.advance(1_000_000)
    expect(follows).toHaveLength(1)
  })

  it('is not opened beyond so many at once', async () => {
    for (let at = 0; at <= refreshLimits.followsMax; at += 1) {
      refresher.watch(row(`i${at}`, announcing))
    }
    await clock.advance(0)
    expect(follows).toHaveLength(refreshLimits.followsMax)
  })
})
