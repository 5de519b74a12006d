import { bulkMax } from '@meridian/shared'
import type { ProgramTree } from '../../test/support/program-tree.ts'
import { cpuMsOf } from './cpu-time.ts'
import { HttpConnections } from './http.ts'
import { sampleRegistration } from '../../test/support/simulated/sample-servers.ts'
import { registerInBulk } from './registrations.ts'
import { atLeast, type Figure } from './report.ts'

/** Registrations that one agent acknowledges, each on its disk before it is. */

const callers = 32
const forMs = 4_000
const servers = 50
const bulkCallers = 2

export async function measureThroughput(tree: ProgramTree): Promise<Figure[]> {
  const program = tree.program('agent eu/a/n1')
  const agent = program.url
  const countPerSecond = async (
    lanes: number,
    work: (lane: number, turn: number) => Promise<number>,
  ) => {
    const cpuBefore = cpuMsOf(program.pid)
    const { done, ms } = await count(lanes, work)
    return { wall: (1_000 * done) / ms, cpu: (1_000 * done) / (cpuMsOf(program.pid) - cpuBefore) }
  }
  const figures: Figure[] = []
  const singly = new HttpConnections(callers)
  const perSecond = await countPerSecond(callers, async (caller, turn) => {
    const id = `single${caller}x${turn}`
    const body = JSON.stringify(sampleRegistration(id, (caller + turn) % servers))
    const url = `${agent}/v1/agent/instances/${id}`
    const answer = await singly.send('PUT', url, body)
    if (answer.status !== 201) throw new Error(`${url}: ${answer.status} ${answer.body}`)
    return 1
  })
  singly.close()
  figures.push(
    ...both(`durable registrations through one agent, ${callers} callers`, perSecond, 5_000),
  )

  const inBulk = new HttpConnections(bulkCallers)
  const bulkPerSecond = await countPerSecond(bulkCallers, (caller, turn) =>
    registerInBulk(inBulk, agent, `bulk${caller}x${turn}x`, servers),
  )
  figures.push(
    ...both(`the same in bulk, ${bulkMax.toLocaleString('en')} at once`, bulkPerSecond, 30_000),
  )
  inBulk.close()
  return figures
}

async function count(
  lanes: number,
  work: (lane: number, turn: number) => Promise<number>,
): Promise<{ readonly done: number; readonly ms: number }> {
  const startedAt = performance.now()
  let done = 0
  const run = async (lane: number) => {
    for (let turn = 0; performance.now() - startedAt < forMs; turn += 1) {
      const more = await work(lane, turn)
      done += more
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)))
  return { done, ms: performance.now() - startedAt }
}

/** As it went, and what the agent's own work would let through if it had a core to itself. */
function both(
  name: string,
  { wall, cpu }: { readonly wall: number; readonly cpu: number },
  reach: number,
): Figure[] {
  return [
    atLeast(name, wall, reach, '/s'),
    atLeast(`… for each second of the agent's CPU time`, cpu, reach, '/s'),
  ]
}
