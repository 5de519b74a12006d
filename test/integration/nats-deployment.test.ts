import { isMeridianError, subjects, type Log, type Transport } from '@meridian/shared'
import { connectNats, type NatsSettings } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import {
  authorityFile,
  NatsFiles,
  NatsKeys,
  startDeployed,
  type DeployedServer,
  type Renames,
} from '../support/nats-deployment.ts'
import {
  identityOf,
  parentOf,
  startNatsTree,
  type NatsTree,
  type NatsUser,
} from '../support/nats-tree.ts'

/** What deploy/nats lets each user do, and what each leaf link carries, on real servers. */

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (body: Uint8Array) => new TextDecoder().decode(body)

const n1 = { region: 'eu', zone: 'a', node: 'n1' }
const n2 = { region: 'eu', zone: 'a', node: 'n2' }
const otherZone = { region: 'eu', zone: 'b', node: 'n1' }
const otherRegion = { region: 'us', zone: 'a', node: 'n1' }
const zone = { region: 'eu', zone: 'a' }

const users = {
  agent: { kind: 'agent', ...n1 },
  neighbour: { kind: 'agent', ...n2 },
  local: { kind: 'local', ...zone, replica: 'r1' },
  regional: { kind: 'regional', region: 'eu', replica: 'r1' },
  global: { kind: 'global', replica: 'r1' },
} as const satisfies Record<string, NatsUser>
type UserName = keyof typeof users

/**
 * Every kind of subject, and who may publish to it and subscribe to it. Whoever is not named may
 * not.
 */
const table: readonly {
  readonly subject: string
  readonly publish: readonly UserName[]
  readonly subscribe: readonly UserName[]
}[] = [
  ...(['delta', 'pulse', 'hello'] as const).flatMap((kind) => {
    const readers: UserName[] =
      kind === 'hello' ? ['local', 'regional'] : ['agent', 'neighbour', 'local', 'regional']
    return [
      { subject: subjects[kind](n1), publish: ['agent'] as const, subscribe: readers },
      { subject: subjects[kind](n2), publish: ['neighbour'] as const, subscribe: readers },
      { subject: subjects[kind](otherZone), publish: [], subscribe: ['regional'] as const },
      { subject: subjects[kind](otherRegion), publish: [], subscribe: [] },
    ]
  }),
  {
    subject: subjects.vitals(zone, 'r1'),
    publish: ['local'],
    subscribe: ['agent', 'neighbour', 'local', 'regional'],
  },
  {
    subject: subjects.vitals(zone, 'r2'),
    publish: [],
    subscribe: ['agent', 'neighbour', 'local', 'regional'],
  },
  { subject: subjects.vitals(otherZone, 'r1'), publish: [], subscribe: ['regional'] },
  { subject: subjects.summary('eu', 'r1'), publish: ['regional'], subscribe: ['global'] },
  { subject: subjects.summary('eu', 'r2'), publish: [], subscribe: ['global'] },
  { subject: subjects.summary('us', 'r1'), publish: [], subscribe: ['global'] },
  {
    subject: subjects.rpcNode(n1, 'fetch'),
    publish: ['local', 'regional'],
    subscribe: ['agent'],
  },
  {
    subject: subjects.rpcNode(n2, 'fetch'),
    publish: ['local', 'regional'],
    subscribe: ['neighbour'],
  },
  { subject: subjects.rpcNode(otherZone, 'fetch'), publish: ['regional'], subscribe: [] },
  // An operator's word goes down only.
  {
    subject: subjects.rpcNode(n1, 'operate'),
    publish: ['local', 'regional'],
    subscribe: ['agent'],
  },
  { subject: subjects.rpcNode(otherZone, 'operate'), publish: ['regional'], subscribe: [] },
  { subject: subjects.operate(zone), publish: ['local', 'regional'], subscribe: ['local'] },
  { subject: subjects.operate(otherZone), publish: ['regional'], subscribe: [] },
  { subject: subjects.operateRegion('eu'), publish: ['global'], subscribe: ['regional'] },
  { subject: subjects.operateRegion('us'), publish: ['global'], subscribe: [] },
  {
    subject: subjects.rpcLocal(zone, 'lookup'),
    publish: ['agent', 'neighbour', 'local', 'regional'],
    subscribe: ['local'],
  },
  {
    subject: subjects.rpcLocal(zone, 'fetch', 'r1'),
    publish: ['agent', 'neighbour', 'local', 'regional'],
    subscribe: ['local'],
  },
  {
    subject: subjects.rpcLocal(zone, 'fetch', 'r2'),
    publish: ['agent', 'neighbour', 'local', 'regional'],
    subscribe: [],
  },
  { subject: subjects.rpcLocal(otherZone, 'lookup'), publish: ['regional'], subscribe: [] },
  {
    subject: subjects.rpcRegional('eu', 'lookup'),
    publish: ['local', 'regional', 'global'],
    subscribe: ['regional'],
  },
  {
    subject: subjects.rpcRegional('eu', 'fetch', 'r1'),
    publish: ['local', 'regional', 'global'],
    subscribe: ['regional'],
  },
  {
    subject: subjects.rpcRegional('eu', 'fetch', 'r2'),
    publish: ['local', 'regional', 'global'],
    subscribe: [],
  },
  {
    subject: subjects.rpcRegional('us', 'lookup'),
    publish: ['regional', 'global'],
    subscribe: [],
  },
  { subject: subjects.rpcGlobal('refer'), publish: ['regional', 'global'], subscribe: ['global'] },
  {
    subject: subjects.rpcGlobal('fetch', 'r1'),
    publish: ['regional', 'global'],
    subscribe: ['global'],
  },
  {
    subject: subjects.rpcGlobal('fetch', 'r2'),
    publish: ['regional', 'global'],
    subscribe: [],
  },
  // Where replies come.
  {
    subject: '_INBOX.node.eu.a.n1.x.y',
    publish: ['local', 'regional'],
    subscribe: ['agent'],
  },
  {
    subject: '_INBOX.node.eu.a.n2.x.y',
    publish: ['local', 'regional'],
    subscribe: ['neighbour'],
  },
  {
    subject: '_INBOX.local.eu.a.r1.x.y',
    publish: ['agent', 'neighbour', 'local', 'regional'],
    subscribe: ['local'],
  },
  {
    subject: '_INBOX.regional.eu.r1.x.y',
    publish: ['agent', 'neighbour', 'local', 'regional', 'global'],
    subscribe: ['regional'],
  },
  {
    subject: '_INBOX.regional.us.r1.x.y',
    publish: ['regional', 'global'],
    subscribe: [],
  },
  { subject: '_INBOX.global.r1.x.y', publish: ['regional', 'global'], subscribe: ['global'] },
  { subject: '_INBOX.x.y', publish: [], subscribe: [] },
  // Nobody reads more than it needs, by asking for it with a wildcard.
  { subject: '>', publish: [], subscribe: [] },
  { subject: 'mrd.1.>', publish: [], subscribe: [] },
  { subject: '_INBOX.>', publish: [], subscribe: [] },
  { subject: 'mrd.1.delta.*.*.*', publish: [], subscribe: [] },
  { subject: 'mrd.1.rpc.node.eu.a.*.fetch', publish: [], subscribe: [] },
  // Nor anything that is not Meridian's.
  { subject: '$SYS.REQ.SERVER.PING', publish: [], subscribe: [] },
  { subject: '$JS.API.INFO', publish: [], subscribe: [] },
  { subject: 'mrd.2.delta.eu.a.n1', publish: [], subscribe: [] },
]

/** What anybody above the zones asks the region, by any or by one replica of it. */
const askedRegional = [
  subjects.rpcRegional('eu', 'lookup'),
  ...['r1', 'r2'].map((replica) => subjects.rpcRegional('eu', 'fetch', replica)),
]

const transports: Transport[] = []
let refusals = 0

const counting: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => void (refusals += 1),
  error: () => void (refusals += 1),
}

async function connect(settings: NatsSettings): Promise<Transport> {
  const transport = await connectNats({
    ...settings,
    name: 'test',
    clock: systemClock,
    random: systemRandom,
    log: counting,
  })
  transports.push(transport)
  return transport
}

afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()))
})

/** The server says that it refuses something before it answers the flush. */
async function isLet(transport: Transport, act: () => void): Promise<boolean> {
  const before = refusals
  act()
  await transport.flush()
  return refusals === before
}

function ignore(): void {
  // Whether it may listen is all that is asked.
}

async function expectOwnOnly(name: UserName, settings: NatsSettings): Promise<void> {
  const transport = await connect(settings)
  for (const { subject, publish, subscribe } of table) {
    if (!isWild(subject)) {
      const may = await isLet(transport, () => transport.publish(subject, bytes('')))
      expect({ publish: subject, may }).toEqual({ publish: subject, may: publish.includes(name) })
    }
    const may = await isLet(transport, () => void transport.subscribe(subject, ignore))
    expect({ subscribe: subject, may }).toEqual({
      subscribe: subject,
      may: subscribe.includes(name),
    })
  }
}

function isWild(subject: string): boolean {
  return subject.includes('*') || subject.includes('>')
}

const ways = [
  ['in the clear', false],
  ['over TLS', true],
] as const

describe.each(ways)('deploy/nats/chain %s', (_, tls) => {
  let tree: NatsTree
  const as = (user: NatsUser) => connect(tree.settings(user))

  beforeAll(async () => {
    tree = await startNatsTree({ regions: { eu: ['a', 'b'], us: ['a'] }, tls })
    await tree.whole()
  }, 60_000)
  afterAll(() => tree.stop())

  it.each(Object.keys(users) as UserName[])('lets the %s do its own only', async (name) => {
    await expectOwnOnly(name, tree.settings(users[name]))
  })

  it('lets a link be made with the key of a link alone, and nothing else with that', async () => {
    const refusal = {
      code: 'transport_unreachable',
      message: expect.stringContaining('refuses') as string,
    }
    for (const from of ['eu', 'eu/a']) {
      await expect(as({ kind: 'link', from })).rejects.toMatchObject(refusal)
    }
    const { credentials, ...anonymous } = tree.settings(users.agent)
    await expect(connect(anonymous)).rejects.toMatchObject(refusal)
    await expect(
      connect({ ...tree.settings(users.global), ...(credentials && { credentials }) }),
    ).rejects.toMatchObject(refusal)
  })

  // As somebody who has taken over a whole server, and publishes on every subject there.
  it.each<[string, string, readonly string[]]>([
    [
      'eu/a',
      'eu',
      [
        ...(['delta', 'pulse', 'hello'] as const).flatMap((kind) =>
          [n1, n2].map((node) => subjects[kind](node)),
        ),
        ...['r1', 'r2'].map((replica) => subjects.vitals(zone, replica)),
        ...askedRegional,
        '_INBOX.regional.eu.r1.x.y',
      ],
    ],
    [
      'eu',
      'eu/a',
      [
        ...[n1, n2].map((node) => subjects.rpcNode(node, 'fetch')),
        subjects.rpcNode(n1, 'operate'),
        subjects.operate(zone),
        subjects.rpcLocal(zone, 'lookup'),
        ...['r1', 'r2'].map((replica) => subjects.rpcLocal(zone, 'fetch', replica)),
        '_INBOX.node.eu.a.n1.x.y',
        '_INBOX.node.eu.a.n2.x.y',
        '_INBOX.local.eu.a.r1.x.y',
      ],
    ],
    [
      'eu',
      '*',
      [
        ...['r1', 'r2'].map((replica) => subjects.summary('eu', replica)),
        subjects.rpcGlobal('refer'),
        ...['r1', 'r2'].map((replica) => subjects.rpcGlobal('fetch', replica)),
        ...askedRegional,
        subjects.rpcRegional('us', 'lookup'),
        '_INBOX.global.r1.x.y',
        '_INBOX.regional.eu.r1.x.y',
        '_INBOX.regional.us.r1.x.y',
      ],
    ],
    ['*', 'eu', [...askedRegional, subjects.operateRegion('eu'), '_INBOX.regional.eu.r1.x.y']],
    ['eu/a', '*', [...askedRegional, '_INBOX.regional.eu.r1.x.y']],
    ['eu/a', 'eu/b', []],
    ['eu', 'us', [subjects.rpcRegional('us', 'lookup'), '_INBOX.regional.us.r1.x.y']],
    ['*', 'eu/a', []],
  ])('lets pass from %s to %s only what must', async (from, to, expected) => {
    const path = pathBetween(from, to)
    const witnesses = new Map<string, Transport>()
    for (const at of path) witnesses.set(at, await as({ kind: 'witness', at }))
    const at = (place: string) => witnesses.get(place) ?? expect.fail()
    const heard: string[] = []
    for (const filter of ['mrd.>', '_INBOX.>']) {
      at(to).subscribe(filter, ({ subject }) => {
        if (!subject.includes('marker')) heard.push(subject)
      })
    }
    // What is wanted at the one end is known at the other.
    await markersPass([...path].reverse(), at)
    for (const { subject } of table) if (!isWild(subject)) at(from).publish(subject, bytes(''))
    await markersPass(path, at)
    expect(heard.sort()).toEqual([...expected].sort())
  })

  it('carries every kind of request and its replies, as many as there are', async () => {
    const agent = await as(users.agent)
    const local = await as(users.local)
    const regional = await as(users.regional)
    const elsewhere = await as({ kind: 'regional', region: 'us', replica: 'r1' })
    const global = await as(users.global)
    answer(local, subjects.delta({ ...n1, node: '*' }), 'local')
    answer(regional, subjects.delta({ ...n1, zone: '*', node: '*' }), 'regional')
    answer(agent, subjects.rpcNode(n1, 'fetch'), 'agent', 20)
    answer(local, subjects.rpcLocal(zone, 'compare'), 'local', 20)
    answer(regional, subjects.rpcRegional('eu', 'lookup'), 'regional')
    answer(elsewhere, subjects.rpcRegional('us', 'lookup'), 'elsewhere')
    answer(global, subjects.rpcGlobal('refer'), 'global')
    answer(global, subjects.summary('*', '*'), 'global')
    answer(regional, subjects.operateRegion('eu'), 'regional')
    answer(local, subjects.operate(zone), 'local')
    answer(agent, subjects.rpcNode(n1, 'operate'), 'agent')
    const asks: readonly (readonly [Transport, string, Record<string, number>])[] = [
      [agent, subjects.delta(n1), { local: 1, regional: 1 }],
      [agent, subjects.rpcLocal(zone, 'compare'), { local: 20 }],
      [local, subjects.rpcNode(n1, 'fetch'), { agent: 20 }],
      [local, subjects.rpcRegional('eu', 'lookup'), { regional: 1 }],
      [regional, subjects.rpcNode(n1, 'fetch'), { agent: 20 }],
      [regional, subjects.rpcLocal(zone, 'compare'), { local: 20 }],
      [regional, subjects.rpcRegional('us', 'lookup'), { elsewhere: 1 }],
      [regional, subjects.rpcGlobal('refer'), { global: 1 }],
      [regional, subjects.summary('eu', 'r1'), { global: 1 }],
      [global, subjects.rpcRegional('eu', 'lookup'), { regional: 1 }],
      [global, subjects.rpcRegional('us', 'lookup'), { elsewhere: 1 }],
      [global, subjects.operateRegion('eu'), { regional: 1 }],
      [regional, subjects.operate(zone), { local: 1 }],
      [regional, subjects.rpcNode(n1, 'operate'), { agent: 1 }],
      [local, subjects.rpcNode(n1, 'operate'), { agent: 1 }],
    ]
    for (const [asker, subject, expected] of asks) await expectReplies(asker, subject, expected)
  })
})

describe('deploy/nats/single.conf', () => {
  const keys = new NatsKeys()
  let server: DeployedServer

  beforeAll(async () => {
    const files = await NatsFiles.read('single.conf')
    files.rename(toPlace)
    server = await startDeployed(files, userKeys(keys))
  })
  afterAll(() => server.stop())

  it.each(Object.keys(users) as UserName[])('lets the %s do its own only', async (name) => {
    await expectOwnOnly(name, settingsOf(users[name], keys, [server.url]))
  })
})

describe.each(ways)('deploy/nats/region.conf %s', (_, tls) => {
  const keys = new NatsKeys()
  const cluster: DeployedServer[] = []
  let top: DeployedServer

  beforeAll(async () => {
    const hub = await freePort()
    const above = await NatsFiles.read('chain/global.conf')
    above.rename(toPlace)
    const link = keys.of('link')
    const topEnv = {
      ...userKeys(keys),
      LEAF_LISTEN: `127.0.0.1:${hub}`,
      LEAF_ADVERTISE: `127.0.0.1:${hub}`,
      LEAF_REGION: link.key,
    }
    top = await startDeployed(above, topEnv, { tls })
    const routes = [await freePort(), await freePort(), await freePort()]
    const started = routes.map(async (port, at) => {
      const files = await NatsFiles.read('region.conf')
      files.rename(toPlace)
      const leafs = await freePort()
      const env = {
        ...userKeys(keys),
        SERVER_NAME: `eu-${at + 1}`,
        CLUSTER_LISTEN: `127.0.0.1:${port}`,
        CLUSTER_ADVERTISE: `127.0.0.1:${port}`,
        CLUSTER_USER: 'route',
        CLUSTER_PASSWORD: 'secret',
        ...Object.fromEntries(
          routes.map((to, index) => [
            `CLUSTER_ROUTE_${index + 1}`,
            `nats-route://route:secret@127.0.0.1:${to}`,
          ]),
        ),
        LEAF_LISTEN: `127.0.0.1:${leafs}`,
        LEAF_ADVERTISE: `127.0.0.1:${leafs}`,
        LEAF_HUB: `nats-leaf://127.0.0.1:${hub}`,
        LEAF_REGION_SEED: link.seed,
        LEAF_ZONE: keys.of('zone link').key,
      }
      return await startDeployed(files, env, { tls })
    })
    cluster.push(...(await Promise.all(started)))
    await eventually('each server has its link up', async () => (await top.linksFromBelow()) === 3)
  }, 30_000)
  afterAll(() => Promise.all([top, ...cluster].map((server) => server.stop())))

  const urlOf = (at: number) => cluster[at]?.url ?? expect.fail()
  const as = (user: NatsUser, url: string) => connect(settingsOf(user, keys, [url], tls))

  it.each(['agent', 'local', 'regional'] as const)('lets the %s do its own only', async (name) => {
    await expectOwnOnly(name, settingsOf(users[name], keys, [urlOf(0)], tls))
  })

  it('brings each message once, whichever of the servers one is connected to', async () => {
    const agent = await as(users.agent, urlOf(0))
    const local = await as(users.local, urlOf(1))
    const regional = await as(users.regional, urlOf(2))
    const global = await as(users.global, top.url)
    answer(local, subjects.delta({ ...n1, node: '*' }), 'local')
    answer(regional, subjects.delta({ ...n1, zone: '*', node: '*' }), 'regional')
    answer(agent, subjects.rpcNode(n1, 'fetch'), 'agent', 20)
    answer(regional, subjects.rpcRegional('eu', 'lookup'), 'regional')
    answer(global, subjects.summary('*', '*'), 'global')
    await expectReplies(agent, subjects.delta(n1), { local: 1, regional: 1 })
    await expectReplies(local, subjects.rpcNode(n1, 'fetch'), { agent: 20 })
    await expectReplies(regional, subjects.rpcNode(n1, 'fetch'), { agent: 20 })
    await expectReplies(regional, subjects.summary('eu', 'r1'), { global: 1 })
    await expectReplies(global, subjects.rpcRegional('eu', 'lookup'), { regional: 1 })
  })

  it('goes on when one of the servers is killed', async () => {
    const agent = await connect(settingsOf(users.agent, keys, [urlOf(0), urlOf(1)], tls))
    const regional = await as(users.regional, urlOf(2))
    const global = await as(users.global, top.url)
    answer(regional, subjects.delta({ ...n1, zone: '*', node: '*' }), 'regional')
    answer(global, subjects.summary('*', '*'), 'global')
    await expectReplies(agent, subjects.delta(n1), { regional: 1 })
    await cluster[0]?.kill()
    await expectReplies(agent, subjects.delta(n1), { regional: 1 })
    await expectReplies(regional, subjects.summary('eu', 'r1'), { global: 1 })
    await cluster[0]?.restart()
  })
})

/** From the place that the files are written for to the one of this test. */
const toPlace: Renames = [
  ['eu-west.a', 'eu.a'],
  ['eu-west', 'eu'],
]

/** The public keys of all users, as the files call them. */
function userKeys(keys: NatsKeys): Record<string, string> {
  return {
    AGENT_N1: keys.of('agent').key,
    AGENT_N2: keys.of('neighbour').key,
    LOCAL_R1: keys.of('local').key,
    REGIONAL_R1: keys.of('regional').key,
    GLOBAL_R1: keys.of('global').key,
    OPS: keys.of('ops').key,
    WITNESS: keys.of('witness').key,
  }
}

function settingsOf(
  user: NatsUser,
  keys: NatsKeys,
  servers: readonly string[],
  tls = false,
): NatsSettings {
  const name = Object.entries(users).find(([, each]) => each === user)?.[0] ?? expect.fail()
  return {
    servers,
    inboxPrefix: identityOf(user).inboxPrefix,
    credentials: { kind: 'seed', seed: keys.of(name).seed },
    ...(tls && { tls: { caFile: authorityFile } }),
  }
}

function answer(transport: Transport, subject: string, who: string, times = 1): void {
  transport.subscribe(subject, ({ respond }) => {
    for (let count = 0; count < times; count += 1) respond(bytes(who))
  })
}

/** Waits until there is somebody who answers, then counts all that come. */
async function expectReplies(
  asker: Transport,
  subject: string,
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  const total = Object.values(expected).reduce((sum, count) => sum + count)
  await eventually(`${subject} is answered by all`, async () => {
    const replies: Record<string, number> = {}
    const options = { deadlineMs: 200 }
    const count = (body: Uint8Array) => {
      const who = text(body)
      replies[who] = (replies[who] ?? 0) + 1
      return 'more' as const
    }
    try {
      const came = await asker.requestMany(
        subject,
        bytes(''),
        { ...options, repliesMax: total },
        count,
      )
      if (came < total) return false
      // One more than there are would come now.
      await asker.requestMany(subject, bytes(''), { ...options, repliesMax: total + 1 }, count)
    } catch (error) {
      if (isMeridianError(error, 'no_responders')) return false
      throw error
    }
    const twice = Object.entries(expected).map(([who, times]) => [who, 2 * times])
    expect({ subject, replies }).toEqual({ subject, replies: Object.fromEntries(twice) as object })
    return true
  })
}

/** The places on the way, both ends included. */
function pathBetween(from: string, to: string): string[] {
  const up = [from, ...ancestorsOf(from)]
  const down = [to, ...ancestorsOf(to)]
  const top = up.find((place) => down.includes(place)) ?? '*'
  return [...up.slice(0, up.indexOf(top)), top, ...down.slice(0, down.indexOf(top)).reverse()]
}

function ancestorsOf(place: string): string[] {
  if (place === '*') return []
  const parent = parentOf(place)
  return [parent, ...ancestorsOf(parent)]
}

let markers = 0

/** Sends a message over each link of the path in turn: what was sent before has passed by then. */
async function markersPass(
  path: readonly string[],
  at: (place: string) => Transport,
): Promise<void> {
  for (const [index, to] of path.entries()) {
    const from = path[index - 1]
    if (from === undefined) continue
    const subject = markerSubject(from, to, `marker${(markers += 1)}`)
    let came = false
    const subscription = at(to).subscribe(subject, () => void (came = true))
    await at(to).flush()
    await eventually(`a message passes from ${from} to ${to}`, async () => {
      at(from).publish(subject, bytes(''))
      await at(from).flush()
      return came
    })
    subscription.unsubscribe()
  }
}

/** One that the link between the two lets pass. */
function markerSubject(from: string, to: string, marker: string): string {
  const isUp = parentOf(from) === to && from !== '*'
  const [region = '', zoneName] = (isUp ? from : to).split('/')
  if (zoneName === undefined) {
    return isUp ? subjects.summary(region, marker) : subjects.rpcRegional(region, marker)
  }
  const at = { region, zone: zoneName }
  return isUp ? subjects.vitals(at, marker) : subjects.rpcLocal(at, marker)
}
