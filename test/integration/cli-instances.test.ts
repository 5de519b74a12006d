import { registeredInstanceSchema } from '@meridian/shared'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { runMeridian } from '../support/meridian-process.ts'
import { startOwnMcpServer, type OwnMcpServer } from '../support/own-servers.ts'
import { describedServer } from '../support/registrations.ts'
import { startZone, type Zone, type ZoneAgent } from '../support/zone.ts'

/** What the command does to an agent's instances, through its socket. */

const timeout = 60_000

let folder: string
let zone: Zone
let agent: ZoneAgent
let server: OwnMcpServer
let socket: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-cli-'))
  socket = join(folder, 'agent.sock')
  zone = await startZone()
  agent = await zone.start('n1', { http: { host: '127.0.0.1', port: 0, socket } })
  server = await startOwnMcpServer({ name: 'com.example/own', tools: ['one', 'two'] })
}, timeout)

beforeEach(async () => {
  for (;;) {
    const { instances } = await agent.client.instances({ limit: 500 })
    for (const { id, registrant } of instances) await agent.client.deregister(id, { registrant })
    if (instances.length === 0) break
  }
})

afterAll(async () => {
  await server.close()
  await zone.close()
  rmSync(folder, { recursive: true, force: true })
}, timeout)

const run = (...args: string[]) => runMeridian(args, { env: { MERIDIAN_URL: `unix://${socket}` } })

const rowsOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))

describe('meridian register', { timeout }, () => {
  it('registers a server, waits until it is well and known, and shows it', async () => {
    const flags = [
      '--meta',
      'env=prod',
      '--meta',
      'rack=7',
      '--tag',
      'travel',
      '--weight',
      '50',
      '--publish',
    ]
    const check = ['--check', 'mcp,intervalMs=2000', '--check', 'tcp']
    const ended = await run('register', 'own-1', server.url, ...flags, ...check, '--wait', '30')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(rowsOf(ended.stdout)).toEqual([
      ['INSTANCE', 'SERVER', 'VERSION', 'STATUS', 'WEIGHT', 'IN FLIGHT', 'TOOLS', 'ENDPOINT'],
      ['own-1', 'com.example/own', '1.0.0', 'passing', '50', '0/100', '2', server.url],
    ])
    expect(await agent.client.instance('own-1')).toMatchObject({
      metadata: { env: 'prod', rack: '7' },
      checks: [{ name: 'mcp' }, { name: 'tcp' }],
    })
    expect(agent.agent.settled).toBe(true)
  })

  it('says with exit code 1 what the agent refuses', async () => {
    const ended = await run('register', 'gone', 'http://127.0.0.1:1/mcp')
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/^endpoint_unreachable: [^\n]+\n$/)
  })

  it.each([
    [[], 'give an id and a URL, or --file'],
    [['a'], 'Give the URL of the server'],
    [['a', '--stdio'], 'Give the command after --'],
    [['a', 'http://127.0.0.1:1/', 'b'], 'One URL is enough'],
    [['a', 'http://127.0.0.1:1/', '--meta', 'x'], 'It must be key=value.'],
    [['a', 'http://127.0.0.1:1/', '--check', 'ttl'], 'ttlMs = (missing): is needed'],
  ])('says with exit code 2 what is wrong with %j', async (args, told) => {
    const { code, stdout, stderr } = await run('register', ...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(told)
  })

  it('takes many from a file, in batches, and names each line that it cannot use', async () => {
    const file = join(folder, 'many.jsonl')
    const lines = Array.from({ length: 1_200 }, (_, at) =>
      JSON.stringify({ id: `many-${at}`, ...describedServer('many') }),
    )
    lines[3] = '{'
    lines[7] = JSON.stringify({ id: 'bad id', ...describedServer('many') })
    writeFileSync(file, lines.join('\n'))
    const ended = await run('register', '--file', file)
    expect(ended.code).toBe(1)
    expect(ended.stdout).toBe('1198 created, 0 replaced, 0 unchanged, 2 refused\n')
    const told = ended.stderr.split('\n')
    expect(told.slice(0, 2)).toEqual(['1000 instances sent', '1199 instances sent'])
    expect(told[2]).toMatch(/^line 4: /)
    expect(told[3]).toMatch(/^line 8 \(bad id\): /)
    const again = await run('register', '--file', file, '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ created: 0, unchanged: 1_198 })
  })
})

describe('an instance', { timeout }, () => {
  beforeEach(async () => {
    await agent.client.register('flights-1', describedServer('flights'))
  })

  it('is listed, for people and for programs', async () => {
    await agent.client.register('hotels-1', describedServer('hotels'))
    const table = await run('ls')
    expect(rowsOf(table.stdout).map(([id, name]) => [id, name])).toEqual([
      ['INSTANCE', 'SERVER'],
      ['flights-1', 'com.example/flights'],
      ['hotels-1', 'com.example/hotels'],
    ])
    expect(table.stderr).toBe('2 instances\n')
    const { stdout } = await run('ls', '--json', '--status', 'critical')
    expect(z.array(registeredInstanceSchema).parse(JSON.parse(stdout))).toEqual([])
  })

  it('is inspected', async () => {
    const { stdout } = await run('inspect', 'flights-1')
    expect(stdout).toMatch(/^instance +flights-1\nserver +com\.example\/flights 1\.0\.0\n/)
    const json = await run('inspect', 'flights-1', '--json')
    expect(registeredInstanceSchema.parse(JSON.parse(json.stdout)).id).toBe('flights-1')
    expect(await run('inspect', 'nobody')).toMatchObject({ code: 1, stdout: '' })
  })

  it('is drained, given work again, and drained until it is out', async () => {
    const status = async (...args: string[]) =>
      rowsOf((await run('drain', 'flights-1', ...args)).stdout)[1]?.[3]
    expect(await status()).toBe('passing, drained')
    expect(await status('--undo')).toBe('passing')
    const out = await run('drain', 'flights-1', '--then-deregister', '--within', '1', '--wait')
    expect(out).toMatchObject({ code: 0, stderr: 'flights-1 is out\n' })
    await expect(agent.client.instance('flights-1')).rejects.toThrow('no instance')
  })

  it('is put into maintenance for a reason, and taken out of it', async () => {
    const on = await run('maintenance', 'on', 'flights-1', '--reason', 'new disks')
    expect(rowsOf(on.stdout)[1]?.[3]).toBe('passing, maintenance')
    expect((await agent.client.instance('flights-1')).maintenance?.reason).toBe('new disks')
    const off = await run('maintenance', 'off', 'flights-1')
    expect(rowsOf(off.stdout)[1]?.[3]).toBe('passing')
    expect((await run('maintenance', 'on', 'flights-1')).code).toBe(2)
  })

  it('is given another weight and capacity', async () => {
    const set = await run('set', 'flights-1', '--weight', '5', '--capacity', '7', '--json')
    expect(JSON.parse(set.stdout)).toMatchObject({ weight: 5, capacity: 7 })
    expect((await run('set', 'flights-1')).code).toBe(2)
  })

  it('is taken out by its registrant, or by force', async () => {
    const mine = await run('deregister', 'flights-1')
    expect(mine.code).toBe(1)
    expect(mine.stderr).toMatch(/^conflict: /)
    expect((await run('deregister', 'flights-1', '--force')).code).toBe(0)
    expect((await run('ls')).stdout).toBe('')
  })
})

describe('meridian completion', { timeout }, () => {
  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const { code, stdout } = await run('completion', shell)
    expect(code).toBe(0)
    expect(stdout).toContain('meridian')
    expect(stdout).toContain('complete --')
    // The other shells may not be here.
    if (shell === 'bash') execFileSync('bash', ['-n'], { input: stdout })
  })

  it('offers commands, flags and their values', async () => {
    const offers = async (...words: string[]) => {
      const { stdout } = await run('complete', '--', ...words)
      return stdout.split('\n').map((line) => line.split('\t')[0])
    }
    expect(await offers('')).toEqual(expect.arrayContaining(['register', 'ls', 'drain', 'token']))
    expect(await offers('drain', '--')).toEqual(
      expect.arrayContaining(['--then-deregister', '--undo']),
    )
    expect(await offers('registry', '--tier', '')).toEqual(
      expect.arrayContaining(['local', 'regional', 'global']),
    )
  })
})
