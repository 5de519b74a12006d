import { afterEach, describe, expect, it, vi } from 'vitest'
import { simulate } from './simulate.ts'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('a simulation', { timeout: 60_000 }, () => {
  it('is the same run, byte for byte, for the same seed', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const lines: string[] = []
      const first = await simulate({ seed, onLine: (line) => lines.push(line) })
      const again: string[] = []
      const second = await simulate({ seed, onLine: (line) => again.push(line) })
      expect(again).toEqual(lines)
      expect(second.hash).toBe(first.hash)
    }
  })

  it('is another run for another seed', async () => {
    const hashes = new Set<string>()
    for (const seed of [1, 2, 3]) hashes.add((await simulate({ seed })).hash)
    expect(hashes.size).toBe(3)
  })

  // Only then may a seed stand for a run.
  it('asks the machine for no time, no timer and no chance', async () => {
    const asked = watchTheMachine()
    await simulate({ seed: 5 })
    expect(asked).toEqual([])
  })

  // Invariant 7.
  it('does not change when wall clocks jump', async () => {
    for (const seed of [6, 7, 8, 9, 10, 11]) {
      const steady = await simulate({ seed, jumpWallClocks: false })
      const jumping = await simulate({ seed, jumpWallClocks: true })
      expect(jumping.hash).toBe(steady.hash)
    }
  })
})

/** Notes who in our own code uses what simulations must not. The test runner may. */
function watchTheMachine(): string[] {
  const asked: string[] = []
  const note = (what: string) => {
    const by = (new Error(what).stack ?? '').split('\n').find((line) => ours.test(line))
    if (by !== undefined) asked.push(`${what} ${by.trim()}`)
  }
  const watch = <T extends object>(target: T, name: keyof T & string) => {
    const real: unknown = target[name]
    if (typeof real !== 'function') throw new Error(`${name} is no function`)
    vi.spyOn(target as Record<string, () => unknown>, name).mockImplementation((...args) => {
      note(name)
      return Reflect.apply(real, target, args) as unknown
    })
  }
  for (const timer of ['setTimeout', 'setInterval'] as const) watch(globalThis, timer)
  for (const chance of ['randomUUID', 'getRandomValues'] as const) watch(crypto, chance)
  watch(Math, 'random')
  watch(performance, 'now')
  vi.stubGlobal(
    'Date',
    new Proxy(Date, {
      construct(target, args: unknown[]) {
        if (args.length === 0) note('new Date')
        return Reflect.construct(target, args) as Date
      },
      get(target, name) {
        if (name === 'now') note('Date.now')
        return Reflect.get(target, name) as unknown
      },
    }),
  )
  return asked
}

const ours = /\/(shared|agent|registry)\/src\//
