import { migrationsDir, startAgent, type Agent, type AgentOptions } from '@meridian/agent'
import { createAgentClient, type AgentClient } from '@meridian/client'
import { startRegistry, type Registry } from '@meridian/registry'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Two tiers and as many agents as asked for, in this process, on databases of their own. */
export interface Zone {
  readonly network: InProcessNetwork
  readonly registries: readonly Registry[]
  /** Starts the agent of a node, on the data that it left behind if it ran before. */
  start(node: string, options?: Partial<AgentOptions>): Promise<ZoneAgent>
  close(): Promise<void>
}

export interface ZoneAgent {
  readonly agent: Agent
  readonly client: AgentClient
  /** Calls the agent's API below what the client offers. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
}

const log = createLog({ name: 'test', level: 'silent' })
const common = {
  migrationsDir,
  http: { host: '127.0.0.1', port: 0 },
  clock: systemClock,
  random: systemRandom,
  log,
}

export async function startZone(): Promise<Zone> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-zone-'))
  const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  const registries: Registry[] = []
  for (const [tier, zone] of [
    ['regional', '-'],
    ['local', 'a'],
  ] as const) {
    registries.push(
      await startRegistry({
        ...common,
        tier,
        place: { region: 'eu', zone, replica: 'r1' },
        dataDir: ':memory:',
        transport: network.connect(tier),
      }),
    )
  }
  const agents = new Set<Agent>()
  return {
    network,
    registries,
    async start(node, options = {}) {
      const agent = await startAgent({
        ...common,
        locality: { region: 'eu', zone: 'a', node },
        dataDir: join(folder, node),
        probeAllow: [],
        transport: network.connect(node),
        pulseMs: 200,
        ...options,
      })
      agents.add(agent)
      return {
        agent,
        client: createAgentClient({ url: agent.url }),
        async call(method, path, body) {
          const response = await fetch(new URL(path, agent.url), {
            method,
            ...(body !== undefined && {
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify(body),
            }),
          })
          const text = await response.text()
          return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
        },
      }
    },
    async close() {
      for (const agent of agents) await agent.close()
      for (const registry of registries.toReversed()) await registry.close()
      await network.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
