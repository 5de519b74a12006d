import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import { lookupAnswerSchema, topologySchema } from '@meridian/shared'
import { startRegistry, type Registry } from '@meridian/registry'
import { createAgentClient } from '@meridian/client'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createSilentLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { runMeridian, type MeridianExit } from '../support/meridian-process.ts'
import { describedServer } from '../support/registrations.ts'

/** The `meridian` command as a process: what it prints where, and what it ends with. */

/** Each test starts a process or several, which take their time on a busy machine. */
const timeout = 60_000

const commands = (
  'dev agent registry lookup tree doctor token register deregister ls inspect drain maintenance set ' +
  'completion servers nodes events import export find watch explain top node zone backup restore context snapshots quarantine'
).split(' ')

let agent: Agent
/** Its zone has no registry, so it can ask nobody. */
let lonely: Agent
let registry: Registry
let close: () => Promise<void>

beforeAll(async () => {
  const common = { migrationsDir, dataDir: ':memory:', clock: systemClock, random: systemRandom }
  const network = createInProcessNetwork(common)
  const http = { host: '127.0.0.1', port: 0 }
  const log = createSilentLog()
  const place = { region: '-', zone: '-', replica: 'r1' }
  const top = await startRegistry({
    ...common,
    tier: 'global',
    place,
    http,
    transport: network.connect('global'),
    log,
  })
  registry = await startRegistry({
    ...common,
    tier: 'regional',
    place: { ...place, region: 'eu-west' },
    http,
    transport: network.connect('regional'),
    log,
  })
  const local = await startRegistry({
    ...common,
    tier: 'local',
    place: { ...place, region: 'eu-west', zone: 'a' },
    http,
    transport: network.connect('local'),
    log,
  })
  const startAgentIn = (zone: string) =>
    startAgent({
      ...common,
      locality: { region: 'eu-west', zone, node: 'n1' },
      http,
      probeAllow: [],
      transport: network.connect(`agent ${zone}`),
      log,
    })
  agent = await startAgentIn('a')
  lonely = await startAgentIn('lonely')
  close = async () => {
    await Promise.all([agent.close(), lonely.close()])
    await local.close()
    await registry.close()
    await top.close()
    await network.close()
  }
  await createAgentClient({ url: agent.url }).register('flights-1', describedServer('flights'))
  await eventually('the registry has heard of it', async () => {
    const response = await fetch(`${registry.url}/v1/servers`)
    return (await response.text()).includes('com.example/flights')
  })
}, timeout)

afterAll(() => close())

const run = (...args: string[]) => runMeridian(args)

describe('help', { timeout }, () => {
  it('lists every command and the exit codes', async () => {
    const { code, stdout, stderr } = await run('--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'))
    expect(stdout).toContain(
      'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nobody has it, 4 not everyone could be asked.',
    )
    expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('tells of each command what it takes, in lines that a terminal holds', async () => {
    const helps: MeridianExit[] = []
    // As many at once as a small machine bears.
    for (let at = 0; at < commands.length; at += 4) {
      const few = commands.slice(at, at + 4)
      helps.push(...(await Promise.all(few.map((command) => run(command, '--help')))))
    }
    for (const [at, { code, stdout, stderr }] of helps.entries()) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain(`Usage: meridian ${commands[at]}`)
      expect(stdout).toContain('--help')
      expect(longestOf(stdout)).toBeLessThanOrEqual(100)
    }
    const [, , , lookup, tree] = helps
    expect(lookup?.stdout.replaceAll(/\s+/g, ' ')).toContain(
      '(default: "http://127.0.0.1:7800", env: MERIDIAN_URL)',
    )
    expect(tree?.stdout.replaceAll(/\s+/g, ' ')).toContain(
      '(default: "http://127.0.0.1:7700", env: MERIDIAN_REGISTRY_URL)',
    )
  })
})

describe('a wrong command line', { timeout }, () => {
  it.each<[string[], string]>([
    [['fly'], "unknown command 'fly'"],
    [['lookup', '--colour', 'red'], "unknown option '--colour'"],
    [['lookup', '--limit', 'abc'], 'It must be a whole number from 1 to 100.'],
    [['lookup', '--limit', '0'], 'It must be a whole number from 1 to 100.'],
    [['lookup', '--deadline', '1e3'], 'It must be a whole number from 1 to 10000.'],
    [['lookup', '--near', 'eu-west'], 'It must be region/zone/node'],
    [['lookup', '--url', 'localhost:7800'], 'It must be a URL such as'],
    [['tree', 'extra'], 'too many arguments'],
    [['dev', '--port-base', 'abc'], 'It must be a whole number from 0 to 65000.'],
    [['dev', '--log-level', 'loud'], 'Allowed choices are silent, error'],
    [['registry', '--tier', 'lokal'], 'Allowed choices are local, regional, global.'],
    [['agent', '--port'], 'argument missing'],
  ])('is told with a hint and ends with 2: %j', async (args, told) => {
    const { code, stdout, stderr } = await run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(told)
    expect(stderr).toContain('(--help shows what it takes)')
    expect(stderr.trimEnd().split('\n')).toHaveLength(2)
  })

  it('is a wrong setting of the environment as well', async () => {
    const { code, stderr } = await runMeridian(['lookup'], { env: { MERIDIAN_URL: 'nowhere' } })
    expect(code).toBe(2)
    expect(stderr).toContain("from env 'MERIDIAN_URL' is invalid. It must be a URL such as")
  })

  it('is no command at all, which shows the help', async () => {
    const { code, stdout, stderr } = await run()
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Usage: meridian')
  })
})

describe('meridian lookup', { timeout }, () => {
  it('prints a table to standard output, and about the work to standard error: exit 0', async () => {
    const { code, stdout, stderr } = await run('lookup', 'tool:flights_tool', '--url', agent.url)
    expect(code).toBe(0)
    expect(stdout.split('\n')).toEqual([
      'SERVER               VERSION  WHERE         RING  STATUS   INSTANCE   ENDPOINT',
      'com.example/flights  1.0.0    eu-west/a/n1     0  passing  flights-1  http://127.0.0.1:9/flights',
      '',
    ])
    expect(stderr).toBe('1 result, answered by: agent\n')
  })

  it('asks whom the environment names, and takes a registry too', async () => {
    const env = { MERIDIAN_URL: registry.url }
    const { code, stdout } = await runMeridian(['lookup', 'tag:none | tool:flights_*'], { env })
    expect(code).toBe(0)
    expect(stdout).toContain('com.example/flights')
  })

  it('prints the answer as JSON', async () => {
    const flags = ['--url', agent.url, '--json', '--limit', '1', '--near', 'eu-west/b/n9']
    const { code, stdout } = await run('lookup', 'server:com.example/flights', ...flags)
    expect(code).toBe(0)
    expect(lookupAnswerSchema.parse(JSON.parse(stdout))).toMatchObject({
      outcome: 'found',
      results: [{ instance: 'flights-1', ring: 2 }],
    })
  })

  it('ends with 3 when nobody has it', async () => {
    const { code, stdout, stderr } = await run('lookup', 'tool:teleport', '--url', registry.url)
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toBe('nobody has it; every tier was asked\n')
  })

  it('ends with 4 when nothing was found but not everyone could be asked', async () => {
    const { code, stdout, stderr } = await run('lookup', 'tool:teleport', '--url', lonely.url)
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
    expect(stderr).toContain('nothing found, but not everyone could be asked')
    expect(stderr).toMatch(/could not ask \w+ \S+: /)
  })

  it('ends with 1 and one sentence when nobody answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const ended = await run('lookup', 'tool:echo', '--url', url)
    expectFailure(ended, 'endpoint_unreachable')
    expect(ended.stderr).toContain(`${url} cannot be reached`)
  })

  it('ends with 1 and the place of the fault when the query cannot be read', async () => {
    const ended = await run('lookup', '(tool:echo', '--url', agent.url)
    expectFailure(ended, 'invalid_query')
    expect(ended.stderr).toMatch(/\)/)
  })

  it('takes a minus after --', async () => {
    const words = ['tool:flights_tool', '-transport:sse']
    const { code, stdout } = await run('lookup', '--url', agent.url, '--', ...words)
    expect(code).toBe(0)
    expect(stdout).toContain('flights-1')
  })

  it('ends in peace when whoever reads has read enough', async () => {
    const main = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url))
    const args = ['--conditions=@meridian/source', main, 'lookup', '--url', agent.url]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    expect(await once(child, 'close')).toEqual([0, null])
    expect(stderr).toBe('1 result, answered by: agent\n')
  })
})

describe('meridian tree', { timeout }, () => {
  it('prints the hierarchy with its counts', async () => {
    const { code, stdout, stderr } = await run('tree', '--url', registry.url)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(
      [
        '             SERVERS  INSTANCES',
        'regional r1                   1',
        '└─ eu-west                    1',
        '   └─ a            1          1',
        '      └─ n1        1          1',
        '',
      ].join('\n'),
    )
  })

  it('prints it as JSON', async () => {
    const { stdout } = await runMeridian(['tree', '--json'], {
      env: { MERIDIAN_REGISTRY_URL: registry.url },
    })
    const { tier, regions } = topologySchema.parse(JSON.parse(stdout))
    expect({ tier, regions: regions.map(({ region }) => region) }).toEqual({
      tier: 'regional',
      regions: ['eu-west'],
    })
  })

  it('ends with 1 and one sentence when it is not a registry that answers', async () => {
    expectFailure(await run('tree', '--url', agent.url), 'not_found')
  })
})

describe('meridian token', { timeout }, () => {
  let folder: string
  let file: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-token-'))
    file = join(folder, 'tokens.json')
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  it('makes one, prints it this once, keeps its hash, lists it, takes it back', async () => {
    const scopes = ['lookup', 'register:com.example/flights']
    const flags = ['--name', 'flights', '--file', file, '--days', '30']
    const made = await run('token', 'create', ...flags, '--scope', ...scopes)
    expect(made.code).toBe(0)
    expect(made.stdout).toMatch(/^mrd_[0-9a-f]{16}_[\w-]{43}\n$/)
    const token = made.stdout.trim()
    expect(readFileSync(file, 'utf8')).not.toContain(token)

    const listed = await run('token', 'ls', '--file', file, '--json')
    const [entry] = JSON.parse(listed.stdout) as { id: string; scopes: string[] }[]
    expect(entry).toMatchObject({
      name: 'flights',
      scopes: ['lookup', 'register:com.example/flights'],
    })
    expect(listed.stdout).not.toContain('sha256')
    const table = (await run('token', 'ls', '--file', file)).stdout
    expect(table).toMatch(/^ID +NAME +SCOPES +CREATED +EXPIRES\n/)

    const revoke = ['token', 'revoke', entry?.id ?? '', '--file', file]
    expect((await run(...revoke)).code).toBe(0)
    expectFailure(await run(...revoke), 'not_found')
    expect((await run('token', 'ls', '--file', file, '--json')).stdout).toBe('[]\n')
  })

  it('refuses a scope that is none, and says which there are', async () => {
    const flags = ['--name', 'x', '--scope', 'admin', '--file', join(folder, 'other.json')]
    const ended = await run('token', 'create', ...flags)
    expectFailure(ended, 'config_invalid')
    expect(ended.stderr).toContain('must be lookup, operate, or register:')
  })
})

describe('colours', { timeout }, () => {
  const lookup = (env: Record<string, string>) =>
    runMeridian(['lookup', 'tool:flights_tool', '--url', agent.url], { env })

  it('are for terminals, or for whoever insists; NO_COLOR turns them off', async () => {
    const [piped, pipeline, forced, off] = await Promise.all([
      lookup({}),
      lookup({ CI: 'true' }),
      lookup({ FORCE_COLOR: '1' }),
      lookup({ FORCE_COLOR: '1', NO_COLOR: '1' }),
    ])
    expect(isPainted(piped.stdout)).toBe(false)
    expect(isPainted(pipeline.stdout)).toBe(false)
    expect(isPainted(forced.stdout)).toBe(true)
    expect(isPainted(off.stdout)).toBe(false)
    expect(stripVTControlCharacters(forced.stdout)).toBe(piped.stdout)
  })
})

function isPainted(text: string): boolean {
  return stripVTControlCharacters(text) !== text
}

function longestOf(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length))
}

/** One line that begins with the code, nothing on standard output, and exit code 1. */
function expectFailure({ code, stdout, stderr }: MeridianExit, error: string): void {
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(new RegExp(`^${error}: [^\\n]+\\n$`))
}
