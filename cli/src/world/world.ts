import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import { createAgentClient, createRegistryClient } from '@meridian/client'
import { consoleDir, startRegistry, type Registry } from '@meridian/registry'
import {
  formatLocality,
  wholeRegion,
  type Clock,
  type Locality,
  type Random,
  type RegisteredInstance,
  type StatusCounts,
  type Transport,
} from '@meridian/shared'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import type { Logger } from '@meridian/shared/log'
import { makeFolder } from '@meridian/shared/sqlite'
import { join } from 'node:path'
import { loopback } from '../places.ts'
import { startDemoServer, type DemoProcess } from './demo-processes.ts'
import { demoServers, nodeNames, regionNames, worldPorts, zoneNames } from './plan.ts'

export interface WorldOptions {
  readonly dataDir: string
  /** The first of the world's ports; 0 takes free ones. */
  readonly portBase: number
  /** A transport of its own for each member of the world. */
  readonly connect: (name: string) => Promise<Transport>
  /** Whether the foreign MCP servers are started and registered. */
  readonly withServers: boolean
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** When it aborts, the start is undone and rejects with its reason. */
  readonly asked: AbortSignal
  readonly onProgress: (step: string) => void
}

export interface World {
  readonly registries: readonly Registry[]
  readonly agents: readonly Agent[]
  readonly registered: readonly Registered[]
  /** Instances that the disk gave back, over all agents. */
  readonly restored: number
  /** What its registries take as an operator's token; another at each start. */
  readonly operatorToken: string
  close(): Promise<void>
}

export interface Registered {
  readonly locality: Locality
  readonly instance: RegisteredInstance
}

/**
 * Global, two regions, four zones, eight agents, and other people's MCP servers beside them:
 * the same programs as anywhere else, in one process.
 */
export async function startWorld(options: WorldOptions): Promise<World> {
  const started: (() => Promise<void>)[] = []
  const closeAll = async () => {
    const failures: unknown[] = []
    // In reverse: what was started last leans on what was there before.
    for (const close of started.splice(0).toReversed()) {
      await close().catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be closed')
  }
  try {
    return await build(options, started, closeAll)
  } catch (error) {
    await closeAll().catch((failure: unknown) => {
      options.log.error({ err: failure }, 'world not closed')
    })
    throw error
  }
}

async function build(
  options: WorldOptions,
  started: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<World> {
  const { dataDir, portBase, clock, random, log, asked, onProgress } = options
  const common = { migrationsDir, clock, random }
  const port = (offset: number) => (portBase === 0 ? 0 : portBase + offset)
  const http = (offset: number) => ({ host: loopback, port: port(offset) })
  const connect = async (name: string) => {
    asked.throwIfAborted()
    const transport = await options.connect(name)
    started.push(() => transport.close())
    return transport
  }

  const { tokensFile, operatorToken } = mintOperator(dataDir)
  onProgress('starting registries')
  const registries: Registry[] = []
  const addRegistry = async (
    tier: Registry['tier'],
    region: string,
    zone: string,
    offset: number,
  ): Promise<void> => {
    const name = [tier, region, zone].filter((part) => part !== wholeRegion).join('-')
    const registry = await startRegistry({
      ...common,
      consoleDir,
      tier,
      place: { region, zone, replica: 'r1' },
      dataDir: join(dataDir, name),
      http: { ...http(offset), tokensFile },
      pulseMs,
      transport: await connect(name),
      log: log.child({ subsystem: 'registry' }),
    })
    started.push(() => registry.close())
    registries.push(registry)
  }
  await addRegistry('global', wholeRegion, wholeRegion, worldPorts.global)
  for (const [r, region] of regionNames.entries()) {
    const base = (r + 1) * worldPorts.regional
    await addRegistry('regional', region, wholeRegion, base)
    for (const [z, zone] of zoneNames.entries()) {
      await addRegistry('local', region, zone, base + (z + 1) * worldPorts.local)
    }
  }

  onProgress('starting agents')
  const agents: Agent[] = []
  for (const region of regionNames) {
    for (const zone of zoneNames) {
      for (const node of nodeNames) {
        const name = `agent-${region}-${zone}-${node}`
        const agent = await startAgent({
          ...common,
          locality: { region, zone, node },
          dataDir: join(dataDir, name),
          http: http(worldPorts.agents + agents.length),
          probeAllow: [],
          transport: await connect(name),
          log: log.child({ subsystem: 'agent' }),
        })
        started.push(() => agent.close())
        agents.push(agent)
      }
    }
  }
  const restored = agents.reduce((sum, agent) => sum + agent.restored, 0)
  const registered = options.withServers ? await registerDemo(options, agents, started) : []
  onProgress('waiting until every tier knows')
  await untilWhole(registries, agents, { clock, asked })
  return { registries, agents, registered, restored, operatorToken, close }
}

/** The registries' reads are open on this host; what changes something takes this. */
function mintOperator(dataDir: string): { tokensFile: string; operatorToken: string } {
  const { id, sha256, text } = mintToken()
  makeFolder(dataDir)
  const tokensFile = join(dataDir, 'operator.json')
  const created = new Date().toISOString()
  writeTokenFile(tokensFile, [{ id, name: 'dev', scopes: ['lookup', 'operate'], sha256, created }])
  return { tokensFile, operatorToken: text }
}

/** Quicker than elsewhere: a tier that starts trusts itself once it has listened for two of them. */
const pulseMs = 500
const wholeMsMax = 10_000
const askEveryMs = 50

/**
 * Registrations travel up in their own time; what is printed next should already be so. A world
 * that takes too long is printed all the same: it answers, and says what it does not know.
 */
async function untilWhole(
  registries: readonly Registry[],
  agents: readonly Agent[],
  { clock, asked }: Pick<WorldOptions, 'clock' | 'asked'>,
): Promise<void> {
  const [top] = registries
  if (top === undefined) return
  const registry = createRegistryClient({ url: top.url })
  const until = clock.now() + wholeMsMax
  while (clock.now() < until) {
    asked.throwIfAborted()
    const expected = agents.reduce((sum, agent) => sum + agent.published, 0)
    const { regions } = await registry.topology()
    const known = regions.reduce((sum, { instances }) => sum + total(instances), 0)
    const everybody = [...registries, ...agents]
    if (known === expected && everybody.every(({ settled }) => settled)) return
    await new Promise<void>((resolve) => {
      clock.after(askEveryMs, resolve)
    })
  }
}

function total({ passing, warning, gated, critical }: StatusCounts): number {
  return passing + warning + gated + critical
}

async function registerDemo(
  options: WorldOptions,
  agents: readonly Agent[],
  started: (() => Promise<void>)[],
): Promise<Registered[]> {
  const { dataDir, log, asked, onProgress } = options
  const wanted = demoServers.flatMap((server) =>
    server.nodes.map((locality) => ({ server, locality })),
  )
  onProgress(`starting ${wanted.length} MCP servers`)
  const starting: Promise<DemoProcess>[] = []
  started.push(async () => {
    // All of them, those included that were still on their way when another failed.
    const settled = await Promise.allSettled(starting)
    const running = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    await Promise.all(running.map((process) => process.stop()))
  })
  return Promise.all(
    wanted.map(async ({ server, locality }) => {
      const place = formatLocality(locality)
      const agent = agents.find((each) => formatLocality(each.locality) === place)
      if (!agent) throw new Error(`the plan names ${place}, where no agent is`)
      const shortName = server.package.replace('@modelcontextprotocol/server-', '')
      const id = `${shortName}-1`
      const process = startDemoServer(server, {
        id: `${place.replaceAll('/', '-')}-${id}`,
        dataDir,
        log,
      })
      starting.push(process)
      const { url } = await process
      asked.throwIfAborted()
      const instance = await createAgentClient({ url: agent.url }).register(id, {
        endpoint: { url },
        tags: [...server.tags],
        metadata: { package: server.package },
        registrant: 'meridian-dev',
      })
      onProgress(`registered ${instance.server} at ${place}`)
      return { locality, instance }
    }),
  )
}
