import { createAgentClient, createRegistryClient } from '@meridian/client'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../../test/support/eventually.ts'
import { startProgramTree, type ProgramTree } from '../../test/support/program-tree.ts'
import { describedServer } from '../../test/support/registrations.ts'
import { quantile } from './figures.ts'

const warmups = 100
const asksOfKind = 1_000
const evictions = 20
const pollMs = 5
const patienceMs = 60_000

export interface TierFigures {
  /** Milliseconds. */
  readonly region: readonly number[]
  readonly elsewhere: readonly number[]
  readonly evictions: readonly number[]
}

/**
 * Misses, answered by the region and by another one, and how soon a zone's registry forgets what the
 * region told it and what has changed since: every part a process, over real NATS, a chain of leaf
 * links with a proxy in each.
 */
export async function measureTiers(): Promise<TierFigures> {
  const zone = { agents: 1, registries: 1 }
  const tree = await startProgramTree({ zones: { 'eu/a': zone, 'eu/b': zone, 'us/c': zone } })
  try {
    const here = createAgentClient({ url: tree.program('agent eu/a/n1').url })
    const register = (place: string, id: string) =>
      createAgentClient({ url: tree.program(`agent ${place}/n1`).url }).register(
        id,
        describedServer(id),
      )
    await register('eu/b', 'near')
    await register('us/c', 'far')
    const ask = async (query: string) => await here.lookup(query, { maxAgeMs: 0 })
    for (const query of ['tool:near_tool', 'tool:far_tool']) {
      await eventually(
        `${query} is found`,
        async () => {
          const { outcome, complete } = await ask(query)
          return outcome === 'found' && complete
        },
        patienceMs,
      )
    }
    const region = await timed(() => ask('tool:near_tool'))
    const elsewhere = await timed(() => ask('tool:far_tool'))
    return { region, elsewhere, evictions: await timeEvictions(tree) }
  } finally {
    await tree.close()
  }
}

/** One after the other. */
async function timed(ask: () => Promise<{ outcome: string }>): Promise<number[]> {
  const took: number[] = []
  for (let at = 0; at < warmups + asksOfKind; at += 1) {
    const startedAt = performance.now()
    const { outcome } = await ask()
    if (outcome !== 'found') throw new Error(`a miss was answered with ${outcome}`)
    if (at >= warmups) took.push(performance.now() - startedAt)
  }
  return took
}

/**
 * An instance of another zone goes: from when the region's registry answers without it to when the
 * registry of this zone, which had kept the region's answer, does.
 */
async function timeEvictions(tree: ProgramTree): Promise<number[]> {
  const other = createAgentClient({ url: tree.program('agent eu/b/n1').url })
  const regional = createRegistryClient({ url: tree.program('registry eu r1').url })
  const local = createRegistryClient({ url: tree.program('registry eu/a r1').url })
  const took: number[] = []
  for (let at = 0; at < evictions; at += 1) {
    const id = `going-${at}`
    const query = `tool:${id}_tool`
    await other.register(id, describedServer(id))
    const knows = async (registry: typeof local) =>
      (await registry.lookup(query)).results.length > 0
    await eventually(`${id} is known`, async () => await knows(local), patienceMs)
    // It lives as long as its lease: what is asked now is kept for two seconds.
    await knows(local)
    const gone = async (registry: typeof local) => {
      while (await knows(registry)) await delay(pollMs)
      return performance.now()
    }
    const [atRegion, atZone] = [gone(regional), gone(local)]
    await other.deregister(id, { registrant: 'test' })
    took.push(Math.max(0, (await atZone) - (await atRegion)))
  }
  return took
}

/** Rows of the table. */
export function tierRows({ region, elsewhere, evictions: evicted }: TierFigures): string {
  const row = (what: string, of: readonly number[], share: number, reach: string) =>
    `| ${what} | ${quantile(of, 0.5).toFixed(1)} ms | ${quantile(of, share).toFixed(1)} ms | ${reach} |`
  return `| over real NATS | p50 | p99 | reach |
|---|---|---|---|
${row('miss answered by the region', region, 0.99, '≤ 5 ms')}
${row('miss answered by another region', elsewhere, 0.99, '≤ 10 ms')}
${row(`L2 evicted after the change was applied (most of ${evictions})`, evicted, 1, '≤ 100 ms')}`
}
