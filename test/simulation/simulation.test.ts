import { describe, expect, it } from 'vitest'
import { simulate } from './simulate.ts'

/** About a minute of one slow core; `npm run simulate -- --seeds N` runs more. */
const seeds = 200
const seedsPerTest = 20

describe('a tree of agents and registries, whatever breaks', () => {
  for (let first = 1; first <= seeds; first += seedsPerTest) {
    const last = Math.min(seeds, first + seedsPerTest - 1)
    it(`keeps its invariants and comes to agree (seeds ${first} to ${last})`, async () => {
      for (let seed = first; seed <= last; seed += 1) {
        const { breaches, tail } = await simulate({ seed })
        const trace = breaches.length > 0 ? `\n${tail.join('\n')}` : ''
        const again = `npm run simulate -- --seed ${seed} --trace`
        expect(breaches, `seed ${seed} failed; to see it again: ${again}${trace}`).toEqual([])
      }
    }, 300_000)
  }
})
