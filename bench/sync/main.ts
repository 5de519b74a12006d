import { parseArgs } from 'node:util'
import { startProgramTree, type ProgramTree } from '../../test/support/program-tree.ts'
import { measureBytes } from './bytes.ts'
import { measureCatchUp } from './catch-up.ts'
import { measureColdStart } from './cold-start.ts'
import { measureHerd } from './herd.ts'
import { describeMachine } from './machine.ts'
import { printFigures, say, type Figure } from './report.ts'
import { measureThroughput } from './throughput.ts'
import { measureVisibility } from './visibility.ts'

const help = `npm run bench:sync -- [parts] [--agents 2000] [--strict]

  parts     of visibility, throughput, catch-up, cold-start, bytes, herd; without, all of them (7 minutes on a quiet machine)
  --agents  how many come back to the broker in herd
  --strict  end with 1 when a figure misses what it should reach
  --help    this text

Prints one table: what was measured, what it should reach, whether it does. Times depend on who
else wants the cores; what stands above the table says how the machine was doing, before and after.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    agents: { type: 'string', default: '2000' },
    strict: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** How soon, how much and how many bytes: our programs as processes, over real NATS servers. */
const parts: Readonly<Record<string, () => Promise<Figure[]>>> = {
  visibility: () => onTree(measureVisibility),
  throughput: () => onTree(measureThroughput),
  'catch-up': () => onTree(measureCatchUp),
  'cold-start': () => onTree(measureColdStart),
  bytes: measureBytes,
  herd: () => measureHerd(Number(values.agents)),
}

process.exitCode = await main()

async function main(): Promise<number> {
  const unknown = positionals.filter((name) => parts[name] === undefined)
  if (values.help || unknown.length > 0) {
    if (unknown.length > 0) say(`there is no part ${unknown.join(', ')}\n`)
    say(help)
    return unknown.length > 0 ? 1 : 0
  }
  await describeMachine()
  const figures: Figure[] = []
  for (const [name, measure] of Object.entries(parts)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue
    say(`measuring ${name} …`)
    figures.push(...(await measured(name, measure)))
  }
  await describeMachine()
  printFigures(figures)
  return values.strict && figures.some(({ reached }) => !reached) ? 1 : 0
}

/** What cannot be measured is a missed figure, and keeps none of the others from being measured. */
async function measured(name: string, measure: () => Promise<Figure[]>): Promise<Figure[]> {
  try {
    return await measure()
  } catch (error) {
    const [reason = ''] = String(error).split('\n')
    return [{ name, measured: reason, target: 'a figure', reached: false }]
  }
}

async function onTree(measure: (tree: ProgramTree) => Promise<Figure[]>): Promise<Figure[]> {
  const tree = await startProgramTree({
    zones: {
      'eu/a': { agents: 2, registries: 1 },
      'eu/b': { agents: 1, registries: 1 },
      'us/a': { agents: 1, registries: 1 },
    },
  })
  try {
    return await measure(tree)
  } finally {
    await tree.close()
  }
}
