import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import { startRegistry, type Registry } from '@meridian/registry'
import type { Tier } from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'

/** Every tier of a small world, in this process, with a node `n1` in each zone. */
export interface World {
  agent(place: string): Agent
  /** At `*`, `eu` or `eu/a`. */
  registry(place: string): Registry
  close(): Promise<void>
}

const log = createLog({ name: 'test', level: 'silent' })
const common = {
  migrationsDir,
  dataDir: ':memory:',
  http: { host: '127.0.0.1', port: 0 },
  pulseMs: 200,
  clock: systemClock,
  random: systemRandom,
  log,
}

export interface WorldOptions {
  /** Of the registries. */
  readonly consoleDir?: string
  readonly tokensFile?: string
}

/** `regions`: the zones of each. */
export async function startWorld(
  regions: Readonly<Record<string, readonly string[]>>,
  { consoleDir, tokensFile }: WorldOptions = {},
): Promise<World> {
  const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  const registries = new Map<string, Registry>()
  const agents = new Map<string, Agent>()
  const registry = async (name: string, tier: Tier, region: string, zone: string) => {
    const transport = network.connect(name)
    const place = { region, zone, replica: 'r1' }
    const http = { ...common.http, ...(tokensFile !== undefined && { tokensFile }) }
    const shown = { ...(consoleDir !== undefined && { consoleDir }) }
    registries.set(name, await startRegistry({ ...common, ...shown, http, tier, place, transport }))
  }
  await registry('*', 'global', '-', '-')
  for (const [region, zones] of Object.entries(regions)) {
    await registry(region, 'regional', region, '-')
    for (const zone of zones) {
      await registry(`${region}/${zone}`, 'local', region, zone)
      const locality = { region, zone, node: 'n1' }
      const name = `${region}/${zone}/n1`
      const transport = network.connect(name)
      agents.set(name, await startAgent({ ...common, locality, probeAllow: [], transport }))
    }
  }
  return {
    agent: (place) => found(agents, place),
    registry: (place) => found(registries, place),
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.close()))
      await Promise.all([...registries.values()].map((one) => one.close()))
    },
  }
}

function found<T>(all: ReadonlyMap<string, T>, place: string): T {
  const one = all.get(place)
  if (one === undefined) throw new Error(`the world has no ${place}`)
  return one
}
