import { ManualClock } from '@meridian/shared/manual-clock'
import { errorTable, type ErrorCode } from '@meridian/shared'
import { beforeEach, describe, expect, it } from 'vitest'
import { startAdvertising, type Advertisement, type AdvertiseOptions } from './advertisement.ts'
import type { SdkServer } from './sdk-server.ts'

/** An agent made of its answers. */
let asked: string[]
let bodies: unknown[]
let refusal: ErrorCode | undefined
let isAway: boolean
let isForgotten: boolean
let clock: ManualClock
let announce: () => void

const answers: typeof fetch = async (input, init) => {
  const { pathname } = new URL(new Request(input).url)
  const path = pathname.replace('/v1/agent/instances/', '')
  asked.push(`${init?.method ?? 'GET'} ${path}`)
  bodies.push(typeof init?.body === 'string' ? JSON.parse(init.body) : undefined)
  await Promise.resolve()
  if (isAway) throw new TypeError('fetch failed')
  const isReport = path.includes('/checks/')
  const code = isReport && isForgotten ? 'not_found' : refusal
  if (init?.method === 'PUT' && !isReport) isForgotten = false
  if (code) {
    const { status, meaning, retryable } = errorTable[code]
    const problem = { type: 'urn:x', title: meaning, status, detail: 'no', code, retryable }
    return Response.json(problem, { status })
  }
  if (path.includes('/checks/') || init?.method === 'DELETE') {
    return new Response(null, { status: 204 })
  }
  return Response.json(instance, { status: 201 })
}

const instance = {
  id: 'a',
  server: 'com.example/a',
  version: '1.0.0',
  definition: 'x',
  endpoint: { transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' },
  metadata: {},
  capacity: 100,
  status: 'passing',
  weight: 100,
  draining: false,
  registrant: 'advertise',
  private: false,
  tools: 0,
  resources: 0,
  resourceTemplates: 0,
  prompts: 0,
  checks: [],
}

const server = (): SdkServer => ({
  connect: () => Promise.resolve(),
  close: () => Promise.resolve(),
  sendToolListChanged() {},
})

beforeEach(() => {
  asked = []
  bodies = []
  refusal = undefined
  isAway = false
  isForgotten = false
  clock = new ManualClock()
})

function start(options: Partial<AdvertiseOptions> = {}): Advertisement {
  const one = server()
  const advertisement = startAdvertising(one, {
    id: 'a',
    url: 'http://127.0.0.1:1/mcp',
    agent: { url: 'http://127.0.0.1:7800', fetch: answers },
    clock,
    random: () => 0.5,
    ...options,
  })
  announce = () => {
    one.sendToolListChanged?.()
  }
  return advertisement
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    clock.tick(Math.min(250, left))
    // Bodies of answers are read in turns of the event loop.
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
  }
}

const count = (what: string) => asked.filter((one) => one === what).length
const renewal = 'PUT a/checks/advertise'

describe('an advertisement', () => {
  it('registers at once, and renews its lease well within its time', async () => {
    const advertisement = start({ ttlMs: 15_000, tags: ['x'], capacity: 7 })
    await pass(250)
    expect(advertisement.state).toBe('registered')
    expect(asked).toEqual(['PUT a', renewal])
    expect(bodies[0]).toEqual({
      endpoint: { transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' },
      registrant: 'advertise',
      tags: ['x'],
      capacity: 7,
      checks: [
        { kind: 'ttl', name: 'advertise', ttlMs: 15_000, deregisterAfterCriticalMs: 600_000 },
      ],
    })
    await pass(60_000)
    expect(count('PUT a')).toBe(1)
    expect(count(renewal)).toBeGreaterThanOrEqual(12)
    expect(count(renewal)).toBeLessThan(20)
  })

  it('tells a load that has changed, at most every two seconds', async () => {
    const advertisement = start()
    await pass(250)
    const before = count(renewal)
    const work = Promise.withResolvers<undefined>()
    const measured = advertisement.measure(() => work.promise)
    await pass(2_000)
    expect(count(renewal)).toBe(before + 1)
    expect(bodies.at(-1)).toEqual({ load: { inFlight: 1, latencyMs: 0 } })
    work.resolve(undefined)
    await measured
    await pass(2_000)
    expect(bodies.at(-1)).toEqual({ load: { inFlight: 0, latencyMs: 2_000 } })
  })

  it('registers anew once for many announcements of changed lists', async () => {
    start()
    await pass(250)
    for (let at = 0; at < 100; at += 1) announce()
    await pass(1_000)
    expect(count('PUT a')).toBe(2)
  })

  it('tries an agent that is away less and less often, and at least twice a minute', async () => {
    isAway = true
    const advertisement = start()
    await pass(10 * 60_000)
    expect(asked.length).toBeGreaterThan(20)
    expect(asked.length).toBeLessThan(40)
    expect(advertisement.lastError?.code).toBe('endpoint_unreachable')
    isAway = false
    await pass(30_000)
    expect(advertisement.state).toBe('registered')
    expect(advertisement.lastError).toBeUndefined()
  })

  it('asks once a minute for what the agent refuses, and says why', async () => {
    refusal = 'conflict'
    const errors: string[] = []
    const advertisement = start({ onError: ({ code }) => errors.push(code) })
    await pass(5 * 60_000)
    expect(errors.length).toBeGreaterThan(4)
    expect(errors.length).toBeLessThan(12)
    expect(advertisement.lastError?.code).toBe('conflict')
    expect(advertisement.state).toBe('registering')
  })

  it('registers anew at once where the agent has forgotten it', async () => {
    const advertisement = start()
    await pass(250)
    isForgotten = true
    await pass(6_000)
    expect(count('PUT a')).toBe(2)
    expect(advertisement.state).toBe('registered')
  })

  it('drains: no new work, then what is in flight, then out', async () => {
    const advertisement = start()
    await pass(250)
    const work = Promise.withResolvers<undefined>()
    const measured = advertisement.measure(() => work.promise)
    const drained = advertisement.drain()
    await pass(5_000)
    expect(advertisement.state).toBe('draining')
    expect(asked).toContain('POST a/drain')
    expect(asked).not.toContain('DELETE a')
    work.resolve(undefined)
    await measured
    await drained
    expect(asked.at(-1)).toBe('DELETE a')
    expect(advertisement.state).toBe('closed')
    const after = asked.length
    await pass(60_000)
    expect(asked).toHaveLength(after)
  })

  it('waits for what is in flight no longer than it may', async () => {
    const advertisement = start({ drainMs: 3_000 })
    await pass(250)
    void advertisement.measure(() => new Promise(() => {}))
    const drained = advertisement.drain()
    await pass(3_500)
    await drained
    expect(asked.at(-1)).toBe('DELETE a')
  })

  it('ends in peace when the agent is away', async () => {
    const advertisement = start()
    await pass(250)
    isAway = true
    await advertisement.close()
    await advertisement.close()
    expect(advertisement.state).toBe('closed')
    expect(advertisement.lastError?.code).toBe('endpoint_unreachable')
  })

  it('refuses to let a server describe itself that is not made anew', () => {
    expect(() => start({ introspect: false })).toThrow('as a function that makes one')
  })
})
