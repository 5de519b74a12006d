import type { AgentNode } from '@meridian/agent'
import type { Replica } from '@meridian/registry'
import {
  decodeMessage,
  encodeInstanceState,
  encodeMessage,
  formatVersion,
  isMeridianError,
  parseSubject,
  RecordSet,
  subjects,
  type Delta,
  type Message,
  type Transport,
} from '@meridian/shared'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Region } from './region.ts'

/**
 * Invariant 9: whatever bytes somebody sends, to whatever subject he may send, harms nobody but
 * him. Everything that any process of any tier listens to is sent noise, real messages with bytes
 * changed, real messages that belong elsewhere, and well-formed ones that say anything.
 */

const stranger = { region: 'eu', zone: 'a', node: 'bad' }
const strangerOwner = 'eu/a/bad/agent'

let region: Region
let n1: AgentNode
let askers: Record<string, AgentNode | Replica>
let world: Replica
let attacker: Transport

beforeEach(async () => {
  region = new Region()
  const local = region.replica('local', 'l1')
  const regional = region.replica('regional', 'g1')
  world = region.replica('global', 'w1')
  n1 = region.agent('n1')
  const n2 = region.agent('n2')
  await region.register(n1, 'on-n1')
  await region.register(n2, 'on-n2')
  await region.clock.advance(20_000)
  askers = { n1, n2, local, regional }
  attacker = region.connect('bad')
})

afterEach(async () => {
  await region.close()
})

/**
 * Where the stranger may send: the broker lets a node speak on its own subjects, and everybody ask.
 * Of replicas there is a stranger too, called `bad` as well.
 */
function targets(): string[] {
  return [...region.subscribed].map((subject) => {
    const parts = subject.split('.')
    const isSpeech = ['delta', 'pulse', 'hello', 'vitals', 'summary'].includes(parts[2] ?? '')
    if (!isSpeech) return subject
    const place = parts[2] === 'summary' ? ['eu'] : ['eu', 'a']
    return [...parts.slice(0, 3), ...place, 'bad'].join('.')
  })
}

/** All that is known of everybody but the stranger. */
async function known(): Promise<unknown> {
  const sets = ['n1', 'n2', 'l1', 'g1', 'w1'].map((name) =>
    region
      .heldBy(name)
      .filter(({ owner }) => !owner.includes('/bad/'))
      .map(({ owner, version, digest }) => `${name} ${owner} ${formatVersion(version)} ${digest}`)
      .sort(),
  )
  const found: Record<string, string[]> = {}
  for (const [name, asked] of Object.entries(askers)) {
    const ids = await region.found(asked, 'server:io.acme/flights')
    found[name] = ids.filter((id) => id.startsWith('on-n'))
  }
  return { sets, found }
}

/** What failed once fails again; `FUZZ_SEED` and `FUZZ_RUNS` look further. */
const seed = Number(process.env['FUZZ_SEED'] ?? 7)

const noise = fc.uint8Array({ maxLength: 80 })

function mutations(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat({ max: Math.max(0, bytes.length - 1) })
  return fc.oneof(
    fc.array(fc.tuple(at, fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }).map((changes) => {
      const changed = bytes.slice()
      for (const [where, to] of changes) changed[where] = to
      return changed
    }),
    at.map((end) => bytes.slice(0, end)),
    at.map((from) => new Uint8Array([...bytes, ...bytes.slice(from)])),
  )
}

const version = fc.record({
  epoch: fc.record({ number: fc.nat(), tag: fc.string({ maxLength: 4 }) }),
  counter: fc.nat(),
})
const digest = fc.constantFrom('0'.repeat(32), 'f'.repeat(32), '12'.repeat(16))
const definitionId = fc.constantFrom('a'.repeat(64), '0'.repeat(64))
const key = fc.oneof(fc.constantFrom('i/x', 's/x', 'z/eu/a', 'c/eu/a/00', 'q/x'), fc.string())
const anyDelta: fc.Arbitrary<Delta> = fc.record({
  owner: fc.constantFrom(strangerOwner, 'eu/-/bad/summary', 'eu/a/n1/agent', 'us/b/n1/agent'),
  from: fc.nat({ max: 5 }),
  version,
  floor: fc.nat({ max: 5 }),
  digest,
  records: fc.array(
    fc.record(
      {
        key: key.filter((text) => text.length > 0),
        counter: fc.nat({ max: 9 }),
        body: fc.option(noise),
        definition: definitionId,
      },
      { requiredKeys: ['key', 'counter', 'body'] },
    ),
    { maxLength: 4 },
  ),
  definitions: fc.array(fc.record({ id: definitionId, canonical: noise }), { maxLength: 2 }),
})
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  anyDelta.map((delta): Message => ({ kind: 'delta', delta })),
  fc
    .array(anyDelta, { maxLength: 3 })
    .map((deltas): Message => ({ kind: 'deltas', deltas, last: true, more: false })),
  fc.jsonValue().map((value): Message => ({ kind: 'rpc-request', value })),
  fc
    .array(fc.record({ owner: fc.constant(strangerOwner), known: version }), { maxLength: 3 })
    .map((wanted): Message => ({ kind: 'fetch', wanted })),
  fc.array(definitionId).map((ids): Message => ({ kind: 'definitions-request', ids })),
  fc
    .array(fc.record({ zone: fc.constantFrom('eu/a', 'eu', 'x'), hash: digest }))
    .map((zones): Message => ({ kind: 'compare', request: { scope: ['eu'], zones } })),
  fc.constant<Message>({ kind: 'vitals-request' }),
)

/** What cannot even be encoded never leaves anybody. */
function encoded(message: Message): Uint8Array {
  try {
    return encodeMessage(message)
  } catch (error) {
    if (isMeridianError(error)) return new Uint8Array()
    throw error
  }
}

/**
 * A stranger among the replicas is trusted with what it says of others, and can lie in well-formed
 * words as nobody else can; so can whoever may speak for an owner. Only what nobody would send is
 * noise.
 */
function isLie(subject: string, body: Uint8Array): boolean {
  if (parseSubject(subject)?.kind !== 'vitals') return false
  try {
    return decodeMessage(body).kind === 'vitals'
  } catch (error) {
    if (isMeridianError(error)) return false
    throw error
  }
}

describe('whatever a stranger sends', () => {
  it('goes to every kind of subject that there is', () => {
    const kinds = new Set(
      targets().map((subject) => {
        const parsed = parseSubject(subject)
        if (!parsed) return subject
        return 'method' in parsed ? `${parsed.kind} ${parsed.method}` : parsed.kind
      }),
    )
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        'delta',
        'pulse',
        'summary',
        'vitals',
        ...['fetch', 'definitions'].map((method) => `rpc-node ${method}`),
        ...['local', 'regional', 'global'].flatMap((tier) =>
          ['compare', 'definition', 'definitions', 'fetch', 'find', 'lookup', 'server'].map(
            (method) => `rpc-${tier} ${method}`,
          ),
        ),
        ...['offer', 'vitals'].map((method) => `rpc-local ${method}`),
        'rpc-global refer',
      ]),
    )
  })

  it('changes nothing that is known of others, and everybody goes on serving', async () => {
    const before = await known()
    const samples = [...region.sent.values()]
    const bytes = fc.oneof(
      noise,
      fc.constantFrom(...samples).chain(mutations),
      fc.constantFrom(...samples),
      anyMessage.map(encoded),
    )
    const sending = fc.record({
      subject: fc.constantFrom(...targets()),
      body: bytes,
      waits: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(sending, { minLength: 60, maxLength: 60 }), async (messages) => {
        region.told.length = 0
        for (const { subject, body, waits } of messages) {
          if (isLie(subject, body)) continue
          if (!waits) attacker.publish(subject, body)
          else void attacker.request(subject, body, { deadlineMs: 5 }).catch(() => undefined)
        }
        await region.clock.advance(50)
        // An alarm about the stranger is right; any other error is somebody else's harm.
        const harm = region.told.filter(
          ({ level, fields, message }) =>
            level === 'error' && (message !== 'replication alarm' || !isOfStranger(fields)),
        )
        expect(harm).toEqual([])
        expect(await known()).toEqual(before)
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 40), seed, endOnFailure: true },
    )
    await everybodyServes()
  })

  it('is quarantined with its name where it cannot be read, and taken out when it can', async () => {
    const state = { id: 'x', status: 'passing', weight: 100, draining: false } as const
    const good = encodeInstanceState(state)
    const { local, regional } = askers as Record<string, Replica>
    const bad = region.agent('bad')
    await region.register(bad, 'x')
    await region.clock.advance(1_000)
    await region.kill('bad')
    const set = region.heldBy('l1').find(({ owner }) => owner === strangerOwner)!
    const say = async (counter: number, body: Uint8Array) => {
      const { epoch } = set.version
      const records = [...set.records].map((each) =>
        each.key === good.key ? { ...each, counter, body } : each,
      )
      const delta = {
        owner: strangerOwner,
        from: 0,
        version: { epoch, counter },
        floor: 0,
        digest: RecordSet.from(records).digest,
        records,
        definitions: [],
      }
      attacker.publish(subjects.delta(stranger), encodeMessage({ kind: 'delta', delta }))
      await region.clock.advance(10)
    }
    await say(10, new Uint8Array([1, 2, 3]))
    for (const replica of [local, regional, n1]) {
      const entries = [...replica!.quarantine.entries()].map(({ owner, key: at }) => [owner, at])
      expect(entries).toEqual([[strangerOwner, 's/x']])
    }
    await everybodyServes()
    await say(11, good.body)
    for (const replica of [local, regional, n1]) expect(replica!.quarantine.size).toBe(0)
    expect(await region.found(n1)).toContain('x')
  })
})

/** Of his own sets, or of what he passed on as another's. */
function isOfStranger(fields: object): boolean {
  const isOffered = 'source' in fields && fields.source === 'offers'
  return isOffered || ('owner' in fields && String(fields.owner).includes('/bad/'))
}

/** A valid message after all of it is taken as ever, and every method answers. */
async function everybodyServes(): Promise<void> {
  const id = `on-n1-${region.clock.now()}`
  await region.register(n1, id)
  await region.clock.advance(1_000)
  for (const asked of Object.values(askers)) expect(await region.found(asked)).toContain(id)
  const passing = world.api.servers({
    q: 'server:io.acme/flights',
    text: '',
    sort: 'name',
    limit: 10,
  }).servers[0]
  expect(passing?.instances.passing).toBeGreaterThanOrEqual(3)
  const compare = { kind: 'compare', request: { scope: ['eu'], zones: [] } } as const
  const asking = attacker.request(subjects.rpcLocal(stranger, 'compare'), encodeMessage(compare), {
    deadlineMs: 1_000,
  })
  await region.clock.advance(10)
  expect(decodeMessage(await asking).kind).toBe('versions')
}
