import { createAgentClient } from '@meridian/client'
import { isMeridianError, problemSchema, type BulkOutcomes } from '@meridian/shared'
import { mintToken, writeTokenFile, type Scope } from '@meridian/shared/access'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startOwnMcpServer } from '../support/own-servers.ts'
import { describedServer } from '../support/registrations.ts'
import { startZone, type Zone, type ZoneAgent } from '../support/zone.ts'

/** An agent whose operator has given out tokens, over real HTTP. */

/** Ten thousand requests take their time on a busy machine. */
const timeout = 120_000

let folder: string
let zone: Zone
let agent: ZoneAgent
const secrets = {} as Record<'acme' | 'lookups' | 'operator' | 'all', string>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-access-'))
  const tokensFile = join(folder, 'tokens.json')
  const scopes: Record<keyof typeof secrets, Scope[]> = {
    acme: ['register:com.example/acme-'],
    lookups: ['lookup'],
    operator: ['operate'],
    all: ['register:*', 'lookup', 'operate'],
  }
  const entries = Object.entries(scopes).map(([name, granted]) => {
    const { id, text, sha256 } = mintToken()
    secrets[name as keyof typeof secrets] = text
    return { id, name, scopes: granted, sha256, created: '2026-01-01T00:00:00.000Z' }
  })
  writeTokenFile(tokensFile, entries)
  zone = await startZone()
  agent = await zone.start('guarded', {
    dataDir: join(folder, 'data'),
    http: { host: '127.0.0.1', port: 0, tokensFile },
  })
}, timeout)

afterAll(async () => {
  await zone.close()
  rmSync(folder, { recursive: true, force: true })
}, timeout)

const clientOf = (token?: string) => createAgentClient({ url: agent.agent.url, token })

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (error) {
    return isMeridianError(error) ? `${error.code}: ${error.message}` : String(error)
  }
}

describe('an agent with tokens', { timeout }, () => {
  it('does nothing for whoever has none, but says that it lives', async () => {
    const nobody = clientOf()
    const attempts = [
      nobody.lookup('tool:x'),
      nobody.instances(),
      nobody.register('a', describedServer('acme-a')),
      nobody.deregister('a', { registrant: 'test' }),
    ]
    for (const code of await Promise.all(attempts.map(codeOf))) {
      expect(code).toMatch(/^unauthorized: /)
    }
    expect((await fetch(`${agent.agent.url}/livez`)).status).toBe(200)
    expect((await fetch(`${agent.agent.url}/readyz`)).status).toBe(200)
  })

  it('lets register the names of the token’s scope and refuses others', async () => {
    const acme = clientOf(secrets.acme)
    expect((await acme.register('acme-1', describedServer('acme-1'))).server).toBe(
      'com.example/acme-1',
    )
    expect(await codeOf(acme.register('other-1', describedServer('other')))).toMatch(
      /^forbidden: the token acme \([0-9a-f]{16}\) may not register com\.example\/other: no scope/,
    )
    await expect(acme.instance('other-1')).rejects.toThrow('no instance')
  })

  it('judges a server by the name that it says itself', async () => {
    const server = await startOwnMcpServer()
    try {
      const registration = { endpoint: { url: server.url }, registrant: 'test' }
      const acme = clientOf(secrets.acme)
      expect(await codeOf(acme.register('acme-2', registration))).toMatch(
        /^forbidden: .* may not register /,
      )
      expect(await codeOf(acme.instance('acme-2'))).toMatch(/^not_found/)
    } finally {
      await server.close()
    }
  })

  it('does not let an id change hands to a name of another scope, or back', async () => {
    await clientOf(secrets.all).register('theirs', describedServer('theirs'))
    const acme = clientOf(secrets.acme)
    expect(await codeOf(acme.register('theirs', describedServer('acme-9')))).toMatch(/^forbidden/)
    expect(await codeOf(acme.deregister('theirs', { registrant: 'test' }))).toMatch(/^forbidden/)
    const drained = await agentCall(secrets.acme, 'POST', '/v1/agent/instances/theirs/drain', {})
    expect(drained.status).toBe(403)
    expect((await acme.instance('theirs')).server).toBe('com.example/theirs')
  })

  it('refuses each of many by itself', async () => {
    const instances = ['acme-3', 'stranger', 'acme-4'].map((name) => ({
      id: name,
      ...describedServer(name),
    }))
    const { body } = await agentCall(secrets.acme, 'POST', '/v1/agent/instances', { instances })
    const { outcomes } = body as BulkOutcomes
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['created', 'refused', 'created'])
    const refused = outcomes[1]
    expect(refused?.outcome === 'refused' && refused.problem.code).toBe('forbidden')
  })

  it('lets a server take itself out of work, and an operator any', async () => {
    const drain = (token: string) =>
      agentCall(token, 'POST', '/v1/agent/instances/acme-1/drain', {})
    expect((await drain(secrets.acme)).status).toBe(200)
    expect((await drain(secrets.operator)).status).toBe(200)
    expect((await drain(secrets.lookups)).status).toBe(403)
    const patch = { weight: 5 }
    const path = '/v1/agent/instances/theirs'
    expect((await agentCall(secrets.operator, 'PATCH', path, patch)).status).toBe(200)
  })

  it('leaves the whole host to operators', async () => {
    for (const token of [secrets.acme, secrets.lookups]) {
      expect((await agentCall(token, 'POST', '/v1/agent/leave', { waitMs: 0 })).status).toBe(403)
    }
    const left = await agentCall(secrets.operator, 'POST', '/v1/agent/leave', { waitMs: 0 })
    expect(left.status).toBe(200)
    expect((await agentCall(secrets.operator, 'DELETE', '/v1/agent/leave')).status).toBe(204)
  })

  it('answers lookups for their scope', async () => {
    expect((await clientOf(secrets.lookups).lookup('tool:theirs_tool')).outcome).toBe('found')
    expect(await codeOf(clientOf(secrets.acme).lookup('tool:x'))).toMatch(
      /^forbidden: .* has not the scope lookup$/,
    )
  })

  it('keeps its databases from other users', () => {
    const data = join(folder, 'data')
    expect(statSync(data).mode & 0o777).toBe(0o700)
    const modes = readdirSync(data)
      .filter((name) => /\.db(-wal)?$/.test(name))
      .map((name) => [name, (statSync(join(data, name)).mode & 0o777).toString(8)])
    expect(modes.length).toBeGreaterThanOrEqual(2)
    for (const [name, mode] of modes) expect([name, mode]).toEqual([name, '600'])
  })

  it('takes no orders from web pages of elsewhere', async () => {
    const response = await fetch(`${agent.agent.url}/v1/agent/leave`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${secrets.all}`, origin: 'http://evil.example' },
    })
    expect(response.status).toBe(403)
    expect(problemSchema.parse(await response.json()).detail).toContain('http://evil.example')
  })
})

describe('ten thousand registrations in a burst, more than a caller may', { timeout }, () => {
  it('are told with 429 when to come again, and none is half done', async () => {
    const limited = await zone.start('limited', {
      http: {
        host: '127.0.0.1',
        port: 0,
        rates: {
          reads: { perSecond: 10_000, burst: 10_000 },
          // The rest of the burst comes too soon, however slow this machine is.
          writes: { perSecond: 0.001, burst: 500 },
        },
      },
    })
    let next = 0
    const counts = new Map<string, number>()
    const lane = async () => {
      for (let at = next++; at < 10_000; at = next++) {
        const response = await fetch(`${limited.agent.url}/v1/agent/instances/burst-${at}`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(describedServer('burst')),
        })
        await response.arrayBuffer()
        const told = `${response.status} ${response.headers.has('retry-after')}`
        counts.set(told, (counts.get(told) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: 64 }, lane))
    expect(Object.fromEntries(counts)).toEqual({ '201 false': 500, '429 true': 9_500 })
    let held = 0
    let cursor: string | undefined
    do {
      const page = await limited.client.instances({ limit: 500, ...(cursor && { cursor }) })
      held += page.instances.length
      cursor = page.nextCursor
    } while (cursor !== undefined)
    expect(held).toBe(500)
  })
})

async function agentCall(
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(new URL(path, agent.agent.url), {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}
