import { startRegistry, migrationsDir, type Registry } from '@meridian/registry'
import { problemSchema, type Tier } from '@meridian/shared'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { createSilentLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { operations } from '../../registry/src/http/openapi.ts'

/** What the API's own document says, held against real replies, and asked in bad faith. */

const name = 'io.acme/flights'
let folder: string
let network: InProcessNetwork
let registry: Registry
let above: readonly Registry[]
let token: string
let definition: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-api-'))
  network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  const minted = mintToken()
  token = minted.text
  const created = new Date().toISOString()
  const entry = { id: minted.id, name: 'o', scopes: ['operate'], sha256: minted.sha256, created }
  writeTokenFile(join(folder, 'tokens.json'), [entry])
  // What is not here is asked for above, and not there either.
  above = [await start('global', '-', '-'), await start('regional', 'eu', '-')]
  registry = await start('local', 'eu', 'a')
  const body = {
    source: 'test',
    run: '1',
    complete: true,
    entries: [
      {
        definition: { name, version: '1.0.0', capabilities: { tools: [{ name: 'search' }] } },
        endpoint: { transport: 'streamable-http', url: 'https://acme.example/mcp' },
      },
    ],
  }
  expect((await post(JSON.stringify(body), token)).status).toBe(200)
  await vi.waitFor(
    async () => {
      const listed: unknown = await (await get('/v1/instances')).json()
      expect(listed).toMatchObject({ instances: [{ server: name }] })
    },
    { timeout: 20_000, interval: 50 },
  )
  const { instances } = z
    .object({ instances: z.array(z.object({ definition: z.string() })) })
    .parse(await (await get('/v1/instances')).json())
  definition = instances[0]?.definition ?? ''
})

afterAll(async () => {
  for (const each of [registry, ...above]) await each.close()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

function start(tier: Tier, region: string, zone: string): Promise<Registry> {
  return startRegistry({
    tier,
    place: { region, zone, replica: 'r1' },
    dataDir: ':memory:',
    migrationsDir,
    http: { host: '127.0.0.1', port: 0, tokensFile: join(folder, 'tokens.json') },
    transport: network.connect(tier),
    clock: systemClock,
    random: systemRandom,
    log: createSilentLog(),
  })
}

function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${registry.url}${path}`, init)
}

function post(body: string, bearer?: string): Promise<Response> {
  return get('/v1/imports', {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    },
  })
}

/** The path with good values for what varies in it. */
function filled(path: string): string {
  return path
    .replace('{name}', encodeURIComponent(name))
    .replace('{version}', 'latest')
    .replace('{id}', definition)
}

const reads = operations.filter(({ method }) => method === 'get')

describe('the OpenAPI document', () => {
  it('is one, with an operation of its own for each path', async () => {
    const document = z
      .looseObject({
        openapi: z.literal('3.1.0'),
        paths: z.record(
          z.string(),
          z.record(z.string(), z.looseObject({ operationId: z.string() })),
        ),
      })
      .parse(await (await get('/openapi.json')).json())
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(operations.length)
    expect(JSON.stringify(document)).not.toContain('#/$defs')
  })

  it.each(reads.map((operation) => [operation.path, operation] as const))(
    'tells what GET %s really answers',
    async (path, { reply }) => {
      const response = await get(path === '/v1/find' ? `${path}?q=flights` : filled(path))
      expect(response.status).toBe(200)
      expect(reply.safeParse(await response.json()).error).toBeUndefined()
    },
  )
})

/** What somebody may write where a value belongs. */
const nasty = [
  '',
  ' ',
  '0',
  '-1',
  '1e9',
  '99999999999999999999',
  'NaN',
  'null',
  'true',
  '[]',
  '{}',
  '..',
  '../../etc/passwd',
  '..%2F..%2Fetc%2Fpasswd',
  '%00',
  '%',
  '%zz',
  '%ff%fe',
  "' or 1=1 --",
  '"); drop table event; --',
  '<script>alert(1)</script>',
  '(((((((((((((((((((((((((((((((',
  '*'.repeat(40),
  'tool:a '.repeat(300),
  '\u0000\u0007\u001b[31m',
  '🛫'.repeat(20),
  '\ud800',
  'x'.repeat(5_000),
  'eyJuIjoxfQ',
  'eyJuIjoiYSIsInYiOiJiIn0',
  Buffer.from(JSON.stringify({ n: 'x'.repeat(500), v: {}, r: 1 })).toString('base64url'),
]

const good = new Set([200, 304, 400, 404, 405, 414, 431])

async function expectHarmless(response: Response): Promise<void> {
  const text = await response.text()
  expect(good.has(response.status), `${response.url} answered ${response.status}: ${text}`).toBe(
    true,
  )
  expect(text).not.toMatch(/\bat .*\.ts:\d+|node_modules|\/tmp\/|sqlite/i)
  if (response.headers.get('content-type') === 'application/problem+json') {
    expect(problemSchema.parse(JSON.parse(text)).status).toBe(response.status)
  }
}

describe('asked in bad faith', () => {
  it.each(reads.map((operation) => [operation.path, operation] as const))(
    'GET %s neither fails nor tells too much',
    async (path, { params }) => {
      const { properties = {} } = params
        ? z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' })
        : {}
      const names = [...Object.keys(properties), 'unknown', '__proto__']
      const urls: string[] = []
      for (const value of nasty) {
        for (const each of names)
          urls.push(`${filled(path)}?${each}=${encodeURIComponent(value.toWellFormed())}`)
        urls.push(`${filled(path)}?${value.toWellFormed().replaceAll(/[^\x21-\x7e]/g, '')}`)
        if (!path.includes('{')) continue
        const raw = value.toWellFormed().replaceAll(/[^\x21-\x7e]|[#?]/g, '')
        const encoded = encodeURIComponent(value.toWellFormed())
        for (const part of [raw, encoded]) urls.push(path.replaceAll(/\{\w+\}/g, part))
      }
      for (const url of urls) await expectHarmless(await get(url))
    },
    120_000,
  )

  it.each([
    ['no token', undefined, 401],
    ['a made-up token', 'mrd_made_up', 401],
  ])('POST /v1/imports with %s', async (_, bearer, status) => {
    expect((await post('{}', bearer)).status).toBe(status)
  })

  it.each(['', '{', '[]', 'null', '{"source":"a"}', '{"entries":[[[[]]]]}', '['.repeat(50_000)])(
    'POST /v1/imports of %#',
    async (body) => {
      await expectHarmless(await post(body, token))
    },
  )

  it('takes entries one by one, whatever they are', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`) as object
    const entries = [null, 1, 'x', [], {}, { definition: null }, { definition: deep }, deep]
    const body = JSON.stringify({ source: 'bad', run: '1', entries })
    const reply: unknown = await (await post(body, token)).json()
    expect(reply).toMatchObject({ added: 0, refused: entries.map((_, index) => ({ index })) })
  })
})
