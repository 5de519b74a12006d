import { setPriority } from 'node:os'
import { bulkMax } from '@meridian/shared'
import type { ProgramTree } from '../../test/support/program-tree.ts'
import { sampleRegistration } from '../../test/support/simulated/sample-servers.ts'
import { startCallers, type Callers } from './callers.ts'
import { cpuMsOf } from './cpu-time.ts'
import { startFloor, type FloorServer } from './floor.ts'
import { requestOf, RawConnection } from './raw-http.ts'
import { atLeast, quantile, said, say, type Figure } from './report.ts'

/**
 * Registrations that one agent acknowledges, each on its disk before it is, beside what node:http
 * and SQLite alone do with the same requests in the same minutes: in turns, because other tenants
 * come and go. Both are warm before anything counts.
 */

const rounds = 3
const servers = 50

/**
 * Each at an agent of its own, for so long that it stays below the 100,000 instances that an agent
 * takes. Warm-up is until compilers have seen enough: the first 5,000 registrations take half as
 * long again.
 */
const kinds = [
  {
    kind: 'single',
    agent: 'agent eu/a/n1',
    warmUpMs: 5_000,
    forMs: 3_000,
    lanes: 32,
    each: 1,
    reach: 5_000,
    name: '32 callers',
  },
  {
    kind: 'bulk',
    agent: 'agent eu/a/n2',
    warmUpMs: 1_000,
    forMs: 600,
    lanes: 2,
    each: bulkMax,
    reach: 30_000,
    name: `2 callers, ${bulkMax.toLocaleString('en')} at once`,
  },
  {
    kind: 'bulk',
    agent: 'agent eu/b/n1',
    warmUpMs: 1_000,
    forMs: 600,
    lanes: 2,
    each: bulkMax,
    reach: 30_000,
    name: `2 callers, ${bulkMax.toLocaleString('en')} at once, the rest of the tree at the lowest priority`,
    alone: true,
  },
] as const

interface Round {
  readonly perSecond: number
  /** CPU time of one registration, in microseconds: of the server, and of whoever calls. */
  readonly cpuUs: number
  readonly callersUs: number
  /** And of all other programs: those that follow it, most of all. */
  readonly othersUs: number
}

export async function measureThroughput(tree: ProgramTree): Promise<Figure[]> {
  const callers = startCallers()
  const floor = await startFloor()
  try {
    const figures: Figure[] = []
    for (const each of kinds) figures.push(...(await measure(tree, floor, callers, each)))
    return figures
  } finally {
    await callers.close()
    await floor.close()
  }
}

async function measure(
  tree: ProgramTree,
  floor: FloorServer,
  callers: Callers,
  { agent: program, warmUpMs, forMs, lanes, each, reach, name, ...rest }: (typeof kinds)[number],
): Promise<Figure[]> {
  const { kind } = rest
  const agent = tree.program(program)
  const others = tree.programs.filter((other) => other !== agent)
  // As if they ran on machines of their own: they take what is left, and have to catch up in the end.
  const isAlone = 'alone' in rest
  if (isAlone) for (const { pid } of others) if (pid !== undefined) setPriority(pid, 19)
  const othersCpuMs = () => others.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0)
  let runs = 0
  const round = async (
    { url, pid }: { readonly url: string; readonly pid: number | undefined },
    ms: number,
  ): Promise<Round> => {
    runs += 1
    const cpuBefore = cpuMsOf(pid)
    const othersBefore = othersCpuMs()
    const prefix = `${kind}${isAlone ? 'alone' : ''}${runs}x`
    const report = await callers.perform({ kind, url, lanes, servers, forMs: ms, prefix })
    const done = report.times.length * each
    const us = (cpuMs: number) => (1_000 * cpuMs) / done
    return {
      perSecond: (1_000 * done) / report.ms,
      cpuUs: us(cpuMsOf(pid) - cpuBefore),
      callersUs: us(report.cpuMs),
      othersUs: us(othersCpuMs() - othersBefore),
    }
  }
  await round(floor, warmUpMs)
  await round(agent, warmUpMs)
  const bare: Round[] = []
  const ours: Round[] = []
  for (let at = 0; at < rounds; at += 1) {
    bare.push(await round(floor, forMs))
    ours.push(await round(agent, forMs))
  }
  const toldMs = await untilTold(agent.url)
  const median = (of: readonly Round[], what: keyof Round) =>
    quantile(
      of.map((each) => each[what]),
      0.5,
    )
  const cpuUs = median(ours, 'cpuUs')
  const bareUs = median(bare, 'cpuUs')
  say(
    `${name}: CPU of a registration ${cpuUs.toFixed(0)} µs in the agent, ${median(ours, 'callersUs').toFixed(0)} in the callers; ` +
      `bare ${bareUs.toFixed(0)} and ${median(bare, 'callersUs').toFixed(0)}; the ${others.length} other programs took ${median(ours, 'othersUs').toFixed(0)} in all; ` +
      `a local and a regional registry held everything ${toldMs.toFixed(0)} ms after the last`,
  )
  return [
    atLeast(
      `durable registrations through one agent, ${name}`,
      median(ours, 'perSecond'),
      reach,
      '/s',
    ),
    atLeast(`… for each second of the agent's CPU time`, 1e6 / cpuUs, reach, '/s'),
    said(
      `… node:http and SQLite alone, the same requests`,
      `${Math.round(median(bare, 'perSecond')).toLocaleString('en')} /s, ${Math.round(1e6 / bareUs).toLocaleString('en')} for each second of CPU: the agent takes ${(cpuUs / bareUs).toFixed(2)} × its CPU time`,
    ),
  ]
}

/** How long one more takes until others know of it, and so of all that came before it. */
async function untilTold(url: string): Promise<number> {
  const connection = await RawConnection.open(url)
  const startedAt = performance.now()
  const { path, body } = lastOne
  const { status } = await connection.send(requestOf('PUT', path, body))
  connection.close()
  if (status !== 201) throw new Error(`the zone was not told: ${status}`)
  return performance.now() - startedAt
}

const lastOne = {
  path: '/v1/agent/instances/last?wait=zone&waitMs=60000',
  body: JSON.stringify(sampleRegistration('last', 0)),
}
