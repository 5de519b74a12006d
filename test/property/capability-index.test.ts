import { expect, test } from 'vitest'
import { walkIndex } from '../support/index-walk.ts'

const seeds = 200
const seedsPerTest = 5

for (let from = 1; from <= seeds; from += seedsPerTest) {
  test(`the index answers as the linear scan does, seeds ${from} to ${from + seedsPerTest - 1}`, () => {
    for (let seed = from; seed < from + seedsPerTest; seed += 1) {
      expect(walkIndex(seed).checks).toBeGreaterThan(0)
    }
  })
}
