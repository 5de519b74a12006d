import { writeFileSync } from 'node:fs'

/** @import { Reporter, TestModule } from 'vitest/node' */
/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * A vitest reporter that writes the counts of a run as JSON to the file in MERIDIAN_TEST_COUNTS.
 * @implements {Reporter}
 */
export default class CountTests {
  /** @param {ReadonlyArray<TestModule>} modules */
  onTestRunEnd(modules) {
    /** @type {Counts} */
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        // Pending: the run was cut short.
        counts[state === 'pending' ? 'skipped' : state] += 1
      }
    }
    const file = process.env['MERIDIAN_TEST_COUNTS']
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts))
  }
}
