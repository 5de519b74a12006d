import type { ProgramTree } from '../../test/support/program-tree.ts'
import { startCallers } from './callers.ts'
import { percentiles, said, shownPercentiles, type Figure } from './report.ts'

/**
 * A registration on one agent, until a lookup on another answers with it. Each is of a server that
 * nobody knows yet, so that its definition has to travel too and, for other regions, the top has to
 * hear of it.
 */

const samples = 300
const warmUps = 60
/** Far from the numbers of other measurements. */
const firstServer = 1_000_000

/**
 * `patient` is how long a lookup may take. In the zone there is nobody to wait for: until the
 * instance is known it would be asked for all the way up, and that is not what is measured. Nor is
 * how long an agent remembers that it found nothing: the asker wants nothing from a cache.
 */
const paths = [
  { name: 'same zone', to: 'agent eu/a/n2', patientMs: 1, p99Max: 20 },
  {
    name: 'same region, through the regional registry',
    to: 'agent eu/b/n1',
    patientMs: 2_000,
    p99Max: 50,
  },
  { name: 'other region', to: 'agent us/a/n1', patientMs: 2_000, p99Max: 300 },
] as const

export async function measureVisibility(tree: ProgramTree): Promise<Figure[]> {
  const callers = startCallers()
  const from = tree.program('agent eu/a/n1').url
  let server = firstServer
  const see = (to: string, patientMs: number, count: number) => {
    server += count
    const first = server - count
    const url = tree.program(to).url
    return callers.perform({
      kind: 'see',
      from,
      to: url,
      samples: count,
      firstServer: first,
      patientMs,
    })
  }
  try {
    const figures: Figure[] = []
    for (const { name, to, patientMs, p99Max } of paths) {
      await see(to, patientMs, warmUps)
      const { times, answered = [] } = await see(to, patientMs, samples)
      const what = `registration on one agent → lookup on another: ${name}`
      figures.push(
        percentiles(what, times, p99Max),
        said('… of which until it was answered', shownPercentiles(answered)),
      )
    }
    return figures
  } finally {
    await callers.close()
  }
}
