import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { problemSchema, type ErrorCode, type Problem } from '@meridian/shared'
import { once } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { describedServer } from '../support/registrations.ts'

/** What callers get wrong, over HTTP: each its code, and the agent as it was before. */

let folder: string
let agent: Agent
let stop: () => Promise<void>
const logged: string[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-bad-input-'))
  await start()
  expect((await put('mine', describedServer('mine'))).status).toBe(201)
})

async function start(): Promise<void> {
  const common = { clock: systemClock, random: systemRandom }
  const network = createInProcessNetwork(common)
  const transport = network.connect('agent')
  agent = await startAgent({
    ...common,
    locality: { region: 'eu-west', zone: 'a', node: 'n1' },
    dataDir: folder,
    migrationsDir,
    http: { host: '127.0.0.1', port: 0 },
    probeAllow: [],
    transport,
    log: createLog({
      name: 'agent',
      level: 'error',
      destination: { write: (line) => logged.push(line) },
    }),
  })
  stop = async () => {
    await agent.close()
    await transport.close()
    await network.close()
  }
}

/** Whatever was asked, it lives, and what it held it still holds, in memory and on disk. */
afterEach(async () => {
  expect(await held()).toEqual(['mine'])
  expect(logged).toEqual([])
})

afterAll(async () => {
  await stop()
  await start()
  expect(await held()).toEqual(['mine'])
  await stop()
  rmSync(folder, { recursive: true, force: true })
})

async function held(): Promise<string[]> {
  const response = await fetch(`${agent.url}/v1/agent/instances`)
  const { instances } = (await response.json()) as { instances: { id: string }[] }
  return instances.map(({ id }) => id)
}

function put(id: string, body: unknown): Promise<Response> {
  return send(id, JSON.stringify(body))
}

function send(id: string, body: string, contentType = 'application/json'): Promise<Response> {
  return fetch(`${agent.url}/v1/agent/instances/${id}`, {
    method: 'PUT',
    headers: { 'content-type': contentType },
    body,
  })
}

/** The problem document, after it has been seen to be one. */
async function expectProblem(
  response: Response,
  status: number,
  code: ErrorCode,
): Promise<Problem> {
  const text = await response.text()
  expect({ status: response.status, text }).toMatchObject({
    status,
    text: expect.any(String) as string,
  })
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = problemSchema.parse(JSON.parse(text))
  expect(problem).toMatchObject({ status, code, type: `urn:meridian:error:${code}` })
  return problem
}

describe('a registration that cannot be read', () => {
  it.each([
    ['cut short', '{"endpoint": {"url": "http://127.0.0.1'],
    ['no JSON at all', 'endpoint: http://127.0.0.1'],
    ['nothing', ''],
  ])('is refused as invalid_json: %s', async (_, body) => {
    const { detail } = await expectProblem(await send('new', body), 400, 'invalid_json')
    expect(detail).toContain('the body is not JSON')
  })

  it.each([100, 1_900_000])(
    'is refused when it does not say that it is JSON, unread however long: %i bytes',
    async (bytes) => {
      const response = await send('new', ' '.repeat(bytes), 'text/plain')
      expect(response.headers.get('connection')).toBe('close')
      await expectProblem(response, 415, 'unsupported_media_type')
    },
  )

  it('names every unknown field, also deep inside', async () => {
    const good = describedServer('new')
    const bad = { ...good, colour: 'red', definition: { ...good.definition, wieght: 3 } }
    const { violations } = await expectProblem(await put('new', bad), 400, 'invalid_request')
    expect(violations).toEqual([
      { field: 'definition.wieght', value: '(not shown)', problem: 'is unknown' },
      { field: 'colour', value: '(not shown)', problem: 'is unknown' },
    ])
  })

  it.each<[string, object, string]>([
    ['no endpoint', { endpoint: undefined }, 'endpoint'],
    ['an endpoint that is no URL', { endpoint: { url: '127.0.0.1:3000' } }, 'endpoint.url'],
    ['an endpoint with a password', { endpoint: { url: 'http://u:p@localhost/' } }, 'endpoint.url'],
    ['a weight below 0', { weight: -1 }, 'weight'],
    ['a tag of two words', { tags: ['two words'] }, 'tags[0]'],
    ['a registrant with a space', { registrant: 'not me' }, 'registrant'],
    ['half a weight', { weight: 0.5 }, 'weight'],
    ['a capacity that is a text', { capacity: '10' }, 'capacity'],
  ])('names the field at fault: %s', async (_, change, field) => {
    const bad = { ...describedServer('new'), ...change }
    const { violations = [] } = await expectProblem(await put('new', bad), 400, 'invalid_request')
    expect(violations.map((violation) => violation.field)).toEqual([field])
    expect(JSON.stringify(violations)).not.toContain('u:p')
  })

  it('says what the field must be', async () => {
    const response = await put('new', { ...describedServer('new'), weight: -1 })
    const { detail } = await expectProblem(response, 400, 'invalid_request')
    // The example of docs/errors.md.
    expect(detail).toBe(
      'the registration is not valid: weight = -1: must be a whole number from 0 to 1000',
    )
  })

  it.each(['-x', 'a/b', 'ü', 'a'.repeat(129)])('refuses the id %s', async (id) => {
    const response = await put(encodeURIComponent(id), describedServer('new'))
    const { violations } = await expectProblem(response, 400, 'invalid_request')
    expect(violations).toMatchObject([{ field: 'id' }])
  })
})

describe('a definition that is too long', () => {
  it('is refused as invalid_request with its size and the limit, above 512 KiB', async () => {
    const { definition, ...rest } = describedServer('new')
    const description = 'x'.repeat(16_000)
    const tools = Array.from({ length: 40 }, (_, at) => ({
      name: `tool_${at}`,
      description,
      inputSchema: { type: 'object' },
    }))
    const long = { ...definition, capabilities: { ...definition?.capabilities, tools } }
    const response = await put('new', { ...rest, definition: long })
    const { violations } = await expectProblem(response, 400, 'invalid_request')
    expect(violations).toEqual([
      {
        field: '(whole)',
        value: 'com.example/new',
        problem: expect.stringMatching(/^is 64\d{4} bytes .* the limit is 524288$/) as string,
      },
    ])
  })

  it.each(['with its length given', 'in pieces'])(
    'is refused as payload_too_large when the body alone is over its limit, sent %s',
    async (how) => {
      const text = JSON.stringify({ padding: 'x'.repeat(2 * 1024 * 1024) })
      const response = await fetch(`${agent.url}/v1/agent/instances/new`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: how === 'in pieces' ? new Blob([text]).stream() : text,
        duplex: 'half',
      })
      // Else the next request would go into a connection that is about to be cut.
      expect(response.headers.get('connection')).toBe('close')
      const { detail } = await expectProblem(response, 413, 'payload_too_large')
      expect(detail).toContain('2097152')
    },
  )
})

describe('an id of another registrant', () => {
  it('is refused as conflict, to be taken as well as to be removed', async () => {
    const theirs = { ...describedServer('theirs'), registrant: 'somebody-else' }
    const { detail } = await expectProblem(await put('mine', theirs), 409, 'conflict')
    expect(detail).toContain('held by the registrant "test", not by "somebody-else"')
    const path = `${agent.url}/v1/agent/instances/mine?registrant=somebody-else`
    await expectProblem(await fetch(path, { method: 'DELETE' }), 409, 'conflict')
    const found = await fetch(`${agent.url}/v1/lookup?q=server:com.example/mine`)
    expect(await found.json()).toMatchObject({ outcome: 'found' })
  })
})

describe('an endpoint that is to be introspected', () => {
  let web: Server
  let webUrl: string

  beforeAll(async () => {
    web = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' })
      response.end('<!doctype html><title>Intranet</title>')
    }).listen(0, '127.0.0.1')
    await once(web, 'listening')
    webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`
  })

  afterAll(() => {
    web.close()
  })

  it('is refused as endpoint_unreachable when nobody is there, and may be tried again', async () => {
    const url = `http://127.0.0.1:${await freePort()}/mcp`
    const response = await put('new', { endpoint: { url } })
    const { detail, retryable } = await expectProblem(response, 422, 'endpoint_unreachable')
    expect(detail).toContain(url)
    expect(retryable).toBe(true)
  })

  it('is refused as endpoint_not_mcp when a web server answers', async () => {
    const response = await put('new', { endpoint: { url: webUrl } })
    const { retryable } = await expectProblem(response, 422, 'endpoint_not_mcp')
    expect(retryable).toBe(false)
  })

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:169.254.169.254]/',
    'http://0xa9fea9fe/',
    'http://192.0.2.1:8080/mcp',
  ])('is refused as address_not_allowed before any connection: %s', async (url) => {
    const connections = await connectionsDuring(async () => {
      const response = await put('new', { endpoint: { url } })
      await expectProblem(response, 422, 'address_not_allowed')
    })
    expect(connections.filter(({ host }) => !host.startsWith(new URL(agent.url).host))).toEqual([])
    // The watch sees probes that are allowed.
    const probes = await connectionsDuring(async () => {
      await expectProblem(await put('new', { endpoint: { url: webUrl } }), 422, 'endpoint_not_mcp')
    })
    expect(probes.map(({ host }) => host)).toContain(new URL(webUrl).host)
  })
})

/** Which hosts were connected to meanwhile, by this process, in which the agent runs. */
async function connectionsDuring(work: () => Promise<void>): Promise<{ host: string }[]> {
  const seen: { host: string }[] = []
  const note = (message: unknown) => {
    seen.push((message as { connectParams: { host: string } }).connectParams)
  }
  subscribe('undici:client:beforeConnect', note)
  try {
    await work()
  } finally {
    unsubscribe('undici:client:beforeConnect', note)
  }
  return seen
}

describe('a lookup that cannot be read', () => {
  it.each<[string, ErrorCode, string]>([
    ['near=EU%20West/a/n1', 'invalid_request', 'region/zone/node'],
    ['near=eu-west/a', 'invalid_request', 'region/zone/node'],
    ['near=eu-west/a/n1/x', 'invalid_request', 'region/zone/node'],
    ['limit=abc', 'invalid_request', 'whole number'],
    ['limit=0', 'invalid_request', 'from 1 to 100'],
    ['deadline=1e3', 'invalid_request', 'whole number'],
    ['q=tool:a&q=tool:b', 'invalid_request', 'given 2 times'],
    ['query=tool:a', 'invalid_request', 'query'],
    ['q=(tool:a', 'invalid_query', ')'],
    ['q=tol:a', 'invalid_query', 'tol'],
  ])('is refused: %s as %s', async (params, code, told) => {
    const response = await fetch(`${agent.url}/v1/lookup?${params}`)
    expect((await expectProblem(response, 400, code)).detail).toContain(told)
  })

  it('is refused with another method, and told which it takes', async () => {
    const response = await fetch(`${agent.url}/v1/lookup`, { method: 'DELETE' })
    expect(response.headers.get('allow')).toBe('GET, HEAD, POST')
    await expectProblem(response, 405, 'method_not_allowed')
  })

  it('is refused on a path that is not there', async () => {
    await expectProblem(await fetch(`${agent.url}/v1/look-up`), 404, 'not_found')
    await expectProblem(await fetch(`${agent.url}/v1/agent/instances/nobody`), 404, 'not_found')
  })
})
