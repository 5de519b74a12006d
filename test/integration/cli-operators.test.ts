import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import { createAgentClient } from '@meridian/client'
import { startRegistry, type Registry } from '@meridian/registry'
import { livenessDefaults, type Tier } from '@meridian/shared'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { createSilentLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { createProgram } from '../../cli/src/program.ts'
import { endAllMeridian, startMeridian } from '../support/meridian-process.ts'
import { describedServer } from '../support/registrations.ts'

/** What operators have from the command line: in this process, but for what takes a signal. */

let folder: string
let network: InProcessNetwork
let registries: Record<Tier, Registry>
let agent: Agent
let token: string

const common = {
  migrationsDir,
  pulseMs: 100,
  liveness: { ...livenessDefaults, sweepMs: 50 },
  clock: systemClock,
  random: systemRandom,
  log: createSilentLog(),
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-cli-operators-'))
  network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  const { id, text, sha256 } = mintToken()
  token = text
  const created = new Date().toISOString()
  const tokensFile = join(folder, 'tokens.json')
  writeTokenFile(tokensFile, [{ id, name: 'desk', scopes: ['operate'], sha256, created }])
  const start = (tier: Tier, region: string, zone: string) =>
    startRegistry({
      ...common,
      tier,
      place: { region, zone, replica: 'r1' },
      dataDir: join(folder, tier),
      http: { host: '127.0.0.1', port: 0, tokensFile },
      transport: network.connect(tier),
    })
  registries = {
    global: await start('global', '-', '-'),
    regional: await start('regional', 'eu', '-'),
    local: await start('local', 'eu', 'a'),
  }
  agent = await startAgent({
    ...common,
    locality: { region: 'eu', zone: 'a', node: 'n1' },
    dataDir: ':memory:',
    http: { host: '127.0.0.1', port: 0 },
    probeAllow: [],
    transport: network.connect('n1'),
  })
  const client = createAgentClient({ url: agent.url })
  await client.register('flights-1', describedServer('flights'))
  await client.register('hotels-1', describedServer('hotels'))
  await vi.waitFor(
    async () => {
      for (const registry of Object.values(registries)) {
        const listed = await (await fetch(`${registry.url}/v1/servers`)).text()
        expect(listed).toContain('com.example/hotels')
      }
    },
    { timeout: 20_000, interval: 50 },
  )
})

afterAll(async () => {
  vi.unstubAllEnvs()
  // Where a test failed before it ended what it had started.
  await endAllMeridian()
  await agent.close()
  for (const registry of Object.values(registries)) await registry.close()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

beforeEach(() => {
  vi.unstubAllEnvs()
  vi.stubEnv('XDG_CONFIG_HOME', join(folder, 'config'))
  for (const name of ['MERIDIAN_URL', 'MERIDIAN_REGISTRY_URL', 'MERIDIAN_CONTEXT']) {
    vi.stubEnv(name, undefined)
  }
  vi.stubEnv('MERIDIAN_TOKEN', undefined)
  process.exitCode = undefined
})

interface Ran {
  readonly lines: string[]
  readonly notes: string[]
  readonly code: unknown
}

async function run(...args: string[]): Promise<Ran> {
  const lines: string[] = []
  const notes: string[] = []
  const output = {
    columns: undefined,
    line: (text: string) => void lines.push(...text.split('\n')),
    note: (text: string) => void notes.push(text),
    progress: () => undefined,
  }
  await createProgram(output).parseAsync(args, { from: 'user' })
  const code = process.exitCode ?? 0
  process.exitCode = undefined
  return { lines, notes, code }
}

const at = (tier: Tier) => ['--url', registries[tier].url]

describe('contexts', () => {
  it('are kept for their owner only, used, overridden, listed without tokens, removed', async () => {
    vi.stubEnv('MERIDIAN_TOKEN', token)
    const file = join(folder, 'config', 'meridian', 'contexts.json')
    const url = registries.local.url
    await run('context', 'add', 'zone', '--registry', url, '--agent', agent.url, '--save-token')
    await run('context', 'add', 'world', '--registry', registries.global.url)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    vi.stubEnv('MERIDIAN_TOKEN', undefined)

    const listed = await run('context', 'ls')
    expect(listed.lines[1]).toMatch(/^ +world/)
    expect(listed.lines[2]).toMatch(/^\* +zone .* kept here$/)
    expect(listed.lines.join('\n')).not.toContain(token)
    expect((await run('context', 'ls', '-o', 'json')).lines.join('')).not.toContain(token)

    // The first is used at once; flag, environment and another one in use stand above it.
    expect((await run('tree')).lines[1]).toContain('local r1')
    expect((await run('tree', '--context', 'world')).lines[1]).toContain('global r1')
    vi.stubEnv('MERIDIAN_CONTEXT', 'world')
    expect((await run('tree')).lines[1]).toContain('global r1')
    vi.stubEnv('MERIDIAN_CONTEXT', undefined)
    await run('context', 'use', 'world')
    expect((await run('tree')).lines[1]).toContain('global r1')
    await run('context', 'use', 'zone')
    // Its token, its agent.
    expect((await run('zone', 'preservation', 'eu/a')).lines[1]).toMatch(/^r1 +normal/)
    expect((await run('ls')).lines).toHaveLength(3)
    // An address that is given gets nothing of a context, its token least of all.
    await expect(run('zone', 'preservation', 'eu/a', ...at('local'))).rejects.toMatchObject({
      code: 'unauthorized',
    })
    await expect(run('tree', '--context', 'nowhere')).rejects.toThrow(/only zone, world/)

    await run('context', 'rm', 'zone', 'world')
    expect((await run('context', 'ls', '-o', 'json')).lines).toEqual(['[]'])
  })

  it('in a file that others can read are refused', async () => {
    await run('context', 'add', 'one', '--registry', registries.local.url)
    const file = join(folder, 'config', 'meridian', 'contexts.json')
    chmodSync(file, 0o644)
    await expect(run('tree')).rejects.toThrow(/chmod 600/)
    chmodSync(file, 0o600)
    await run('context', 'rm', 'one')
  })
})

describe('finding and explaining', () => {
  it('finds by words', async () => {
    const { lines, notes, code } = await run('find', 'flights', 'tool', ...at('local'))
    expect(lines[0]).toMatch(/^WHAT +KIND +SERVER +VERSION +SAYS$/)
    expect(lines.join('\n')).toContain('com.example/flights')
    expect(notes.join('\n')).toMatch(/hits?, answered by: local/)
    expect(code).toBe(0)
    const nothing = await run('find', 'zzzzqqqq', ...at('local'))
    expect([nothing.lines, nothing.code]).toEqual([[], 3])
  })

  it.each(['local', 'regional', 'global'] as const)(
    'draws a lookup at a %s registry',
    async (tier) => {
      const { lines } = await run('explain', 'tool:flights_tool', ...at(tier))
      const text = lines.join('\n')
      expect(lines[0]).toContain('tool:flights_tool')
      expect(text).toMatch(new RegExp(`asked +the ${tier} registry`))
      expect(text).toContain('agent → ')
      expect(text).toMatch(/eu\/a\/n1\/flights-1 +█+·* \d/)
      expect(text).toMatch(/places +eu\/a +█/)
      expect(text).toContain('no ring has too much to do')
      const said = parse(
        (await run('explain', 'tool:none', ...at(tier), '-o', 'yaml')).lines.join('\n'),
      ) as object
      expect(said).toMatchObject({ answer: { outcome: 'none' }, index: { tier } })
    },
  )

  it('shows one frame of top where there is no terminal', async () => {
    const { lines } = await run('top', ...at('regional'))
    expect(lines[0]).toContain('regional r1')
    expect(lines[1]).toBe('1 region, 1 zone, 1 node; 2 passing')
    expect(lines.join('\n')).toMatch(/eu\/a\/n1 +alive +2 +2 +0 +0/)
  })

  it.each([
    ['ls', () => ['--url', agent.url]],
    ['inspect', () => ['flights-1', '--url', agent.url]],
    ['lookup', () => ['tool:flights_tool', ...at('local')]],
    ['find', () => ['flights', ...at('local')]],
    ['tree', () => at('global')],
    ['servers', () => ['--all', ...at('global')]],
    ['nodes', () => at('global')],
    ['events', () => ['--all', ...at('local')]],
    ['top', () => at('local')],
  ])('%s prints a table, JSON and YAML that say the same', async (command, rest) => {
    const flags = rest()
    const json: unknown = JSON.parse((await run(command, ...flags, '-o', 'json')).lines.join('\n'))
    const yaml: unknown = parse((await run(command, ...flags, '-o', 'yaml')).lines.join('\n'))
    const short: unknown = JSON.parse((await run(command, ...flags, '--json')).lines.join('\n'))
    const kind = Array.isArray(json) ? 'array' : typeof json
    expect([Array.isArray(yaml) ? 'array' : typeof yaml, kind]).toEqual([kind, kind])
    if (command === 'tree' || command === 'servers') expect([yaml, short]).toEqual([json, json])
    expect((await run(command, ...flags)).lines.length).toBeGreaterThan(1)
  })
})

describe('operating', () => {
  beforeEach(() => {
    vi.stubEnv('MERIDIAN_TOKEN', token)
  })

  it('drains nodes and instances through a registry, and undoes it', async () => {
    const drained = await run('node', 'drain', 'eu/a/n1', '--reason', 'disk', ...at('global'))
    expect(drained.lines).toEqual(['eu/a/n1 takes no new work, until that is undone'])
    await vi.waitFor(async () => {
      expect((await run('nodes', ...at('local'))).lines[1]).toMatch(/alive +2 +2 +0 +2 /)
    })
    await run('node', 'drain', 'eu/a/n1', '--undo', ...at('global'))
    const one = ['eu/a/n1/flights-1', ...at('local')]
    expect((await run('node', 'maintenance', ...one)).lines).toEqual([
      'eu/a/n1/flights-1 is in maintenance',
    ])
    const rest = await run('node', 'rest', 'eu/a/n1', ...at('global'))
    expect(rest.lines[1]).toMatch(/^flights-1 +maintenance +20\d\d-/)
    expect((await run('node', 'maintenance', '--undo', ...one)).lines).toEqual([
      'eu/a/n1/flights-1 is in maintenance no more',
    ])
    expect((await run('node', 'rest', 'eu/a/n1', ...at('local'))).lines).toEqual([
      'eu/a/n1 takes work, and so do its instances',
    ])
    await expect(run('node', 'forget', 'eu/a/n1', ...at('local'))).rejects.toMatchObject({
      code: 'conflict',
    })
    const told = (await run('events', '--kind', 'operator-action', ...at('global'))).lines.join(
      '\n',
    )
    expect(told).toMatch(/drain \(disk\), by the token desk/)
    await expect(run('node', 'drain', 'eu/a', ...at('local'))).rejects.toThrow(/region\/zone\/node/)
  })

  it('lists what is in quarantine', async () => {
    const { lines, notes } = await run('quarantine', ...at('regional'))
    expect([lines, notes]).toEqual([[], [expect.stringContaining('0 records of 0 owners')]])
    expect((await run('quarantine', ...at('regional'), '-o', 'yaml')).lines).toEqual(['[]'])
  })

  it('shows and overrides the preservation of a zone', async () => {
    const zone = ['zone', 'preservation', 'eu/a', ...at('regional')]
    expect((await run(...zone, '--override')).lines[1]).toMatch(/^r1 +normal +overridden: never/)
    expect((await run(...zone, '--undo')).lines[1]).toMatch(/^r1 +normal +by the count/)
  })

  it('backs a registry up into a file, and refuses to write over one', async () => {
    const file = join(folder, 'monday.db')
    const { lines, notes } = await run('backup', '--to', file, ...at('local'))
    expect(lines).toEqual([file])
    expect(notes.join()).toContain(`${statSync(file).size} bytes, SHA-256 `)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await expect(run('backup', '--to', file, ...at('local'))).rejects.toMatchObject({
      code: 'conflict',
    })
    expect((await run('snapshots', 'ls', ...at('local'), '-o', 'json')).lines).toEqual(['[]'])
    await run('backup', '--name', 'kept', '--keep', '--to', join(folder, 'k.db'), ...at('local'))
    expect((await run('snapshots', 'ls', ...at('local'))).lines[1]).toMatch(
      /^kept +20.*[0-9a-f]{64}$/,
    )
    const copy = join(folder, 'copy.db')
    expect((await run('snapshots', 'get', 'kept', '--to', copy, ...at('local'))).lines).toEqual([
      copy,
    ])
    expect(readFileSync(copy)).toEqual(readFileSync(join(folder, 'k.db')))
    await run('snapshots', 'rm', 'kept', ...at('local'))
    await expect(
      run('snapshots', 'get', 'kept', '--to', join(folder, 'no.db'), ...at('local')),
    ).rejects.toMatchObject({ code: 'not_found' })
    const data = join(folder, 'restored')
    await run('restore', file, '--data', data)
    expect(existsSync(join(data, 'registry.db'))).toBe(true)
    await expect(run('restore', file, '--data', join(folder, 'local'))).rejects.toMatchObject({
      code: 'data_locked',
    })
  })
})

describe('what goes on until Ctrl-C', { timeout: 60_000 }, () => {
  it.each([
    [
      'events --follow',
      () => ['events', '--follow', ...at('local')],
      'instance-draining: false → true',
    ],
    ['watch', () => ['watch', 'tool:hotels_tool', ...at('local')], '- eu/a/n1/hotels-1'],
  ])('%s tells what happens, and ends in good order', async (_, args, expected) => {
    const client = createAgentClient({ url: agent.url })
    const child = startMeridian(args())
    let isDraining = false
    await vi.waitFor(
      async () => {
        isDraining = !isDraining
        if (isDraining) await client.drain('hotels-1', {})
        else await client.undrain('hotels-1')
        expect(child.stdout).toContain(expected)
      },
      { timeout: 30_000, interval: 300 },
    )
    expect(await child.end('SIGINT')).toMatchObject({ code: 0, signal: null, stderr: '' })
    await client.undrain('hotels-1')
  })
})
