import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OwnerId } from '../model/index.ts'
import { noPulse, type NodeStatus, type PulseMark } from './judgement.ts'
import { LivenessJudge } from './liveness-judge.ts'
import { livenessDefaults, pulseIntervalMs } from './liveness-settings.ts'

const owner = 'eu/a/n1/agent'
const everyMs = 2_000
const { sweepMs, reapMs, forgetMs, forgetVersionMs } = livenessDefaults
const suspectMs = everyMs * livenessDefaults.suspectAfterPulses
const unreachableMs = everyMs * livenessDefaults.unreachableAfterPulses
const nobody = () => false

function pulse(number: number, epoch = 1): PulseMark {
  return { epoch: { number: epoch, tag: 'x' }, number }
}

/** A judge with its own clock, swept on time unless told otherwise. */
class Bench {
  readonly judge: LivenessJudge
  now = 0
  readonly forgotten: OwnerId[] = []
  readonly dropped: OwnerId[] = []
  readonly changes: string[] = []

  constructor(settings = livenessDefaults) {
    this.judge = new LivenessJudge('eu/a', settings, 0)
  }

  sweep(protects: (owner: OwnerId, out: ReadonlySet<OwnerId>) => boolean = nobody): void {
    const { changes, forget, drop } = this.judge.sweep(this.now, protects)
    for (const { owner: id, status } of changes) this.changes.push(`${id} ${status}`)
    this.forgotten.push(...forget)
    this.dropped.push(...drop)
  }

  /** Time passes, with sweeps as they are due; `stepMs` skips ahead without lateness. */
  pass(ms: number, each: () => void = () => undefined, protects = nobody): void {
    const end = this.now + ms
    while (this.now < end) {
      this.now = Math.min(end, this.now + sweepMs)
      each()
      this.sweep(protects)
    }
  }

  status(id = owner): NodeStatus | 'unknown' {
    return this.judge.judgementOf(id)?.status ?? 'unknown'
  }
}

/** As long times, but few sweeps: the judge is told that sweeps are rare. */
const slow = { ...livenessDefaults, sweepMs: 600_000 }

const states = {
  unknown: () => new Bench(slow),
  alive: () => {
    const bench = states.unknown()
    bench.judge.heard(owner, pulse(5), everyMs, 0)
    return bench
  },
  suspect: () => until(states.alive(), suspectMs),
  unreachable: () => until(states.alive(), suspectMs, unreachableMs),
  reaped: () => until(states.alive(), suspectMs, unreachableMs, unreachableMs + reapMs),
  forgotten: () => {
    const bench = states.reaped()
    while (bench.forgotten.length === 0) bench.pass(slow.sweepMs, undefined, nobody)
    return bench
  },
}

function until(bench: Bench, ...times: number[]): Bench {
  for (const time of times) {
    bench.now = time
    bench.sweep()
  }
  return bench
}

const events = {
  'a newer pulse': (bench: Bench) => bench.judge.heard(owner, pulse(6), everyMs, bench.now),
  'a pulse of a later epoch': (bench: Bench) =>
    bench.judge.heard(owner, pulse(1, 2), everyMs, bench.now),
  'the same pulse again': (bench: Bench) => bench.judge.heard(owner, pulse(5), everyMs, bench.now),
  'an older pulse': (bench: Bench) => bench.judge.heard(owner, pulse(4), everyMs, bench.now),
  'a delta that advances the version': (bench: Bench) => bench.judge.advanced(owner, bench.now),
  'being expected': (bench: Bench) => bench.judge.expect(owner, everyMs, bench.now),
  'a sweep at once': (bench: Bench) => {
    bench.sweep()
  },
  'a sweep after the link was down for a day': (bench: Bench) => {
    bench.judge.linkDown(bench.now)
    bench.now += forgetMs
    bench.sweep()
    bench.judge.linkUp(bench.now)
    bench.sweep()
  },
}

type State = keyof typeof states
type Event = keyof typeof events
type Expected = NodeStatus | 'unknown'

const table: Record<State, Record<Event, Expected>> = {
  unknown: {
    'a newer pulse': 'alive',
    'a pulse of a later epoch': 'alive',
    'the same pulse again': 'alive',
    'an older pulse': 'alive',
    'a delta that advances the version': 'unknown',
    'being expected': 'alive',
    'a sweep at once': 'unknown',
    'a sweep after the link was down for a day': 'unknown',
  },
  alive: {
    'a newer pulse': 'alive',
    'a pulse of a later epoch': 'alive',
    'the same pulse again': 'alive',
    'an older pulse': 'alive',
    'a delta that advances the version': 'alive',
    'being expected': 'alive',
    'a sweep at once': 'alive',
    'a sweep after the link was down for a day': 'alive',
  },
  suspect: {
    'a newer pulse': 'alive',
    'a pulse of a later epoch': 'alive',
    'the same pulse again': 'suspect',
    'an older pulse': 'suspect',
    'a delta that advances the version': 'alive',
    'being expected': 'suspect',
    'a sweep at once': 'suspect',
    'a sweep after the link was down for a day': 'suspect',
  },
  unreachable: {
    'a newer pulse': 'alive',
    'a pulse of a later epoch': 'alive',
    'the same pulse again': 'unreachable',
    'an older pulse': 'unreachable',
    'a delta that advances the version': 'alive',
    'being expected': 'unreachable',
    'a sweep at once': 'unreachable',
    'a sweep after the link was down for a day': 'unreachable',
  },
  reaped: {
    'a newer pulse': 'alive',
    'a pulse of a later epoch': 'alive',
    'the same pulse again': 'reaped',
    'an older pulse': 'reaped',
    'a delta that advances the version': 'alive',
    'being expected': 'reaped',
    'a sweep at once': 'reaped',
    'a sweep after the link was down for a day': 'reaped',
  },
  forgotten: {
    'a newer pulse': 'alive',
    'a pulse of a later epoch': 'alive',
    'the same pulse again': 'reaped',
    'an older pulse': 'reaped',
    'a delta that advances the version': 'alive',
    'being expected': 'reaped',
    'a sweep at once': 'reaped',
    'a sweep after the link was down for a day': 'reaped',
  },
}

const cells = Object.entries(table).flatMap(([state, row]) =>
  Object.entries(row).map(([event, expected]) => ({
    state: state as State,
    event: event as Event,
    expected,
  })),
)

describe('a node', () => {
  it.each(cells)('$state: $event makes it $expected', ({ state, event, expected }) => {
    const bench = states[state]()
    events[event](bench)
    expect(bench.status()).toBe(expected)
  })

  it('is suspect, then unreachable, then reaped, each at its time and not before', () => {
    const bench = new Bench()
    bench.judge.heard(owner, pulse(1), everyMs, 0)
    const times: [string, number][] = []
    let before = bench.status()
    bench.pass(unreachableMs + reapMs + 1_000, () => {
      if (bench.status() === before) return
      before = bench.status()
      times.push([before, bench.now])
    })
    const seen = new Map(times)
    // Noticed one sweep after it happened.
    for (const [status, dueMs] of [
      ['suspect', suspectMs],
      ['unreachable', unreachableMs],
      ['reaped', unreachableMs + reapMs],
    ] as const) {
      expect(seen.get(status)).toBeGreaterThanOrEqual(dueMs)
      expect(seen.get(status)).toBeLessThanOrEqual(dueMs + 3 * sweepMs)
    }
    expect(bench.changes).toEqual([`${owner} suspect`, `${owner} unreachable`, `${owner} reaped`])
  })

  it('is out within 15 s of its death, suspect within 5', () => {
    expect(suspectMs + sweepMs + 500).toBeLessThanOrEqual(5_000)
    expect(unreachableMs + sweepMs + 500).toBeLessThanOrEqual(15_000)
  })

  it('is not suspect for one lost pulse', () => {
    const bench = new Bench()
    let number = 0
    bench.judge.heard(owner, pulse(++number), everyMs, 0)
    bench.pass(60_000, () => {
      if (bench.now % (2 * everyMs) !== 0) return
      bench.judge.heard(owner, pulse(++number), everyMs, bench.now)
    })
    expect(bench.changes).toEqual([])
  })

  it('keeps the interval that it says, so that a large zone may pulse seldom', () => {
    const bench = new Bench()
    bench.judge.heard(owner, pulse(1), 10_000, 0)
    bench.pass(20_000)
    expect(bench.status()).toBe('alive')
    expect(pulseIntervalMs(1_000)).toBe(2_000)
    expect(pulseIntervalMs(5_000)).toBe(10_000)
  })

  it('is let go of in two steps, once each, and is new after that', () => {
    const bench = states.reaped()
    while (bench.dropped.length === 0 && bench.now < forgetVersionMs * 2) {
      bench.now += slow.sweepMs
      bench.sweep()
    }
    expect([bench.forgotten, bench.dropped]).toEqual([[owner], [owner]])
    expect(bench.now).toBeLessThan(forgetVersionMs + 3 * slow.sweepMs)
    expect(bench.status()).toBe('unknown')
  })

  it('is forgotten at an operator’s word once it is out, not before, and its next pulse brings it back', () => {
    const bench = new Bench()
    bench.judge.heard(owner, pulse(1), everyMs, 0)
    expect(bench.judge.forget(owner, bench.now)).toBeUndefined()
    bench.pass(unreachableMs + sweepMs)
    expect(bench.judge.forget(owner, bench.now)?.change).toMatchObject({ status: 'reaped' })
    // At once, so that the sweep has no more to let go of.
    bench.pass(sweepMs)
    expect([bench.status(), bench.forgotten]).toEqual(['reaped', []])
    bench.judge.heard(owner, pulse(2), everyMs, bench.now)
    expect(bench.status()).toBe('alive')
  })

  it('that was expected and never heard goes like one that fell silent', () => {
    const bench = new Bench()
    expect(bench.judge.expect(owner, everyMs, 0)).toMatchObject({ pulse: noPulse })
    bench.pass(unreachableMs + 1_000)
    expect(bench.status()).toBe('unreachable')
  })
})

describe('the judge’s own absence', () => {
  function zone(bench: Bench, nodes: number): OwnerId[] {
    const owners = Array.from({ length: nodes }, (_, i) => `eu/a/n${i}/agent`)
    for (const id of owners) bench.judge.heard(id, pulse(1), everyMs, bench.now)
    return owners
  }

  it.each([10_000, 60_000, 3_600_000])(
    'a pause of %i ms ends no lease, whoever speaks first afterwards',
    (pauseMs) => {
      for (const first of ['sweep', 'pulse'] as const) {
        const bench = new Bench()
        const owners = zone(bench, 10)
        bench.pass(1_000)
        bench.now += pauseMs
        if (first === 'pulse') bench.judge.heard(owners[0] ?? owner, pulse(2), everyMs, bench.now)
        bench.sweep()
        expect(bench.changes).toEqual([])
        expect(bench.judge.isUnsure).toBe(true)
      }
    },
  )

  it('a link that was down ends no lease, and silence counts again once it is up', () => {
    const bench = new Bench()
    zone(bench, 2)
    bench.pass(1_000)
    bench.judge.linkDown(bench.now)
    expect(bench.judge.isUnsure).toBe(true)
    bench.pass(600_000)
    expect(bench.changes).toEqual([])
    bench.judge.linkUp(bench.now)
    expect(bench.judge.isUnsure).toBe(false)
    bench.pass(1_000)
    expect(bench.changes).toEqual([])
    bench.pass(unreachableMs)
    expect(bench.changes).toHaveLength(4)
  })

  it('a loop that lags makes the judge slower to judge, and it recovers', () => {
    const bench = new Bench()
    zone(bench, 1)
    for (let i = 0; i < 10; i++) {
      bench.now += 1_000
      bench.sweep()
    }
    expect(bench.judge.isUnsure).toBe(true)
    const id = 'eu/a/n0/agent'
    bench.judge.heard(id, pulse(2), everyMs, bench.now)
    bench.pass(suspectMs + 1_000)
    expect(bench.status(id)).toBe('alive')
    bench.pass(2 * suspectMs)
    expect(bench.status(id)).not.toBe('alive')
    bench.pass(30_000)
    expect(bench.judge.isUnsure).toBe(false)
  })

  it('never takes out a node that was heard within its lease, however time goes', () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 10, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.nat(600) }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause'), ms: fc.nat(100_000) }) },
        { weight: 6, arbitrary: fc.record({ kind: fc.constant('pulse'), ms: fc.nat(4) }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('link'), ms: fc.nat(1) }) },
      ),
      { maxLength: 300 },
    )
    fc.assert(
      fc.property(steps, (list) => {
        const bench = new Bench()
        const owners = zone(bench, 5)
        const heardAt = new Map(owners.map((id) => [id, 0]))
        let number = 1
        for (const { kind, ms } of list) {
          if (kind === 'pulse') {
            const id = owners[ms] ?? owner
            bench.judge.heard(id, pulse(++number), everyMs, bench.now)
            heardAt.set(id, bench.now)
            expect(bench.status(id)).toBe('alive')
          } else if (kind === 'link') {
            if (ms === 0) bench.judge.linkDown(bench.now)
            else bench.judge.linkUp(bench.now)
          } else {
            bench.now += ms
            bench.sweep()
          }
          for (const id of owners) {
            const silentMs = bench.now - (heardAt.get(id) ?? 0)
            if (silentMs < suspectMs) expect(bench.status(id)).toBe('alive')
            if (silentMs < unreachableMs) expect(bench.status(id)).not.toBe('unreachable')
          }
        }
      }),
      { numRuns: 200 },
    )
  })
})
