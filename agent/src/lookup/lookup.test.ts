import {
  agentOwnerId,
  createCapabilityIndex,
  identifyDefinition,
  InstanceCatalog,
  MeridianError,
  serveRpc,
  subjects,
  TierAsker,
  type Freshness,
  type LookupAnswer,
  type LookupParams,
  type LookupRequest,
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
  const lookup = createAgentLookup({
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
    clock,
    random: () => 0.5,
  })
  return {
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
      serveRpc(network.connect('registry'), local, options, (request) => {
        asked.push(request as LookupRequest)
        return handle()
      })
    },
    put(id: string, node = 'n2') {
      catalog.put(
        agentOwnerId({ ...locality, node }),
        {
          id,
          definition: flights.id,
          endpoint: { transport: 'streamable-http', url: 'http://flights' },
          metadata: {},
          capacity: 1,
        },
        { id, status: 'passing', weight: 100, draining: false },
        flights.definition,
      )
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
  outcome: 'found',
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
    expect(await ask()).toEqual(elsewhere)
    expect(asked).toMatchObject([
      { q: 'tool:search_flights', limit: 10, from: locality, deadlineMs: 1_000, final: false },
    ])
  })

  it('asks at once on behalf of somebody who is elsewhere', async () => {
    const { ask, asked, put, serve } = createRig()
    serve(() => elsewhere)
    put('flights-1')
    const near = { region: 'us', zone: 'a', node: 'n1' }
    expect(await ask({ near })).toEqual(elsewhere)
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
    expect(await ask()).toEqual(elsewhere)
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
