import { once } from 'node:events'
import { connect } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { answerHeadText, answerText, resultText } from '../../api/answer-text.ts'
import type { LookupAnswer, LookupParams } from '../../api/lookup.ts'
import { parseQuery } from '../../capability-index/index.ts'
import { MeridianError } from '../../errors.ts'
import { ManualClock } from '../../ports/manual-clock.ts'
import { mintToken, TokenBook, writeTokenFile } from '../access/index.ts'
import { createLog } from '../log.ts'
import { createPrometheusMetrics } from '../metrics.ts'
import { createEdge, type EdgeOptions } from './edge.ts'
import type { EventSink } from './event-stream.ts'
import { listen, type Listening } from './listen.ts'
import { addLookupRoutes } from './lookup-routes.ts'

const log = createLog({ name: 'test', level: 'silent' })
const { results, ...head }: LookupAnswer = {
  query: 'tool:x',
  outcome: 'found',
  complete: true,
  degraded: false,
  answeredBy: 'agent',
  scopes: [{ scope: 'zone', name: 'eu/a', state: 'fresh' }],
  results: [
    {
      server: 'io.acme/x',
      version: '1.0.0',
      title: 'Größe 🛫, not ASCII',
      instance: 'x-1',
      endpoint: { transport: 'streamable-http', url: 'http://x/mcp' },
      locality: 'eu/a/n1',
      ring: 0,
      status: 'passing',
      draining: false,
      metadata: { env: 'prod' },
      definition: 'a'.repeat(64),
    },
  ],
}

const patience = { timeout: 10_000 }

const open: Listening[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})

let folder: string
let token: string
let tokens: TokenBook
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-direct-'))
  const { id, sha256, text } = mintToken()
  token = text
  const created = '2026-01-01T00:00:00.000Z'
  const entry = { id, name: 'reader', scopes: ['lookup' as const], sha256, created }
  writeTokenFile(join(folder, 'tokens.json'), [entry])
  tokens = new TokenBook(join(folder, 'tokens.json'), new ManualClock())
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Two servers of the same routes: one answers lookups directly, the other never does. */
async function start(options: Partial<EdgeOptions> = {}) {
  const asked = { direct: 0, routed: 0 }
  const stopped: string[] = []
  const sinks: EventSink[] = []
  const serve = async (kind: keyof typeof asked) => {
    const metrics = createPrometheusMetrics({ program: 'test', version: '0', log })
    const app = createEdge({ log, metrics, ...options })
    addLookupRoutes(app, {
      lookup: () => Promise.resolve({ ...head, results, cache: 'l1' }),
      lookupText(params: LookupParams) {
        asked[kind] += 1
        parseQuery(params.q)
        if (params.explain === true) return undefined
        return answerText(answerHeadText(head), results.map(resultText))
      },
      index: () => 'run-7',
      watch({ q, index }, caller, sink) {
        asked[kind] += 1
        if (q === 'busy') throw new MeridianError('busy', 'no more are followed')
        sink.send(Buffer.from(`event: snapshot\ndata: ${q} ${index} ${caller}\n\n`))
        sinks.push(sink)
        if (q === 'quiet') return () => void stopped.push(kind)
        setImmediate(() => {
          sink.send(Buffer.from('event: added\ndata: {}\n\n'))
          sink.end()
        })
        return () => {
          stopped.push(kind)
        }
      },
      reportCalls: () => undefined,
      find: () => Promise.reject(new Error('not asked')),
      server: () => Promise.resolve(undefined),
      definition: () => Promise.resolve(undefined),
    })
    const direct = app.direct
    if (kind === 'routed') app.direct = undefined
    const listening = await listen(app, { host: '127.0.0.1', port: 0 })
    open.push(listening)
    metrics.close()
    return { port: listening.port, metrics, isDirect: direct !== undefined }
  }
  const [direct, routed] = [await serve('direct'), await serve('routed')]
  return { direct, routed, asked, stopped, sinks }
}

/** All bytes of an answer, but for the date and a request id that nobody gave. */
async function bytesOf(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(request)
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  await once(socket, 'close')
  return Buffer.concat(pieces)
    .toString('latin1')
    .replace(/^Date: .*$/m, 'Date: -')
    .replace(/^x-request-id: [0-9a-f]{8}-.*$/m, 'x-request-id: -')
}

function requestOf(path: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ host: 'localhost', connection: 'close', ...headers })
  return `GET ${path} HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`
}

const etag = answerText(answerHeadText(head), results.map(resultText)).etag

describe('a lookup that is answered on the connection', () => {
  it.each<[string, string, Record<string, string>]>([
    ['an answer', '/v1/lookup?q=tool:x&limit=3', {}],
    ['one with a request id', '/v1/lookup?q=tool:x', { 'x-request-id': 'abc-1' }],
    ['one with a request id that is none', '/v1/lookup?q=tool:x', { 'x-request-id': 'a b<' }],
    ['what the caller has already', '/v1/lookup?q=tool:x', { 'if-none-match': etag }],
    ['another tag', '/v1/lookup?q=tool:x', { 'if-none-match': 'W/"other"' }],
    ['everything', '/v1/lookup?', {}],
    ['nothing asked', '/v1/lookup', {}],
    ['fields', '/v1/lookup?q=tool:x&fields=server', {}],
    ['a lookup that takes longer', '/v1/lookup?q=tool:x&explain=true', {}],
    ['a bad parameter', '/v1/lookup?q=tool:x&limit=0', {}],
    ['a parameter given twice', '/v1/lookup?q=tool:x&q=tool:y', {}],
    ['an unknown parameter', '/v1/lookup?nope=1', {}],
    ['a bad query', '/v1/lookup?q=(((', {}],
    ['odd escapes', '/v1/lookup?q=tool%3Ax+%zz', {}],
    ['another host', '/v1/lookup?q=tool:x', { host: 'evil.example' }],
    ['a page of elsewhere', '/v1/lookup?q=tool:x', { origin: 'http://evil.example' }],
    ['another path', '/v1/lookups', {}],
    ['a watch', '/v1/watch?q=tool:x', {}],
    ['a watch of everything', '/v1/watch', {}],
    ['a watch that goes on', '/v1/watch?q=tool:x', { 'last-event-id': 'run-7' }],
    ['a watch with a request id', '/v1/watch?q=tool:x', { 'x-request-id': 'abc-1' }],
    ['a watch that goes on from nowhere', '/v1/watch?q=tool:x', { 'last-event-id': '?' }],
    ['a watch with a bad parameter', '/v1/watch?scope=moon', {}],
    ['a watch too many', '/v1/watch?q=busy', {}],
    ['a watch of another host', '/v1/watch?q=tool:x', { host: 'evil.example' }],
    ['nearly a watch', '/v1/watches?q=tool:x', {}],
  ])('has the same bytes as one of the routes: %s', async (_, path, headers) => {
    const { direct, routed } = await start()
    expect(direct.isDirect).toBe(true)
    const request = requestOf(path, headers)
    const answer = await bytesOf(direct.port, request)
    expect(answer).toBe(await bytesOf(routed.port, request))
    expect(answer).toMatch(/^HTTP\/1\.1 \d{3} /)
  })

  it.each([
    ['nobody is named', {}, 401],
    ['the token is unknown', { authorization: 'Bearer mrd_nope' }, 401],
    ['the token may', { authorization: 'Bearer TOKEN' }, 200],
  ])('lets in whom the routes let in: %s', async (_, headers, status) => {
    const guard = { tokens, needOf: () => 'lookup' as const, openOnLoopback: 'nothing' as const }
    const { direct, routed } = await start({ guard })
    const given = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace('TOKEN', token)]),
    )
    const request = requestOf('/v1/lookup?q=tool:x', given)
    const answer = await bytesOf(direct.port, request)
    expect(answer).toBe(await bytesOf(routed.port, request))
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })

  it('counts a caller once, whether it answers or leaves that to the routes', async () => {
    const rates = { reads: { perSecond: 0.001, burst: 3 }, writes: { perSecond: 1, burst: 1 } }
    const guard = {
      needOf: () => 'lookup' as const,
      openOnLoopback: 'everything' as const,
      rates,
      now: () => 0,
    }
    const { direct } = await start({ guard })
    const statuses: string[] = []
    for (const search of ['q=tool:x', 'q=tool:x&explain=true', 'limit=0', 'q=tool:x']) {
      const answer = await bytesOf(direct.port, requestOf(`/v1/lookup?${search}`))
      statuses.push(answer.slice(9, 12))
    }
    expect(statuses).toEqual(['200', '200', '400', '429'])
  })

  it('is counted in the same metrics', async () => {
    const { direct, routed } = await start()
    const counts = async ({ port, metrics }: typeof direct) => {
      await bytesOf(port, requestOf('/v1/lookup?q=tool:x'))
      await bytesOf(port, requestOf('/v1/lookup?q=tool:x', { 'if-none-match': etag }))
      await bytesOf(port, requestOf('/v1/lookup?limit=0'))
      const lines = (await metrics.text()).split('\n')
      return lines
        .filter((line) => /^meridian_request(s_total|_duration_seconds_count)\{/.test(line))
        .toSorted()
    }
    const counted = await counts(direct)
    expect(counted).toHaveLength(4)
    expect(counted).toEqual(await counts(routed))
  })

  it.each(['direct', 'routed'] as const)(
    'stops following for a watcher who went away: %s',
    async (kind) => {
      const servers = await start()
      const { port } = servers[kind]
      const gone = connect(port, '127.0.0.1')
      gone.write(requestOf('/v1/watch?q=quiet'))
      await once(gone, 'data')
      gone.destroy()
      await vi.waitFor(() => {
        expect(servers.stopped).toEqual([kind])
      }, patience)
    },
  )

  it('tells a watcher nothing more who does not read', async () => {
    const { direct, sinks } = await start()
    const idle = connect(direct.port, '127.0.0.1')
    idle.pause()
    idle.write(requestOf('/v1/watch?q=quiet'))
    await vi.waitFor(() => {
      expect(sinks).toHaveLength(1)
    }, patience)
    const event = Buffer.alloc(64 * 1024, 'x')
    let taken = 0
    // The kernel takes some megabytes, this program a quarter of one.
    await vi.waitFor(() => {
      while (sinks[0]?.send(event) === true) taken += 1
      expect(sinks[0]?.send(event)).toBe(false)
    }, patience)
    expect(taken).toBeGreaterThan(3)
    idle.destroy()
  })

  it('leaves a request with a body to the routes', async () => {
    const { direct, asked } = await start()
    const request = requestOf('/v1/lookup?q=tool:x', { 'content-length': '2' })
    expect(await bytesOf(direct.port, `${request}{}`)).toMatch(/^HTTP\/1\.1 200 /)
    expect(asked.direct).toBe(1)
  })

  it('goes on with the next request of the same connection', async () => {
    const { direct } = await start()
    const one = requestOf('/v1/lookup?q=tool:x', { connection: 'keep-alive' })
    const answers = await bytesOf(
      direct.port,
      one +
        requestOf('/v1/lookup?q=tool:x&explain=true', { connection: 'keep-alive' }) +
        one +
        requestOf('/v1/lookup?q=a:'),
    )
    expect(answers.match(/HTTP\/1\.1 \d{3}/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 200',
      'HTTP/1.1 200',
      'HTTP/1.1 400',
    ])
  })
})
