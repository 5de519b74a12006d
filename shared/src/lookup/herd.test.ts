import { describe, expect, it } from 'vitest'
import {
  createCapabilityIndex,
  parseQuery,
  type CapabilityIndex,
} from '../capability-index/index.ts'
import { InstanceLoads } from '../catalog/instance-loads.ts'
import { agentOwnerId, identifyDefinition } from '../model/index.ts'

/** The same throws in every run. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Herd {
  readonly seed: number
  /** Milliseconds that each instance takes for a call. */
  readonly serviceMs: readonly number[]
  /** How old what pulses tell is when it arrives. */
  readonly staleMs: number
  /** Between two calls of a client, up to so long. */
  readonly thinkMsMax: number
}

const pulseMs = 2_000
const clients = 200
const callsEach = 50
const query = parseQuery('tool:search')
const from = { region: 'eu', zone: 'a', node: 'n0' }
const definition = identifyDefinition({
  name: 'io.acme/x',
  version: '1.0.0',
  capabilities: { tools: [{ name: 'search' }] },
})

interface Outcome {
  /** Calls that each instance got. */
  readonly calls: readonly number[]
  /** The same for each interval between pulses. */
  readonly windows: readonly (readonly number[])[]
}

/** Clients that look up before each call, and take the first result. */
function run({ seed, serviceMs, staleMs, thinkMsMax }: Herd): Outcome {
  const random = dice(seed)
  const index: CapabilityIndex = createCapabilityIndex()
  const loads = new InstanceLoads(index)
  const owners = serviceMs.map((_, at) => agentOwnerId({ ...from, node: `n${at + 1}` }))
  for (const [at, owner] of owners.entries()) {
    const id = `i${at}`
    const endpoint = { transport: 'streamable-http', url: 'http://x' } as const
    const spec = { id, definition: definition.id, endpoint, metadata: {}, capacity: 100 }
    const state = { id, status: 'passing', weight: 100, draining: false } as const
    const locality = { ...from, node: `n${at + 1}` }
    index.put({ owner, locality, spec, state }, definition.definition)
  }
  const inFlight = serviceMs.map(() => 0)
  const calls = serviceMs.map(() => 0)
  const windows: number[][] = []
  let window = serviceMs.map(() => 0)

  const events: { at: number; run: () => void }[] = []
  const later = (at: number, task: () => void) => {
    events.push({ at, run: task })
  }
  let left = clients * callsEach
  const call = (now: number, remaining: number) => {
    const [hit] = index.lookup(query, { from, limit: 10, random })
    const at = Number(hit?.instance.spec.id.slice(1))
    inFlight[at] = (inFlight[at] ?? 0) + 1
    calls[at] = (calls[at] ?? 0) + 1
    window[at] = (window[at] ?? 0) + 1
    // Calls do not all take equally long.
    const end = now + (serviceMs[at] ?? 0) * (0.5 + random())
    later(end, () => {
      inFlight[at] = (inFlight[at] ?? 0) - 1
      left -= 1
      if (remaining > 1) later(end + random() * thinkMsMax, () => call(nowOf(), remaining - 1))
    })
  }
  const pulse = (now: number) => {
    windows.push(window)
    window = serviceMs.map(() => 0)
    const told = serviceMs.map((latencyMs, at) => ({ inFlight: inFlight[at] ?? 0, latencyMs }))
    later(now + staleMs, () => {
      for (const [at, owner] of owners.entries()) {
        loads.apply(owner, [{ id: `i${at}`, ...(told[at] ?? { inFlight: 0, latencyMs: 0 }) }])
      }
    })
    if (left > 0) later(now + pulseMs, () => pulse(nowOf()))
  }
  let now = 0
  const nowOf = () => now
  later(0, () => pulse(0))
  for (let i = 0; i < clients; i += 1) {
    later(random() * thinkMsMax, () => call(nowOf(), callsEach))
  }
  for (;;) {
    let next = 0
    for (let i = 1; i < events.length; i += 1) {
      if ((events[i]?.at ?? 0) < (events[next]?.at ?? 0)) next = i
    }
    const [event] = events.splice(next, 1)
    if (event === undefined) break
    now = event.at
    event.run()
  }
  return { calls, windows }
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / Math.max(1, numbers.length)
}

const equal = Array.from({ length: 10 }, () => 50)
const oneSlow = equal.map((ms, at) => (at === 3 ? 2 * ms : ms))
const seeds = [1, 2, 3, 4, 5]

describe('two hundred clients among ten instances', () => {
  it.each(seeds)('share them evenly (seed %i)', (seed) => {
    const { calls } = run({ seed, serviceMs: equal, staleMs: 10, thinkMsMax: 500 })
    expect(mean(calls)).toBe(1_000)
    expect(Math.max(...calls)).toBeLessThanOrEqual(1.2 * mean(calls))
  })

  it.each(seeds)('spare the one that is twice as slow (seed %i)', (seed) => {
    const { calls } = run({ seed, serviceMs: oneSlow, staleMs: 10, thinkMsMax: 500 })
    expect(calls[3]).toBeLessThanOrEqual(0.65 * mean(calls))
    expect(calls[3]).toBeGreaterThan(0.2 * mean(calls))
  })

  it.each(seeds)('do not run to and fro after loads that are old (seed %i)', (seed) => {
    // A third of them are busy at any moment: what pulses tell differs much, and is 3 s old.
    const { calls, windows } = run({
      seed,
      serviceMs: equal.map(() => 400),
      staleMs: 3_000,
      thinkMsMax: 800,
    })
    expect(Math.max(...calls)).toBeLessThanOrEqual(1.2 * mean(calls))
    // Who got more than its share is not avoided afterwards, nor the other way round.
    const settled = windows.slice(2, -4)
    let together = 0
    let own = 0
    for (let at = 0; at < equal.length; at += 1) {
      for (let i = 2; i < settled.length; i += 1) {
        const deviation = (window: readonly number[] = []) => (window[at] ?? 0) - mean(window)
        together += deviation(settled[i]) * deviation(settled[i - 2])
        own += deviation(settled[i]) ** 2
      }
    }
    expect(Math.abs(together / own)).toBeLessThan(0.5)
    const busiest = Math.max(...settled.map((window) => Math.max(...window) / mean(window)))
    expect(busiest).toBeLessThan(1.8)
  })
})
