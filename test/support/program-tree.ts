import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { startProgram, type ListeningProgram } from './meridian-process.ts'
import { startNatsTree, type NatsTree, type NatsUser } from './nats-tree.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

export interface ProgramTreePlan {
  /** Zones, as `eu/a`, and how many agents and local registries each has. */
  readonly zones: Readonly<Record<string, { readonly agents: number; readonly registries: number }>>
  /** `straight`: without proxies; none can be cut, and nothing of a test's own is on the way. */
  readonly links?: 'cuttable' | 'straight'
}

/**
 * One agent or registry: a process of its own with its own database and port, which it keeps from
 * start to start.
 */
export interface TreeProgram {
  /** `agent eu/a/n1`, `registry * r1`, `registry eu r1`, `registry eu/a r2`. */
  readonly name: string
  readonly url: string
  /** Folder of its databases. */
  readonly data: string
  readonly isUp: boolean
  /** Undefined while it is down. */
  readonly pid: number | undefined
  /** What it has logged since it was last started. */
  readonly log: string
  start(): Promise<void>
  /** Ends it as kill -9 does. */
  kill(): Promise<void>
}

/** A whole hierarchy as an operator would run it: every part a process, every link cuttable. */
export interface ProgramTree {
  readonly nats: NatsTree
  readonly programs: readonly TreeProgram[]
  program(name: string): TreeProgram
  /** Places of the agents, as `eu/a/n1`. */
  readonly agents: readonly string[]
  /** Places that have registries: `*`, `eu`, `eu/a`. */
  readonly places: readonly string[]
  registriesAt(place: string): readonly TreeProgram[]
  /** The link from an agent, a zone or a region to the server above it. */
  link(place: string): TcpProxy
  /** Another program with an agent's name, and a database of its own. */
  startRival(place: string): Promise<TreeProgram>
  close(): Promise<void>
}

export async function startProgramTree(plan: ProgramTreePlan): Promise<ProgramTree> {
  const root = await mkdtemp(join(tmpdir(), 'meridian-tree-'))
  const zones = Object.entries(plan.zones)
  const regions = new Map<string, string[]>()
  for (const [place] of zones) {
    const [region = '', zone = ''] = place.split('/')
    regions.set(region, [...(regions.get(region) ?? []), zone])
  }
  const evenly = Math.ceil(Math.max(...zones.map(([, { agents }]) => agents)) / 2) * 2
  const nats = await startNatsTree({
    regions: Object.fromEntries(regions),
    nodes: evenly,
    replicas: Math.max(...zones.map(([, { registries }]) => registries)),
    links: plan.links ?? 'cuttable',
  })
  const programs = new Map<string, TreeProgram>()
  const links = new Map<string, TcpProxy>()
  const agents: string[] = []

  const add = async (
    name: string,
    args: readonly string[],
    user: NatsUser,
    through?: TcpProxy,
  ): Promise<TreeProgram> => {
    const program = await createProgram(name, root, args, nats.environment(user, through?.port))
    programs.set(name, program)
    return program
  }
  const addRegistry = (place: string, replica: string) => {
    const [region = '*', zone] = place.split('/')
    const args = ['registry', '--replica', replica]
    const name = `registry ${place} ${replica}`
    if (region === '*') return add(name, [...args, '--tier', 'global'], { kind: 'global', replica })
    if (zone === undefined) {
      const user = { kind: 'regional', region, replica } as const
      return add(name, [...args, '--tier', 'regional', '--region', region], user)
    }
    const at = ['--tier', 'local', '--region', region, '--zone', zone]
    return add(name, [...args, ...at], { kind: 'local', region, zone, replica })
  }
  const linkOf = async (place: string, server: string) => {
    const link = links.get(place) ?? (await startTcpProxy(nats.server(server).port))
    links.set(place, link)
    return link
  }
  const addAgent = async (place: string, suffix = '') => {
    const [region = '', zone = '', node = ''] = place.split('/')
    const link = plan.links === 'straight' ? undefined : await linkOf(place, `${region}/${zone}`)
    const args = ['agent', '--region', region, '--zone', zone, '--node', node]
    return add(`agent ${place}${suffix}`, args, { kind: 'agent', region, zone, node }, link)
  }

  const close = async () => {
    await Promise.all([...programs.values()].map((program) => program.kill()))
    await Promise.all([...links.values()].map((link) => link.close()))
    await nats.stop()
    await rm(root, { recursive: true, force: true })
  }

  try {
    await nats.whole()
    await addRegistry('*', 'r1')
    for (const region of regions.keys()) await addRegistry(region, 'r1')
    for (const [place, { agents: count, registries }] of zones) {
      for (let at = 1; at <= registries; at += 1) await addRegistry(place, `r${at}`)
      for (let at = 1; at <= count; at += 1) {
        agents.push(`${place}/n${at}`)
        await addAgent(`${place}/n${at}`)
      }
    }
    await Promise.all([...programs.values()].map((program) => program.start()))
  } catch (error) {
    await close()
    throw error
  }

  const program = (name: string): TreeProgram => {
    const found = programs.get(name)
    if (found === undefined) throw new Error(`the tree has no ${name}`)
    return found
  }
  return {
    nats,
    get programs() {
      return [...programs.values()]
    },
    program,
    agents,
    places: ['*', ...regions.keys(), ...zones.map(([place]) => place)],
    registriesAt: (place) =>
      [...programs.values()].filter(({ name }) => name.startsWith(`registry ${place} `)),
    link: (place) => links.get(place) ?? nats.link(place),
    async startRival(place) {
      const rival = await addAgent(place, ' rival')
      await rival.start()
      return rival
    },
    close,
  }
}

/** What asks here stands for a whole host, and for many. */
const unlimited = { MERIDIAN_RATE_READS: '1000000', MERIDIAN_RATE_WRITES: '1000000' }

async function createProgram(
  name: string,
  root: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<TreeProgram> {
  const port = String(await freePort())
  const data = join(root, name.replaceAll(/[ /*]+/g, '-'))
  let running: ListeningProgram | undefined
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    data,
    get isUp() {
      return running !== undefined
    },
    get pid() {
      return running?.pid
    },
    get log() {
      return running?.stderr ?? ''
    },
    async start() {
      running = await startProgram([...args, '--data', data, '--port', port], {
        env: { ...env, ...unlimited },
      })
    },
    async kill() {
      const ended = running?.end('SIGKILL')
      running = undefined
      await ended
    },
  }
}
