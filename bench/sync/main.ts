import { startProgramTree, type ProgramTreePlan } from '../../test/support/program-tree.ts'
import { measureBytes } from './bytes.ts'
import { measureCatchUp } from './catch-up.ts'
import { measureColdStart } from './cold-start.ts'
import { measureHerd } from './herd.ts'
import { describeMachine } from './machine.ts'
import { printFigures, say, type Figure } from './report.ts'
import { measureThroughput } from './throughput.ts'
import { measureVisibility } from './visibility.ts'

/**
 * `npm run bench:sync [-- names]`: how soon, how much and how many bytes, over real NATS. Wall-clock
 * times depend on who else wants the cores: what comes first says how the machine is doing.
 */

const plan: ProgramTreePlan = {
  zones: {
    'eu/a': { agents: 2, registries: 1 },
    'eu/b': { agents: 1, registries: 1 },
    'us/a': { agents: 1, registries: 1 },
  },
}

const parts: Readonly<Record<string, () => Promise<Figure[]>>> = {
  visibility: () => onTree(measureVisibility),
  throughput: () => onTree(measureThroughput),
  'catch-up': () => onTree(measureCatchUp),
  'cold-start': () => onTree(measureColdStart),
  bytes: measureBytes,
  herd: measureHerd,
}

const chosen = process.argv.slice(2)
await describeMachine()
for (const [name, measure] of Object.entries(parts)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  say(`${name} …`)
  printFigures(name, await measure())
}

async function onTree(
  measure: (tree: Awaited<ReturnType<typeof startProgramTree>>) => Promise<Figure[]>,
): Promise<Figure[]> {
  const tree = await startProgramTree(plan)
  try {
    return await measure(tree)
  } finally {
    await tree.close()
  }
}
