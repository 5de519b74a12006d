import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import { createAgentClient } from '@meridian/client'
import { startRegistry, type Registry } from '@meridian/registry'
import { instancesPageSchema, problemSchema, type Tier } from '@meridian/shared'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { createSilentLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { operations, type Operation } from '../../registry/src/http/operations.ts'
import { describedServer } from '../support/registrations.ts'

/** What the API's own document says, held against real replies, and asked in bad faith. */

const name = 'io.acme/flights'
let folder: string
let network: InProcessNetwork
let registry: Registry
let agent: Agent
let above: readonly Registry[]
let token: string
let reader: string
let definition: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-api-'))
  network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  const minted = mintToken()
  token = minted.text
  const created = new Date().toISOString()
  const entry = { id: minted.id, name: 'o', scopes: ['operate'], sha256: minted.sha256, created }
  const other = mintToken()
  reader = other.text
  const small = { id: other.id, name: 'r', scopes: ['lookup'], sha256: other.sha256, created }
  writeTokenFile(join(folder, 'tokens.json'), [entry, small])
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
  agent = await startAgent({
    locality: { region: 'eu', zone: 'a', node: 'n1' },
    dataDir: ':memory:',
    migrationsDir,
    http: { host: '127.0.0.1', port: 0 },
    probeAllow: [],
    transport: network.connect('n1'),
    clock: systemClock,
    random: systemRandom,
    log: createSilentLog(),
  })
  await createAgentClient({ url: agent.url }).register('i1', describedServer('one'))
  const taken = operations.find(({ path, method }) => path === '/v1/snapshots' && method === 'post')
  if (!taken) expect.fail()
  expect((await send(taken, { text: '{"name":"kept"}' })).status).toBe(201)
  await vi.waitFor(
    async () => {
      const { instances } = instancesPageSchema.parse(await (await get('/v1/instances')).json())
      const imported = instances.find(({ server }) => server === name)
      expect(instances).toHaveLength(2)
      definition = imported?.definition ?? expect.fail()
    },
    { timeout: 20_000, interval: 50 },
  )
})

afterAll(async () => {
  for (const each of [agent, registry, ...above]) await each.close()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

function start(tier: Tier, region: string, zone: string): Promise<Registry> {
  return startRegistry({
    tier,
    place: { region, zone, replica: 'r1' },
    // Snapshots are of what is on disk.
    dataDir: join(folder, tier),
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
    .replace('{region}', 'eu')
    .replace('{zone}', 'a')
    .replace('{node}', 'n1')
    .replace('{instance}', 'i1')
    .replace('{snapshot}', 'kept')
}

const reads = operations.filter(({ method }) => method === 'get')
const writes = operations.filter(({ method }) => method !== 'get')

/** By an operator, with a good body where one is taken. */
function send(
  { method, path, body }: Operation,
  { at = filled(path), text = JSON.stringify(bodies[path] ?? {}), bearer = token } = {},
): Promise<Response> {
  return get(at, {
    method: method.toUpperCase(),
    ...(body && { body: text }),
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(bearer !== '' && { authorization: `Bearer ${bearer}` }),
    },
  })
}

/** Where nothing would be no good body. */
const bodies: Readonly<Record<string, object>> = {
  '/v1/imports': { source: 'test', run: '2', entries: [] },
  '/v1/lookups': { lookups: [{ q: 'tool:search' }, { q: '(' }] },
  '/v1/report': { calls: [{ locality: 'eu/a/n1', instance: 'i1', ok: true, latencyMs: 3 }] },
}

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

  it.each(reads.filter(({ reply }) => reply).map((each) => [each.path, each] as const))(
    'tells what GET %s really answers',
    async (path, operation) => {
      const at = path === '/v1/find' ? `${path}?q=flights` : filled(path)
      const response = await send(operation, { at })
      expect(response.status).toBe(200)
      expect(operation.reply?.safeParse(await response.json()).error).toBeUndefined()
    },
  )

  it.each(
    reads
      .filter(({ replyType }) => replyType !== undefined)
      .map((each) => [each.path, each] as const),
  )('tells how GET %s streams', async (path, { replyType = '' }) => {
    const ending = new AbortController()
    const headers = { accept: replyType }
    const response = await get(filled(path), {
      headers: { ...headers, authorization: `Bearer ${token}` },
      signal: ending.signal,
    })
    expect(response.headers.get('content-type')).toContain(replyType)
    ending.abort()
  })

  it.each(writes.map((each) => [each.method.toUpperCase(), each.path, each] as const))(
    'tells what %s %s really answers',
    async (method, path, operation) => {
      const response = await send(operation)
      // The node lives: that one needs another one.
      const isRefused = method === 'DELETE' && path === '/v1/nodes/{region}/{zone}/{node}'
      expect(response.status).toBe(isRefused ? 409 : (operation.status ?? 200))
      if (isRefused) expect(problemSchema.parse(await response.json()).code).toBe('conflict')
      else if (!operation.reply) expect(await response.text()).toBe('')
      else expect(operation.reply.safeParse(await response.json()).error).toBeUndefined()
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

/** Bodies that are no good, made of what the schema names. */
function bodiesFor(schema: z.ZodType): string[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  const names = [...Object.keys(properties), 'unknown', '__proto__', 'constructor']
  const deep = `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`
  const values: unknown[] = [null, true, -1, 1e308, [], {}, [[[[]]]], ...nasty]
  return [
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '['.repeat(50_000),
    deep,
    ...names.flatMap((each) =>
      values.map((value) => `{${JSON.stringify(each)}:${JSON.stringify(value)}}`),
    ),
    ...names.map((each) => `{${JSON.stringify(each)}:${deep}}`),
    ...names.map((each) => `{${JSON.stringify(each)}:"${'y'.repeat(100_000)}"}`),
  ]
}

const good = new Set([200, 201, 204, 304, 400, 404, 405, 409, 413, 414, 415, 431])

async function expectHarmless(response: Response): Promise<void> {
  // What never ends is well as soon as it begins.
  const type = response.headers.get('content-type') ?? ''
  const isStream = type.startsWith('text/event-stream') || type === 'application/vnd.sqlite3'
  if (isStream) await response.body?.cancel()
  const text = isStream ? '' : await response.text()
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
    async (path, operation) => {
      const { params } = operation
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
      for (const at of urls) await expectHarmless(await send(operation, { at }))
    },
    120_000,
  )

  const operators = operations.filter(({ operators: isTheirs }) => isTheirs === true)

  it.each(operators.map((each) => [each.method.toUpperCase(), each.path, each] as const))(
    '%s %s takes a token that may operate',
    async (_, __, operation) => {
      expect((await send(operation, { bearer: '' })).status).toBe(401)
      expect((await send(operation, { bearer: 'mrd_made_up' })).status).toBe(401)
      expect((await send(operation, { bearer: reader })).status).toBe(403)
      // Whatever the path or the body says: who may not ask is told no more.
      expect((await send(operation, { bearer: '', text: '{' })).status).toBe(401)
    },
  )

  it.each(writes.map((each) => [each.method.toUpperCase(), each.path, each] as const))(
    '%s %s neither fails nor tells too much',
    async (_, path, operation) => {
      for (const text of operation.body ? bodiesFor(operation.body) : []) {
        await expectHarmless(await send(operation, { text }))
      }
      if (operation.body) {
        const headers = { 'content-type': 'text/plain', authorization: `Bearer ${token}` }
        const method = operation.method.toUpperCase()
        const response = await get(filled(path), { method, body: '{}', headers })
        expect(response.status).toBe(415)
      }
      if (!path.includes('{')) return
      for (const value of nasty) {
        const raw = value.toWellFormed().replaceAll(/[^\x21-\x7e]|[#?]/g, '')
        const encoded = encodeURIComponent(value.toWellFormed())
        for (const part of [raw, encoded]) {
          for (const [, one = ''] of path.matchAll(/(\{\w+\})/g)) {
            await expectHarmless(await send(operation, { at: filled(path.replace(one, part)) }))
          }
        }
      }
    },
    120_000,
  )

  it.each([
    ['PUT', '/v1/nodes/eu/a/n1/drain', '{"seconds":"1"}', 400, 'invalid_request'],
    ['PUT', '/v1/nodes/eu/a/n1/drain', '{"seconds":1.5}', 400, 'invalid_request'],
    ['PUT', '/v1/nodes/eu/a/n1/drain', '{"until":1}', 400, 'invalid_request'],
    ['PUT', '/v1/nodes/eu/a/n1/drain', '{', 400, 'invalid_json'],
    ['PUT', '/v1/nodes/eu/a/n1/drain?x=1', '{}', 400, 'invalid_request'],
    ['PUT', '/v1/nodes/eu/a/n1/maintenance', '{"reason":5}', 400, 'invalid_request'],
    ['PUT', '/v1/nodes/eu/a/n9/maintenance', '{}', 404, 'not_found'],
    ['PUT', '/v1/nodes/eu/b/n1/maintenance', '{}', 404, 'not_found'],
    ['PUT', '/v1/nodes/eu/a/n1/nonsense', '{}', 404, 'not_found'],
    ['PUT', '/v1/instances/eu/a/n1/none/drain', '{}', 404, 'not_found'],
    ['PUT', '/v1/zones/eu/A/preservation', '{}', 400, 'invalid_request'],
    ['PUT', '/v1/zones/eu/b/preservation', '{}', 404, 'not_found'],
    ['POST', '/v1/nodes/eu/a/n1/drain', '{}', 405, 'method_not_allowed'],
    ['POST', '/v1/lookups', '{"lookups":[]}', 400, 'invalid_request'],
    ['POST', '/v1/lookup', '{"q":"("}', 400, 'invalid_query'],
    ['POST', '/v1/report', '{"calls":[{}]}', 400, 'invalid_request'],
  ])('%s %s with %s is %i %s', async (method, path, body, status, code) => {
    const response = await get(path, {
      method,
      body,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    })
    expect([response.status, problemSchema.parse(await response.json()).code]).toEqual([
      status,
      code,
    ])
  })

  it('takes entries one by one, whatever they are', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`) as object
    const entries = [null, 1, 'x', [], {}, { definition: null }, { definition: deep }, deep]
    const body = JSON.stringify({ source: 'bad', run: '1', entries })
    const reply: unknown = await (await post(body, token)).json()
    expect(reply).toMatchObject({ added: 0, refused: entries.map((_, index) => ({ index })) })
  })
})
