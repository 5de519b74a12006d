import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { problemSchema } from '../../api/problem.ts'
import { MeridianError } from '../../errors.ts'
import { createEdge, readJson, readParams, type EdgeOptions } from './edge.ts'

const thing = z.strictObject({ name: z.string().max(5, 'must have at most 5 characters') })

function createApp(options: Partial<EdgeOptions> = {}) {
  const lines: string[] = []
  const log = pino({}, { write: (line: string) => lines.push(line) })
  const app = createEdge({ log, ...options })
  app.get('/things', (c) => c.json(readParams(c, z.strictObject({ q: z.string().optional() }))))
  app.get('/things/:id', (c) => c.json({ id: c.req.param('id') }))
  app.put('/things/:id', async (c) => c.json(await readJson(c, thing, 'the thing')))
  app.delete('/things/:id', (c) => c.body(null, 204))
  app.get('/broken', () => {
    throw new Error('a secret of ours')
  })
  app.get('/busy', () => {
    throw new MeridianError('busy', 'too many wait')
  })
  app.get('/later', () => {
    throw new MeridianError('rate_limited', 'too often', { retryAfterMs: 2_001 })
  })
  app.get('/refused', () => {
    throw new MeridianError('conflict', 'somebody else has it')
  })
  return { app, lines }
}

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = problemSchema.parse(await response.json())
  expect(problem.status).toBe(response.status)
  expect(problem.type).toBe(`urn:meridian:error:${problem.code}`)
  return problem
}

function put(
  body: ConstructorParameters<typeof Response>[0],
  headers: Record<string, string> = json,
): RequestInit {
  return { method: 'PUT', body, headers, duplex: 'half' } as RequestInit
}

const json = { 'content-type': 'application/json' }

describe('the edge', () => {
  it('answers what it is asked, with an id and the headers that browsers heed', async () => {
    const { app } = createApp()
    const response = await app.request('/things?q=a')
    expect(await response.json()).toEqual({ q: 'a' })
    expect(response.headers.get('x-request-id')).toMatch(/^[\w-]{10,}$/)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('x-frame-options')).toBe('SAMEORIGIN')
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('gives errors the same headers', async () => {
    const { app } = createApp()
    for (const path of ['/nowhere', '/refused', '/broken']) {
      const response = await app.request(path)
      expect(response.headers.get('x-request-id')).not.toBeNull()
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  it('turns a known error into its problem document', async () => {
    const { app, lines } = createApp()
    const response = await app.request('/refused')
    expect(response.status).toBe(409)
    expect(await problemOf(response)).toMatchObject({
      code: 'conflict',
      detail: 'somebody else has it',
      retryable: false,
    })
    expect(lines).toEqual([])
  })

  it('keeps a fault of ours to itself and its log', async () => {
    const { app, lines } = createApp()
    const response = await app.request('/broken', { headers: { 'x-request-id': 'abc-123' } })
    const problem = await problemOf(response)
    expect(problem.code).toBe('internal')
    expect(JSON.stringify(problem)).not.toContain('secret')
    expect(lines.join('')).toContain('a secret of ours')
    expect(lines.join('')).toContain('abc-123')
  })

  it.each([
    ['/busy', 503, '1'],
    ['/later', 429, '3'],
    ['/refused', 409, null],
  ])('says at %s when to come again', async (path, status, seconds) => {
    const { app } = createApp()
    const response = await app.request(path)
    expect(response.status).toBe(status)
    expect(response.headers.get('retry-after')).toBe(seconds)
  })

  describe('with Origin headers, which browsers send', () => {
    const ask = (method: string, origin: string, host = '127.0.0.1:7800') => {
      const { app } = createApp()
      return app.request('/things/a', { method, headers: { origin, host } })
    }

    it.each(['http://evil.example', 'http://localhost:3000', 'http://127.0.0.1:7801', 'null'])(
      'lets no page of %s change anything',
      async (origin) => {
        const response = await ask('DELETE', origin)
        expect(response.status).toBe(403)
        expect((await problemOf(response)).code).toBe('forbidden')
        expect(response.headers.get('access-control-allow-origin')).toBeNull()
      },
    )

    it('lets its own pages', async () => {
      expect((await ask('DELETE', 'http://127.0.0.1:7800')).status).toBe(204)
      expect((await ask('DELETE', 'http://localhost:7800', 'LOCALHOST:7800')).status).toBe(204)
    })

    it('answers reads, which pages of other origins are not shown', async () => {
      const response = await ask('GET', 'http://evil.example')
      expect(response.status).toBe(200)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
    })
  })

  describe('with paths and methods', () => {
    it('says 404 for a path that is not there, whatever the method', async () => {
      const { app } = createApp()
      for (const method of ['GET', 'PUT', 'BREW']) {
        const response = await app.request('/nowhere', { method })
        expect((await problemOf(response)).code).toBe('not_found')
        expect(response.headers.get('allow')).toBeNull()
      }
    })

    it.each([
      ['POST', '/things/a', 'DELETE, GET, HEAD, PUT'],
      ['PATCH', '/things/a', 'DELETE, GET, HEAD, PUT'],
      ['PUT', '/things', 'GET, HEAD'],
      ['OPTIONS', '/things', 'GET, HEAD'],
      ['BREW', '/things', 'GET, HEAD'],
    ])('says 405 for %s %s, and what the path takes', async (method, path, allow) => {
      const { app } = createApp()
      const response = await app.request(path, { method })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe(allow)
      expect(await problemOf(response)).toMatchObject({
        code: 'method_not_allowed',
        detail: `${path} takes ${allow}, not ${method}`,
      })
    })

    it('answers HEAD as it does GET, without the body', async () => {
      const { app } = createApp()
      const response = await app.request('/things/a', { method: 'HEAD' })
      expect(response.status).toBe(200)
      expect(await response.text()).toBe('')
    })
  })

  describe('with Host headers', () => {
    const own = ['localhost', 'LOCALHOST:7700', '127.0.0.1:7700', '[::1]:7700', '[::1]', '10.1.2.3']
    const foreign = [
      'evil.example',
      'evil.example:7700',
      'localhost.evil.example',
      '',
      'a b',
      '::1x',
    ]

    it.each(own)('answers to %j', async (host) => {
      const { app } = createApp()
      expect((await app.request('/things', { headers: { host } })).status).toBe(200)
    })

    it.each(foreign)(
      'refuses %j, by which another site may have led a browser here',
      async (host) => {
        const { app } = createApp()
        const response = await app.request('/things', { headers: { host } })
        expect((await problemOf(response)).code).toBe('forbidden')
      },
    )

    it('answers to the names that it was given', async () => {
      const { app } = createApp({ hostNames: ['Registry.Example'] })
      const headers = { host: 'registry.example:443' }
      expect((await app.request('/things', { headers })).status).toBe(200)
    })
  })

  describe('with query strings', () => {
    it.each([
      ['?q=a&q=b', 'the parameter "q" is given 2 times'],
      ['?nope=1', 'nope = (not shown): is unknown'],
      ['?__proto__=1', '__proto__ = (not shown): is unknown'],
    ])('refuses %s', async (search, detail) => {
      const { app } = createApp()
      const problem = await problemOf(await app.request(`/things${search}`))
      expect(problem.code).toBe('invalid_request')
      expect(problem.detail).toContain(detail)
    })
  })

  describe('with bodies', () => {
    it('reads JSON, with or without a charset', async () => {
      const { app } = createApp()
      for (const type of ['application/json', 'Application/JSON; charset=utf-8']) {
        const response = await app.request(
          '/things/a',
          put('{"name":"é"}', { 'content-type': type }),
        )
        expect(await response.json()).toEqual({ name: 'é' })
      }
    })

    it.each([['text/plain'], ['application/x-www-form-urlencoded'], ['application/xml']])(
      'refuses %s',
      async (type) => {
        const { app } = createApp()
        const response = await app.request('/things/a', put('{}', { 'content-type': type }))
        expect(await problemOf(response)).toMatchObject({
          status: 415,
          code: 'unsupported_media_type',
        })
      },
    )

    it('refuses a body that does not say what it is', async () => {
      const { app } = createApp()
      const response = await app.request('/things/a', put(new TextEncoder().encode('{}'), {}))
      expect((await problemOf(response)).code).toBe('unsupported_media_type')
    })

    it.each([[''], ['{'], ['{"name":}'], ['not json'], ['{"name":"a"} trailing']])(
      'refuses %j as no JSON',
      async (body) => {
        const { app } = createApp()
        const response = await app.request('/things/a', put(body))
        expect(await problemOf(response)).toMatchObject({ status: 400, code: 'invalid_json' })
      },
    )

    it('refuses text that is not UTF-8', async () => {
      const { app } = createApp()
      const bytes = Uint8Array.of(...new TextEncoder().encode('{"name":"'), 0xff, 0x22, 0x7d)
      const response = await app.request('/things/a', put(bytes))
      expect(await problemOf(response)).toMatchObject({
        code: 'invalid_json',
        detail: 'the body is not UTF-8 text',
      })
    })

    it('names every field at fault, its value and the rule', async () => {
      const { app } = createApp()
      const response = await app.request('/things/a', put('{"name":"too long","nope":1}'))
      expect(await problemOf(response)).toMatchObject({
        code: 'invalid_request',
        violations: [
          { field: 'name', value: '"too long"', problem: 'must have at most 5 characters' },
          { field: 'nope', problem: 'is unknown' },
        ],
      })
    })

    it('survives JSON that nests without end', async () => {
      const { app } = createApp()
      const depth = 200_000
      const response = await app.request('/things/a', put('['.repeat(depth) + ']'.repeat(depth)))
      expect((await problemOf(response)).status).toBe(400)
    })

    it('refuses a body above the limit, announced or streamed', async () => {
      const { app } = createApp({ bodyBytesMax: 100 })
      const large = JSON.stringify({ name: 'x'.repeat(200) })
      const announced = await app.request(
        '/things/a',
        put(large, { ...json, 'content-length': String(large.length) }),
      )
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(large))
          controller.close()
        },
      })
      const streamed = await app.request(
        '/things/a',
        put(stream, { ...json, 'transfer-encoding': 'chunked' }),
      )
      for (const response of [announced, streamed]) {
        expect(response.headers.get('connection')).toBe('close')
        expect(await problemOf(response)).toMatchObject({
          status: 413,
          code: 'payload_too_large',
          detail: 'the body is larger than 100 bytes, the limit',
        })
      }
    })
  })
})
