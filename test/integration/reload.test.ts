import { createAgentClient } from '@meridian/client'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { endAllMeridian, runMeridian, startProgram } from '../support/meridian-process.ts'

const timeout = 60_000

let folder: string
let configFile: string
let tokensFile: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-reload-'))
  configFile = join(folder, 'agent.env')
  tokensFile = join(folder, 'tokens.json')
  mkdirSync(join(folder, 'services.d'))
})

afterEach(async () => {
  await endAllMeridian()
  rmSync(folder, { recursive: true, force: true })
})

function grant(...names: string[]): Record<string, string> {
  const minted = names.map((name) => ({ name, ...mintToken() }))
  writeTokenFile(
    tokensFile,
    minted.map(({ id, name, sha256 }) => ({
      id,
      name,
      scopes: ['operate'],
      sha256,
      created: '2026-01-01T00:00:00.000Z',
    })),
  )
  return Object.fromEntries(minted.map(({ name, text }) => [name, text]))
}

async function configure(more: Record<string, string> = {}): Promise<void> {
  const settings = {
    MERIDIAN_REGION: 'eu',
    MERIDIAN_ZONE: 'a',
    MERIDIAN_NODE: 'n1',
    MERIDIAN_DATA: join(folder, 'data'),
    MERIDIAN_SERVICES_DIR: join(folder, 'services.d'),
    MERIDIAN_TOKENS_FILE: tokensFile,
    MERIDIAN_NATS_URL: `nats://127.0.0.1:${await freePort()}`,
    ...more,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}="${value}"`)
  writeFileSync(configFile, `# of a test\n${lines.join('\n')}\n`)
}

describe('an agent that runs', { timeout }, () => {
  it('takes up settings, tokens and service files when it is told to, by command and signal', async () => {
    const { first = '' } = grant('first')
    await configure({ MERIDIAN_NATS_URL: 'nats://127.0.0.1:1' })
    const agent = await startProgram(['agent', '--config', configFile])
    const mayOperate = async (token: string) => {
      const client = createAgentClient({ url: agent.url, token })
      return await client.stay().then(
        () => true,
        () => false,
      )
    }
    expect(await mayOperate(first)).toBe(true)

    const { second = '' } = grant('second')
    await configure({
      MERIDIAN_NATS_URL: 'nats://127.0.0.1:1',
      MERIDIAN_PROBE_ALLOW: '10.0.0.0/8',
      MERIDIAN_HTTP_SOCKET: join(folder, 'agent.sock'),
    })
    writeFileSync(join(folder, 'services.d', 'broken.yaml'), 'instances: 7')
    const env = { MERIDIAN_URL: agent.url, MERIDIAN_TOKEN: first }
    const told = await runMeridian(['agent', 'reload'], { env })
    expect(told).toMatchObject({ code: 0, stderr: '' })
    expect(told.stdout.split('\n')).toEqual([
      '1 service file, 1 with problems',
      '1 token',
      'in force now: MERIDIAN_PROBE_ALLOW',
      'in force after a restart: MERIDIAN_HTTP_SOCKET',
      '',
    ])
    expect([await mayOperate(first), await mayOperate(second)]).toEqual([false, true])

    // What does not hold keeps nothing else from being read, and is told.
    const { third = '' } = grant('third')
    await configure({ MERIDIAN_STDIO: 'perhaps' })
    process.kill(agent.pid, 'SIGHUP')
    await eventually('the third token is taken', () => mayOperate(third), 30_000)
    await eventually('it says so', () => agent.stderr.includes('reloaded in part'), 30_000)
    expect(agent.stderr).toContain('MERIDIAN_STDIO')
    expect(agent.stderr).not.toContain(third)
    expect((await agent.end('SIGTERM')).code).toBe(0)
  })
})

describe('a registry that runs', { timeout }, () => {
  it('reads its tokens anew at SIGHUP, and goes on', async () => {
    grant('first')
    const env = {
      MERIDIAN_TOKENS_FILE: tokensFile,
      MERIDIAN_DATA: join(folder, 'data'),
      MERIDIAN_NATS_URL: 'nats://127.0.0.1:1',
    }
    const registry = await startProgram(['registry', '--tier', 'global'], { env })
    const mayRead = async (token: string) =>
      (
        await fetch(`${registry.url}/v1/topology`, {
          headers: { authorization: `Bearer ${token}` },
        })
      ).ok
    const { second = '' } = grant('second')
    expect(await mayRead(second)).toBe(false)
    process.kill(registry.pid, 'SIGHUP')
    await eventually('the second token is taken', () => mayRead(second), 30_000)
    expect((await registry.end('SIGTERM')).code).toBe(0)
  })
})
