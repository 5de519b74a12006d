import { MeridianError, problemSchema, type RegisteredInstance } from '@meridian/shared'
import { createLog } from '@meridian/shared/log'
import { describe, expect, it } from 'vitest'
import { createAgentRoutes, type AgentApi, type AgentRoutesOptions } from './routes.ts'

function instanceOf(id: string): RegisteredInstance {
  return {
    id,
    server: 'io.acme/flights',
    version: '1.0.0',
    definition: 'a'.repeat(64),
    endpoint: { transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' },
    metadata: {},
    capacity: 1,
    status: 'passing',
    weight: 100,
    draining: false,
    registrant: 'anonymous',
    private: false,
    tools: 0,
    resources: 0,
    resourceTemplates: 0,
    prompts: 0,
    checks: [],
  }
}

/** An agent that can do what a test gives it, and is asked for nothing else. */
function createApp(given: Partial<AgentApi> = {}, access: AgentRoutesOptions['access'] = {}) {
  const api = new Proxy(given, {
    get(target, name) {
      const known: unknown = Reflect.get(target, name)
      if (known !== undefined) return known
      return () => {
        throw new Error(`${String(name)} is not for this test`)
      }
    },
  })
  const log = createLog({ name: 'test', level: 'silent' })
  return createAgentRoutes(api as AgentApi, { log, access })
}

function sending(method: string, body: unknown, type = 'application/json'): RequestInit {
  return {
    method,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': type },
  }
}

async function problemOf(response: Response) {
  const problem = problemSchema.parse(await response.json())
  expect(response.status).toBe(problem.status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  return problem
}

const registration = { endpoint: { url: 'http://127.0.0.1:1/mcp' } }
const path = '/v1/agent/instances/flights-1'

describe('registering', () => {
  it.each([
    ['created', 201],
    ['replaced', 200],
    ['unchanged', 200],
  ] as const)('answers an instance that was %s with %i', async (change, status) => {
    const asked: unknown[] = []
    const app = createApp({
      register: (id, given) => {
        asked.push(id, given)
        return Promise.resolve({ change, instance: instanceOf(id) })
      },
    })
    const response = await app.request(path, sending('PUT', { ...registration, weight: 5 }))
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ id: 'flights-1' })
    expect(asked).toMatchObject([
      'flights-1',
      { endpoint: { transport: 'streamable-http' }, weight: 5, registrant: 'anonymous' },
    ])
  })

  it.each<[string, RequestInit, string]>([
    ['malformed JSON', sending('PUT', '{'), 'invalid_json'],
    ['an unknown field', sending('PUT', { ...registration, wieght: 5 }), 'invalid_request'],
    [
      'a value beyond its limit',
      sending('PUT', { ...registration, weight: -1 }),
      'invalid_request',
    ],
    ['no endpoint', sending('PUT', {}), 'invalid_request'],
    ['no JSON at all', sending('PUT', 'x=1', 'text/plain'), 'unsupported_media_type'],
    ['a body without end', sending('PUT', 'x'.repeat(3 * 1024 * 1024)), 'payload_too_large'],
  ])('refuses %s before the agent hears of it', async (_, request, code) => {
    const response = await createApp().request(path, request)
    expect((await problemOf(response)).code).toBe(code)
  })

  it.each(['..', 'a b', '-x', 'x'.repeat(200), 'a/b', 'é', '%00'])(
    'refuses the id %j',
    async (id) => {
      const response = await createApp().request(
        `/v1/agent/instances/${encodeURIComponent(id)}`,
        sending('PUT', registration),
      )
      expect(['invalid_request', 'not_found', 'method_not_allowed']).toContain(
        (await problemOf(response)).code,
      )
    },
  )

  it('passes on what the agent refuses', async () => {
    const app = createApp({
      register: () => Promise.reject(new MeridianError('storage_full', 'no room')),
    })
    const response = await app.request(path, sending('PUT', registration))
    expect(await problemOf(response)).toMatchObject({
      status: 507,
      code: 'storage_full',
      retryable: true,
    })
  })
})

describe('deregistering', () => {
  it('answers with nothing', async () => {
    const asked: string[] = []
    const app = createApp({ deregister: (...given) => void asked.push(...given) })
    const response = await app.request(`${path}?registrant=me`, { method: 'DELETE' })
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect(asked).toEqual(['flights-1', 'me'])
  })

  it('refuses a registrant that is none', async () => {
    const response = await createApp().request(`${path}?registrant=a%20b`, { method: 'DELETE' })
    expect((await problemOf(response)).code).toBe('invalid_request')
  })
})

describe('listing', () => {
  const ids = ['a', 'b', 'c', 'd', 'e']
  const app = createApp({
    instances: (after, limit) =>
      ids
        .filter((id) => id > after)
        .slice(0, limit)
        .map(instanceOf),
    instance: (id) => (ids.includes(id) ? instanceOf(id) : undefined),
  })

  it('goes page by page, and the last page names no next one', async () => {
    const seen: string[][] = []
    let cursor: string | undefined = ''
    while (cursor !== undefined) {
      const response = await app.request(`/v1/agent/instances?limit=2&cursor=${cursor}`)
      const page = (await response.json()) as { instances: { id: string }[]; nextCursor?: string }
      seen.push(page.instances.map(({ id }) => id))
      cursor = page.nextCursor
    }
    expect(seen).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  })

  it.each(['limit=0', 'limit=501', 'limit=x', 'limit=1&limit=2', 'page=1'])(
    'refuses ?%s',
    async (search) => {
      const response = await app.request(`/v1/agent/instances?${search}`)
      expect((await problemOf(response)).code).toBe('invalid_request')
    },
  )

  it('shows one, or says that there is none', async () => {
    expect((await app.request('/v1/agent/instances/a')).status).toBe(200)
    expect(await problemOf(await app.request('/v1/agent/instances/z'))).toMatchObject({
      code: 'not_found',
      detail: 'no instance "z" is registered here',
    })
  })
})

describe('looking up', () => {
  it('hands over what was asked, with what is not said filled in', async () => {
    const asked: unknown[] = []
    const app = createApp({
      index: () => 'run-1',
      lookupText: () => undefined,
      lookup: (params) => {
        asked.push(params)
        return Promise.reject(new MeridianError('invalid_query', 'at 5: expected a value'))
      },
    })
    const search = new URLSearchParams({ q: 'tool:', near: 'eu/a/n1', limit: '3' })
    const response = await app.request(`/v1/lookup?${search.toString()}`)
    expect((await problemOf(response)).code).toBe('invalid_query')
    expect(asked).toEqual([
      {
        q: 'tool:',
        near: { region: 'eu', zone: 'a', node: 'n1' },
        limit: 3,
        deadline: 2_000,
      },
    ])
  })

  it.each(['limit=101', 'near=eu/a', 'deadline=0', 'deadline=10001', 'query=x', 'q=a&q=b'])(
    'refuses ?%s',
    async (search) => {
      const response = await createApp().request(`/v1/lookup?${search}`)
      expect((await problemOf(response)).code).toBe('invalid_request')
    },
  )
})

describe('the rest', () => {
  it.each([
    ['DELETE', '/v1/lookup', 'GET, HEAD, POST'],
    ['POST', path, 'DELETE, GET, HEAD, PATCH, PUT'],
    ['DELETE', '/v1/agent/instances', 'GET, HEAD, POST'],
    ['PUT', '/livez', 'GET, HEAD'],
  ])('says of %s %s what the path takes', async (method, known, allow) => {
    const response = await createApp().request(known, { method })
    expect(response.headers.get('allow')).toBe(allow)
    expect((await problemOf(response)).code).toBe('method_not_allowed')
  })

  it('refuses a browser that another site has led here', async () => {
    const response = await createApp().request(path, {
      ...sending('PUT', registration),
      headers: { host: 'evil.example', 'content-type': 'application/json' },
    })
    expect((await problemOf(response)).code).toBe('forbidden')
  })

  it('says whether it lives, and whether it is ready', async () => {
    const readiness = { ready: false, reasons: ['the transport is disconnected'] }
    const app = createApp({ readiness: () => readiness })
    expect((await app.request('/livez')).status).toBe(200)
    const response = await app.request('/readyz')
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual(readiness)
  })
})
