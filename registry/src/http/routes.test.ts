import {
  MeridianError,
  parseQuery,
  problemSchema,
  type LookupParams,
  type Readiness,
} from '@meridian/shared'
import { createLog } from '@meridian/shared/log'
import { describe, expect, it } from 'vitest'
import { operations } from './operations.ts'
import { createRegistryRoutes } from './routes.ts'

const isReady: Readiness = { ready: true, reasons: [] }

const known = 'ab'.repeat(32)

const notAsked = () => {
  throw new Error('is not for this test')
}

function createApp(readiness = isReady, topologySize = 1) {
  const asked: unknown[] = []
  const app = createRegistryRoutes(
    {
      lookup: (params: LookupParams) => {
        asked.push(params)
        return Promise.resolve({
          query: params.q,
          outcome: 'none',
          complete: true,
          degraded: false,
          answeredBy: 'regional',
          scopes: [],
          results: [],
        })
      },
      servers: (params) => {
        asked.push(params)
        return { servers: [], total: 0 }
      },
      find: notAsked,
      index: () => 'run-1',
      watch: notAsked,
      reportCalls: notAsked,
      server: (name) => {
        asked.push(name)
        return Promise.resolve(undefined)
      },
      definition: (id) => Promise.resolve(id === known ? '{"name":"io.acme/x"}' : undefined),
      versions: (name) => ({ name, versions: [] }),
      instances: (params) => {
        asked.push(params)
        return Promise.resolve({ instances: [], unreachable: [] })
      },
      nodes: (params) => {
        asked.push(params)
        return Promise.resolve({ nodes: [], unreachable: [] })
      },
      self: () => ({ tier: 'regional', place: 'eu', replica: 'r1' }),
      search: notAsked,
      facets: notAsked,
      complete: notAsked,
      explain: ({ q }) => {
        parseQuery(q)
        throw new MeridianError('busy', 'not now')
      },
      topology: () => ({ tier: 'regional', replica: 'r1'.repeat(topologySize), regions: [] }),
      events: { position: 0, ended: false, history: notAsked, newer: notAsked, onEvents: notAsked },
      imports: undefined,
      operate: {
        command: notAsked,
        forget: notAsked,
        rest: notAsked,
        preservation: notAsked,
        overridePreservation: notAsked,
        quarantine: notAsked,
        note: notAsked,
      },
      official: {
        page: () => ({ servers: [], metadata: { count: 0 } }),
        versions: notAsked,
        version: notAsked,
      },
      readiness: () => readiness,
    },
    { log: createLog({ name: 'test', level: 'silent' }), hostNames: ['registry.example'] },
  )
  return { app, asked }
}

/** A path whose parameters have no names, and no trailing slash. */
function shapeOf(path: string): string {
  return path.replaceAll(/\{\w+\}|:\w+(\{[^}]*\})?/g, '*').replace(/(.)\/$/, '$1')
}

async function problemOf(response: Response) {
  const problem = problemSchema.parse(await response.json())
  expect(response.status).toBe(problem.status)
  return problem
}

describe('a registry’s routes', () => {
  it('hand over lookups, with what is not said filled in', async () => {
    const { app, asked } = createApp()
    const response = await app.request('/v1/lookup?q=tool:x')
    expect(await response.json()).toMatchObject({ outcome: 'none', answeredBy: 'regional' })
    expect(asked).toEqual([{ q: 'tool:x', limit: 10, deadline: 2_000 }])
  })

  it('hand over what servers are asked for, understood', async () => {
    const { app, asked } = createApp()
    await app.request('/v1/servers?q=tag:travel&text=air&sort=updated&limit=7&cursor=abc')
    await app.request('/v1/servers')
    expect(asked).toEqual([
      { q: 'tag:travel', text: 'air', sort: 'updated', cursor: 'abc', limit: 7 },
      { q: '', text: '', sort: 'name', limit: 50 },
    ])
  })

  it('show the topology', async () => {
    const { app } = createApp()
    expect(await (await app.request('/v1/topology')).json()).toMatchObject({ tier: 'regional' })
  })

  it.each([
    ['/v1/servers?limit=0', 'invalid_request'],
    ['/v1/servers?limit=501', 'invalid_request'],
    ['/v1/servers?limit=1&limit=2', 'invalid_request'],
    [`/v1/servers?cursor=${'x'.repeat(3_000)}`, 'invalid_request'],
    ['/v1/servers?sort=random', 'invalid_request'],
    [`/v1/servers?text=${'x'.repeat(600)}`, 'invalid_request'],
    ['/v1/servers/io.acme%2Fx/versions?tool=1', 'invalid_request'],
    [`/v1/servers/${'x'.repeat(201)}/versions`, 'invalid_request'],
    ['/v1/definitions/abc', 'invalid_request'],
    [`/v1/definitions/${'0'.repeat(64)}`, 'not_found'],
    ['/v1/instances?limit=x', 'invalid_request'],
    ['/v1/nodes?q=', 'invalid_request'],
    ['/v1/explain?near=eu', 'invalid_request'],
    ['/v1/explain?q=tool:', 'invalid_query'],
    ['/v1/servers?tag=travel', 'invalid_request'],
    ['/v1/lookup?limit=1000', 'invalid_request'],
    ['/v1/topology/eu', 'not_found'],
    ['/elsewhere', 'not_found'],
  ])('refuse %s as %s', async (path, code) => {
    const { app, asked } = createApp()
    expect((await problemOf(await app.request(path))).code).toBe(code)
    expect(asked).toEqual([])
  })

  it.each(['/v0.1/nothing', '/v0/servers/a/b/c/d'])(
    'say of %s what is wrong where clients of the official API look for it',
    async (path) => {
      const { app } = createApp()
      const response = await app.request(path)
      const problem = problemSchema.parse(await response.json())
      expect(response.status).toBe(404)
      expect(problem['error']).toBe(problem.detail)
      expect(await problemOf(await app.request('/v1/nothing'))).not.toHaveProperty('error')
    },
  )

  it('are all told of in the OpenAPI document', () => {
    const { app } = createApp()
    const told = new Set(operations.map(({ method, path }) => `${method} ${shapeOf(path)}`))
    const untold = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method.toLowerCase()} ${shapeOf(path)}`)
      // Pages and metrics are for others, and those who publish get the official API's 501.
      .filter((route) => / \/(v1|livez|readyz)\b/.test(route) && !told.has(route))
    expect(untold).toEqual([])
  })

  it('only read', async () => {
    const { app } = createApp()
    for (const path of ['/v1/find', '/v1/servers', '/v1/topology', '/livez', '/readyz']) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const response = await app.request(path, { method })
        expect((await problemOf(response)).code).toBe('method_not_allowed')
        expect(response.headers.get('allow')).toBe('GET, HEAD')
      }
    }
  })

  it('take a server’s name with its slash written as %2F', async () => {
    const { app } = createApp()
    const response = await app.request('/v1/servers/io.acme%2Fflights/versions')
    expect(await response.json()).toEqual({ name: 'io.acme/flights', versions: [] })
  })

  it('give a definition as it is, for good', async () => {
    const { app } = createApp()
    const response = await app.request(`/v1/definitions/${known}`)
    expect(await response.text()).toBe('{"name":"io.acme/x"}')
    expect(response.headers.get('etag')).toBe(`"${known}"`)
    expect(response.headers.get('cache-control')).toContain('immutable')
    const again = await app.request(`/v1/definitions/${known}`, {
      headers: { 'if-none-match': `"${known}"` },
    })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  it('send nothing again to those who have it', async () => {
    const { app } = createApp()
    const tag = (await app.request('/v1/servers')).headers.get('etag') ?? ''
    expect(tag).not.toBe('')
    const headers = { 'if-none-match': tag }
    expect((await app.request('/v1/servers', { headers })).status).toBe(304)
  })

  it('let pages of other sites read, and say what they may send', async () => {
    const { app } = createApp()
    const headers = { origin: 'https://elsewhere.example' }
    const read = await app.request('/v1/servers', { headers })
    expect(read.headers.get('access-control-allow-origin')).toBe('*')
    const refused = await app.request('/v1/servers?limit=0', { headers })
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
    const asked = { ...headers, 'access-control-request-method': 'GET' }
    const preflight = await app.request('/v1/servers', { method: 'OPTIONS', headers: asked })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET,HEAD,OPTIONS')
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization')
  })

  it('compress what is larger than 1 KiB, for those who can read it', async () => {
    const headers = { 'accept-encoding': 'gzip' }
    const encoding = async (size: number, init = {}) => {
      const response = await createApp(isReady, size).app.request('/v1/topology', init)
      return response.headers.get('content-encoding')
    }
    expect(await encoding(2_000, { headers })).toBe('gzip')
    expect(await encoding(1, { headers })).toBeNull()
    expect(await encoding(2_000)).toBeNull()
  })

  it('answer to their own names, and to no other', async () => {
    const { app } = createApp()
    const status = async (host: string) => {
      const response = await app.request('/livez', { headers: { host } })
      return response.status
    }
    expect(await status('registry.example:7700')).toBe(200)
    expect(await status('127.0.0.1:7700')).toBe(200)
    expect(await status('evil.example:7700')).toBe(403)
  })

  it('say why they are not ready', async () => {
    const readiness = { ready: false, reasons: ['the transport is disconnected'] }
    const response = await createApp(readiness).app.request('/readyz')
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual(readiness)
  })
})
