import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import { createAgentClient } from '@meridian/client'
import { startRegistry, type Registry } from '@meridian/registry'
import { instancesPageSchema, problemSchema, type Tier } from '@meridian/shared'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { createSilentLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import fc from 'fast-check'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { operations, type Operation } from '../../registry/src/http/operations.ts'
import { describedServer } from '../support/registrations.ts'
import { verdictOnBody, verdictOnParams, verdictOnPart, type Verdict } from '../support/verdicts.ts'

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

/** The path as it is written: `fetch` would tidy it up. */
async function getRaw(path: string): Promise<Response> {
  const { hostname, port } = new URL(registry.url)
  const headers = { authorization: `Bearer ${token}` }
  const asking = request({ hostname, port, path, headers, agent: false }).end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  const type = answer.headers['content-type']
  return new Response(await readText(answer), {
    status: answer.statusCode ?? 0,
    headers: { ...(type !== undefined && { 'content-type': type }) },
  })
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

/** Others with `MERIDIAN_PROPERTY_SEED`, more with `MERIDIAN_PROPERTY_RUNS`, for each operation. */
const seed = Number(process.env['MERIDIAN_PROPERTY_SEED'] ?? 1)
const runs = Number(process.env['MERIDIAN_PROPERTY_RUNS'] ?? 60)

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
  Buffer.from(JSON.stringify({ n: 'x'.repeat(500), v: {}, r: 1 })).toString('base64url'),
]

function propertiesOf(schema: z.ZodType): string[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return Object.keys(properties)
}

/** Bodies, most of them no good, made of what the schema names. */
function bodiesFor(schema: z.ZodType): string[] {
  const names = [...propertiesOf(schema), 'unknown', '__proto__', 'constructor']
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

/** Whatever else: nothing of its inside is told, and an error has the shape of its API. */
async function read(
  response: Response,
): Promise<{ readonly text: string; readonly isOpen: boolean }> {
  const type = response.headers.get('content-type') ?? ''
  // What never ends is well as soon as it begins.
  const isOpen = type.startsWith('text/event-stream') || type === 'application/vnd.sqlite3'
  if (isOpen) await response.body?.cancel()
  const text = isOpen ? '' : await response.text()
  expect(text).not.toMatch(/\bat .*\.ts:\d+|node_modules|\/tmp\/|sqlite/i)
  return { text, isOpen }
}

async function expectVerdict(
  operation: Operation,
  { status, code, field }: Verdict,
  response: Response,
): Promise<void> {
  const { text } = await read(response)
  const about = `${response.url.slice(0, 300)}: ${text.slice(0, 500)}`
  expect({ about, status: response.status }).toEqual({ about, status })
  if (code === undefined) return
  if (operation.errors === 'official') {
    expect(officialErrorSchema.parse(JSON.parse(text)).error).not.toBe('')
    return
  }
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = problemSchema.parse(JSON.parse(text))
  expect({ about, code: problem.code, status: problem.status }).toEqual({ about, code, status })
  if (field === undefined) return
  const named = (problem.violations ?? []).map((each) => each.field.split(/[.[]/)[0])
  expect({ about, named }).toEqual({ about, named: expect.arrayContaining([field]) as string[] })
}

const officialErrorSchema = z.strictObject({ error: z.string() })

describe('asked in bad faith', () => {
  it.each(reads.map((operation) => [operation.path, operation] as const))(
    'GET %s says what is wrong with each parameter, and takes what is well',
    async (path, operation) => {
      const around: Record<string, string> = path === '/v1/find' ? { q: 'flights' } : {}
      const names = operation.params ? propertiesOf(operation.params) : []
      for (const each of [...names, 'unknown', '__proto__', 'constructor']) {
        for (const raw of nasty) {
          const value = raw.toWellFormed()
          const given = Object.fromEntries([...Object.entries(around), [each, value]])
          const at = `${filled(path)}?${String(new URLSearchParams(given))}`
          await expectVerdict(
            operation,
            verdictOnParams(operation, given),
            await send(operation, { at }),
          )
        }
      }
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

  it.each(reads.flatMap((each) => (each.params ? [[each.path, each, each.params] as const] : [])))(
    'GET %s says the same of any of them together',
    async (path, operation, params) => {
      const names = [...propertiesOf(params), 'unknown']
      const values = fc.oneof(
        { arbitrary: fc.constantFrom('1', '5', 'true', 'passing', 'eu/a/n1', 'region'), weight: 4 },
        { arbitrary: fc.constantFrom('tool:search', 'server:io.acme/*', 'flights'), weight: 4 },
        fc.constantFrom(...nasty),
        fc.string({ unit: 'grapheme', maxLength: 40 }),
      )
      const some = fc.record(Object.fromEntries(names.map((each) => [each, values])), {
        requiredKeys: path === '/v1/find' ? ['q'] : [],
      })
      await fc.assert(
        fc.asyncProperty(some, async (raw) => {
          const given = Object.fromEntries(
            Object.entries(raw).map(([each, value = '']) => [each, value.toWellFormed()]),
          )
          const at = `${filled(path)}?${String(new URLSearchParams(given))}`
          await expectVerdict(
            operation,
            verdictOnParams(operation, given),
            await send(operation, { at }),
          )
        }),
        { seed, numRuns: runs },
      )
    },
  )

  it.each(
    operations.flatMap((each) =>
      [...each.path.matchAll(/\{(\w+)\}/g)].map(
        ([, part = '']) => [each.method.toUpperCase(), each.path, part, each] as const,
      ),
    ),
  )('%s %s says what is wrong with its %s', async (_, path, part, operation) => {
    for (const raw of nasty) {
      const value = raw.toWellFormed()
      const encoded = encodeURIComponent(value)
      // As it stands there would be no such path, or another one.
      if (value === '' || value === '..') continue
      const at = filled(path.replace(`{${part}}`, encoded))
      await expectVerdict(operation, verdictOnPart(part, value), await send(operation, { at }))
    }
  })

  it.each([
    ['/v1/definitions/%zz', 400, 'invalid_request'],
    ['/v1/definitions/..%2F..%2Fetc%2Fpasswd', 400, 'invalid_request'],
    ['/v1/definitions/../../../etc/passwd', 404, 'not_found'],
    ['/v1/snapshots/%2e%2e%2fregistry.db', 400, 'invalid_request'],
    ['/v1/snapshots/..%5cregistry.db', 400, 'invalid_request'],
    ['/v1/nodes/eu/a/%00/rest', 400, 'invalid_request'],
    ['/v1/nodes/eu/a/n1%2Frest', 405, 'method_not_allowed'],
    ['/v1/servers/%ff%fe', 404, 'not_found'],
    ['/v1/servers//versions', 404, 'not_found'],
    ['/v1//servers', 404, 'not_found'],
    ['//v1/servers', 404, 'not_found'],
    ['/V1/servers', 404, 'not_found'],
    ['/v1/servers;x=1', 404, 'not_found'],
    ['/v1/servers%00', 404, 'not_found'],
    ['/v1/servers?limit=1&limit=2', 400, 'invalid_request'],
    ['/v1/servers?%zz', 400, 'invalid_request'],
    ['/v1/search?text=flights&cursor=ImEi', 400, 'invalid_request'],
    ['/v1/search?text=%28&cursor=ImEi', 400, 'invalid_request'],
  ] as const)('GET %s is %i %s', async (path, status, code) => {
    const response = await getRaw(path)
    const { text } = await read(response)
    expect({ text: text.slice(0, 300), status: response.status }).toMatchObject({ status })
    expect(problemSchema.parse(JSON.parse(text)).code).toBe(code)
  })

  it.each(
    writes.flatMap((each) =>
      each.body ? [[each.method.toUpperCase(), each.path, each] as const] : [],
    ),
  )(
    '%s %s says what is wrong with a body, and takes what is well',
    async (method, path, operation) => {
      const { body, status = 200 } = operation
      if (!body) expect.fail()
      for (const text of bodiesFor(body)) {
        const verdict = verdictOnBody(body, text, status)
        await expectVerdict(operation, verdict, await send(operation, { text }))
      }
      const headers = { 'content-type': 'text/plain', authorization: `Bearer ${token}` }
      const response = await get(filled(path), { method, body: '{}', headers })
      await expectVerdict(operation, { status: 415, code: 'unsupported_media_type' }, response)
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
