import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createInProcessNetwork, type InProcessNetwork } from '../adapters/in-process/index.ts'
import { ManualClock } from '../ports/manual-clock.ts'
import { serveRpc } from './rpc.ts'
import { TierAsker } from './tier-asker.ts'

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
const reply = z.object({ from: z.string(), replica: z.string().optional() })
const subjectOf = (method: string, replica?: string) =>
  `tier.${method}${replica === undefined ? '' : `.${replica}`}`

/** The same throws in every run. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

let clock: ManualClock
let network: InProcessNetwork
let asker: TierAsker
let asked: string[]

beforeEach(() => {
  clock = new ManualClock()
  network = createInProcessNetwork({ clock, random: dice(1), defer: queueMicrotask })
  asked = []
  asker = new TierAsker({
    subject: subjectOf,
    transport: network.connect('asker'),
    clock,
    random: dice(2),
  })
})

/** A replica that answers after `delay()` ms under the group's name and its own. */
function serve(name: string, delay: () => number, method = 'lookup'): { close(): void } {
  const transport = network.connect(name)
  const subscriptions = [subjectOf(method), subjectOf(method, name)].map((subject) =>
    serveRpc(transport, subject, { request: z.unknown(), queue: 'tier', log: quiet }, () => {
      asked.push(name)
      return new Promise((resolve) => {
        clock.after(delay(), () => {
          resolve({ from: name, replica: name })
        })
      })
    }),
  )
  return {
    close: () => {
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}

async function ask(deadlineMs = 1_000): Promise<z.infer<typeof reply>> {
  const answer = asker.ask('lookup', {}, { deadlineMs, reply })
  const ended = Promise.allSettled([answer])
  await clock.advance(deadlineMs + 1)
  await ended
  return await answer
}

async function learn(times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) await ask()
}

describe('asking a tier', () => {
  it('puts a question that takes longer than most to another replica, and takes the first answer', async () => {
    let aTakes = 10
    serve('a', () => aTakes)
    const b = serve('b', () => 10)
    await learn(64)
    expect(new Set(asked)).toEqual(new Set(['a', 'b']))
    aTakes = 900
    asked = []
    const from: string[] = []
    for (let i = 0; i < 16; i += 1) from.push((await ask()).from)
    // One in sixteen goes to whoever takes it.
    expect(from.filter((name) => name === 'b').length).toBeGreaterThanOrEqual(14)
    expect(asker.hedged).toBeGreaterThan(0)
    b.close()
  })

  it('asks once while nothing is known of how long answers take', async () => {
    serve('a', () => 500)
    await learn(8)
    expect(asked).toHaveLength(8)
    expect(asker.hedged).toBe(0)
    expect(asker.roundTripMs).toBeCloseTo(500, 0)
  })

  it('asks a lone replica once, however long it takes, and another one as soon as there is one', async () => {
    let aTakes = 10
    serve('a', () => aTakes)
    await learn(64)
    aTakes = 200
    asked = []
    await learn(8)
    expect(asked).toHaveLength(8)
    serve('b', () => 10)
    await learn(64)
    asked = []
    aTakes = 900
    await learn(16)
    expect(asker.hedged).toBeGreaterThan(0)
    expect(asked).toContain('b')
  })

  it('does not ask everything twice when all become slow', async () => {
    let takes = 10
    serve('a', () => takes)
    serve('b', () => takes)
    await learn(32)
    takes = 200
    asked = []
    await learn(32)
    // The burst that was saved, and a tenth.
    expect(asked.length).toBeLessThanOrEqual(32 + 10 + 4)
  })

  it('asks whoever is there when the replica that it knew has gone', async () => {
    serve('a', () => 10)
    const b = serve('b', () => 10)
    await learn(64)
    b.close()
    for (let i = 0; i < 8; i += 1) expect((await ask()).from).toBe('a')
  })

  it('keeps the shortest of the last pings as the round trip, until nobody answers', async () => {
    const times = [40, 20, 90]
    serve('a', () => times.shift() ?? 60, 'ping')
    for (let i = 0; i < 3; i += 1) {
      const pinged = asker.ping(1_000)
      await clock.advance(1_000)
      await pinged
    }
    expect(asker.roundTripMs).toBe(20)
    // A route that became longer shows once the short ones are forgotten.
    for (let i = 0; i < 8; i += 1) {
      const pinged = asker.ping(1_000)
      await clock.advance(1_000)
      await pinged
    }
    expect(asker.roundTripMs).toBe(60)
    asker.forgetPings()
    expect(asker.roundTripMs).toBeUndefined()
  })

  it('fails as the last of its questions does', async () => {
    await expect(ask()).rejects.toMatchObject({ code: 'no_responders' })
  })
})
