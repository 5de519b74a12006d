import { describe, expect, it } from 'vitest'
import { simulate } from './simulate.ts'

const seedsPerTest = 20

/** One test for every 20 seeds of `first` to `last`, each of which says how to see it again. */
export function seedsSuite(first: number, last: number): void {
  describe('a tree of agents and registries, whatever breaks', () => {
    for (let from = first; from <= last; from += seedsPerTest) {
      const to = Math.min(last, from + seedsPerTest - 1)
      it(`keeps its invariants and comes to agree (seeds ${from} to ${to})`, async () => {
        for (let seed = from; seed <= to; seed += 1) {
          const { breaches, tail } = await simulate({ seed })
          const trace = breaches.length > 0 ? `\n${tail.join('\n')}` : ''
          const again = `npm run simulate -- --seed ${seed} --trace`
          expect(breaches, `seed ${seed} failed; to see it again: ${again}${trace}`).toEqual([])
        }
      }, 300_000)
    }
  })
}
