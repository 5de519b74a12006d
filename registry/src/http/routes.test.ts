import { problemSchema, type LookupParams, type Query, type Readiness } from '@meridian/shared'
import { createLog } from '@meridian/shared/log'
import { describe, expect, it } from 'vitest'
import { createRegistryRoutes } from './routes.ts'

const isReady: Readiness = { ready: true, reasons: [] }

const notAsked = () => {
  throw new Error('is not for this test')
}

function createApp(readiness = isReady) {
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
      servers: (query: Query, after: string, limit: number) => {
        asked.push({ query, after, limit })
        return { servers: [], total: 0 }
      },
      find: notAsked,
      reportCalls: notAsked,
      server: notAsked,
      definition: notAsked,
      topology: () => ({ tier: 'regional', replica: 'r1', regions: [] }),
      readiness: () => readiness,
    },
    { log: createLog({ name: 'test', level: 'silent' }), hostNames: ['registry.example'] },
  )
  return { app, asked }
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
    await app.request('/v1/servers?q=tag:travel&limit=7&cursor=io.acme/a')
    await app.request('/v1/servers')
    expect(asked).toEqual([
      { query: { kind: 'is', field: 'tag', value: 'travel' }, after: 'io.acme/a', limit: 7 },
      { query: { kind: 'all' }, after: '', limit: 50 },
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
    [`/v1/servers?cursor=${'x'.repeat(2_000)}`, 'invalid_request'],
    ['/v1/servers?tag=travel', 'invalid_request'],
    ['/v1/servers?q=tool:', 'invalid_query'],
    ['/v1/lookup?limit=1000', 'invalid_request'],
    ['/v1/topology/eu', 'not_found'],
    ['/', 'not_found'],
  ])('refuse %s as %s', async (path, code) => {
    const { app, asked } = createApp()
    expect((await problemOf(await app.request(path))).code).toBe(code)
    expect(asked).toEqual([])
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
