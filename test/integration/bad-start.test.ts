import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  cpSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAgentClient } from '@meridian/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  endAllMeridian,
  runMeridian,
  startProgram,
  type MeridianExit,
} from '../support/meridian-process.ts'
import { describedServer } from '../support/registrations.ts'
import { startDev, startWorldProcess } from '../support/world-process.ts'

/** Each of these starts a process or three. */
const timeout = 60_000

let folder: string
/** Somebody else's program, on a port that is wanted. */
let other: Server
let takenPort: string

beforeAll(async () => {
  other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  takenPort = String((other.address() as AddressInfo).port)
})

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-bad-start-'))
})

afterEach(async () => {
  await endAllMeridian()
  rmSync(folder, { recursive: true, force: true })
})

afterAll(() => {
  other.close()
})

/** The three programs, and how to give each its data folder. */
const programs = {
  agent: ['agent', '--region', 'eu-west', '--zone', 'a', '--node', 'n1'],
  registry: ['registry', '--tier', 'global'],
} as const
const names = ['agent', 'registry'] as const

/** Nobody listens there: what is tested here happens without NATS. */
const noNats = ['--nats', 'nats://127.0.0.1:1']
const quiet = ['--log-level', 'silent']

function run(name: keyof typeof programs, ...flags: string[]): Promise<MeridianExit> {
  return runMeridian([...programs[name], ...noNats, ...quiet, ...flags])
}

/** It ended by itself, with exit code 1 and one sentence that begins with the code. */
function expectRefusal({ code, signal, stdout, stderr }: MeridianExit, error: string): void {
  expect({ code, signal, stdout }).toEqual({ code: 1, signal: null, stdout: '' })
  const lines = stderr
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('· '))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(new RegExp(`^${error}: [^\\n]+$`))
}

describe('a port in use', { timeout }, () => {
  it.each(names)('keeps the %s from starting, which says so', async (name) => {
    const ended = await run(name, '--data', folder, '--port', takenPort)
    expectRefusal(ended, 'port_in_use')
    expect(ended.stderr).toContain(`port ${takenPort} on 127.0.0.1 is taken`)
    // Nothing half-done is in the way of the next start.
    const next = await startProgram([...programs[name], ...noNats, '--data', folder])
    expect((await next.end('SIGTERM')).code).toBe(0)
  })

  it('keeps a world from starting, and what it had started ends', async () => {
    const ended = await runMeridian(['dev', '--data', folder, '--port-base', takenPort])
    expectRefusal(ended, 'port_in_use')
    expect(ended.stderr).toContain('--port-base')
  })
})

describe('a data folder that cannot be written', { timeout }, () => {
  it.each(names)('keeps the %s from starting, which says what to do', async (name) => {
    const file = join(folder, 'file')
    writeFileSync(file, 'not ours')
    const ended = await run(name, '--port', '0', '--data', join(file, 'data'))
    expectRefusal(ended, 'data_unwritable')
    expect(ended.stderr).toContain(`${join(file, 'data')} cannot be made`)
    expect(readFileSync(file, 'utf8')).toBe('not ours')
  })

  it('keeps a world from starting', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, 'not ours')
    const ended = await runMeridian(['dev', '--data', join(file, 'world'), '--port-base', '0'])
    expectRefusal(ended, 'data_unwritable')
  })
})

describe('a damaged database', { timeout }, () => {
  const databases = [
    ['agent', 'agent.db', 'the servers of this host have to register again'],
  ] as const
  const copies = [
    ['agent', 'zone.db'],
    ['registry', 'registry.db'],
  ] as const
  const damages = [
    ['header', () => 0],
    ['middle', (pages: number) => Math.floor(pages / 2)],
  ] as const
  const cases = databases.flatMap(([program, file, comfort]) =>
    damages.map(([where, page]) => ({ program, file, comfort, where, page })),
  )

  /** Folders as a program that ended in good order leaves them. */
  let sound: string

  beforeAll(async () => {
    sound = mkdtempSync(join(tmpdir(), 'meridian-sound-'))
    for (const name of names) {
      const flags = [...noNats, '--data', join(sound, name)]
      const program = await startProgram([...programs[name], ...flags])
      if (name === 'agent') await fill(program.url)
      expect((await program.end('SIGTERM')).code).toBe(0)
    }
  }, timeout)

  afterAll(() => {
    rmSync(sound, { recursive: true })
  })

  it.each(cases)(
    'in the $where of $file keeps the $program from starting, and stays as it was',
    async ({ program, file, comfort, page }) => {
      cpSync(join(sound, program), folder, { recursive: true })
      const path = join(folder, file)
      overwrite(path, page)
      const damaged = hashOf(path)

      const ended = await run(program, '--data', folder, '--port', '0')
      expectRefusal(ended, 'data_damaged')
      expect(ended.stderr).toContain(`the database ${path} is damaged`)
      expect(ended.stderr).toContain('move it away')
      expect(ended.stderr).toContain(comfort)
      // Whoever wants to save something from it finds it as it was.
      expect(hashOf(path)).toBe(damaged)
    },
  )

  it('no longer keeps the agent from starting once it is moved away', async () => {
    cpSync(join(sound, 'agent'), folder, { recursive: true })
    const path = join(folder, 'agent.db')
    overwrite(path, () => 0)
    expectRefusal(await run('agent', '--data', folder, '--port', '0'), 'data_damaged')
    rmSync(path)
    const next = await startProgram([...programs.agent, ...noNats, '--data', folder])
    expect((await next.end('SIGTERM')).code).toBe(0)
  })

  it.each(
    copies.flatMap(([program, file]) =>
      damages.map(([where, page]) => ({ program, file, where, page })),
    ),
  )(
    'in the $where of $file is set aside as it was, and the $program starts with a new one',
    async ({ program, file, page }) => {
      cpSync(join(sound, program), folder, { recursive: true })
      const path = join(folder, file)
      overwrite(path, page)
      const damaged = hashOf(path)
      const next = await startProgram([...programs[program], ...noNats, '--data', folder])
      expect(hashOf(`${path}.damaged`)).toBe(damaged)
      expect((await next.end('SIGTERM')).code).toBe(0)
    },
  )
})

describe('a data folder in use', { timeout }, () => {
  it.each(names)('keeps a second %s from starting, and the first goes on', async (name) => {
    const first = await startProgram([...programs[name], ...noNats, '--data', folder])
    const ended = await run(name, '--data', folder, '--port', '0')
    expectRefusal(ended, 'data_locked')
    expect(ended.stderr).toContain('is held by another process')
    expect((await fetch(`${first.url}/livez`)).status).toBe(200)
    if (name === 'agent') {
      const client = createAgentClient({ url: first.url })
      await client.register('still-1', describedServer('still'))
      expect((await client.instance('still-1')).server).toBe('com.example/still')
    }
    expect((await first.end('SIGTERM')).code).toBe(0)
  })
})

describe('a world in use', { timeout }, () => {
  it('keeps a second one from starting, and the first goes on', async () => {
    const first = await startWorldProcess({ data: folder, servers: false })
    const ended = await startDev({ data: folder, servers: false }).exited
    expectRefusal(ended, 'data_locked')
    const url = first.agent('eu-west/a/n1')
    expect((await createAgentClient({ url }).ready()).ready).toBe(true)
    expect((await first.end('SIGTERM')).code).toBe(0)
  })
})

describe('wrong settings', { timeout }, () => {
  it('are reported all at once by an agent, with what each must be', async () => {
    const env = {
      MERIDIAN_REGION: 'EU West',
      MERIDIAN_NODE: 'n1',
      MERIDIAN_HTTP_HOST: '0.0.0.0',
      MERIDIAN_HTTP_PORT: 'abc',
      MERIDIAN_NATS_URL: 'http://user:hunter2@x',
      MERIDIAN_NATS_PASWORD: 'hunter2',
      MERIDIAN_PROBE_ALLOW: '10.0.0.0/99',
      MERIDIAN_LOG_LEVEL: 'loud',
    }
    const ended = await runMeridian(['agent', '--data', folder], { env })
    expectRefusal(ended, 'config_invalid')
    const problems = [
      'MERIDIAN_REGION = "EU West": must be lower-case letters',
      'MERIDIAN_ZONE = (missing): is needed',
      'MERIDIAN_HTTP_HOST = "0.0.0.0": must be a loopback address',
      'MERIDIAN_HTTP_PORT = "abc": must be a port',
      'has a scheme other than nats:// and tls://',
      'MERIDIAN_NATS_PASWORD = (not shown): is unknown',
      '"10.0.0.0/99" must be a host name',
      'MERIDIAN_LOG_LEVEL = "loud"',
    ]
    for (const problem of problems) expect(ended.stderr).toContain(problem)
    expect(ended.stderr).not.toContain('hunter2')
  })

  it.each<[string, string[], string[]]>([
    ['no tier', [], ['MERIDIAN_TIER = (missing)']],
    [
      'a place too many and a bad port',
      ['--tier', 'global', '--zone', 'a', '--port', '99999'],
      ['MERIDIAN_ZONE = "a": has no meaning for a global registry', 'MERIDIAN_HTTP_PORT = 99999'],
    ],
    [
      'no place',
      ['--tier', 'local'],
      ['MERIDIAN_REGION = (missing): is needed by', 'MERIDIAN_ZONE = (missing): is needed by'],
    ],
  ])('are reported by a registry: %s', async (_, flags, problems) => {
    const ended = await runMeridian(['registry', ...flags])
    expectRefusal(ended, 'config_invalid')
    for (const problem of problems) expect(ended.stderr).toContain(problem)
  })

  it('of a world over a NATS server that is not there are a sentence too', async () => {
    const flags = ['--data', folder, '--port-base', '0', '--nats', 'nats://127.0.0.1:1']
    const ended = await runMeridian(['dev', ...flags])
    expectRefusal(ended, 'transport_unreachable')
    expect(ended.stderr).toContain('127.0.0.1:1')
  })
})

/** Enough that the file has a middle. */
async function fill(agent: string): Promise<void> {
  const client = createAgentClient({ url: agent })
  for (let at = 0; at < 20; at += 1) {
    await client.register(`one-${at}`, describedServer(`one-${at}`))
  }
}

/** One page of the database, whole: a part of it might be the room that nothing is in. */
function overwrite(path: string, page: (pages: number) => number): void {
  const file = openSync(path, 'r+')
  const header = Buffer.alloc(18)
  readSync(file, header)
  // SQLite's file format, 1.3.2: the size of a page, big-endian.
  const bytes = header.readUInt16BE(16)
  const pages = fstatSync(file).size / bytes
  writeSync(file, Buffer.alloc(bytes, 0xa5), 0, bytes, page(pages) * bytes)
  closeSync(file)
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
