import { createAgentClient, createRegistryClient } from '@meridian/client'
import type { StatusCounts } from '@meridian/shared'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProgramTree } from '../support/program-tree.ts'
import type { Difference, Ledger } from './ledger.ts'

/** Whether all who should show an instance do, and whether nobody shows what is gone. */

const pollMs = 50
const answerLimit = 100

/** One process's picture of the instances of some agents. */
interface View {
  readonly name: string
  readonly agents: readonly string[]
  readonly see: () => Promise<ReadonlySet<string>>
}

export interface Convergence {
  /** Of the slowest view; undefined when some never showed what they should. */
  readonly ms: number | undefined
  readonly slowest: string
  /** Acknowledged instances that some view did not show in the end, and deregistered ones it did. */
  readonly lost: ReadonlySet<string>
  readonly returned: ReadonlySet<string>
  /** What differs, in words. */
  readonly complaints: readonly string[]
}

/**
 * Waits until every process shows what its agents' own disks hold, and checks these against what
 * they acknowledged. The writes have stopped; what was broken is whole since `sinceMs`.
 */
export async function converge(
  tree: ProgramTree,
  ledger: Ledger,
  { sinceMs, withinMs }: { readonly sinceMs: number; readonly withinMs: number },
): Promise<Convergence> {
  const complaints: string[] = []
  const lost = new Set<string>()
  const returned = new Set<string>()
  const blame = (view: string, { missing, returned: back }: Difference) => {
    for (const id of missing) lost.add(id)
    for (const id of back) returned.add(id)
    if (missing.length > 0) complaints.push(`${view} lacks ${some(missing)}`)
    if (back.length > 0) complaints.push(`${view} still shows ${some(back)}`)
  }

  const truth = new Map<string, ReadonlySet<string>>()
  for (const agent of ledger.agents) {
    const own = await ownIds(tree, ledger, agent)
    truth.set(agent, own)
    blame(`the disk of ${agent}`, ledger.of(agent).compare(own))
  }

  let slowest = { name: '', ms: 0 }
  const wait = async (name: string, check: () => Promise<(() => void) | undefined>) => {
    for (;;) {
      const complain = await check()
      const ms = performance.now() - sinceMs
      if (complain === undefined) {
        if (ms > slowest.ms) slowest = { name, ms }
        return
      }
      if (ms > withinMs) {
        complain()
        return
      }
      await delay(pollMs)
    }
  }
  const views = viewsOf(tree, ledger).map((view) =>
    wait(view.name, async () => {
      const expected = new Set(view.agents.flatMap((agent) => [...(truth.get(agent) ?? [])]))
      const seen = await view.see()
      const missing = [...expected].filter((id) => !seen.has(id))
      const extra = [...seen].filter((id) => !expected.has(id))
      if (missing.length === 0 && extra.length === 0) return undefined
      return () => blame(view.name, { missing, returned: extra })
    }),
  )
  // The top holds counts alone: as many in each zone as the region's registry has instances.
  const [top] = tree.registriesAt('*')
  const counts = regionsOf(tree).map((region) =>
    wait(`the count of ${region}`, async () => {
      const [below] = tree.registriesAt(region)
      const held = await countsOf(below?.url, region)
      const counted = await countsOf(top?.url, region)
      if (held === counted) return undefined
      return () => complaints.push(`the top counts ${counted}, ${region} has ${held}`)
    }),
  )
  await Promise.all([...views, ...counts])
  return {
    ms: complaints.length === 0 ? slowest.ms : undefined,
    slowest: slowest.name,
    lost,
    returned,
    complaints,
  }
}

function viewsOf(tree: ProgramTree, ledger: Ledger): View[] {
  const within = (place: string) => ledger.agents.filter((agent) => agent.startsWith(`${place}/`))
  const agents = tree.agents.map((place): View => {
    const inZone = within(place.slice(0, place.lastIndexOf('/')))
    const { name, url } = tree.program(`agent ${place}`)
    const lookup = (q: string) => createAgentClient({ url }).lookup(q, { limit: answerLimit })
    return { name, agents: inZone, see: () => idsSeen(lookup, 'agent', ledger, inZone) }
  })
  const registries = tree.places
    .filter((place) => place !== '*')
    .flatMap((place) =>
      tree.registriesAt(place).map(({ name, url }): View => {
        const below = within(place)
        const lookup = (q: string) =>
          createRegistryClient({ url }).lookup(q, { limit: answerLimit })
        const tier = place.includes('/') ? 'local' : 'regional'
        return { name, agents: below, see: () => idsSeen(lookup, tier, ledger, below) }
      }),
    )
  return [...agents, ...registries]
}

function regionsOf(tree: ProgramTree): string[] {
  return tree.places.filter((place) => place !== '*' && !place.includes('/'))
}

async function countsOf(url: string | undefined, region: string): Promise<string> {
  if (url === undefined) throw new Error(`nobody counts ${region}`)
  const { regions } = await createRegistryClient({ url }).topology()
  const zones = regions.find((each) => each.region === region)?.zones ?? []
  return zones.map(({ zone, instances }) => `${zone} ${totalOf(instances)}`).join(', ')
}

function totalOf({ passing, warning, gated, critical }: StatusCounts): number {
  return passing + warning + gated + critical
}

/** Group by group, so that each answer holds all there is. */
async function idsSeen(
  lookup: (
    query: string,
  ) => Promise<{ answeredBy: string; results: readonly { readonly instance: string }[] }>,
  answeredBy: string,
  ledger: Ledger,
  agents: readonly string[],
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>()
  for (const agent of agents) {
    for (const group of ledger.of(agent).groups) {
      const answer = await lookup(`meta.group:${group}`)
      // Whoever has none of it asks others; that is not its own picture.
      if (answer.answeredBy !== answeredBy) continue
      for (const { instance } of answer.results) seen.add(instance)
    }
  }
  return seen
}

/** What the agent itself has on its disk. */
async function ownIds(
  tree: ProgramTree,
  ledger: Ledger,
  agent: string,
): Promise<ReadonlySet<string>> {
  const client = createAgentClient({ url: tree.program(`agent ${agent}`).url })
  const mine = new Set(ledger.of(agent).ids)
  const held = new Set<string>()
  let cursor: string | undefined
  do {
    const page = await client.instances({ limit: 500, ...(cursor !== undefined && { cursor }) })
    for (const { id } of page.instances) if (mine.has(id)) held.add(id)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return held
}

function some(ids: readonly string[]): string {
  const [first] = ids
  return ids.length === 1 ? `${first}` : `${first} and ${ids.length - 1} more`
}
