import { createAgentClient, createRegistryClient } from '@meridian/client'
import type { StatusCounts } from '@meridian/shared'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { endAllMeridian, startProgram, type ListeningProgram } from '../support/meridian-process.ts'
import { startNatsServer, type NatsServer } from '../support/nats-server.ts'
import { describedServer } from '../support/registrations.ts'

/** Five processes, each of which takes its time to start on a busy machine. */
const timeout = 120_000

describe('registries and agents as processes of their own over NATS', { timeout }, () => {
  let folder: string
  let nats: NatsServer
  let token: string
  const programs = {} as Record<
    'global' | 'regional' | 'local' | 'n1' | 'n2' | 'n3',
    ListeningProgram
  >

  const flags = (name: string) => ['--data', join(folder, name), '--nats', nats.url]
  const startRegistry = (tier: string, ...place: string[]) =>
    startProgram(['registry', '--tier', tier, ...place, ...flags(tier)], {
      env: { MERIDIAN_TOKENS_FILE: join(folder, 'tokens.json') },
    })
  const startAgent = (zone: string, node: string, env: Record<string, string> = {}) =>
    startProgram(['agent', '--region', 'eu-west', '--zone', zone, '--node', node, ...flags(node)], {
      env,
    })
  const client = (of: keyof typeof programs) => createAgentClient({ url: programs[of].url })
  const lookup = (of: keyof typeof programs, query: string) => client(of).lookup(query)

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-programs-'))
    const { id, text, sha256 } = mintToken()
    token = text
    const created = new Date().toISOString()
    const entry = { id, name: 'operator', scopes: ['operate'], sha256, created }
    writeTokenFile(join(folder, 'tokens.json'), [entry])
    nats = await startNatsServer()
    await nats.kill()
  }, timeout)

  afterAll(async () => {
    await endAllMeridian()
    await nats.stop()
    rmSync(folder, { recursive: true, force: true })
  }, timeout)

  it('starts an agent without NATS, which answers what is registered with it', async () => {
    programs.n1 = await startAgent('a', 'n1')
    await client('n1').register('early-1', describedServer('early'))
    expect(await lookup('n1', 'tool:early_tool')).toMatchObject({
      outcome: 'found',
      // It has never heard its zone, and says so.
      complete: false,
      answeredBy: 'agent',
      scopes: [{ scope: 'zone', name: 'eu-west/a', state: 'stale' }],
      results: [{ instance: 'early-1', ring: 0 }],
    })
    const elsewhere = await lookup('n1', 'tool:late_tool')
    expect(elsewhere).toMatchObject({ outcome: 'unknown', complete: false, results: [] })
    expect(elsewhere.scopes).toContainEqual(
      expect.objectContaining({ scope: 'region', name: 'eu-west', state: 'unreachable' }),
    )
    expect(await client('n1').ready()).toEqual({
      ready: false,
      reasons: [
        'the transport is disconnected',
        'the zone has not been read from its registry yet',
      ],
    })
  })

  it('is heard of by every tier once NATS and the registries are up', async () => {
    await nats.restart()
    ;[programs.global, programs.regional, programs.local, programs.n2] = await Promise.all([
      startRegistry('global'),
      startRegistry('regional', '--region', 'eu-west'),
      startRegistry('local', '--region', 'eu-west', '--zone', 'a'),
      startAgent('b', 'n2'),
    ])
    await client('n2').register('late-1', describedServer('late'))
    await eventually('the world knows both', async () => (await known('global')) === 2)
    expect(await lookup('n1', 'tool:late_tool')).toMatchObject({
      outcome: 'found',
      complete: true,
      answeredBy: 'regional',
      results: [{ instance: 'late-1', locality: 'eu-west/b/n2', ring: 2 }],
    })
    expect((await topology('regional')).regions).toMatchObject([
      {
        region: 'eu-west',
        zones: [
          { zone: 'a', nodes: [{ node: 'n1' }] },
          { zone: 'b', nodes: [{ node: 'n2' }] },
        ],
      },
    ])
    await eventually('the agent is ready', async () => (await client('n1').ready()).ready)
  })

  it('answers for a zone without a registry what runs there, and says what it cannot ask', async () => {
    expect(await lookup('n2', 'tool:late_tool')).toMatchObject({
      outcome: 'found',
      answeredBy: 'agent',
      results: [{ instance: 'late-1', ring: 0 }],
    })
    expect(await lookup('n2', 'tool:early_tool')).toMatchObject({
      outcome: 'unknown',
      complete: false,
    })
  })

  it('registers and answers while NATS is down, and catches up when it is back', async () => {
    await nats.kill()
    await client('n2').register('during-1', describedServer('during'))
    await client('n1').deregister('early-1', { registrant: 'test' })
    expect(await lookup('n2', 'tool:during_tool')).toMatchObject({ outcome: 'found' })
    expect(await lookup('n1', 'tool:during_tool')).toMatchObject({ outcome: 'unknown' })
    // What was heard before stays: that nobody is heard now does not mean that they are gone.
    expect(await known('regional')).toBe(2)
    expect((await createRegistryClient({ url: programs.global.url }).ready()).ready).toBe(false)

    await nats.restart()
    await eventually(
      'another zone finds it',
      async () => (await lookup('n1', 'tool:during_tool')).outcome === 'found',
      60_000,
    )
    await eventually(
      'what was removed is gone everywhere',
      async () => (await instancesOf('global', 'com.example/early')) === 0,
      60_000,
    )
    expect(await known('regional')).toBe(2)
  })

  it('finds its data again after kill -9, registries as well as agents', async () => {
    await Promise.all([programs.n2.end('SIGKILL'), programs.regional.end('SIGKILL')])
    programs.regional = await startRegistry('regional', '--region', 'eu-west')
    // From its own disk: the agent of that zone is not there to ask.
    expect(await known('regional')).toBe(2)
    programs.n2 = await startAgent('b', 'n2')
    const { instances } = await client('n2').instances()
    expect(instances.map(({ id }) => id)).toEqual(['during-1', 'late-1'])
    await client('n2').register('after-1', describedServer('after'))
    await eventually(
      'another zone finds what came after',
      async () => (await lookup('n1', 'tool:after_tool')).outcome === 'found',
      60_000,
    )
    expect(await known('regional')).toBe(3)
  })

  it('leaves out the instances of an agent that was killed, and finds them when it is back', async () => {
    programs.n3 = await startAgent('a', 'n3')
    await client('n3').register('mortal-1', describedServer('mortal'))
    const outcome = async () => (await lookup('n1', 'tool:mortal_tool')).outcome
    await eventually('another agent finds it', async () => (await outcome()) === 'found', 30_000)
    await programs.n3.end('SIGKILL')
    expect(await outcome()).toBe('found')
    await eventually('it is out', async () => (await outcome()) === 'none', 30_000)
    programs.n3 = await startAgent('a', 'n3')
    await eventually('it is back', async () => (await outcome()) === 'found', 30_000)
  })

  it('does what an operator asks of the global registry, in zones with a registry and without', async () => {
    const world = createRegistryClient({ url: programs.global.url, token })
    const draining = async (of: 'n2' | 'n3') =>
      (await client(of).instances()).instances.every((instance) => instance.draining)
    for (const [of, zone] of [
      ['n3', 'a'],
      ['n2', 'b'],
    ] as const) {
      const node = { region: 'eu-west', zone, node: of }
      expect(await world.drain(node, { reason: 'test' })).toMatchObject({ applied: true, ...node })
      expect(await draining(of)).toBe(true)
      await world.undrain(node)
      expect(await draining(of)).toBe(false)
    }
    // Nobody judges that zone, so nobody can be told.
    const zone = { region: 'eu-west', zone: 'b' }
    await expect(world.preservation(zone)).rejects.toMatchObject({ code: 'owner_unreachable' })
    const inZone = { region: 'eu-west', zone: 'a' }
    expect(await world.preservation(inZone)).toMatchObject({ replicas: [{ state: 'normal' }] })
  })

  it('leaves before it ends, where it is told to', async () => {
    await programs.n3.end('SIGTERM')
    programs.n3 = await startAgent('a', 'n3', { MERIDIAN_LEAVE_SECONDS: '5' })
    const registry = createRegistryClient({ url: programs.local.url })
    const left = async () => {
      const { events } = await registry.events({ kind: 'instance-draining', place: 'eu-west/a/n3' })
      return events[0]?.after === 'true'
    }
    await eventually('its zone follows it', async () => {
      const nodes = (await registry.nodes()).nodes
      return nodes.some(({ locality, state }) => locality.endsWith('/n3') && state === 'alive')
    })
    expect(await left()).toBe(false)
    expect(await programs.n3.end('SIGTERM')).toMatchObject({ code: 0 })
    await eventually('it was told', left)
  })

  it('ends each of them in good order when it is told to', async () => {
    for (const program of Object.values(programs)) {
      const { code, signal } = await program.end('SIGTERM')
      expect({ code, signal }).toEqual({ code: 0, signal: null })
    }
  })

  const topology = (of: 'global' | 'regional') =>
    createRegistryClient({ url: programs[of].url }).topology()

  /** Instances that a registry knows of. */
  const known = async (of: 'global' | 'regional') =>
    (await topology(of)).regions.reduce((sum, { instances }) => sum + total(instances), 0)

  const instancesOf = async (of: 'global' | 'regional', server: string) => {
    const registry = createRegistryClient({ url: programs[of].url })
    const { servers } = await registry.servers({ query: `server:${server}` })
    return servers.reduce((sum, { instances }) => sum + total(instances), 0)
  }
})

function total({ passing, warning, gated, critical }: StatusCounts): number {
  return passing + warning + gated + critical
}
