import type { NatsSettings } from '@meridian/shared/nats'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import {
  authorityFile,
  NatsFiles,
  NatsKeys,
  startDeployed,
  type DeployedServer,
  type NatsKey,
} from './nats-deployment.ts'
import type { NatsServer } from './nats-server.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** Regions and zones, each with a server of its own. */
export interface NatsTreePlan {
  /** The zones of each region. */
  readonly regions: Readonly<Record<string, readonly string[]>>
  /** Agents that each zone's server knows, `n1` on; a multiple of two. */
  readonly nodes?: number
  /** Replicas of each registry that its server knows, `r1` on. */
  readonly replicas?: number
  /** Encrypted, with the certificate in test/support/tls. */
  readonly tls?: boolean
  /** `straight`: without proxies; none can be cut, and nothing of a test's own is on the way. */
  readonly links?: 'cuttable' | 'straight'
}

/**
 * Who connects: an agent, a registry, whoever has the key of the `link` up from a place, or
 * `witness`, who may do everything on one server.
 */
export type NatsUser =
  | {
      readonly kind: 'agent'
      readonly region: string
      readonly zone: string
      readonly node: string
    }
  | {
      readonly kind: 'local'
      readonly region: string
      readonly zone: string
      readonly replica: string
    }
  | { readonly kind: 'regional'; readonly region: string; readonly replica: string }
  | { readonly kind: 'global'; readonly replica: string }
  | { readonly kind: 'link'; readonly from: string }
  | { readonly kind: 'witness'; readonly at: string }

/** A chain of leaf links. Places are `*`, `eu` and `eu/a`. */
export interface NatsTree {
  server(place: string): NatsServer
  /** The way up from a region or a zone. */
  link(place: string): TcpProxy
  /** How many links from below the place's server has just now. */
  linksAt(place: string): Promise<number>
  /** Waits until every link is up. */
  whole(): Promise<void>
  /** How the user connects, straight to the server of its place. */
  settings(user: NatsUser): NatsSettings & { readonly inboxPrefix: string }
  /** The same for a program; `port` is where a proxy of the test's own listens. */
  environment(user: NatsUser, port?: number): Record<string, string>
  stop(): Promise<void>
}

const nodesInFile = 2

/**
 * Starts real servers on the files of deploy/nats/chain. Every leaf link passes a proxy, and no
 * server is told of another way, so that a cut is one.
 *
 *     * ◀──link eu── eu ◀──link eu/a── eu/a ◀── agents and local registries
 *     ▲              ▲
 *     │              └── regional registries
 *     └── global registries
 */
export async function startNatsTree(plan: NatsTreePlan): Promise<NatsTree> {
  const { nodes = nodesInFile, replicas = 1, tls = false } = plan
  const isStraight = plan.links === 'straight'
  const keys = new NatsKeys()
  const servers = new Map<string, DeployedServer>()
  const links = new Map<string, TcpProxy>()
  /** Where the way up from a place begins. */
  const waysUp = new Map<string, number>()

  const linkKey = (from: string) => keys.of(identityOf({ kind: 'link', from }).name)
  const start = async (
    place: string,
    files: NatsFiles,
    env: Readonly<Record<string, string>>,
    children: readonly string[],
  ) => {
    const port = await freePort()
    for (const child of children) {
      const proxy = isStraight ? undefined : await startTcpProxy(port)
      if (proxy) links.set(child, proxy)
      waysUp.set(child, proxy?.port ?? port)
    }
    const [only, more] = children
    // One address is told to all: with several below, one that leads nowhere.
    const advertised =
      only !== undefined && more === undefined ? waysUp.get(only) : isStraight ? port : undefined
    const server = await startDeployed(
      files,
      {
        LEAF_LISTEN: `127.0.0.1:${port}`,
        LEAF_ADVERTISE: `127.0.0.1:${advertised ?? (await freePort())}`,
        OPS: keys.of('OPS').key,
        WITNESS: keys.of(`${place} witness`).key,
        ...env,
      },
      { tls },
    )
    servers.set(place, server)
  }

  const startGlobal = async (regions: readonly string[]) => {
    const files = await NatsFiles.read('chain/global.conf')
    const [first = ''] = regions
    files.rename([['eu-west', first]])
    const env: Record<string, string> = {}
    for (const [at, region] of regions.entries()) {
      const name = numbered('LEAF_REGION', at)
      env[name] = linkKey(region).key
      const renames = [['LEAF_REGION', name] as const, [first, region] as const]
      if (at > 0) files.addRole('leaf-region', renames)
    }
    addReplicas(files, env, 'global', '*')
    await start('*', files, env, regions)
  }

  const startRegion = async (region: string, zones: readonly string[]) => {
    const files = await NatsFiles.read('chain/region.conf')
    const [first = ''] = zones
    files.rename([
      ['eu-west.a', `${region}.${first}`],
      ['eu-west', region],
    ])
    const env: Record<string, string> = wayUp('LEAF_REGION_SEED', region)
    for (const [at, zone] of zones.entries()) {
      const name = numbered('LEAF_ZONE', at)
      env[name] = linkKey(`${region}/${zone}`).key
      if (at === 0) continue
      files.addRole('leaf-zone', [
        ['LEAF_ZONE', name],
        [`${region}.${first}`, `${region}.${zone}`],
      ])
    }
    addReplicas(files, env, 'regional', region)
    await start(
      region,
      files,
      env,
      zones.map((zone) => `${region}/${zone}`),
    )
  }

  const startZone = async (region: string, zone: string) => {
    const place = `${region}/${zone}`
    const files = await NatsFiles.read('chain/zone.conf')
    files.rename([
      ['eu-west.a', `${region}.${zone}`],
      ['eu-west', region],
    ])
    const env: Record<string, string> = wayUp('LEAF_ZONE_SEED', place)
    addReplicas(files, env, 'local', place)
    for (let at = 1; at <= nodes; at += 1) env[`AGENT_N${at}`] = keys.of(`${place} n${at}`).key
    for (let at = nodesInFile + 1; at < nodes; at += nodesInFile) {
      files.addRole('agents', [
        ['AGENT_N1', `AGENT_N${at}`],
        ['AGENT_N2', `AGENT_N${at + 1}`],
        ['n1', `n${at}`],
        ['n2', `n${at + 1}`],
      ])
    }
    await start(place, files, env, [])
  }

  const wayUp = (seed: string, place: string) => ({
    LEAF_HUB: `nats-leaf://127.0.0.1:${waysUp.get(place)}`,
    [seed]: linkKey(place).seed,
  })

  const addReplicas = (
    files: NatsFiles,
    env: Record<string, string>,
    role: 'global' | 'regional' | 'local',
    place: string,
  ) => {
    const name = role.toUpperCase()
    for (let at = 1; at <= replicas; at += 1) {
      env[`${name}_R${at}`] = keys.of(`${place} ${role} r${at}`).key
      if (at === 1) continue
      files.addRole(role, [
        [`${name}_R1`, `${name}_R${at}`],
        ['r1', `r${at}`],
      ])
    }
  }

  const stop = async () => {
    await Promise.all([...links.values()].map((link) => link.close()))
    await Promise.all([...servers.values()].map((server) => server.stop()))
  }

  try {
    await startGlobal(Object.keys(plan.regions))
    for (const [region, zones] of Object.entries(plan.regions)) {
      await startRegion(region, zones)
      for (const zone of zones) await startZone(region, zone)
    }
  } catch (error) {
    await stop()
    throw error
  }

  const identify = (user: NatsUser): { at: string; key: NatsKey; inboxPrefix: string } => {
    const { at, name, inboxPrefix } = identityOf(user)
    return { at, key: keys.of(name), inboxPrefix }
  }
  const linksAt = (place: string) => found(servers, place).linksFromBelow()
  return {
    server: (place) => found(servers, place),
    link: (place) => found(links, place),
    linksAt,
    async whole() {
      const regions = Object.entries(plan.regions)
      const expected = [regions.length, ...regions.map(([, zones]) => zones.length)]
      await eventually('every link is up', async () => {
        const counts = await Promise.all(['*', ...Object.keys(plan.regions)].map(linksAt))
        return counts.join() === expected.join()
      })
    },
    settings(user) {
      const { at, key, inboxPrefix } = identify(user)
      return {
        servers: [found(servers, at).url],
        credentials: { kind: 'seed', seed: key.seed },
        inboxPrefix,
        ...(tls && { tls: { caFile: authorityFile } }),
      }
    },
    environment(user, port) {
      const { at, key, inboxPrefix } = identify(user)
      const direct = found(servers, at).url
      return {
        MERIDIAN_NATS_URL: port === undefined ? direct : `nats://127.0.0.1:${port}`,
        MERIDIAN_NATS_SEED: key.seed,
        MERIDIAN_NATS_INBOX_PREFIX: inboxPrefix,
        ...(tls && { MERIDIAN_NATS_TLS_CA_FILE: authorityFile }),
      }
    },
    stop,
  }
}

/** Which server the user connects to, what its key is called, and where its replies come. */
export function identityOf(user: NatsUser): { at: string; name: string; inboxPrefix: string } {
  const { at, name, inbox } = partsOf(user)
  return { at, name: `${at} ${name}`, inboxPrefix: `_INBOX.${inbox}` }
}

function partsOf(user: NatsUser): { at: string; name: string; inbox: string } {
  switch (user.kind) {
    case 'agent': {
      const { region, zone, node } = user
      return { at: `${region}/${zone}`, name: node, inbox: `node.${region}.${zone}.${node}` }
    }
    case 'local': {
      const { region, zone, replica } = user
      const inbox = `local.${region}.${zone}.${replica}`
      return { at: `${region}/${zone}`, name: `local ${replica}`, inbox }
    }
    case 'regional': {
      const { region, replica } = user
      return { at: region, name: `regional ${replica}`, inbox: `regional.${region}.${replica}` }
    }
    case 'global':
      return { at: '*', name: `global ${user.replica}`, inbox: `global.${user.replica}` }
    case 'link':
      return { at: parentOf(user.from), name: `link ${user.from}`, inbox: 'link' }
    case 'witness':
      return { at: user.at, name: 'witness', inbox: 'witness' }
    default:
      return user satisfies never
  }
}

/** `eu` of `eu/a`, `*` of `eu`. */
export function parentOf(place: string): string {
  return place.includes('/') ? place.slice(0, place.indexOf('/')) : '*'
}

function numbered(name: string, at: number): string {
  return at === 0 ? name : `${name}_${at + 1}`
}

function found<T>(map: ReadonlyMap<string, T>, place: string): T {
  const one = map.get(place)
  if (one === undefined) throw new Error(`the tree has no ${place}`)
  return one
}
