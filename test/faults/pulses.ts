import { createAgentClient } from '@meridian/client'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import type { ProgramTree } from '../support/program-tree.ts'
import { startSimulatedZone, type SimulatedZone } from '../support/simulated/simulated-zone.ts'
import { seconds, type Fault } from './fault.ts'

/** Simulated nodes that share a zone with real agents. */
const nodes = 98
const servers = 20
const pulseMs = 2_000
/** What self-preservation lets be taken out at once, of these and the zone's two real agents. */
const outMax = Math.floor(0.15 * (nodes + 2))

const region = 'eu'
const zone = 'a'
const watcher = `${region}/${zone}/n1`

/** Until a silent node is taken out, and a good deal more. */
const silentMs = 20_000
const noticedMsMax = 25_000
const backMsMax = 15_000

const names = Array.from({ length: nodes }, (_, at) => `s${at}`)

/**
 * Pulses of a share of the nodes stop while the nodes live on: no more may vanish than
 * self-preservation allows, and of nothing the last. Then the pulses come again.
 */
export function stopPulses(share: number): Fault {
  return {
    name: `pulses of ${Math.round(100 * share)} % of 100 nodes stopped`,
    async run(tree) {
      return await withZone(tree, async (simulated) => {
        const silent = names.slice(0, Math.round(share * nodes))
        await simulated.tell({ silent, dead: [] })
        const until = performance.now() + silentMs
        let outMost = 0
        while (performance.now() < until) {
          const { seen, unanswered } = await look(tree)
          if (unanswered.length > 0) throw new Error(`nobody serves ${unanswered.join(', ')}`)
          outMost = Math.max(outMost, nodes - seen.size)
          await delay(250)
        }
        if (outMost > outMax) throw new Error(`${outMost} nodes vanished, of ${outMax} allowed`)
        await simulated.tell({ silent: [], dead: [] })
        const backMs = await timeUntilAllSeen(tree, nodes)
        return `${silent.length} silent, ${outMost} taken out, all back after ${seconds(backMs)}`
      })
    },
  }
}

/** So few die that it is believed: all of them vanish, and nobody else. */
export function die(share: number): Fault {
  return {
    name: `${Math.round(100 * share)} % of 100 nodes die`,
    async run(tree) {
      return await withZone(tree, async (simulated) => {
        const dead = names.slice(0, Math.round(share * nodes))
        const startedAt = performance.now()
        await simulated.tell({ silent: [], dead })
        await eventually(
          `${dead.length} dead nodes are taken out`,
          async () => {
            const { seen, unanswered } = await look(tree)
            if (unanswered.length > 0) throw new Error(`nobody serves ${unanswered.join(', ')}`)
            const alive = names.slice(dead.length)
            const missing = alive.filter((name) => !seen.has(name))
            if (missing.length > 0) throw new Error(`${missing.join(', ')} vanished, but live`)
            return seen.size === alive.length
          },
          noticedMsMax,
        )
        return `all ${dead.length} taken out after ${seconds(performance.now() - startedAt)}`
      })
    },
  }
}

/** A zone that nobody has judged before, and which leaves nothing behind. */
async function withZone(
  tree: ProgramTree,
  work: (simulated: SimulatedZone) => Promise<string>,
): Promise<string> {
  const simulated = await startSimulatedZone(tree.nats, {
    region,
    zone,
    nodes,
    instances: 1,
    servers,
    pulseMs,
  })
  try {
    await timeUntilAllSeen(tree, nodes)
    return await work(simulated)
  } finally {
    await simulated.kill()
  }
}

async function timeUntilAllSeen(tree: ProgramTree, count: number): Promise<number> {
  const startedAt = performance.now()
  await eventually(
    `all ${count} nodes are seen`,
    async () => (await look(tree)).seen.size === count,
    backMsMax,
  )
  return performance.now() - startedAt
}

/** Which simulated nodes a real agent of the zone would send work to, and what nobody serves. */
async function look(
  tree: ProgramTree,
): Promise<{ readonly seen: ReadonlySet<string>; readonly unanswered: readonly string[] }> {
  const agent = createAgentClient({ url: tree.program(`agent ${watcher}`).url })
  const seen = new Set<string>()
  const unanswered: string[] = []
  for (let server = 0; server < servers; server += 1) {
    const tool = `server${server}_tool0`
    const { results } = await agent.lookup(`tool:${tool}`, { limit: 100 })
    if (results.length === 0) unanswered.push(tool)
    for (const { metadata } of results) {
      if (typeof metadata['node'] === 'string') seen.add(metadata['node'])
    }
  }
  return { seen, unanswered }
}
