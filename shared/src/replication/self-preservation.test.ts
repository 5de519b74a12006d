import { describe, expect, it } from 'vitest'
import type { OwnerId } from '../model/index.ts'
import type { PulseMark } from './judgement.ts'
import { LivenessJudge } from './liveness-judge.ts'
import { livenessDefaults } from './liveness-settings.ts'

const { sweepMs, preserveWindowMs, preserveMs, unreachableAfterPulses } = livenessDefaults
const everyMs = 2_000
const settleMs = everyMs * unreachableAfterPulses + 2_000

/**
 * 100 nodes fall silent within one interval, before two replicas, each of which may have missed the
 * last pulse of each node. Returns how many at least one of them has taken out.
 */
function silenceHeardTwice(chance: () => number) {
  const stopsAt = 20_000
  const events: { readonly at: number; readonly run: (now: number) => void }[] = []
  const out = new Set<OwnerId>()
  const owners = Array.from({ length: 100 }, (_, at) => `eu/a/n${at}/agent`)
  const phases = owners.map(() => chance() * everyMs)
  for (const judge of [0, 1].map(() => new LivenessJudge('eu/a', livenessDefaults, 0))) {
    for (const [at, owner] of owners.entries()) {
      let number = 0
      for (let sentAt = phases[at] ?? 0; sentAt < stopsAt; sentAt += everyMs) {
        number += 1
        const pulse = { epoch: { number: 1, tag: '' }, number }
        const isLast = sentAt + everyMs >= stopsAt
        if (isLast && chance() < 0.5) continue
        events.push({
          at: sentAt + chance() * 50,
          run: (now) => judge.heard(owner, pulse, everyMs, now),
        })
      }
    }
    const endsAt = stopsAt + settleMs + 2 * preserveWindowMs
    for (let at = chance() * sweepMs; at < endsAt; at += sweepMs) {
      events.push({
        at,
        run: (now) => {
          for (const { owner, status } of judge.sweep(now, () => false).changes) {
            if (status === 'unreachable') out.add(owner)
          }
        },
      })
    }
  }
  let outInFirstWindow = 0
  for (const { at, run } of events.sort((a, b) => a.at - b.at)) {
    run(at)
    if (at < stopsAt + settleMs + everyMs) outInFirstWindow = out.size
  }
  return { outInFirstWindow, outInThree: out.size }
}

function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state / 0x80000000
  }
}

/** A zone of which some nodes stop their pulses. */
class Zone {
  readonly owners: OwnerId[]
  readonly judge: LivenessJudge
  readonly silent = new Set<OwnerId>()
  /** When each node was taken out. */
  readonly outAt = new Map<OwnerId, number>()
  protects: (owner: OwnerId, out: ReadonlySet<OwnerId>) => boolean = () => false
  now = 0
  #number = 0

  constructor(nodes: number, zone = 'eu/a') {
    this.owners = Array.from({ length: nodes }, (_, i) => `${zone}/n${i}/agent`)
    this.judge = new LivenessJudge(zone, livenessDefaults, 0)
    this.pass(everyMs)
  }

  pass(ms: number): void {
    const end = this.now + ms
    while (this.now < end) {
      if (this.now % everyMs === 0) this.#pulse()
      this.now += sweepMs
      for (const { owner, status } of this.judge.sweep(this.now, this.protects).changes) {
        if (status === 'unreachable') this.outAt.set(owner, this.now)
        if (status === 'alive') this.outAt.delete(owner)
      }
    }
  }

  stop(nodes: number): void {
    for (const owner of this.owners.slice(0, nodes)) this.silent.add(owner)
  }

  resume(): void {
    this.silent.clear()
  }

  get state(): string {
    return this.judge.preservation.state
  }

  get out(): OwnerId[] {
    return this.owners.filter((owner) => {
      const status = this.judge.judgementOf(owner)?.status
      return status === 'unreachable' || status === 'reaped'
    })
  }

  #pulse(): void {
    this.#number++
    const pulse: PulseMark = { epoch: { number: 1, tag: '' }, number: this.#number }
    for (const owner of this.owners) {
      if (this.silent.has(owner)) continue
      this.judge.heard(owner, pulse, everyMs, this.now)
      this.outAt.delete(owner)
    }
  }
}

function mostOutInAWindow(zone: Zone): number {
  const times = [...zone.outAt.values()]
  return Math.max(
    0,
    ...times.map(
      (start) => times.filter((at) => at >= start && at < start + preserveWindowMs).length,
    ),
  )
}

describe('self-preservation', () => {
  it.each([
    [100, 14],
    [100, 15],
    [10, 2],
    [2, 1],
    [2, 2],
  ])('does not hold up real deaths: of %i nodes %i die and are out', (nodes, dead) => {
    const zone = new Zone(nodes)
    zone.stop(dead)
    zone.pass(settleMs)
    expect([zone.state, zone.out.length]).toEqual(['normal', dead])
  })

  it.each([
    [100, 16],
    [100, 50],
    [100, 100],
    [10, 3],
    [1_000, 160],
  ])('takes %i nodes of which %i fall silent out slowly', (nodes, silent) => {
    const zone = new Zone(nodes)
    zone.stop(silent)
    zone.pass(settleMs)
    const quota = Math.max(1, Math.floor(nodes * 0.15))
    expect(zone.state).toBe('preserved')
    expect(zone.out.length).toBe(quota)
    zone.pass(preserveWindowMs * 3)
    expect(zone.out.length).toBeGreaterThan(Math.min(quota, silent - 1))
    expect(mostOutInAWindow(zone)).toBeLessThanOrEqual(quota)
    for (const owner of zone.owners) {
      if (!zone.silent.has(owner)) expect(zone.judge.judgementOf(owner)?.status).toBe('alive')
    }
  })

  it('counts those that were taken out just before it began', () => {
    const zone = new Zone(100)
    zone.stop(10)
    zone.pass(settleMs)
    expect([zone.state, zone.out.length]).toEqual(['normal', 10])
    zone.stop(40)
    zone.pass(settleMs)
    expect(zone.state).toBe('preserved')
    expect(mostOutInAWindow(zone)).toBeLessThanOrEqual(15)
  })

  it('ends when the nodes come back, and brings back those that were out', () => {
    const zone = new Zone(100)
    zone.stop(50)
    zone.pass(settleMs)
    zone.resume()
    zone.pass(settleMs)
    expect([zone.state, zone.out.length]).toEqual(['normal', 0])
  })

  it('ends at its time, whatever is still silent then', () => {
    const zone = new Zone(50)
    zone.protects = () => true
    zone.stop(50)
    zone.pass(preserveMs)
    expect([zone.state, zone.out.length]).toEqual(['preserved', 0])
    zone.pass(settleMs)
    expect([zone.state, zone.out.length]).toEqual(['normal', 50])
    zone.pass(preserveWindowMs)
    expect(zone.state).toBe('normal')
  })

  it('never takes out the last passing instance of something', () => {
    const zone = new Zone(20)
    // n0 and n1 serve one thing, n2 alone another.
    const [n0 = '', n1 = '', n2 = ''] = zone.owners
    zone.protects = (owner, out) =>
      owner === n2 || (owner === n0 && out.has(n1)) || (owner === n1 && out.has(n0))
    zone.stop(20)
    zone.pass(preserveMs - 10_000)
    const out = new Set(zone.out)
    expect(out.size).toBe(18)
    expect([out.has(n2), out.has(n0) !== out.has(n1)]).toEqual([false, true])
  })

  it('does not protect anything while the zone is not preserved', () => {
    const zone = new Zone(20)
    zone.protects = () => true
    zone.stop(2)
    zone.pass(settleMs)
    expect(zone.out).toHaveLength(2)
  })

  it('chooses the same nodes at every replica, others in another zone', () => {
    const zones = [new Zone(100), new Zone(100), new Zone(100, 'eu/b')]
    for (const zone of zones) {
      zone.stop(60)
      zone.pass(settleMs)
    }
    const names = zones.map((zone) => zone.out.map((owner) => owner.split('/')[2]).join())
    expect(names[0]).toBe(names[1])
    expect(names[0]).not.toBe(names[2])
  })

  it('takes out no more when replicas hear and look at different times', () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { outInFirstWindow, outInThree } = silenceHeardTwice(randomOf(seed))
      expect(outInFirstWindow).toBe(15)
      expect(outInThree).toBeLessThanOrEqual(45)
    }
  })

  it('takes out the same again at a replica that starts anew meanwhile', () => {
    const [zone, late] = [new Zone(100), new Zone(100)]
    zone.stop(60)
    zone.pass(settleMs + 2 * preserveWindowMs)
    late.stop(60)
    late.pass(settleMs)
    expect(late.out).toHaveLength(15)
    expect(zone.out).toEqual(expect.arrayContaining(late.out))
  })

  it('heeds an operator: off takes out what is due, on keeps without end', () => {
    const off = new Zone(100)
    off.judge.override('off')
    off.stop(50)
    off.pass(settleMs)
    expect([off.state, off.out.length]).toEqual(['normal', 50])

    const on = new Zone(100)
    on.judge.override('on')
    on.protects = () => true
    on.stop(5)
    on.pass(preserveMs + settleMs)
    expect([on.state, on.out.length]).toEqual(['preserved', 0])
    on.judge.override('none')
    on.pass(1_000)
    expect([on.state, on.out.length]).toEqual(['normal', 5])
  })
})
