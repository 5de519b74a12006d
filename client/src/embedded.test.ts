import { agentOwnerId, identifyDefinition, type FeedLine } from '@meridian/shared'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createEmbeddedClient, type EmbeddedClient, type EmbeddedOptions } from './embedded.ts'

const locality = { region: 'eu', zone: 'a', node: 'n1' }
const owner = agentOwnerId({ ...locality, node: 'n2' })
const { id: definition, definition: flights } = identifyDefinition({
  name: 'io.acme/flights',
  version: '1.0.0',
  capabilities: { tools: [{ name: 'search_flights' }] },
})
const canonical = JSON.stringify(flights)
const fresh: FeedLine = {
  kind: 'scopes',
  scopes: [{ scope: 'zone', name: 'eu/a', state: 'fresh' }],
}

function put(id: string, inFlight = 0, status: 'passing' | 'critical' = 'passing'): FeedLine {
  return {
    kind: 'put',
    owner,
    spec: {
      id,
      definition,
      endpoint: { transport: 'streamable-http', url: `http://${id}/mcp` },
      metadata: {},
      capacity: 10,
    },
    state: { id, status, weight: 100, draining: false },
    load: { inFlight, latencyMs: 1 },
    liveness: 'alive',
  }
}

const snapshot: FeedLine[] = [
  { kind: 'begin', locality },
  { kind: 'definition', id: definition, canonical },
  put('f-1'),
  fresh,
  { kind: 'ready', index: 'run-1' },
]
const answer = {
  query: 'tool:x',
  outcome: 'none',
  complete: true,
  degraded: false,
  answeredBy: 'regional',
  scopes: [],
  results: [],
}

const open: EmbeddedClient[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()))
})

/** An agent made of feeds that the test writes, and one answer to lookups. */
function start(options: Partial<EmbeddedOptions> = {}) {
  const feeds: ReadableStreamDefaultController<Uint8Array>[] = []
  const asked: string[] = []
  const fetchOne: typeof fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    asked.push(url.pathname + url.search)
    if (url.pathname !== '/v1/feed') return Promise.resolve(Response.json(answer))
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        feeds.push(controller)
        init?.signal?.addEventListener('abort', () => {
          controller.error(new Error('aborted'))
        })
      },
    })
    return Promise.resolve(new Response(body))
  }
  const client = createEmbeddedClient({
    url: 'http://127.0.0.1:1',
    fetch: fetchOne,
    ...options,
  })
  open.push(client)
  const tell = (...lines: readonly object[]) => {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    feeds.at(-1)?.enqueue(new TextEncoder().encode(text))
  }
  return { client, tell, asked, feeds }
}

/** What was told is taken in by then. */
async function until(is: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !is(); turn += 1) {
    await delay(1)
  }
  expect(is()).toBe(true)
}

const instancesOf = ({ lookupHere }: EmbeddedClient, query = 'tool:search_flights') =>
  lookupHere(query, { scope: 'zone' })?.results.map(({ instance }) => instance)

describe('an embedded client', () => {
  it('asks the agent until it has read the feed, and then nobody', async () => {
    const { client, tell, asked } = start()
    expect(client.lookupHere('tool:search_flights')).toBeUndefined()
    expect(await client.lookup('tool:x')).toEqual(answer)
    await until(() => asked.includes('/v1/feed'))
    tell(...snapshot)
    await client.ready()
    const before = asked.length
    expect(await client.lookup('tool:search_flights')).toEqual({
      query: 'tool:search_flights',
      outcome: 'found',
      complete: true,
      degraded: false,
      answeredBy: 'agent',
      scopes: [{ scope: 'zone', name: 'eu/a', state: 'fresh' }],
      results: [
        {
          server: 'io.acme/flights',
          version: '1.0.0',
          instance: 'f-1',
          endpoint: { transport: 'streamable-http', url: 'http://f-1/mcp' },
          locality: 'eu/a/n2',
          ring: 1,
          status: 'passing',
          draining: false,
          metadata: {},
          definition,
        },
      ],
    })
    expect(asked).toHaveLength(before)
    expect(client.state).toMatchObject({ state: 'following', instances: 1 })
  })

  it('follows every change', async () => {
    const { client, tell } = start()
    tell(...snapshot)
    await client.ready()
    tell(put('f-2'), { kind: 'novelty' }, { kind: 'ready', index: 'run-2' })
    await until(() => instancesOf(client)?.length === 2)
    tell({ kind: 'remove', owner, id: 'f-1' }, put('f-3', 0, 'critical'))
    await until(() => instancesOf(client)?.length === 1)
    expect(instancesOf(client)).toEqual(['f-2'])
    tell({ kind: 'remove', owner, id: 'f-2' }, { kind: 'remove', owner, id: 'f-3' })
    await until(() => instancesOf(client)?.length === 0)
    expect(client.lookupHere('tool:search_flights', { scope: 'zone' })?.outcome).toBe('none')
  })

  it('keeps a definition that nothing names just now until it is taken back', async () => {
    const { client, tell } = start()
    tell(...snapshot)
    await client.ready()
    tell({ kind: 'remove', owner, id: 'f-1' }, put('f-2'), { kind: 'ready', index: 'run-3' })
    await until(() => instancesOf(client)?.[0] === 'f-2')
    tell(
      { kind: 'remove', owner, id: 'f-2' },
      { kind: 'forget', id: definition },
      { kind: 'definition', id: definition, canonical },
      put('f-3'),
      { kind: 'ready', index: 'run-5' },
    )
    await until(() => instancesOf(client)?.[0] === 'f-3')
    expect(client.state.state).toBe('following')
  })

  it.each<[string, string, object]>([
    ['nothing here', 'tool:nowhere', {}],
    ['too little here', 'tool:search_flights', { min: 2 }],
    ['another place', 'tool:search_flights', { near: 'us/b/n1' }],
    ['an explanation', 'tool:search_flights', { explain: true }],
    ['always the same one', 'tool:search_flights', { affinity: 'x' }],
    ['alternatives', 'tool:search_flights | tool:x', {}],
    ['a limit that is none', 'tool:search_flights', { limit: 0 }],
    ['a long poll', 'tool:search_flights', { index: 'run-1' }],
    ['nothing from a cache', 'tool:search_flights', { maxAgeMs: 0 }],
  ])('asks the agent for %s', async (_, query, options) => {
    const { client, tell, asked } = start()
    tell(...snapshot)
    await client.ready()
    expect(client.lookupHere(query, options)).toBeUndefined()
    const before = asked.length
    expect(await client.lookup(query, options)).toEqual(answer)
    expect(asked).toHaveLength(before + 1)
  })

  it('asks the agent where the zone has too much to do', async () => {
    const { client, tell } = start()
    tell(...snapshot)
    await client.ready()
    tell(put('f-1', 9), { kind: 'ready', index: 'run-2' })
    await until(() => client.lookupHere('tool:search_flights') === undefined)
    expect(await client.lookup('tool:search_flights')).toEqual(answer)
  })

  it('says what the agent says of its trust', async () => {
    const { client, tell } = start()
    tell(...snapshot)
    await client.ready()
    client.lookupHere('tool:search_flights')
    const scopes = [{ scope: 'zone', name: 'eu/a', state: 'stale', ageMs: 100, degraded: true }]
    tell({ kind: 'scopes', scopes }, { kind: 'ready', index: 'run-2' })
    await until(() => client.lookupHere('tool:search_flights')?.complete === false)
    expect(client.lookupHere('tool:search_flights')).toMatchObject({ scopes, degraded: true })
  })

  it('goes on where a lost connection ended, and answers meanwhile', async () => {
    const lost: string[] = []
    const { client, tell, asked, feeds } = start({ onLost: ({ code }) => lost.push(code) })
    tell(...snapshot)
    await client.ready()
    feeds[0]?.error(new Error('cut'))
    await until(() => feeds.length === 2)
    expect(asked.at(-1)).toBe('/v1/feed?index=run-1')
    expect(lost).toEqual(['endpoint_unreachable'])
    expect(instancesOf(client)).toEqual(['f-1'])
    tell(put('f-2'), { kind: 'ready', index: 'run-2' })
    await until(() => instancesOf(client)?.length === 2)
  })

  it('forgets what it held when the agent begins anew', async () => {
    const { client, tell } = start()
    tell(...snapshot)
    await client.ready()
    tell(...snapshot.slice(0, 2), put('f-9'))
    await until(() => client.state.state === 'behind')
    expect(client.lookupHere('tool:search_flights')).toBeUndefined()
    tell(fresh, { kind: 'ready', index: 'other-1' })
    await client.ready()
    expect(instancesOf(client)).toEqual(['f-9'])
  })

  it('holds no more than it may, and asks the agent instead', async () => {
    const { client, tell } = start({ instancesMax: 1 })
    tell(...snapshot.slice(0, 3), put('f-2'), fresh, { kind: 'ready', index: 'run-1' })
    await expect(client.ready()).rejects.toMatchObject({ code: 'payload_too_large' })
    expect(client.state).toMatchObject({ state: 'behind' })
    expect(await client.lookup('tool:search_flights')).toEqual(answer)
  })

  it('gives results that nobody can change for the others', async () => {
    const { client, tell } = start()
    tell(...snapshot)
    await client.ready()
    const [first] = client.lookupHere('tool:search_flights')?.results ?? []
    expect(() => {
      if (first) first.metadata['mine'] = 'yes'
    }).toThrow(TypeError)
  })

  it('asks the agent once it is closed', async () => {
    const { client, tell } = start()
    tell(...snapshot)
    await client.ready()
    await client.close()
    await client.close()
    expect(await client.lookup('tool:search_flights')).toEqual(answer)
    expect(client.state.state).toBe('behind')
  })

  it('refuses a query that is none, as the agent does', async () => {
    const { client, tell } = start()
    tell(...snapshot)
    await client.ready()
    expect(() => client.lookupHere('(((')).toThrow(/expected|query/i)
    await expect(client.lookup('(((')).rejects.toMatchObject({ code: 'invalid_query' })
  })
})
