import { createAgentClient, createRegistryClient } from '@meridian/client'
import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../../test/support/eventually.ts'
import { startProgramTree, type ProgramTree } from '../../test/support/program-tree.ts'
import { describedServer } from '../../test/support/registrations.ts'
import { startBareHops } from './bare-hops.ts'
import { quantile } from './figures.ts'

/** Less, and what is measured is how the programs are compiled. */
const warmups = 300
const asksOfKind = 2_000
const evictions = 20
const pollMs = 5
const patienceMs = 60_000

/** Milliseconds of each. */
export interface TierFigures {
  readonly region: readonly number[]
  readonly elsewhere: readonly number[]
  /** The same ways through processes that only pass on. */
  readonly bareRegion: readonly number[]
  readonly bareElsewhere: readonly number[]
  /** A question that the agent answers at once. */
  readonly alive: readonly number[]
  readonly evictions: readonly number[]
}

/**
 * Misses, answered by the region and by another one, and how soon a zone's registry forgets what the
 * region told it and what has changed since: every part a process, over real NATS, a chain of leaf
 * links. Nothing of ours is on the way but the programs, and whoever asks is Node's own client: on
 * this way each process more adds to the tail, and each has its turn only when a core is free. What
 * that alone takes is asked in turns with the misses.
 */
export async function measureTiers(): Promise<TierFigures> {
  const zone = { agents: 1, registries: 1 }
  const zones = { 'eu/a': zone, 'eu/b': zone, 'us/c': zone }
  const tree = await startProgramTree({ zones, links: 'straight' })
  try {
    const { url } = tree.program('agent eu/a/n1')
    const here = createAgentClient({ url })
    const register = (place: string, id: string) =>
      createAgentClient({ url: tree.program(`agent ${place}/n1`).url }).register(
        id,
        describedServer(id),
      )
    await register('eu/b', 'near')
    await register('us/c', 'far')
    for (const query of ['tool:near_tool', 'tool:far_tool']) {
      await eventually(
        `${query} is found`,
        async () => {
          const { outcome, complete } = await here.lookup(query, { maxAgeMs: 0 })
          return outcome === 'found' && complete
        },
        patienceMs,
      )
    }
    const misses = await timeMisses(tree, url)
    return { ...misses, evictions: await timeEvictions(tree) }
  } finally {
    await tree.close()
  }
}

/** In turns, so that what else runs here meets all alike. */
async function timeMisses(tree: ProgramTree, url: string): Promise<Omit<TierFigures, 'evictions'>> {
  const bare = await startBareHops(tree.nats)
  const caller = new Agent({ keepAlive: true, maxSockets: 1 })
  const miss = (tool: string) => () =>
    ask(caller, `${url}/v1/lookup?q=tool:${tool}&max-age=0`, '"outcome":"found"')
  const asks = {
    region: miss('near_tool'),
    bareRegion: () => ask(caller, `${bare.url}/region`),
    elsewhere: miss('far_tool'),
    bareElsewhere: () => ask(caller, `${bare.url}/elsewhere`),
    alive: () => ask(caller, `${url}/livez`),
  }
  const kinds = ['region', 'bareRegion', 'elsewhere', 'bareElsewhere', 'alive'] as const
  const took: Record<(typeof kinds)[number], number[]> = {
    region: [],
    bareRegion: [],
    elsewhere: [],
    bareElsewhere: [],
    alive: [],
  }
  try {
    for (let at = 0; at < warmups + asksOfKind; at += 1) {
      for (const kind of kinds) {
        const startedAt = performance.now()
        await asks[kind]()
        if (at >= warmups) took[kind].push(performance.now() - startedAt)
      }
    }
    return took
  } finally {
    caller.destroy()
    await bare.close()
  }
}

/** Reads the whole answer, which has to say that. */
function ask(agent: Agent, url: string, says = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = ''
      response.setEncoding('latin1').on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => {
        if (response.statusCode === 200 && text.includes(says)) resolve()
        else reject(new Error(`${url} was answered with ${response.statusCode}: ${text}`))
      })
    }).on('error', reject)
  })
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
export function tierRows(figures: TierFigures): string {
  const { region, elsewhere, bareRegion, bareElsewhere, alive, evictions: evicted } = figures
  const row = (what: string, of: readonly number[], reach: string, share = 0.99) =>
    `| ${what} | ${quantile(of, 0.5).toFixed(1)} ms | ${quantile(of, share).toFixed(1)} ms | ${reach} |`
  const beside = (of: readonly number[], bare: readonly number[]) =>
    [0.5, 0.99].map((share) => (quantile(of, share) / quantile(bare, share)).toFixed(2)).join(' | ')
  return `| over real NATS | p50 | p99 | reach |
|---|---|---|---|
${row('miss answered by the region', region, '≤ 5 ms')}
${row('processes that only pass on, the same way', bareRegion, '–')}
| miss ÷ passing on | ${beside(region, bareRegion)} | – |
${row('miss answered by another region', elsewhere, '≤ 10 ms')}
${row('processes that only pass on, the same way', bareElsewhere, '–')}
| miss ÷ passing on | ${beside(elsewhere, bareElsewhere)} | – |
${row('no miss: the same agent asked whether it lives', alive, '–')}
${row(`L2 evicted after the change was applied (most of ${evictions})`, evicted, '≤ 100 ms', 1)}`
}
