import {
  candidatesFrom,
  DefinitionFinder,
  lookupReplySchema,
  LookupPlans,
  MeridianError,
  RemoteAnswers,
  serveRpc,
  subjects,
  type AnsweredBy,
  type Freshness,
  type LookupAnswer,
  type LookupReply,
  type LookupRequest,
  type LookupResult,
  type Tier,
  type Transport,
} from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { ManualClock } from '@meridian/shared/manual-clock'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import { tierRoles } from '../tier.ts'
import { createAskers } from './askers.ts'
import { etagOf } from './etag.ts'
import { createRegistryLookup } from './lookup.ts'

const from = { region: 'eu', zone: 'a', node: 'n1' }
const request: LookupRequest = { q: 'tool:x', limit: 10, from, deadlineMs: 1_000, final: false }
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

function resultOf(instance: string, locality = 'eu/a/n1'): LookupResult {
  return {
    server: 'io.acme/x',
    version: '1.0.0',
    instance,
    endpoint: { transport: 'streamable-http', url: 'http://x' },
    locality,
    ring: 1,
    status: 'passing',
    draining: false,
    metadata: {},
    definition: 'a'.repeat(64),
  }
}

function answerOf(
  answeredBy: AnsweredBy,
  results: LookupResult[],
  scopes: LookupAnswer['scopes'] = [],
): LookupAnswer {
  const outcome = results.length > 0 ? 'found' : 'none'
  return { query: 'tool:x', outcome, complete: true, degraded: false, answeredBy, scopes, results }
}

/** A registry of a tier with what it holds; everything beyond it is a puppet. */
function createRig(
  tier: Tier,
  holds: {
    readonly results?: LookupResult[]
    readonly regions?: string[]
    readonly staleZones?: string[]
  } = {},
) {
  const clock = new ManualClock()
  const network = createInProcessNetwork({ clock, random: () => 0.5, defer: queueMicrotask })
  const others = network.connect('others')
  const asked: { readonly subject: string; readonly value: unknown }[] = []
  let freshness: Freshness = { state: 'fresh' }
  const unused = () => {
    throw new Error('not for lookups')
  }
  const catalog: TierCatalog = {
    apply: unused,
    definitionsArrived: unused,
    heldBack: 0,
    candidates: (_, options) => ({
      candidates: candidatesFrom({ results: holds.results ?? [] }, options.from),
      panic: false,
    }),
    regionsWith: () => holds.regions ?? [],
    head: unused,
    placed: unused,
    tallies: unused,
    server: unused,
    definitionsOf: unused,
    nearest: unused,
    finder: new DefinitionFinder(unused),
    regions: unused,
    staleZones: () => holds.staleZones ?? [],
  }
  const lookup = createRegistryLookup({
    role: tierRoles[tier],
    answersAs: tier,
    place: { region: 'eu', zone: 'a', replica: 'r1' },
    catalog,
    freshness: () => freshness,
    liveness: { stateOf: () => 'fresh', statusOf: () => undefined },
    askers: createAskers({
      transport: network.connect('registry'),
      clock,
      random: () => 0.5,
    }),
    remote: new RemoteAnswers(clock),
    plans: new LookupPlans(),
    clock,
  })
  const serve = (subject: string, handle: (value: unknown) => unknown, at: Transport = others) => {
    const options = { request: z.unknown(), queue: 'q', log: quiet }
    return serveRpc(at, subject, options, async (value) => {
      asked.push({ subject, value })
      return await handle(value)
    })
  }
  return {
    clock,
    asked,
    serve,
    setFreshness: (next: Freshness) => {
      freshness = next
    },
    async ask(what: Partial<LookupRequest> = {}, advanceMs = 5_000): Promise<LookupReply> {
      const answer = lookup({ ...request, ...what })
      const ended = Promise.allSettled([answer])
      await clock.advance(advanceMs)
      await ended
      // What leaves must be what others can read.
      return lookupReplySchema.parse(await answer)
    },
  }
}

const regional = subjects.rpcRegional('eu', 'lookup')
const refer = subjects.rpcGlobal('refer')
const at = (region: string) => subjects.rpcRegional(region, 'lookup')

describe('a zone’s lookup', () => {
  it('answers from what it holds, and asks nobody', async () => {
    const { ask, asked, serve } = createRig('local', { results: [resultOf('i1')] })
    serve(regional, () => answerOf('regional', []))
    expect(await ask()).toMatchObject({
      outcome: 'found',
      complete: true,
      answeredBy: 'local',
      scopes: [{ scope: 'zone', name: 'eu/a', state: 'fresh' }],
      results: [{ instance: 'i1' }],
    })
    expect(asked).toEqual([])
  })

  it('passes on what its region answers, and what is left of the deadline', async () => {
    const { ask, asked, serve } = createRig('local')
    serve(regional, () => answerOf('regional', [resultOf('i2', 'eu/b/n1')]))
    const answer = await ask()
    expect(answer).toMatchObject({ answeredBy: 'regional', results: [{ instance: 'i2' }] })
    expect(asked).toHaveLength(1)
    const { value } = asked[0] ?? {}
    expect(value).toMatchObject({ q: 'tool:x', final: false, from })
    expect((value as LookupRequest).deadlineMs).toBeLessThan(request.deadlineMs)
  })

  it('asks its region first on behalf of somebody in another zone', async () => {
    const { ask, serve } = createRig('local', { results: [resultOf('i1')] })
    serve(regional, () => answerOf('regional', [resultOf('i2', 'eu/b/n1')]))
    const answer = await ask({ from: { region: 'eu', zone: 'b', node: 'n1' } })
    expect(answer.results).toMatchObject([{ instance: 'i2' }])
  })

  it('answers what it can, and says what it could not ask', async () => {
    const none = createRig('local')
    expect(await none.ask()).toMatchObject({
      outcome: 'unknown',
      complete: false,
      answeredBy: 'local',
      scopes: [
        { scope: 'zone', state: 'fresh' },
        { scope: 'region', name: 'eu', state: 'unreachable' },
      ],
    })
    const some = createRig('local', { results: [resultOf('i1')] })
    expect(await some.ask({ from: { ...from, zone: 'b' } })).toMatchObject({
      outcome: 'found',
      complete: false,
      results: [{ instance: 'i1' }],
    })
  })

  it('takes an answer that makes no sense for none', async () => {
    const { ask, serve } = createRig('local')
    serve(regional, () => ({ nothing: 'of the kind' }))
    expect(await ask()).toMatchObject({
      outcome: 'unknown',
      scopes: [{}, { state: 'unreachable', reason: 'its answer makes no sense here' }],
    })
  })

  it('passes on that the query is at fault', async () => {
    const { ask, serve } = createRig('local')
    serve(regional, () => {
      throw new MeridianError('invalid_query', 'the wildcard stands for too much')
    })
    await expect(ask()).rejects.toMatchObject({ code: 'invalid_query' })
  })

  it('never passes a final request on', async () => {
    const { ask, asked, serve } = createRig('local')
    serve(regional, () => answerOf('regional', []))
    expect(await ask({ final: true })).toMatchObject({ outcome: 'none', answeredBy: 'local' })
    expect(asked).toEqual([])
  })

  it('marks what it heard last, when it is cut off', async () => {
    const { ask, setFreshness } = createRig('local', { results: [resultOf('i1')] })
    setFreshness({ state: 'stale', ageMs: 4_000 })
    expect(await ask()).toMatchObject({
      outcome: 'found',
      complete: false,
      scopes: [{ scope: 'zone', name: 'eu/a', state: 'stale', ageMs: 4_000 }],
    })
  })

  it('refuses a query that cannot be read', async () => {
    const { ask } = createRig('local')
    await expect(ask({ q: 'tool:' })).rejects.toMatchObject({ code: 'invalid_query' })
  })
})

describe('a region’s lookup', () => {
  it('asks each region that the world names once, finally, and mixes their answers', async () => {
    const { ask, asked, serve } = createRig('regional')
    serve(refer, () => ({ regions: ['ap', 'eu', 'us'] }))
    serve(at('ap'), () =>
      answerOf('regional', [resultOf('a1', 'ap/a/n1'), resultOf('a2', 'ap/a/n1')]),
    )
    serve(at('us'), () => answerOf('regional', [resultOf('u1', 'us/a/n1')]))
    serve(at('eu'), () => answerOf('regional', [resultOf('e1')]))
    const answer = await ask()
    expect(answer.results.map(({ instance }) => instance)).toEqual(['a1', 'u1', 'a2'])
    expect(answer).toMatchObject({ outcome: 'found', complete: true, answeredBy: 'global' })
    expect(answer.scopes.map(({ scope, name, state }) => `${scope} ${name} ${state}`)).toEqual([
      'region eu fresh',
      'region ap fresh',
      'region us fresh',
      'world * fresh',
    ])
    const lookups = asked.filter(({ subject }) => subject !== refer)
    expect(lookups.map(({ subject }) => subject).sort()).toEqual([at('ap'), at('us')])
    expect(lookups.every(({ value }) => (value as LookupRequest).final)).toBe(true)
  })

  it('gives no more than was asked for', async () => {
    const { ask, serve } = createRig('regional')
    serve(refer, () => ({ regions: ['ap'] }))
    serve(at('ap'), () =>
      answerOf(
        'regional',
        ['a1', 'a2', 'a3'].map((id) => resultOf(id)),
      ),
    )
    expect((await ask({ limit: 2 })).results).toHaveLength(2)
  })

  it('says that nobody has it when everybody who might could be asked', async () => {
    const { ask, serve } = createRig('regional')
    serve(refer, () => ({ regions: [] }))
    expect(await ask()).toMatchObject({ outcome: 'none', complete: true, results: [] })
  })

  it('does not know whether somebody has it in a zone that the world reads no more', async () => {
    const { ask, serve } = createRig('regional')
    serve(refer, () => ({ regions: [], staleZones: ['us/b'] }))
    const answer = await ask()
    expect(answer).toMatchObject({ outcome: 'unknown', complete: false })
    expect(answer.scopes).toContainEqual(
      expect.objectContaining({ scope: 'zone', name: 'us/b', state: 'stale' }),
    )
  })

  it('says that it does not know when the world cannot be asked', async () => {
    const { ask } = createRig('regional')
    expect(await ask()).toMatchObject({
      outcome: 'unknown',
      complete: false,
      scopes: [{ name: 'eu' }, { scope: 'world', name: '*', state: 'unreachable' }],
    })
  })

  it('marks a region that does not answer in time, and shows what the others have', async () => {
    const { ask, serve } = createRig('regional')
    serve(refer, () => ({ regions: ['ap', 'us'] }))
    serve(at('ap'), () => Promise.withResolvers<unknown>().promise)
    serve(at('us'), () => answerOf('regional', [resultOf('u1')]))
    const answer = await ask()
    expect(answer).toMatchObject({ outcome: 'found', complete: false })
    expect(answer.scopes).toContainEqual({
      scope: 'region',
      name: 'ap',
      state: 'unreachable',
      reason: 'no answer within the deadline',
    })
  })

  it('names a region that is late, and has what it answered for whoever asks next', async () => {
    const { ask, asked, serve, clock } = createRig('regional')
    serve(refer, () => ({ regions: ['us'] }))
    serve(at('us'), async () => {
      await new Promise<void>((resolve) => {
        clock.after(1_500, resolve)
      })
      return answerOf('regional', [resultOf('u1')])
    })
    const first = await ask({}, 1_000)
    expect(first).toMatchObject({ outcome: 'unknown', complete: false, results: [] })
    expect(first.scopes).toContainEqual({
      scope: 'region',
      name: 'us',
      state: 'unreachable',
      reason: 'no answer within the deadline',
    })
    await clock.advance(600)
    const before = asked.filter(({ subject }) => subject === at('us')).length
    expect(await ask({}, 100)).toMatchObject({
      outcome: 'found',
      complete: true,
      results: [{ instance: 'u1' }],
    })
    expect(asked.filter(({ subject }) => subject === at('us'))).toHaveLength(before)
  })

  it('says of an answer that is kept, and was no longer good when it came, that it is stale', async () => {
    const { ask, asked, serve } = createRig('local')
    const scopes = [{ scope: 'region', name: 'us', state: 'stale', ageMs: 9 }] as const
    serve(at('eu'), () => ({
      ...answerOf('global', [resultOf('u1')], [...scopes]),
      complete: false,
      cache: 'stale',
      ageMs: 9,
    }))
    expect(await ask({}, 100)).toMatchObject({ cache: 'stale' })
    expect(await ask({}, 100)).toMatchObject({ cache: 'stale' })
    expect(asked).toHaveLength(1)
  })

  it('marks a region that says of itself that it is stale', async () => {
    const { ask, serve } = createRig('regional')
    serve(refer, () => ({ regions: ['us'] }))
    const scope = { scope: 'region', name: 'us', state: 'stale', ageMs: 9 } as const
    serve(at('us'), () => answerOf('regional', [], [scope]))
    const answer = await ask()
    expect(answer).toMatchObject({ outcome: 'unknown', complete: false })
    expect(answer.scopes).toContainEqual(scope)
  })

  it('never passes a final request on', async () => {
    const { ask, asked, serve } = createRig('regional')
    serve(refer, () => ({ regions: ['us'] }))
    expect(await ask({ final: true })).toMatchObject({ outcome: 'none', answeredBy: 'regional' })
    expect(asked).toEqual([])
  })

  it('asks a bounded number of regions, and says which it left out', async () => {
    const { ask, asked, serve } = createRig('regional')
    const regions = Array.from({ length: 70 }, (_, n) => `r${n}`)
    serve(refer, () => ({ regions }))
    for (const region of regions) serve(at(region), () => answerOf('regional', []))
    const answer = await ask()
    expect(asked).toHaveLength(65)
    expect(answer).toMatchObject({ outcome: 'unknown', complete: false })
    expect(answer.scopes.filter(({ state }) => state === 'unreachable')).toHaveLength(6)
  })
})

describe('the name of results', () => {
  it('is another when anything that is told of them is', () => {
    const result = resultOf('i1')
    const nameOf = (what: Partial<LookupResult>) => etagOf([{ ...result, ...what }], [], [])
    const names = [
      {},
      { metadata: { env: 'prod' } },
      { metadata: { env: 'test' } },
      { draining: true },
      { status: 'warning' as const },
    ].map(nameOf)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('the world’s lookup', () => {
  it('does not know whether a zone that nobody reads has it', async () => {
    const { ask, serve } = createRig('global', { regions: ['us'], staleZones: ['ap/a', 'us/b'] })
    serve(at('us'), () => answerOf('regional', []))
    const answer = await ask()
    expect(answer).toMatchObject({ outcome: 'unknown', complete: false })
    // Of the region that has answered itself nothing is in doubt.
    expect(answer.scopes.filter(({ scope }) => scope === 'zone')).toEqual([
      {
        scope: 'zone',
        name: 'ap/a',
        state: 'stale',
        reason: 'no replica of its region reads it at present',
      },
    ])
  })

  it('asks the regions that its summaries name, and nobody else', async () => {
    const { ask, asked, serve } = createRig('global', { regions: ['us'] })
    serve(refer, () => ({ regions: ['ap'] }))
    serve(at('us'), () => answerOf('regional', [resultOf('u1')]))
    expect(await ask()).toMatchObject({ outcome: 'found', results: [{ instance: 'u1' }] })
    expect(asked.map(({ subject }) => subject)).toEqual([at('us')])
  })
})

describe('an asker that has the results already', () => {
  it('is told so, instead of being sent them again', async () => {
    const { ask } = createRig('local', { results: [resultOf('i1')] })
    const { etag } = await ask()
    expect(await ask({ etag })).toMatchObject({ unchanged: true, etag, results: [], factors: [] })
    expect(await ask({ etag: 'another' })).toMatchObject({ results: [{ instance: 'i1' }] })
  })

  it('is sent them again when they cannot be trusted as before', async () => {
    const { ask, setFreshness } = createRig('local', { results: [resultOf('i1')] })
    const { etag } = await ask()
    setFreshness({ state: 'stale', ageMs: 1 })
    const answer = await ask({ etag })
    expect(answer).toMatchObject({ complete: false, results: [{ instance: 'i1' }] })
    expect(answer.unchanged).toBeUndefined()
  })
})

describe('a region’s answer', () => {
  it('stands in, marked, when the region is cut off, and is asked for again each time', async () => {
    const { ask, serve } = createRig('regional')
    serve(refer, () => ({ regions: ['us'] }))
    const us = serve(at('us'), () => ({
      ...answerOf(
        'regional',
        [resultOf('i9', 'us/a/n1')],
        [{ scope: 'region', name: 'us', state: 'fresh' }],
      ),
      etag: 'e1',
    }))
    const { etag } = await ask()
    us.unsubscribe()
    for (let i = 0; i < 2; i += 1) {
      expect(await ask({ etag })).toMatchObject({
        outcome: 'found',
        complete: false,
        cache: 'stale',
        scopes: [
          { scope: 'region', name: 'eu', state: 'fresh' },
          { scope: 'region', name: 'us', state: 'stale' },
          { scope: 'world', name: '*' },
        ],
        results: [{ instance: 'i9' }],
      })
    }
    expect(await ask({ staleIfErrorMs: 0, maxAgeMs: 0 })).toMatchObject({
      outcome: 'unknown',
      results: [],
    })
  })
})
