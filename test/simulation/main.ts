import { parseArgs } from 'node:util'
import { largeShape, simulate, type SimulationResult } from './simulate.ts'

/**
 * Runs worlds: `npm run simulate -- --seed 17 [--trace]` one, `-- --seeds 500 [--from 1]` many;
 * with `--large`, of 24 nodes instead of 8 and more replicas.
 * The exit code is 1 when an invariant did not hold.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
  },
})

const startedAt = performance.now()
const first = wholeNumber('seed', values.seed ?? values.from)
const count = values.seed === undefined ? wholeNumber('seeds', values.seeds ?? '100') : 1
const totals = {
  steps: 0,
  lookups: 0,
  messages: 0,
  commits: 0,
  simulatedMs: 0,
  failed: 0,
}
const convergedMs: number[] = []

for (let seed = first; seed < first + count; seed += 1) {
  const onLine = values.trace ? (line: string) => print(line) : undefined
  const result = await simulate({
    seed,
    ...(onLine && { onLine }),
    ...(values.large && { shape: largeShape }),
  })
  add(result)
  if (result.breaches.length > 0) report(result)
  if (process.stderr.isTTY) process.stderr.write(`\r${seed - first + 1} of ${count} seeds`)
}
if (process.stderr.isTTY) process.stderr.write('\n')
summarise()
process.exitCode = totals.failed > 0 ? 1 : 0

function add(result: SimulationResult): void {
  totals.steps += result.steps
  totals.lookups += result.lookups
  totals.messages += result.messages
  totals.commits += result.commits
  totals.simulatedMs += result.simulatedMs
  convergedMs.push(...result.convergedMs)
}

function report({ seed, breaches, tail }: SimulationResult): void {
  totals.failed += 1
  if (!values.trace) for (const line of tail) print(line)
  for (const { rule, what, atMs } of breaches) print(`at ${atMs} ms, invariant ${rule}: ${what}`)
  print(
    `seed ${seed} failed; to see it again: npm run simulate -- --seed ${seed} --trace${values.large ? ' --large' : ''}`,
  )
}

function summarise(): void {
  const { steps, lookups, messages, commits, simulatedMs, failed } = totals
  convergedMs.sort((a, b) => a - b)
  const at = (share: number) => convergedMs[Math.floor((convergedMs.length - 1) * share)] ?? 0
  print(`seeds        ${count} from ${first}, ${failed} failed`)
  print(`lookups      ${lookups}`)
  print(`steps        ${steps}, messages ${messages}, commits ${commits}`)
  print(`simulated    ${(simulatedMs / 3_600_000).toFixed(2)} h`)
  print(`real         ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`)
  print(`converged in ${at(0.5)} ms (median), ${at(0.99)} ms (p99), ${at(1)} ms (longest)`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Error(`--${name} must be a whole number, not ${text}`)
}
