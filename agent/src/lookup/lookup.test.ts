import {
  agentOwnerId,
  createCapabilityIndex,
  identifyDefinition,
  InstanceCatalog,
  LookupPlans,
  MeridianError,
  Outliers,
  RemoteAnswers,
  serveRpc,
  subjects,
  TierAsker,
  type Freshness,
  type InstanceStatus,
  type LookupAnswer,
  type LookupParams,
  type LookupRequest,
  type LookupResult,
  type ZoneState,
} from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { ManualClock } from '@meridian/shared/manual-clock'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createAgentLookup } from './lookup.ts'

const locality = { region: 'eu', zone: 'a', node: 'n1' }
const local = subjects.rpcLocal(locality, 'lookup')
const flights = identifyDefinition({
  name: 'io.acme/flights',
  version: '1.0.0',
  capabilities: { tools: [{ name: 'search_flights' }] },
})
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

function createRig() {
  const clock = new ManualClock()
  const network = createInProcessNetwork({ clock, random: () => 0.5, defer: queueMicrotask })
  const asked: LookupRequest[] = []
  let freshness: Freshness = { state: 'fresh' }
  let zoneState: ZoneState = 'fresh'
  const catalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: () => undefined,
    definition: () => undefined,
    onUnreadable: () => undefined,
  })
  const outliers = new Outliers()
  const { lookup, lookupText } = createAgentLookup({
    locality,
    catalog,
    freshness: () => freshness,
    liveness: { stateOf: () => zoneState, statusOf: () => undefined },
    asker: new TierAsker({
      transport: network.connect('agent'),
      clock,
      random: () => 0.5,
      subject: (method, replica) => subjects.rpcLocal(locality, method, replica),
    }),
    outliers,
    remote: new RemoteAnswers(clock),
    plans: new LookupPlans(),
    clock,
    random: () => 0.5,
  })
  return {
    clock,
    outliers,
    asked,
    setZoneState: (next: ZoneState) => {
      zoneState = next
    },
    setFreshness: (next: Freshness) => {
      freshness = next
    },
    /** The zone's registry. */
    serve(handle: () => unknown) {
      const options = { request: z.unknown(), queue: 'q', log: quiet }
      return serveRpc(network.connect('registry'), local, options, (request) => {
        asked.push(request as LookupRequest)
        return handle()
      })
    },
    lookup,
    lookupText,
    setLoad(id: string, inFlight: number) {
      const owner = agentOwnerId({ ...locality, node: 'n2' })
      catalog.index.setLoad(owner, id, { inFlight, latencyMs: 10 })
    },
    put(id: string, node = 'n2', status: InstanceStatus = 'passing', of = flights) {
      catalog.put(
        agentOwnerId({ ...locality, node }),
        {
          id,
          definition: of.id,
          endpoint: { transport: 'streamable-http', url: 'http://flights' },
          metadata: {},
          capacity: 1,
        },
        { id, status, weight: 100, draining: false },
        of.definition,
      )
    },
    remove(id: string) {
      catalog.remove(agentOwnerId({ ...locality, node: 'n2' }), id)
    },
    async ask(params: Partial<LookupParams> = {}): Promise<LookupAnswer> {
      const answer = lookup({ q: 'tool:search_flights', limit: 10, deadline: 1_000, ...params })
      const ended = Promise.allSettled([answer])
      await clock.advance(2_000)
      await ended
      return await answer
    },
  }
}

const elsewhere: LookupAnswer = {
  query: 'tool:search_flights',
  outcome: 'none',
  complete: true,
  degraded: false,
  answeredBy: 'global',
  scopes: [{ scope: 'world', name: '*', state: 'fresh' }],
  results: [],
}

describe('an agent’s lookup', () => {
  it.each([
    { state: 'fresh', degraded: false },
    { state: 'preserved', degraded: true },
    { state: 'unknown', degraded: true },
  ] as const)('says where the zone’s liveness is $state', async ({ state, degraded }) => {
    const { ask, put, setZoneState } = createRig()
    setZoneState(state)
    put('flights-1')
    expect(await ask()).toMatchObject({ outcome: 'found', complete: true, degraded })
  })

  it('answers from the zone’s own index, and asks nobody', async () => {
    const { ask, asked, put, serve } = createRig()
    serve(() => elsewhere)
    put('flights-1', 'n1')
    put('flights-2')
    expect(await ask()).toEqual({
      query: 'tool:search_flights',
      outcome: 'found',
      complete: true,
      degraded: false,
      answeredBy: 'agent',
      scopes: [{ scope: 'zone', name: 'eu/a', state: 'fresh' }],
      results: [
        expect.objectContaining({ instance: 'flights-1', locality: 'eu/a/n1', ring: 0 }),
        expect.objectContaining({ instance: 'flights-2', server: 'io.acme/flights', ring: 1 }),
      ],
    })
    expect(asked).toEqual([])
  })

  it('answers so too when everything else is down, and marks it', async () => {
    const { ask, put, setFreshness } = createRig()
    put('flights-1')
    setFreshness({ state: 'stale', ageMs: 60_000 })
    expect(await ask()).toMatchObject({
      outcome: 'found',
      complete: false,
      scopes: [{ scope: 'zone', name: 'eu/a', state: 'stale', ageMs: 60_000 }],
      results: [{ instance: 'flights-1' }],
    })
  })

  it('asks its zone’s registry for what the zone does not have, and gives its answer', async () => {
    const { ask, asked, serve } = createRig()
    serve(() => elsewhere)
    expect(await ask()).toEqual({ ...elsewhere, cache: 'l2' })
    expect(asked).toMatchObject([
      { q: 'tool:search_flights', limit: 32, from: locality, deadlineMs: 1_000, final: false },
    ])
  })

  it('asks further where what its registry has of the zone is gone as far as is known here', async () => {
    const { ask, asked, serve } = createRig()
    const gone = { ...far, instance: 'gone', locality: 'eu/a/n2', ring: 1 as const }
    serve(() =>
      asked.length === 1 ? { ...elsewhere, outcome: 'found', results: [gone] } : farAnswer,
    )
    expect(await ask()).toMatchObject({ outcome: 'found', results: [{ instance: far.instance }] })
    expect(asked.map(({ min }) => min)).toEqual([1, 2])
  })

  it('denies nothing that came to the zone while its registry was asked', async () => {
    const { ask, asked, put, serve } = createRig()
    serve(() => {
      put('flights-1')
      const known = { ...far, instance: 'flights-1', locality: 'eu/a/n2', ring: 1 as const }
      return { ...elsewhere, outcome: 'found', results: [known] }
    })
    expect(await ask()).toMatchObject({ outcome: 'found', results: [{ instance: 'flights-1' }] })
    expect(asked).toHaveLength(1)
  })

  it('asks at once on behalf of somebody who is elsewhere', async () => {
    const { ask, asked, put, serve } = createRig()
    serve(() => elsewhere)
    put('flights-1')
    const near = { region: 'us', zone: 'a', node: 'n1' }
    expect(await ask({ near })).toEqual({ ...elsewhere, cache: 'l2' })
    expect(asked).toMatchObject([{ from: near }])
  })

  it.each([
    ['nobody answers', undefined, 'nobody answers for it: the link or the tier is down'],
    [
      'the answer takes too long',
      () => Promise.withResolvers<unknown>().promise,
      'no answer within the deadline',
    ],
    ['the answer makes no sense', () => ({ nonsense: true }), 'its answer makes no sense here'],
    [
      'the registry fails',
      () => {
        throw new Error('a fault')
      },
      'internal',
    ],
  ])('does not say that nobody has it when %s', async (_, handle, reason) => {
    const { ask, serve } = createRig()
    if (handle) serve(handle)
    expect(await ask()).toMatchObject({
      outcome: 'unknown',
      complete: false,
      answeredBy: 'agent',
      scopes: [
        { scope: 'zone', state: 'fresh' },
        { scope: 'region', name: 'eu', state: 'unreachable', reason },
      ],
      results: [],
    })
  })

  it('gives somebody elsewhere what the zone has when it cannot ask', async () => {
    const { ask, put } = createRig()
    put('flights-1')
    expect(await ask({ near: { region: 'us', zone: 'a', node: 'n1' } })).toMatchObject({
      outcome: 'found',
      complete: false,
      results: [{ instance: 'flights-1', ring: 3 }],
    })
  })

  it('passes over fields of a newer registry’s answer', async () => {
    const { ask, serve } = createRig()
    serve(() => ({ ...elsewhere, novelty: { of: 'tomorrow' } }))
    expect(await ask()).toEqual({ ...elsewhere, cache: 'l2' })
  })

  it('refuses a query that cannot be read, wherever that is noticed', async () => {
    const here = createRig()
    await expect(here.ask({ q: 'tool:' })).rejects.toMatchObject({ code: 'invalid_query' })
    const there = createRig()
    there.serve(() => {
      throw new MeridianError('invalid_query', 'the wildcard stands for too much')
    })
    await expect(there.ask()).rejects.toMatchObject({ code: 'invalid_query' })
  })
})

const far: LookupResult = {
  server: 'io.acme/flights',
  version: '1.0.0',
  instance: 'flights-9',
  endpoint: { transport: 'streamable-http', url: 'http://far' },
  locality: 'eu/b/n1',
  ring: 2,
  status: 'passing',
  draining: false,
  metadata: {},
  definition: flights.id,
}
const farAnswer = {
  ...elsewhere,
  outcome: 'found',
  answeredBy: 'regional',
  scopes: [{ scope: 'region', name: 'eu', state: 'fresh' }],
  results: [far],
  cache: 'l3',
} as const

describe('what the tiers above answered', () => {
  it('is asked for once by all who miss the same, and kept for a lease', async () => {
    const { lookup, asked, serve, clock } = createRig()
    serve(() => farAnswer)
    const params = { q: 'tool:search_flights', limit: 10, deadline: 1_000 }
    const answers = Promise.all([lookup(params), lookup(params), lookup({ ...params, limit: 5 })])
    await clock.advance(100)
    expect(await answers).toHaveLength(3)
    expect(asked).toHaveLength(1)
    const [kept] = await Promise.all([lookup(params), clock.advance(1)])
    expect(kept).toMatchObject({ cache: 'l1' })
    const [anew] = await Promise.all([lookup({ ...params, maxAgeMs: 0 }), clock.advance(100)])
    expect(anew).toMatchObject({ cache: 'l3' })
    expect(asked).toHaveLength(2)
  })

  it('is given, marked, when nobody can be asked any more, unless it is too old', async () => {
    const { lookup, serve, clock } = createRig()
    const served = serve(() => farAnswer)
    const params = { q: 'tool:search_flights', limit: 10, deadline: 1_000 }
    await Promise.all([lookup(params), clock.advance(100)])
    served.unsubscribe()
    await clock.advance(30_000)
    const [old] = await Promise.all([lookup(params), clock.advance(2_000)])
    expect(old).toMatchObject({
      outcome: 'found',
      complete: false,
      cache: 'stale',
      scopes: [
        { scope: 'zone', name: 'eu/a', state: 'fresh' },
        { scope: 'region', name: 'eu', state: 'stale' },
      ],
      results: [{ instance: 'flights-9' }],
    })
    expect(old.ageMs).toBeGreaterThanOrEqual(30_000)
    const strict = lookup({ ...params, staleIfErrorMs: 10_000 })
    const [none] = await Promise.all([strict, clock.advance(2_000)])
    expect(none).toMatchObject({ outcome: 'unknown', results: [] })
  })
})

describe('a draw', () => {
  it('goes to the next ring when the zone has too much to do, and says why', async () => {
    const { lookup, put, setLoad, serve, asked, clock } = createRig()
    serve(() => farAnswer)
    put('flights-1')
    setLoad('flights-1', 1)
    const params = { q: 'tool:search_flights', limit: 10, deadline: 1_000, explain: true }
    const [answer] = await Promise.all([lookup(params), clock.advance(1_000)])
    expect(answer.results.map(({ instance }) => instance)).toEqual(['flights-9', 'flights-1'])
    // More than the zone has: its registry would give it the same again.
    expect(asked).toMatchObject([{ min: 2 }])
    expect(answer).toMatchObject({
      complete: true,
      explanation: {
        candidates: 2,
        spills: [{ ring: 1, load: 1, share: 1, drawn: true, to: 'ring 2' }],
        results: [
          { instance: 'flights-9', factors: { health: 1 } },
          { instance: 'flights-1', factors: { pending: 1, capacity: 1 } },
        ],
      },
    })
  })

  it('stays in the zone, complete, where nobody else can be asked for relief', async () => {
    const { lookup, put, setLoad, clock } = createRig()
    put('flights-1')
    setLoad('flights-1', 1)
    const params = { q: 'tool:search_flights', limit: 10, deadline: 1_000 }
    const [answer] = await Promise.all([lookup(params), clock.advance(1_000)])
    expect(answer).toMatchObject({ complete: true, results: [{ instance: 'flights-1' }] })
  })

  it('puts last what callers report to fail', async () => {
    const { ask, put, outliers, clock } = createRig()
    for (const id of ['a', 'b', 'c']) put(id)
    for (let i = 0; i < 5; i += 1) outliers.report('eu/a/n2/b', { ok: false }, clock.now())
    for (let i = 0; i < 3; i += 1) {
      const { results } = await ask({ explain: true })
      expect(results.at(-1)?.instance).toBe('b')
    }
  })

  it('keeps a session where it is', async () => {
    const { ask, put } = createRig()
    for (let i = 0; i < 8; i += 1) put(`i${i}`)
    const first = async (affinity: string) => (await ask({ affinity })).results[0]?.instance
    const chosen = await first('session-1')
    for (let i = 0; i < 4; i += 1) expect(await first('session-1')).toBe(chosen)
    const others = await Promise.all(['b', 'c', 'd', 'e', 'f', 'g'].map(first))
    expect(new Set(others).size).toBeGreaterThan(1)
  })

  it('ignores health where most of it is gone at once', async () => {
    const { ask, put } = createRig()
    put('well')
    for (let i = 0; i < 4; i += 1) put(`ill-${i}`, 'n2', 'critical')
    const answer = await ask({ limit: 5 })
    expect(answer.results).toHaveLength(5)
    expect(answer.scopes[0]).toMatchObject({ scope: 'zone', panic: true })
  })

  it('returns none of those that have gone since, though panic goes on', async () => {
    const { lookup, put, remove } = createRig()
    put('well')
    for (let i = 0; i < 4; i += 1) put(`ill-${i}`, 'n2', 'critical')
    const params = { q: 'tool:search_flights', limit: 5, deadline: 1_000 }
    await lookup(params)
    remove('ill-0')
    const { results } = await lookup(params)
    expect(results.map(({ instance }) => instance)).not.toContain('ill-0')
    expect(results).toHaveLength(4)
  })

  it('believes the checks of a few', async () => {
    const { ask, put } = createRig()
    put('well')
    put('ill', 'n2', 'critical')
    put('worse', 'n2', 'critical')
    expect((await ask()).results.map(({ instance }) => instance)).toEqual(['well'])
  })

  it('leans towards the newer version of a server', async () => {
    const { lookup, put } = createRig()
    const newer = identifyDefinition({
      name: 'io.acme/flights',
      version: '1.10.0',
      capabilities: { tools: [{ name: 'search_flights' }] },
    })
    put('old')
    put('new', 'n2', 'passing', newer)
    const params = { q: 'tool:search_flights', limit: 10, deadline: 1_000, explain: true }
    const { explanation } = await lookup({ ...params, order: 'ranked' })
    expect(explanation?.results).toMatchObject([
      { instance: 'new', factors: { match: 1 } },
      { instance: 'old', factors: { match: 0.8 } },
    ])
  })
})

describe('an answer that is written at once', () => {
  const params = { q: 'tool:search_flights', limit: 10, deadline: 1_000 }

  it('says the same, and what changed since it was last written', async () => {
    const { lookup, lookupText, put } = createRig()
    put('flights-1')
    const written = lookupText(params)
    expect(JSON.parse(written?.body ?? '')).toEqual(await lookup(params))
    expect(lookupText(params)?.etag).toBe(written?.etag)
    put('flights-1', 'n2', 'warning')
    expect(JSON.parse(lookupText(params)?.body ?? '')).toEqual(await lookup(params))
    expect(lookupText(params)?.etag).not.toBe(written?.etag)
  })

  it('has one name, in whatever order it was drawn', () => {
    const { lookupText, put } = createRig()
    for (const id of ['a', 'b', 'c']) put(id)
    const ranked = lookupText({ ...params, order: 'ranked' })
    expect(lookupText(params)?.etag).toBe(ranked?.etag)
  })

  it('is left to others where more is wanted than the zone’s index draws', () => {
    const { lookupText, put, setLoad } = createRig()
    expect(lookupText(params)).toBeUndefined()
    put('flights-1')
    expect(lookupText({ ...params, explain: true })).toBeUndefined()
    expect(lookupText({ ...params, affinity: 'x' })).toBeUndefined()
    expect(lookupText({ ...params, min: 2 })).toBeUndefined()
    expect(lookupText({ ...params, scope: 'zone', min: 2 })).toBeDefined()
    setLoad('flights-1', 1)
    expect(lookupText(params)).toBeUndefined()
  })
})
