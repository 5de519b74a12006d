import { parseArgs } from 'node:util'
import { walkIndex } from '../support/index-walk.ts'

/**
 * `npm run oracle -- --seeds 10000 [--from 1]`: the walks of `capability-index.test.ts`, as many as
 * asked. Ends with 1 at the first seed whose walk shows a difference.
 */
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' } },
})
const seeds = Number(values.seeds)
const from = Number(values.from)
if (!Number.isInteger(seeds) || seeds < 1 || !Number.isInteger(from)) {
  console.error('--seeds takes a whole number from 1, --from a whole number')
  process.exit(2)
}

let steps = 0
let checks = 0
for (let seed = from; seed < from + seeds; seed += 1) {
  try {
    const report = walkIndex(seed)
    steps += report.steps
    checks += report.checks
  } catch (error) {
    console.error(error)
    console.error(`failing seed: ${seed} (npm run oracle -- --seeds 1 --from ${seed})`)
    process.exit(1)
  }
}
console.log(`${seeds} seeds from ${from}: ${steps} changes, ${checks} comparisons, no difference`)
