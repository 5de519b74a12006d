import { writeFileSync } from 'node:fs'

/** @import { Reporter, TestModule } from 'vitest/node' */
/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * A vitest reporter that writes the counts of a run as JSON to the file in MERIDIAN_TEST_COUNTS.
 * What fails outside a test counts as one failure too (a file that does not load, an error that
 * nobody caught), so that a red run never says "0 failed".
 * @implements {Reporter}
 */
export default class CountTests {
  /**
   * @param {ReadonlyArray<TestModule>} modules
   * @param {ReadonlyArray<unknown>} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    /** @type {Counts} */
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      const failedBefore = counts.failed
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        // Pending: the run was cut short.
        counts[state === 'pending' ? 'skipped' : state] += 1
      }
      if (module.state() === 'failed' && counts.failed === failedBefore) counts.failed += 1
    }
    const file = process.env['MERIDIAN_TEST_COUNTS']
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts))
  }
}
