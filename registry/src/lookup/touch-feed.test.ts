import {
  agentOwnerId,
  AnswerCache,
  createCapabilityIndex,
  encodeMessage,
  identifyDefinition,
  InstanceCatalog,
  LookupPlans,
  subjects,
  type LookupReply,
} from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { ManualClock } from '@meridian/shared/manual-clock'
import { expect, it } from 'vitest'
import { followTouches, TouchFeed } from './touch-feed.ts'

const owner = agentOwnerId({ region: 'eu', zone: 'b', node: 'n1' })
const bread = identifyDefinition({
  name: 'io.acme/bread',
  version: '1.0.0',
  capabilities: { tools: [{ name: 'bread' }] },
})
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
const subject = subjects.rpcLocal({ region: 'eu', zone: 'a' }, 'touched')
const empty: LookupReply = {
  query: 'tool:bread',
  outcome: 'none',
  complete: true,
  degraded: false,
  answeredBy: 'regional',
  scopes: [],
  results: [],
}

function createRig() {
  const clock = new ManualClock()
  const network = createInProcessNetwork({ clock, random: () => 0.5, defer: queueMicrotask })
  const catalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: () => undefined,
    definition: (id) => (id === bread.id ? bread.definition : undefined),
    onUnreadable: () => undefined,
  })
  const touches = new TouchFeed({
    catalog,
    region: 'eu',
    source: 'eu/r1/run',
    transport: network.connect('regional'),
    clock,
  })
  const cache = new AnswerCache<LookupReply>()
  const log: { warned: number } = { warned: 0 }
  followTouches(subject, [cache], {
    transport: network.connect('local'),
    log: { ...quiet, warn: () => (log.warned += 1) },
  })
  const plans = new LookupPlans()
  return {
    clock,
    touches,
    cache,
    log,
    stranger: network.connect('stranger'),
    /** Keeps an answer of now. */
    keep(q: string) {
      const { source, position } = touches.feed
      cache.fill(
        cache.begin(q, plans.of(q).terms),
        { value: empty, bytes: 1, definitions: new Set(), kind: 'found', source, position },
        clock.now(),
      )
    },
    kept: (q: string) => cache.look(q, clock.now())?.kind,
    put(id: string) {
      const endpoint = { transport: 'streamable-http', url: 'http://bread' } as const
      catalog.put(
        owner,
        { id, definition: bread.id, endpoint, metadata: {}, capacity: 1 },
        { id, status: 'passing', weight: 100, draining: false },
        bread.definition,
      )
    },
  }
}

it('makes old, within 100 ms, what a change could matter to, and nothing else', async () => {
  const { touches, keep, kept, put, clock } = createRig()
  touches.asked('a')
  for (const q of ['tool:bread', 'tool:cheese', 'tool:br*']) keep(q)
  put('b1')
  await clock.advance(100)
  expect(kept('tool:bread')).toBe('old')
  expect(kept('tool:br*')).toBe('old')
  expect(kept('tool:cheese')).toBe('fresh')
  // What is asked for after the change reflects it.
  keep('tool:bread')
  await clock.advance(100)
  expect(kept('tool:bread')).toBe('fresh')
})

it('tells those zones only that asked lately', async () => {
  const { touches, keep, kept, put, clock } = createRig()
  touches.asked('b')
  touches.asked('-')
  keep('tool:bread')
  put('b1')
  await clock.advance(100)
  expect(kept('tool:bread')).toBe('fresh')
})

it('is not shaken by what makes no sense', async () => {
  const { stranger, log, keep, kept, clock } = createRig()
  keep('tool:bread')
  stranger.publish(subject, new Uint8Array([1, 2, 3]))
  stranger.publish(subject, encodeMessage({ kind: 'rpc-request', value: { all: 'yes' } }))
  await clock.advance(100)
  expect(log.warned).toBe(2)
  expect(kept('tool:bread')).toBe('fresh')
})
