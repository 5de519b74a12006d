import { checksSchema, type CheckInput, type Log } from '@meridian/shared'
import { ManualClock } from '@meridian/shared/manual-clock'
import { beforeEach, describe, expect, it } from 'vitest'
import { startHealth, type AnyCheck, type InstanceHealth } from '../registration-row.ts'
import { checkingLimits } from './limits.ts'
import { Monitor, type Watched } from './monitor.ts'
import type { ProbeRequest, ProbeResult } from './probe.ts'

const good: ProbeResult = { outcome: 'passing', cause: 'ok', reason: 'HTTP 200', latencyMs: 4 }
const bad: ProbeResult = { outcome: 'critical', cause: 'refused', reason: 'nothing listens' }
const log: Log = { debug() {}, info() {}, warn() {}, error() {} }

let clock: ManualClock
let monitor: Monitor
let told: [string, InstanceHealth][]
let overdue: string[]
/** Answers at once; replaced where a test needs another server. */
let answer: (request: ProbeRequest, signal: AbortSignal) => ProbeResult | Promise<ProbeResult>
let probes: ProbeRequest[]
let atOnce: number
let atOnceMost: number

beforeEach(() => {
  clock = new ManualClock()
  told = []
  overdue = []
  probes = []
  atOnce = 0
  atOnceMost = 0
  answer = () => good
  monitor = new Monitor({
    clock,
    random: () => 0.5,
    log,
    prober: {
      async probe(request, signal) {
        probes.push(request)
        atOnce += 1
        atOnceMost = Math.max(atOnceMost, atOnce)
        try {
          return await answer(request, signal)
        } finally {
          atOnce -= 1
        }
      },
      forget() {},
      close() {},
    },
    onHealth: (id, health) => {
      told.push([id, health])
    },
    onOverdue: (id, check) => {
      overdue.push(`${id}/${check}`)
    },
  })
})

function watched(
  id: string,
  checks: readonly CheckInput[],
  { passing = false, url = `http://127.0.0.1:9/${id}` }: { passing?: boolean; url?: string } = {},
): Watched {
  const parsed: AnyCheck[] = checksSchema.parse(checks)
  return {
    spec: {
      id,
      definition: 'd'.repeat(64),
      endpoint: { transport: 'streamable-http', url },
      metadata: {},
      capacity: 100,
    },
    definition: {
      id: 'd'.repeat(64),
      name: 'com.example/x',
      version: '1',
      tools: 0,
      resources: 0,
      resourceTemplates: 0,
      prompts: 0,
    },
    checks: parsed,
    health: startHealth(
      parsed,
      {},
      new Set(passing ? parsed.map(({ kind }) => kind) : []),
      clock.wall(),
    ),
  }
}

const statusOf = (at = -1, check = 'http') => told.at(at)?.[1][check]?.status
const http = { kind: 'http', intervalMs: 10_000 } as const

describe('probing', () => {
  it('looks at a new instance soon, and tells when it passes', async () => {
    monitor.watch(watched('a', [http]))
    expect(told).toEqual([])
    await clock.advance(checkingLimits.firstProbeMsMax + checkingLimits.coalesceMs)
    expect(probes).toHaveLength(1)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject(['a', { http: { status: 'passing', cause: 'ok' } }])
    expect(monitor.results('a').get('http')).toMatchObject({ reason: 'HTTP 200', latencyMs: 4 })
  })

  it('looks again at the interval and tells nothing while nothing changes', async () => {
    monitor.watch(watched('a', [http], { passing: true }))
    await clock.advance(60_000)
    expect(probes).toHaveLength(6)
    expect(told).toEqual([])
  })

  it('warns, then is critical, looking more often while in doubt', async () => {
    monitor.watch(watched('a', [http], { passing: true }))
    answer = () => bad
    await clock.advance(5_000 + checkingLimits.coalesceMs)
    expect(statusOf()).toBe('warning')
    await clock.advance(5_000)
    expect(statusOf()).toBe('critical')
    expect(probes).toHaveLength(3)
    expect(told).toHaveLength(2)
    await clock.advance(10_000)
    expect(probes).toHaveLength(4)
  })

  it('takes no answer in time for a failure, and ends the probe', async () => {
    let ended: unknown
    answer = (_, signal) => {
      const { promise } = Promise.withResolvers<ProbeResult>()
      signal.addEventListener('abort', () => {
        ended = signal.reason
      })
      return promise
    }
    monitor.watch(watched('a', [{ ...http, timeoutMs: 500, failuresBeforeCritical: 1 }]))
    await clock.advance(2_000)
    expect(ended).toMatchObject({ code: 'deadline_exceeded' })
    expect(monitor.results('a').get('http')).toMatchObject({ cause: 'timeout' })
  })

  it('keeps no more probes under way than its limit, and starves none', async () => {
    const waiting: (() => void)[] = []
    answer = () =>
      new Promise((resolve) => {
        waiting.push(() => {
          resolve(good)
        })
      })
    for (let at = 0; at < 200; at += 1) {
      monitor.watch(watched(`i${at}`, [{ ...http, timeoutMs: 60_000 }]))
    }
    await clock.advance(1_000)
    expect(probes).toHaveLength(checkingLimits.probesAtOnceMax)
    while (waiting.length > 0) {
      for (const end of waiting.splice(0)) end()
      await clock.advance(0)
    }
    expect(atOnceMost).toBe(checkingLimits.probesAtOnceMax)
    expect(new Set(probes.map(({ id }) => id)).size).toBe(200)
  })

  it('never has two probes of one check under way', async () => {
    const { promise } = Promise.withResolvers<ProbeResult>()
    answer = () => promise
    monitor.watch(watched('a', [{ ...http, intervalMs: 1_000, timeoutMs: 60_000 }]))
    await clock.advance(30_000)
    expect(probes).toHaveLength(1)
  })

  it('holds no silence against a server while it stood still itself', async () => {
    const { promise } = Promise.withResolvers<ProbeResult>()
    const late = new LateClock(clock)
    monitor = late.monitor(() => promise, told)
    monitor.watch(
      watched('a', [{ ...http, timeoutMs: 1_000, failuresBeforeCritical: 1 }], { passing: true }),
    )
    await clock.advance(5_000)
    late.lateBy = 60_000
    await clock.advance(2_000)
    expect(told).toEqual([])
  })

  it('goes on as before when it is told of the same instance again', async () => {
    const again = watched('a', [http], { passing: true })
    monitor.watch(again)
    for (let at = 0; at < 10; at += 1) {
      await clock.advance(1_000)
      monitor.watch({ ...again, spec: { ...again.spec, endpoint: { ...again.spec.endpoint } } })
    }
    expect(probes).toHaveLength(1)
  })

  it('begins anew at another endpoint, and lets an answer from the old one fall', async () => {
    const { promise, resolve } = Promise.withResolvers<ProbeResult>()
    answer = () => promise
    monitor.watch(watched('a', [http]))
    await clock.advance(1_000)
    monitor.watch(watched('a', [http], { url: 'http://127.0.0.1:9/elsewhere' }))
    resolve(good)
    await clock.advance(checkingLimits.coalesceMs)
    expect(told).toEqual([])
    answer = () => good
    await clock.advance(1_000)
    expect(probes.at(-1)?.endpoint.url).toBe('http://127.0.0.1:9/elsewhere')
    expect(statusOf()).toBe('passing')
  })

  it('stops when the instance is gone', async () => {
    monitor.watch(watched('a', [http]))
    monitor.forget('a')
    await clock.advance(60_000)
    expect(probes).toEqual([])
    expect(monitor.size).toBe(0)
  })

  it('spreads what an agent finds again at its start over the whole interval', async () => {
    let drawn = 0
    monitor.close()
    const spread: number[] = []
    monitor = new Monitor({
      clock,
      random: () => (drawn += 0.618) % 1,
      log,
      prober: {
        probe: () => {
          spread.push(clock.now())
          return Promise.resolve(good)
        },
        forget() {},
        close() {},
      },
      onHealth() {},
      onOverdue() {},
    })
    for (let at = 0; at < 100; at += 1) {
      monitor.watch(watched(`i${at}`, [http], { passing: true }), { restored: true })
    }
    await clock.advance(10_000)
    expect(spread.filter((at) => at < 5_000).length).toBeGreaterThan(35)
    expect(spread.filter((at) => at >= 5_000).length).toBeGreaterThan(35)
  })

  it('tells changes that come together once', async () => {
    monitor.watch(watched('a', [http, { ...http, name: 'second' }]))
    await clock.advance(2_000)
    expect(told).toHaveLength(1)
    expect(told[0]?.[1]).toMatchObject({
      http: { status: 'passing' },
      second: { status: 'passing' },
    })
  })

  it('averages what its checks measured', async () => {
    monitor.watch(watched('a', [http], { passing: true }))
    await clock.advance(5_000)
    answer = () => ({ ...good, latencyMs: 104 })
    await clock.advance(10_000)
    expect(monitor.load('a').latencyMs).toBeCloseTo(4 + 0.3 * 100)
  })
})

describe('a lease', () => {
  const ttl = { kind: 'ttl', ttlMs: 10_000 } as const

  it('is critical until the server calls, passes while it does, and ends when it does not', async () => {
    monitor.watch(watched('a', [ttl]))
    monitor.report('a', 'ttl', { status: 'passing' })
    await clock.advance(checkingLimits.coalesceMs)
    expect(statusOf(-1, 'ttl')).toBe('passing')
    for (let at = 0; at < 5; at += 1) {
      await clock.advance(9_000)
      monitor.report('a', 'ttl', { status: 'passing' })
    }
    expect(told).toHaveLength(1)
    await clock.advance(10_000 + checkingLimits.coalesceMs)
    expect(told.at(-1)?.[1]['ttl']).toMatchObject({ status: 'critical', cause: 'expired' })
  })

  it('says what the server says of itself', async () => {
    monitor.watch(watched('a', [ttl]))
    monitor.report('a', 'ttl', { status: 'passing' })
    monitor.report('a', 'ttl', { status: 'warning', note: 'the disk is nearly full' })
    await clock.advance(checkingLimits.coalesceMs)
    expect(told.at(-1)?.[1]['ttl']).toMatchObject({
      status: 'warning',
      cause: 'reported',
      reason: 'the disk is nearly full',
    })
  })

  it('has a grace after the agent has started again', async () => {
    monitor.watch(watched('a', [ttl], { passing: true }), { restored: true })
    await clock.advance(checkingLimits.ttlGraceMs - 1)
    expect(told).toEqual([])
    await clock.advance(1 + checkingLimits.coalesceMs)
    expect(statusOf(-1, 'ttl')).toBe('critical')
  })

  it('is extended by the lateness of a sweep that comes late', async () => {
    const late = new LateClock(clock)
    monitor = late.monitor(() => good, told)
    monitor.watch(watched('a', [ttl], { passing: true }))
    late.lateBy = 8_000
    await clock.advance(10_000 + 7_999)
    expect(told).toEqual([])
    late.lateBy = 0
    await clock.advance(1 + 8_000 + checkingLimits.coalesceMs)
    expect(statusOf(-1, 'ttl')).toBe('critical')
  })

  it('does not care about steps of the wall clock', async () => {
    monitor.watch(watched('a', [ttl], { passing: true }))
    clock.stepWall(-3_600_000)
    await clock.advance(5_000)
    clock.stepWall(7_200_000)
    monitor.report('a', 'ttl', { status: 'passing' })
    await clock.advance(9_999)
    expect(told).toEqual([])
  })

  it('of a server that flaps makes few changes', async () => {
    monitor.watch(watched('a', [ttl]))
    for (let at = 0; at < 200; at += 1) {
      monitor.report('a', 'ttl', { status: at % 2 === 0 ? 'passing' : 'critical' })
      await clock.advance(100)
    }
    expect(told.length).toBeLessThan(10)
  })

  it('cannot be reported for checks of another kind, or that are not there', () => {
    monitor.watch(watched('a', [http]))
    const report = { status: 'passing' } as const
    expect(() => {
      monitor.report('a', 'http', report)
    }).toThrow(expect.objectContaining({ code: 'invalid_request' }) as Error)
    expect(() => {
      monitor.report('a', 'ttl', report)
    }).toThrow(expect.objectContaining({ code: 'not_found' }) as Error)
    expect(() => {
      monitor.report('b', 'ttl', report)
    }).toThrow(expect.objectContaining({ code: 'not_found' }) as Error)
  })

  it('carries the load that the server reports', () => {
    monitor.watch(watched('a', [ttl]))
    monitor.report('a', 'ttl', { status: 'passing', load: { inFlight: 7, latencyMs: 12 } })
    expect(monitor.load('a')).toEqual({ inFlight: 7, latencyMs: 12 })
  })
})

describe('what stays critical', () => {
  it('is overdue after its time, and not while it recovers in between', async () => {
    const limit = { deregisterAfterCriticalMs: 20_000 }
    monitor.watch(watched('gone', [{ ...http, ...limit }]))
    monitor.watch(watched('back', [{ ...http, ...limit }]))
    answer = ({ id }) => (id === 'back' && clock.now() > 5_000 ? good : bad)
    await clock.advance(60_000)
    expect(overdue).toEqual(['gone/http'])
  })

  it('has the time again after a pause of the agent', async () => {
    const late = new LateClock(clock)
    monitor = late.monitor(() => bad, told, overdue)
    monitor.watch(watched('a', [{ ...http, deregisterAfterCriticalMs: 20_000 }]))
    await clock.advance(2_000)
    late.lateBy = 15_000
    await clock.advance(33_000 - 2_001)
    expect(overdue).toEqual([])
  })
})

describe('an endpoint that has become another server', () => {
  it('is critical with the reason until it is the one that was registered again', async () => {
    const row = watched('a', [http], { passing: true })
    monitor.watch(row)
    monitor.setMoved('a', 'com.example/y answers there')
    await clock.advance(checkingLimits.coalesceMs)
    expect(told.at(-1)?.[1]).toMatchObject({
      http: { status: 'passing' },
      identity: { status: 'critical', cause: 'moved', reason: 'com.example/y answers there' },
    })
    // The row as the registrar gives it back.
    monitor.watch({ ...row, health: told.at(-1)?.[1] ?? {} })
    monitor.setMoved('a', undefined)
    await clock.advance(checkingLimits.coalesceMs)
    expect(told.at(-1)?.[1]).not.toHaveProperty('identity')
  })

  it('stays so across a restart', async () => {
    const health: InstanceHealth = {
      ...watched('a', [http], { passing: true }).health,
      identity: { status: 'critical', sinceWall: 0, cause: 'moved', reason: 'another' },
    }
    monitor.watch({ ...watched('a', [http], { passing: true }), health }, { restored: true })
    await clock.advance(15_000)
    expect(told).toEqual([])
  })
})

/** Runs every timer later than it was set for, as after a host was suspended. */
class LateClock {
  lateBy = 0
  readonly #clock: ManualClock

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  monitor(
    probe: (request: ProbeRequest) => ProbeResult | Promise<ProbeResult>,
    toldTo: [string, InstanceHealth][],
    overdueTo: string[] = [],
  ): Monitor {
    const inner = this.#clock
    return new Monitor({
      clock: {
        now: () => inner.now(),
        wall: () => inner.wall(),
        after: (delay, task) => {
          let cancelled = false
          const run = () => {
            if (cancelled) return
            if (this.lateBy > 0) inner.after(this.lateBy, () => cancelled || task())
            else task()
          }
          const cancel = inner.after(delay, run)
          return () => {
            cancelled = true
            cancel()
          }
        },
      },
      random: () => 0.5,
      log,
      prober: { probe: async (request) => await probe(request), forget() {}, close() {} },
      onHealth: (id, health) => {
        toldTo.push([id, health])
      },
      onOverdue: (id, check) => {
        overdueTo.push(`${id}/${check}`)
      },
    })
  }
}
