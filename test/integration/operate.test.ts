import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import { createAgentClient, type AgentClient } from '@meridian/client'
import { restoreSnapshot, startRegistry, type Registry } from '@meridian/registry'
import {
  eventsPageSchema,
  instancesPageSchema,
  livenessDefaults,
  lookupAnswerSchema,
  nodeRestSchema,
  nodesPageSchema,
  quarantinePageSchema,
  snapshotSchema,
  snapshotsPageSchema,
  topologySchema,
  type Tier,
} from '@meridian/shared'
import { mintToken, writeTokenFile, type Scope } from '@meridian/shared/access'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { createSilentLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { describedServer } from '../support/registrations.ts'

/** What operators have done through a registry of each tier, in one small world. */

const node = 'eu/a/n1'
let folder: string
let network: InProcessNetwork
const registries = new Map<Tier, Registry>()
let agent: Agent
let client: AgentClient
const tokens = new Map<Scope, string>()

const common = {
  migrationsDir,
  pulseMs: 100,
  // A node that is silent is gone within a second.
  liveness: { ...livenessDefaults, sweepMs: 50, reapMs: 60_000 },
  clock: systemClock,
  random: systemRandom,
  log: createSilentLog(),
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-operate-'))
  network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  const created = new Date().toISOString()
  const entries = (['operate', 'lookup'] as const).map((scope) => {
    const { id, text, sha256 } = mintToken()
    tokens.set(scope, text)
    return { id, name: `the-${scope}-desk`, scopes: [scope], sha256, created }
  })
  writeTokenFile(join(folder, 'tokens.json'), entries)
  for (const tier of ['global', 'regional', 'local'] as const) await startTier(tier)
  agent = await start('n1')
  client = createAgentClient({ url: agent.url })
  await client.register('one', describedServer('one'))
  await client.register('two', describedServer('two'))
  await soon(async () => {
    for (const tier of ['local', 'regional'] as const)
      expect(await draining(tier)).toEqual({ one: false, two: false })
    const regions = await get('global', '/v1/topology')
    expect(await regions.json()).toMatchObject({ regions: [{ region: 'eu' }] })
  })
})

afterAll(async () => {
  await agent.close()
  for (const registry of registries.values()) await registry.close()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

function soon(isSo: () => Promise<void>): Promise<void> {
  return vi.waitFor(isSo, { timeout: 20_000, interval: 50 })
}

function start(name: string): Promise<Agent> {
  return startAgent({
    ...common,
    locality: { region: 'eu', zone: 'a', node: name },
    dataDir: join(folder, name),
    http: { host: '127.0.0.1', port: 0 },
    probeAllow: [],
    transport: network.connect(name),
  })
}

const places = {
  global: { region: '-', zone: '-' },
  regional: { region: 'eu', zone: '-' },
  local: { region: 'eu', zone: 'a' },
}

async function startTier(tier: Tier): Promise<void> {
  const registry = await startRegistry({
    ...common,
    tier,
    place: { ...places[tier], replica: 'r1' },
    dataDir: join(folder, tier),
    http: { host: '127.0.0.1', port: 0, tokensFile: join(folder, 'tokens.json') },
    transport: network.connect(tier),
  })
  registries.set(tier, registry)
}

function at(tier: Tier): string {
  const registry = registries.get(tier)
  if (!registry) throw new Error(`no ${tier} registry`)
  return registry.url
}

function get(tier: Tier, path: string): Promise<Response> {
  return call(tier, 'GET', path)
}

function call(
  tier: Tier,
  method: string,
  path: string,
  body?: object,
  scope: Scope | null = 'operate',
): Promise<Response> {
  return fetch(`${at(tier)}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body) }),
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(scope !== null && { authorization: `Bearer ${tokens.get(scope) ?? ''}` }),
    },
  })
}

/** By instance, whether it takes no new work, as a registry sees it. */
async function draining(tier: Tier): Promise<Record<string, boolean>> {
  const { instances } = instancesPageSchema.parse(await (await get(tier, '/v1/instances')).json())
  return Object.fromEntries(instances.map((each) => [each.instance, each.draining]))
}

async function rest(tier: Tier) {
  // Whoever may look may know.
  const reply = await call(tier, 'GET', `/v1/nodes/${node}/rest`, undefined, 'lookup')
  return nodeRestSchema.parse(await reply.json())
}

async function expectDraining(expected: Record<string, boolean>): Promise<void> {
  await soon(async () => {
    for (const tier of ['local', 'regional', 'global'] as const)
      expect(await draining(tier)).toEqual(expected)
  })
}

const tiers = ['local', 'regional', 'global'] as const
const actions = [
  'drain eu/a/n1 new disk',
  'drain-ended eu/a/n1',
  'maintenance eu/a/n1 one looks odd',
  'maintenance-ended eu/a/n1 one',
  'drain eu/a/n1 one',
  'preservation-overridden eu/a they are gone',
  'preservation-override-ended eu/a',
]
/** How often each of them is known of at a tier: word goes down, and the global tier gathers. */
const asksOf = { local: 0, regional: 0, global: 0 }

describe.each(tiers)('an operator at a %s registry', (tier) => {
  beforeAll(() => {
    asksOf.local += 1
    if (tier !== 'local') {
      asksOf.regional += 1
      asksOf.global += 1
    }
  })

  it('drains a node, whatever is registered there later too, until it is ended', async () => {
    const reply = await call(tier, 'PUT', `/v1/nodes/${node}/drain`, { reason: 'new disk' })
    expect([reply.status, await reply.json()]).toEqual([
      200,
      { applied: true, region: 'eu', zone: 'a', node: 'n1', at: expect.any(Number) as number },
    ])
    await client.register('three', describedServer('three'))
    await expectDraining({ one: true, two: true, three: true })
    const said = await rest(tier)
    expect(said).toMatchObject({ drain: { reason: 'new disk' }, instances: [], total: 0 })
    expect(said).not.toHaveProperty('maintenance')
    expect((await call(tier, 'DELETE', `/v1/nodes/${node}/drain`)).status).toBe(200)
    await expectDraining({ one: false, two: false, three: false })
    await client.deregister('three', { registrant: 'test' })
    await expectDraining({ one: false, two: false })
  })

  it('puts one instance into maintenance, and drains it for a while', async () => {
    const path = `/v1/instances/${node}/one`
    const reply = await call(tier, 'PUT', `${path}/maintenance`, { reason: 'looks odd' })
    expect(await reply.json()).toMatchObject({ applied: true, node: 'n1', id: 'one' })
    await expectDraining({ one: true, two: false })
    expect((await client.instance('one')).maintenance?.reason).toBe('looks odd')
    expect(await rest(tier)).toMatchObject({
      region: 'eu',
      leaving: false,
      instances: [{ id: 'one', maintenance: { reason: 'looks odd' } }],
      total: 1,
    })
    expect((await call(tier, 'DELETE', `${path}/maintenance`)).status).toBe(200)
    // Ends by itself.
    expect((await call(tier, 'PUT', `${path}/drain`, { seconds: 1 })).status).toBe(200)
    await expectDraining({ one: false, two: false })
  })

  it('overrides preservation of a zone, and takes that back', async () => {
    const path = '/v1/zones/eu/a/preservation'
    const override = async (method: string, body?: object) => {
      const reply = await call(tier, method, path, body)
      const { replicas } = (await reply.json()) as { replicas: unknown }
      return [reply.status, replicas]
    }
    const is = (word: string) => [{ replica: 'r1', state: 'normal', override: word, window: 0 }]
    expect(await override('PUT', { reason: 'they are gone' })).toEqual([200, is('off')])
    expect(await override('GET')).toEqual([200, is('off')])
    expect(await override('DELETE')).toEqual([200, is('none')])
  })

  it('is told what cannot be done, and why', async () => {
    const codeOf = async (method: string, path: string, body?: object) => {
      const reply = await call(tier, method, path, body)
      return [reply.status, ((await reply.json()) as { code: string }).code]
    }
    expect(await codeOf('DELETE', `/v1/nodes/${node}`)).toEqual([409, 'conflict'])
    expect(await codeOf('PUT', '/v1/nodes/eu/a/nobody/drain')).toEqual([404, 'not_found'])
    expect(await codeOf('PUT', '/v1/nodes/us/a/n1/drain')).toEqual([404, 'not_found'])
    expect(await codeOf('GET', '/v1/nodes/eu/a/nobody/rest')).toEqual([404, 'not_found'])
    expect(await codeOf('PUT', `/v1/instances/${node}/nothing/drain`)).toEqual([404, 'not_found'])
    expect(await codeOf('PUT', `/v1/nodes/${node}/drain`, { seconds: 0 })).toEqual([
      400,
      'invalid_request',
    ])
    const reason = 'x'.repeat(201)
    expect(await codeOf('PUT', `/v1/nodes/${node}/maintenance`, { reason })).toEqual([
      400,
      'invalid_request',
    ])
    expect(await codeOf('PUT', '/v1/nodes/EU/a/n1/drain')).toEqual([400, 'invalid_request'])
  })

  it('is asked for a token that may operate, and those without are counted', async () => {
    for (const path of [`/v1/nodes/${node}/drain`, `/v1/instances/${node}/one/maintenance`]) {
      expect((await call(tier, 'PUT', path, {}, null)).status).toBe(401)
      expect((await call(tier, 'DELETE', path, undefined, 'lookup')).status).toBe(403)
    }
    expect((await call(tier, 'GET', '/v1/quarantine', undefined, null)).status).toBe(401)
    const text = await (await get(tier, '/metrics')).text()
    expect(text).toMatch(/^meridian_auth_failures_total\{code="unauthorized"\} [3-9]/m)
    expect(text).toMatch(/^meridian_auth_failures_total\{code="forbidden"\} [2-9]/m)
  })

  it('leaves an event of each action: who, what, where and why, and no token', async () => {
    // In the history of those who judge what it is about, whoever was asked.
    for (const where of tiers.slice(0, tiers.indexOf(tier) + 1)) {
      await soon(async () => {
        const text = await (await get(where, '/v1/events?kind=operator-action')).text()
        for (const token of tokens.values()) expect(text).not.toContain(token)
        const { events } = eventsPageSchema.parse(JSON.parse(text))
        const told = events.map(({ action, place, instance, reason }) =>
          [action, place, instance, reason].filter((part) => part !== undefined).join(' '),
        )
        expect(told.toReversed()).toEqual(
          Array.from({ length: asksOf[where] }, () => actions).flat(),
        )
        for (const { by } of events) expect(by).toContain('the-operate-desk')
      })
    }
  })
})

it('a node’s drain outlasts its agent', async () => {
  await call('regional', 'PUT', `/v1/nodes/${node}/maintenance`, { reason: 'moving' })
  await expectDraining({ one: true, two: true })
  await agent.close()
  agent = await start('n1')
  client = createAgentClient({ url: agent.url })
  await soon(async () => {
    expect((await client.instance('one')).draining).toBe(true)
  })
  await expectDraining({ one: true, two: true })
  await call('local', 'DELETE', `/v1/nodes/${node}/maintenance`)
  await expectDraining({ one: false, two: false })
})

it('a node that is gone cannot be commanded, and can be forgotten', async () => {
  const gone = await start('n2')
  const other = createAgentClient({ url: gone.url })
  await other.register('late', describedServer('late'))
  await expectDraining({ one: false, two: false, late: false })
  await gone.close()
  await soon(async () => {
    const { nodes } = nodesPageSchema.parse(await (await get('local', '/v1/nodes')).json())
    expect(nodes.find(({ locality }) => locality === 'eu/a/n2')?.state).toBe('unreachable')
  })
  const refused = await call('global', 'PUT', '/v1/nodes/eu/a/n2/drain')
  expect([refused.status, await refused.json()]).toMatchObject([504, { code: 'owner_unreachable' }])
  expect((await call('global', 'DELETE', '/v1/nodes/eu/a/n2')).status).toBe(200)
  await soon(async () => {
    for (const tier of ['local', 'regional', 'global'] as const) {
      expect(await draining(tier)).toEqual({ one: false, two: false })
    }
    for (const tier of ['local', 'regional', 'global'] as const) {
      const { nodes } = nodesPageSchema.parse(await (await get(tier, '/v1/nodes')).json())
      expect(nodes.map(({ locality }) => locality)).not.toContain('eu/a/n2')
    }
  })
  // What it had is its own still, and comes back with it.
  const back = await start('n2')
  await expectDraining({ one: false, two: false, late: false })
  await createAgentClient({ url: back.url }).deregister('late', { registrant: 'test' })
  await expectDraining({ one: false, two: false })
  await back.close()
})

it('quarantine is empty where everything can be read', async () => {
  const page = quarantinePageSchema.parse(await (await get('local', '/v1/quarantine')).json())
  expect(page).toEqual({ owners: [], total: 0, unreachable: [] })
})

describe('a snapshot', () => {
  const file = () => join(folder, 'downloaded.db')

  it('is taken while the registry is written to, and is whole', async () => {
    const over = new AbortController()
    const writing = (async () => {
      for (let i = 0; !over.signal.aborted; i += 1) {
        await client.register('one', describedServer(`v${i % 7}`))
      }
    })()
    const reply = await call('local', 'POST', '/v1/snapshots', { name: 'busy' })
    over.abort()
    await writing
    expect(reply.status).toBe(201)
    const snapshot = snapshotSchema.parse(await reply.json())
    const got = await get('local', '/v1/snapshots/busy')
    const bytes = new Uint8Array(await got.arrayBuffer())
    expect(bytes.length).toBe(snapshot.bytes)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(snapshot.sha256)
    const again = await call('local', 'POST', '/v1/snapshots', { name: 'busy' })
    expect([again.status, await again.json()]).toMatchObject([409, { code: 'conflict' }])
    expect((await get('local', '/v1/snapshots/..%2F..%2Fregistry')).status).toBe(400)
    expect((await call('local', 'DELETE', '/v1/snapshots/busy')).status).toBe(204)
    const page = snapshotsPageSchema.parse(await (await get('local', '/v1/snapshots')).json())
    expect(page.snapshots).toEqual([])
    await client.register('one', describedServer('one'))
  })

  it.each(['local', 'regional', 'global'] as const)(
    'of a %s registry that is restored brings nothing back and loses nothing',
    async (tier) => {
      await client.register('old', describedServer('old'))
      const all = { one: false, two: false }
      await expectDraining({ ...all, old: false })
      // Sent up at once, kept a moment later.
      await soon(async () => {
        const servers = await (await get('global', '/v1/servers')).text()
        expect(servers).toContain('com.example/old')
      })
      await call(tier, 'POST', '/v1/snapshots', { name: 'before' })
      const got = await get(tier, '/v1/snapshots/before')
      writeFileSync(file(), new Uint8Array(await got.arrayBuffer()))
      await call(tier, 'DELETE', '/v1/snapshots/before')
      await client.deregister('old', { registrant: 'test' })
      await client.register('new', describedServer('new'))
      await expectDraining({ ...all, new: false })

      const running = registries.get(tier)
      const dataDir = join(folder, tier)
      expect(() => restoreSnapshot({ from: file(), dataDir, migrationsDir })).toThrow(/runs on/)
      await running?.close()
      const { setAside } = restoreSnapshot({ from: file(), dataDir, migrationsDir })
      expect(setAside).toBe(join(dataDir, 'registry.db.before-restore'))
      await startTier(tier)
      await expectDraining({ ...all, new: false })
      await soon(async () => {
        for (const each of ['local', 'regional', 'global'] as const) {
          const topology = topologySchema.parse(await (await get(each, '/v1/topology')).json())
          expect(topology.regions[0]?.instances.critical ?? 0).toBe(0)
          const { results } = lookupAnswerSchema.parse(
            await (await get(each, '/v1/lookup?q=tool:old_tool')).json(),
          )
          expect(results).toEqual([])
          const found = await (await get(each, '/v1/lookup?q=tool:new_tool')).json()
          expect(found).toMatchObject({ outcome: 'found' })
        }
      })
      await client.deregister('new', { registrant: 'test' })
      await expectDraining(all)
    },
  )

  it('that is none is not restored', () => {
    const from = join(folder, 'nonsense.db')
    writeFileSync(from, 'this is no database, whatever its name says'.repeat(100))
    const dataDir = join(folder, 'elsewhere')
    expect(() => restoreSnapshot({ from, dataDir, migrationsDir })).toThrow(/damaged/)
    expect(readdirSync(dataDir)).toEqual([])
  })
})

it('a global registry names the region that it cannot ask, and goes on with the others', async () => {
  await registries.get('regional')?.close()
  for (const [path, list] of [
    ['/v1/instances', 'instances'],
    ['/v1/nodes', 'nodes'],
  ] as const) {
    const reply = await get('global', path)
    expect([reply.status, await reply.json()]).toMatchObject([
      200,
      { [list]: [], unreachable: [{ scope: 'region', name: 'eu' }] },
    ])
  }
  const eu = [{ scope: 'region', name: 'eu' }]
  expect(await (await get('global', '/v1/quarantine')).json()).toMatchObject({ unreachable: eu })
  const told = eventsPageSchema.parse(await (await get('global', '/v1/events')).json())
  expect(told.unreachable).toMatchObject(eu)
  for (const { seenBy } of told.events) expect(seenBy).toBeUndefined()
  const refused = await call('global', 'PUT', `/v1/nodes/${node}/drain`, {})
  expect([refused.status, await refused.json()]).toMatchObject([504, { code: 'owner_unreachable' }])
})
