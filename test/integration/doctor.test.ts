import { migrationsDir } from '@meridian/agent'
import { startRegistry } from '@meridian/registry'
import { createLog } from '@meridian/shared/log'
import { connectNats } from '@meridian/shared/nats'
import { openDatabase } from '@meridian/shared/sqlite'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { examine } from '../../cli/src/doctor/examine.ts'
import type { Finding } from '../../cli/src/doctor/finding.ts'
import { freePort } from '../support/free-port.ts'
import { runMeridian } from '../support/meridian-process.ts'
import { startNatsServer, type NatsServer } from '../support/nats-server.ts'
import { startZone } from '../support/zone.ts'

/** What `meridian doctor` finds on hosts that are well, and on hosts that are not. */

const timeout = 60_000

/** A user that hears its zone and may say hello, and one that may only ask. */
const config = `
authorization: { users: [
  { user: all, password: all }
  { user: mute, password: mute, permissions: {
      publish: ["mrd.1.rpc.local.eu.a.>"], subscribe: ["_INBOX.>", "mrd.1.pulse.eu.a.n1"] } }
] }`

let nats: NatsServer
let folder: string
let stop: () => Promise<void>

beforeAll(async () => {
  nats = await startNatsServer(config)
  const log = createLog({ name: 'test', level: 'silent' })
  const common = { clock: systemClock, random: systemRandom, log }
  const servers = [urlFor('all')]
  const transport = await connectNats({ ...common, servers, name: 'local' })
  const registry = await startRegistry({
    ...common,
    tier: 'local',
    place: { region: 'eu', zone: 'a', replica: 'r7' },
    dataDir: ':memory:',
    migrationsDir,
    http: { host: '127.0.0.1', port: 0 },
    transport,
  })
  stop = async () => {
    await registry.close()
    await transport.close()
    await nats.stop()
  }
}, timeout)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-doctor-'))
  return () => {
    rmSync(folder, { recursive: true, force: true })
  }
})

afterAll(() => stop(), timeout)

const urlFor = (user: string) => nats.url.replace('//', `//${user}:${user}@`)

async function environment(more: Record<string, string> = {}): Promise<Record<string, string>> {
  return {
    MERIDIAN_REGION: 'eu',
    MERIDIAN_ZONE: 'a',
    MERIDIAN_NODE: 'n1',
    MERIDIAN_DATA: folder,
    MERIDIAN_HTTP_PORT: String(await freePort()),
    MERIDIAN_NATS_URL: urlFor('all'),
    ...more,
  }
}

const of = (findings: readonly Finding[], check: Finding['check']) =>
  findings.filter((finding) => finding.check === check)

const problemsOf = (findings: readonly Finding[]) =>
  findings.filter(({ state }) => state === 'problem')

describe('a host where all is well', { timeout }, () => {
  it('has no problem, and its zone answers', async () => {
    const findings = await examine(await environment())
    expect(problemsOf(findings)).toEqual([])
    expect(of(findings, 'port')).toMatchObject([{ state: 'ok' }])
    expect(of(findings, 'port')[0]?.found).toContain('it is free')
    expect(of(findings, 'nats')[0]?.found).toMatch(/^NATS \d+\.\d+/)
    expect(of(findings, 'zone')).toMatchObject([{ state: 'ok' }])
    expect(of(findings, 'zone')[0]?.found).toContain('replica r7')
    expect(of(findings, 'clock')).toHaveLength(1)
    expect(of(findings, 'database').map(({ state }) => state)).toEqual(['ok', 'ok', 'ok'])
  })

  it('has an agent that runs, and whose databases are in use', async () => {
    const zone = await startZone()
    const dataDir = join(folder, 'data')
    const running = await zone.start('n1', { dataDir })
    const port = new URL(running.agent.url).port
    const findings = await examine(
      await environment({ MERIDIAN_HTTP_PORT: port, MERIDIAN_DATA: dataDir }),
    )
    expect(of(findings, 'port')[0]?.found).toContain('an agent runs at')
    const [, agentDb] = of(findings, 'database')
    expect(agentDb).toMatchObject({ state: 'ok' })
    expect(agentDb?.found).toContain('in use')
    await zone.close()
  })
})

describe('a host where something is wrong', { timeout }, () => {
  it('is told on which line of which service file', async () => {
    const services = join(folder, 'services.d')
    mkdirSync(services)
    const good = 'endpoint: { url: "http://127.0.0.1:3000/mcp" }\nid: good\n'
    writeFileSync(join(services, 'good.yaml'), good, { mode: 0o600 })
    writeFileSync(join(services, 'bad.yaml'), `${good}weight: much\n`, { mode: 0o600 })
    writeFileSync(join(services, 'torn.json'), '{"endpoint":', { mode: 0o600 })
    const findings = await examine(await environment({ MERIDIAN_SERVICES_DIR: services }))
    const found = of(findings, 'services')
    expect(found[0]?.found).toContain(`3 files in ${services} ask for `)
    const problems = problemsOf(found).map((finding) => finding.found)
    expect(problems.join('\n')).toMatch(/^bad\.yaml:3: weight /m)
    expect(problems.join('\n')).toMatch(/^torn\.json/m)
    expect(problems.join('\n')).not.toContain('good.yaml')
  })

  it('is told of NATS that is not there, and that nobody can be asked behind it', async () => {
    const findings = await examine(
      await environment({ MERIDIAN_NATS_URL: `nats://127.0.0.1:${await freePort()}` }),
    )
    expect(problemsOf(findings)).toMatchObject([{ check: 'nats' }])
    expect(of(findings, 'zone')).toMatchObject([{ state: 'skipped' }])
  })

  it('is told of a password that NATS does not take, without showing it', async () => {
    const wrong = nats.url.replace('//', '//all:hunter2@')
    const findings = await examine(await environment({ MERIDIAN_NATS_URL: wrong }))
    expect(problemsOf(findings)[0]?.found).toContain('refuses these credentials')
    expect(JSON.stringify(findings)).not.toContain('hunter2')
  })

  it('is told what NATS does not let it do', async () => {
    const findings = await examine(await environment({ MERIDIAN_NATS_URL: urlFor('mute') }))
    const refused = problemsOf(findings).map(({ found }) => found)
    expect(refused.toSorted()).toEqual([
      'this user may not publish to mrd.1.hello.eu.a.n1',
      'this user may not subscribe to mrd.1.delta.eu.a.*',
      'this user may not subscribe to mrd.1.rpc.node.eu.a.n1.*',
      'this user may not subscribe to mrd.1.vitals.eu.a.*',
    ])
  })

  it('is told that its zone has no registry', async () => {
    const findings = await examine(await environment({ MERIDIAN_ZONE: 'nowhere' }))
    expect(problemsOf(findings)).toMatchObject([
      { check: 'zone', todo: expect.stringContaining('--tier local --region eu') as string },
    ])
  })

  it('is told that another program has its port', async () => {
    const other = createServer((socket) => {
      socket.on('error', () => undefined).end('SSH-2.0-OpenSSH\r\n')
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const port = String((other.address() as AddressInfo).port)
    const findings = await examine(await environment({ MERIDIAN_HTTP_PORT: port }))
    expect(problemsOf(findings)).toMatchObject([
      { check: 'port', todo: expect.stringContaining('choose another port') as string },
    ])
    other.close()
  })

  it('is told of a database that is damaged, readable by others, or of a newer Meridian', async () => {
    const path = join(folder, 'agent.db')
    const open = () =>
      openDatabase({ path, migrationsDir: join(migrationsDir, 'agent'), durability: 'full' })
    open().close()
    const env = await environment()
    const found = async () => {
      const { state, found: what } = of(await examine(env), 'database')[1] ?? {}
      return `${state}: ${what}`
    }
    expect(await found()).toMatch(/^ok: .* is whole$/)
    chmodSync(path, 0o644)
    expect(await found()).toMatch(/^warning: .* may be read by others \(mode 644\)/)
    chmodSync(path, 0o600)
    const db = open()
    db.pragma('user_version = 999')
    db.close()
    expect(await found()).toMatch(/^problem: .* newer Meridian \(version 999/)
    writeFileSync(path, 'no database at all, but long enough to be taken for one'.repeat(100))
    expect(await found()).toMatch(/^problem: .* is damaged/)
  })

  it('is told of tokens that others may write', async () => {
    const file = join(folder, 'tokens.json')
    writeFileSync(file, '{"tokens":[]}')
    chmodSync(file, 0o666)
    const env = await environment({ MERIDIAN_TOKENS_FILE: file })
    expect(problemsOf(await examine(env))[0]?.found).toContain('may be written by others')
    chmodSync(file, 0o600)
    expect(of(await examine(env), 'access')).toMatchObject([{ state: 'warning' }])
  })

  it('is told of every setting that is wrong, and what was not looked at for that', async () => {
    const findings = await examine({ MERIDIAN_REGION: 'EU', MERIDIAN_HTTP_PORT: 'x' })
    expect(of(findings, 'configuration').length).toBeGreaterThanOrEqual(4)
    expect(findings.filter(({ state }) => state === 'skipped')).toHaveLength(6)
  })
})

describe('meridian doctor', { timeout }, () => {
  it('says what to do on a line of its own, and ends with 1 for a problem', async () => {
    const env = await environment({ MERIDIAN_ZONE: 'nowhere' })
    const ended = await runMeridian(['doctor'], { env })
    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(/^✓ configuration {2}the agent of eu\/nowhere\/n1\n/)
    expect(ended.stdout).toMatch(/\n✗ zone .*\n +→ start one: meridian registry --tier local/)
    expect(ended.stderr).toMatch(/^1 problem, \d+ warnings?\n$/)
  })
})
