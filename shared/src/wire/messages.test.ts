import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMeridianError } from '../errors.ts'
import type { InstanceSpec, InstanceState } from '../model/index.ts'
import type { Delta, OwnerRecord, RecordInput } from '../replication/index.ts'
import {
  decodeInstanceSpec,
  decodeInstanceState,
  decodeSummaryRow,
  decodeZoneReading,
  encodeInstanceSpec,
  encodeInstanceState,
  encodeSummaryRow,
  encodeZoneReading,
  type SummaryRow,
  type ZoneReading,
} from './bodies.ts'
import { compressMessage, sealPlain, type Compressor } from './envelope.ts'
import { wireLimits } from './limits.ts'
import {
  decodeMessage,
  decodeMessageOf,
  encodeMessage,
  type Message,
  type MessageKind,
} from './messages.ts'
import { decodeMsgpack, encodeMsgpack } from './msgpack.ts'

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

const owner = 'eu/a/n1/agent'
const version = { epoch: { number: 3, tag: 'k9f2a1' }, counter: 70_000 }
const digest = '000102030405060708090a0b0c0d0e0f'
const definition = 'ab'.repeat(32)

const delta: Delta = {
  owner,
  version,
  from: 69_997,
  floor: 12,
  digest,
  records: [
    { key: 'i/flights-1', counter: 69_998, body: bytes('spec'), definition },
    { key: 's/flights-1', counter: 69_999, body: new Uint8Array() },
    { key: 'i/hotels-1', counter: 70_000, body: null },
  ],
  definitions: [{ id: definition, canonical: bytes('{"name":"é"}') }],
}
const piece: Delta = { ...delta, definitions: [], piece: { index: 2, count: 7 } }

/** One message of each kind. */
const messages: { readonly [K in MessageKind]: Extract<Message, { kind: K }> } = {
  delta: { kind: 'delta', delta },
  'delta-reply': {
    kind: 'delta-reply',
    reply: { held: version, complete: true, replica: 'r1', tier: 'local', missing: [definition] },
  },
  pulse: {
    kind: 'pulse',
    pulse: {
      owner,
      version,
      runId: 'run-1',
      agentId: 'agent-1',
      number: 12,
      everyMs: 2_000,
      loads: [{ id: 'flights-1', inFlight: 3, latencyMs: 12.5 }],
    },
  },
  vitals: {
    kind: 'vitals',
    vitals: {
      region: 'eu',
      zone: 'a',
      replica: 'r1',
      runId: 'run-1',
      number: 7,
      isPreserved: true,
      isUnsure: false,
      whole: { part: 0, parts: 2 },
      nodes: [
        {
          owner,
          status: 'alive',
          pulse: { epoch: version.epoch, number: 40 },
          held: version,
          loads: [{ id: 'flights-1', inFlight: 3, latencyMs: 12 }],
        },
        {
          owner: 'eu/a/n2/agent',
          status: 'suspect',
          pulse: { epoch: { number: 1, tag: 'x' }, number: 9 },
          held: { epoch: { number: 2, tag: 'y' }, counter: 4 },
          loads: [],
        },
        {
          owner: 'eu/a/n3/agent',
          status: 'unreachable',
          pulse: { epoch: { number: 0, tag: '' }, number: 0 },
          loads: [],
        },
      ],
    },
  },
  'vitals-request': { kind: 'vitals-request' },
  hello: { kind: 'hello', hello: { owner, version, runId: 'run-1', agentId: 'agent-1', digest } },
  compare: {
    kind: 'compare',
    request: { scope: ['eu/a', 'us'], zones: [{ zone: 'eu/a', hash: digest }] },
  },
  versions: {
    kind: 'versions',
    entries: [
      { owner, version, digest },
      { owner: 'eu/-/r1/summary', version },
    ],
    last: true,
  },
  fetch: {
    kind: 'fetch',
    wanted: [
      { owner, known: version, digest },
      { owner: 'eu/a/n2/agent', known: { epoch: { number: 0, tag: '' }, counter: 0 } },
    ],
  },
  deltas: { kind: 'deltas', deltas: [piece], last: false, more: true },
  'definitions-request': { kind: 'definitions-request', ids: [definition] },
  definitions: { kind: 'definitions', definitions: delta.definitions, last: true },
  'rpc-request': {
    kind: 'rpc-request',
    value: { q: 'tool:search', limit: 10, from: null, nested: [true, -1, 2.5, 'ü'] },
  },
  'rpc-answer': { kind: 'rpc-answer', value: { ok: true, bytes: bytes('raw') } },
  'rpc-failure': { kind: 'rpc-failure', code: 'not_found', message: 'nobody has it' },
}

const spec: InstanceSpec = {
  id: 'flights-1',
  definition,
  endpoint: { transport: 'websocket', url: 'wss://10.1.2.3:8443/mcp' },
  metadata: { env: 'prod', team: 'travel' },
  capacity: 250,
}
const state: InstanceState = { id: 'flights-1', status: 'gated', weight: 300, draining: true }
const reading: ZoneReading = { region: 'eu', zone: 'a', state: 'preserved' }
const row: SummaryRow = {
  region: 'eu',
  zone: 'a',
  definition,
  passing: 12,
  warning: 1,
  gated: 2,
  critical: 3,
  draining: 4,
  capacity: 1_200,
}

/**
 * The bytes that version 1 gives the messages and bodies above. Other releases send them, so they
 * are read for as long as version 1 is spoken: nothing here is ever changed, only added.
 */
const frozenMessages: Readonly<Record<MessageKind, string>> = {
  delta:
    '019a01ad65752f612f6e312f6167656e7403a66b3966326131ce00011170ce0001116d0cc410000102030405060708090a0b0c0d0e0f9394ab692f666c69676874732d31ce0001116ec40473706563c420abababababababababababababababababababababababababababababababab93ab732f666c69676874732d31ce0001116fc40093aa692f686f74656c732d31ce00011170c09192c420ababababababababababababababababababababababababababababababababc40d7b226e616d65223a22c3a9227d',
  'delta-reply':
    '01980203a66b3966326131ce00011170c3a27231a56c6f63616c91c420abababababababababababababababababababababababababababababababab',
  pulse:
    '019a03ad65752f612f6e312f6167656e7403a66b3966326131ce00011170a572756e2d31a76167656e742d310ccd07d09193a9666c69676874732d3103cb4029000000000000',
  vitals:
    '019a0ea26575a161a27231a572756e2d3107c3c29200029397a86e312f6167656e740003a66b39663261312891ce000111709193a9666c69676874732d31030c96a86e322f6167656e740101a17809930402a17996a86e332f6167656e740200a000c0',
  'vitals-request': '01910f',
  hello:
    '019804ad65752f612f6e312f6167656e7403a66b3966326131ce00011170a572756e2d31a76167656e742d31c410000102030405060708090a0b0c0d0e0f',
  compare: '01930592a465752f61a275739192a465752f61c410000102030405060708090a0b0c0d0e0f',
  versions:
    '0193069295ad65752f612f6e312f6167656e7403a66b3966326131ce00011170c410000102030405060708090a0b0c0d0e0f94af65752f2d2f72312f73756d6d61727903a66b3966326131ce00011170c3',
  fetch:
    '0192079295ad65752f612f6e312f6167656e7403a66b3966326131ce00011170c410000102030405060708090a0b0c0d0e0f94ad65752f612f6e322f6167656e7400a000',
  deltas:
    '019408919bad65752f612f6e312f6167656e7403a66b3966326131ce00011170ce0001116d0cc410000102030405060708090a0b0c0d0e0f9394ab692f666c69676874732d31ce0001116ec40473706563c420abababababababababababababababababababababababababababababababab93ab732f666c69676874732d31ce0001116fc40093aa692f686f74656c732d31ce00011170c0900207c2c3',
  'definitions-request':
    '01920991c420abababababababababababababababababababababababababababababababab',
  definitions:
    '01930a9192c420ababababababababababababababababababababababababababababababababc40d7b226e616d65223a22c3a9227dc3',
  'rpc-request':
    '01920b84a171ab746f6f6c3a736561726368a56c696d69740aa466726f6dc0a66e657374656494c3ffcb4004000000000000a2c3bc',
  'rpc-answer': '01920c82a26f6bc3a56279746573c403726177',
  'rpc-failure': '01930da96e6f745f666f756e64ad6e6f626f647920686173206974',
}
const frozenBodies = {
  spec: '9402b77773733a2f2f31302e312e322e333a383434332f6d6370ccfa82a3656e76a470726f64a47465616da674726176656c',
  state: '9302cd012cc3',
  summary: '960c01020304cd04b0',
  reading: '9101',
}

const kinds = Object.keys(messages) as MessageKind[]

describe('a message of version 1', () => {
  it.each(kinds)('of kind %s has its frozen bytes, and they are read', (kind) => {
    const plain = encodeMessage(messages[kind])
    expect(toHex(plain)).toBe(frozenMessages[kind])
    expect(decodeMessage(fromHex(frozenMessages[kind]))).toEqual(messages[kind])
  })

  it.each(kinds)('of kind %s is read when a newer release appended fields to it', (kind) => {
    const fields = decodeMsgpack(encodeMessage(messages[kind]).subarray(1))
    if (!Array.isArray(fields)) throw new Error('a message is an array')
    const padding = kind === 'delta' ? [0, 1] : []
    const newer = sealPlain(encodeMsgpack([...(fields as unknown[]), ...padding, 'new', { x: 1 }]))
    expect(decodeMessage(newer)).toMatchObject({ kind })
  })

  it('is refused when its first byte says another version, naming both', () => {
    const other = encodeMessage(messages.fetch)
    other[0] = 2
    expect(() => decodeMessage(other)).toThrow(/version 2; version 1 is spoken/)
  })

  it('is refused when another kind belongs there', () => {
    const bytes = encodeMessage(messages.fetch)
    expect(decodeMessageOf('fetch', bytes)).toEqual(messages.fetch)
    expect(() => decodeMessageOf('pulse', bytes)).toThrow(/kind fetch where pulse belongs/)
  })

  it('say of a node that it was let go of, and of others nothing more than before', () => {
    const sample = messages.vitals
    if (sample.kind !== 'vitals') expect.fail()
    const nodes = sample.vitals.nodes.map((node) => ({ ...node, isForgotten: true }))
    const told = { ...sample, vitals: { ...sample.vitals, nodes } }
    expect(decodeMessage(encodeMessage(told))).toEqual(told)
    expect(encodeMessage(told).length).toBeGreaterThan(encodeMessage(sample).length)
  })

  it('has the same bytes whenever it says the same', () => {
    const request = (value: unknown) => encodeMessage({ kind: 'rpc-request', value })
    expect(request({ q: 'x', from: undefined })).toEqual(request({ q: 'x' }))
    for (const kind of kinds) {
      expect(encodeMessage(decodeMessage(fromHex(frozenMessages[kind])))).toEqual(
        encodeMessage(messages[kind]),
      )
    }
  })

  it('keeps bodies that share no memory with it', () => {
    const message = encodeMessage(messages.delta)
    const { delta } = decodeMessageOf('delta', message)
    message.fill(0)
    expect(delta).toEqual(messages.delta.delta)
    expect(delta.records[0]?.body?.buffer.byteLength).toBe(4)
  })

  it('carries a status change in few bytes', () => {
    const input = encodeInstanceState({
      id: 'flights-1',
      status: 'critical',
      weight: 100,
      draining: false,
    })
    const change: Delta = {
      ...delta,
      owner: 'eu-west/zone-a/node-0001/agent',
      definitions: [],
      records: [{ ...input, counter: version.counter }],
    }
    // With its subject it has to stay below 150.
    const subject = 'mrd.1.delta.eu-west.zone-a.node-0001'
    expect(encodeMessage({ kind: 'delta', delta: change }).length + subject.length).toBeLessThan(
      150,
    )
  })
})

describe('a compressed message', () => {
  /** Stands in for zstd: repeats of one byte become a count. */
  const compressor: Compressor = {
    compress: (raw) => Uint8Array.from(runs(raw)),
    decompress: (small, bytesMax) => {
      const raw: number[] = []
      for (let at = 0; at < small.length; at += 2) {
        for (let i = 0; i < (small[at] ?? 0); i++) raw.push(small[at + 1] ?? 0)
        if (raw.length > bytesMax) throw new RangeError('too large')
      }
      return Uint8Array.from(raw)
    },
  }

  it('is read like the one it was made of', () => {
    for (const kind of kinds) {
      const message = compressMessage(encodeMessage(messages[kind]), compressor)
      expect(decodeMessage(message, compressor)).toEqual(messages[kind])
    }
  })

  it('is refused by a reader without the means', () => {
    const message = compressMessage(encodeMessage(messages.fetch), compressor)
    expect(() => decodeMessage(message)).toThrow(/compressed/)
  })

  it('is refused before it is inflated when it announces too much', () => {
    const message = compressMessage(encodeMessage(messages.fetch), compressor)
    new DataView(message.buffer).setUint32(1, wireLimits.messageBytesMax + 1)
    const spy: Compressor = {
      ...compressor,
      decompress: () => {
        throw new Error('inflated')
      },
    }
    expect(() => decodeMessage(message, spy)).toThrow(/the limit is/)
  })

  it('is refused when it inflates to something else than announced, or not at all', () => {
    for (const raw of [0, 1, 10_000]) {
      const message = compressMessage(encodeMessage(messages.fetch), compressor)
      new DataView(message.buffer).setUint32(1, raw)
      expectInvalid(() => decodeMessage(message, compressor))
    }
    const unknown = compressMessage(encodeMessage(messages.fetch), compressor)
    unknown[0] = 0x71
    expectInvalid(() => decodeMessage(unknown, compressor))
    expectInvalid(() => decodeMessage(Uint8Array.of(0x11, 0), compressor))
  })
})

describe('whatever bytes arrive', () => {
  it('random ones are a message or an invalid_message, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expectMessageOrInvalid(noise)
        expectMessageOrInvalid(Uint8Array.of(1, ...noise))
      }),
      { numRuns: 2_000 },
    )
  })

  it('so are real ones with some bytes changed, cut or repeated', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.constantFrom('change', 'cut', 'repeat'),
        (kind, edits, how) => {
          const real = encodeMessage(messages[kind])
          const [first = 0] = edits[0] ?? []
          const at = first % real.length
          if (how === 'change') for (const [i, value] of edits) real[i % real.length] = value
          if (how === 'cut') expectMessageOrInvalid(real.slice(0, at))
          if (how === 'repeat') expectMessageOrInvalid(Uint8Array.of(...real, ...real.slice(at)))
          expectMessageOrInvalid(real)
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('so are well-formed ones whose fields are anything', () => {
    const anything = fc.anything({ withBigInt: false, withDate: false, maxDepth: 3 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), fc.array(anything), (kind, fields) => {
        let message: Uint8Array
        try {
          message = sealPlain(encodeMsgpack([kind, ...fields]))
        } catch {
          return // Not everything has a form in MessagePack.
        }
        expectMessageOrInvalid(message)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ['nothing', ''],
    ['no body', '01'],
    ['an array that announces more than can follow', '01ddffffffff'],
    ['a map that announces more than can follow', '01df7fffffff'],
    ['text that announces more than can follow', '01dbffffffff61'],
    ['bytes that announce more than can follow', '01c6ffffffff61'],
    ['arrays within arrays without end', `01${'91'.repeat(10_000)}`],
    ['maps within maps without end', `01${'81a161'.repeat(10_000)}`],
    ['an extension: a date', '01d6ff00000000'],
    ['an extension: a record', '0191d472400091a161'],
    ['an extension: a regular expression', '0191c70578a2282b292ba0'],
    ['a token that does not exist', '01c1'],
    ['a map with a number for a key', '01920b8101a161'],
    ['bytes after the end', '01930da161a16100'],
    ['an unknown kind', '0191cc63'],
    ['a kind that is no number', '0191a161'],
  ])('%s is refused', (_, hex) => {
    expectInvalid(() => decodeMessage(fromHex(hex)))
  })

  it('a map cannot reach into prototypes', () => {
    const hex = toHex(encodeMessage({ kind: 'rpc-request', value: { aaaaaaaaa: { polluted: 1 } } }))
    const proto = hex.replace(toHex(bytes('aaaaaaaaa')), toHex(bytes('__proto__')))
    const message = decodeMessageOf('rpc-request', fromHex(proto))
    expect(message.value).not.toHaveProperty('polluted')
    expect({}).not.toHaveProperty('polluted')
  })

  it.each([
    ['an owner that is none', { owner: 'eu/a/n1' }],
    ['an owner with a wildcard', { owner: 'eu/*/n1/agent' }],
    ['a counter below zero', { from: -1 }],
    ['a counter that is no whole number', { floor: 1.5 }],
    ['a counter beyond what a double counts', { from: 2 ** 60 }],
    ['a key with NUL', { records: [{ key: 'i/\0', counter: 1, body: null }] }],
    ['an empty key', { records: [{ key: '', counter: 1, body: null }] }],
    ['a key that is too long', { records: [{ key: 'k'.repeat(300), counter: 1, body: null }] }],
    ['a stamp of zero', { records: [{ key: 'i/a', counter: 0, body: null }] }],
    ['a body too long', { records: [{ key: 'a', counter: 1, body: new Uint8Array(70_000) }] }],
    ['a short digest', { digest: 'abcd' }],
    ['a long epoch tag', { version: { ...version, epoch: { number: 1, tag: 'x'.repeat(17) } } }],
    ['a piece beyond its count', { piece: { index: 7, count: 7 } }],
    ['too many pieces', { piece: { index: 0, count: 100_000 } }],
  ])('a delta with %s is refused', (_, fields) => {
    expectInvalid(() =>
      decodeMessage(encodeMessage({ kind: 'delta', delta: { ...delta, ...fields } })),
    )
  })
})

describe('vitals', () => {
  const { vitals } = messages.vitals

  it('can speak of nobody outside their zone', () => {
    const [node] = vitals.nodes
    if (!node) throw new Error('no node')
    const foreign = { ...vitals, nodes: [{ ...node, owner: 'us/a/n1/agent' }] }
    expect(() => encodeMessage({ kind: 'vitals', vitals: foreign })).toThrow('not of the zone')
    for (const rest of ['../b/n1/agent', 'n1', 'n1/agent/more', '']) {
      const hex = toHex(encodeMessage(messages.vitals))
      const forged = hex.replace(mpText('n2/agent'), mpText(rest))
      expect(forged).not.toBe(hex)
      expectInvalid(() => decodeMessage(fromHex(forged)))
    }
  })

  it('tell of 1,000 idle nodes in less than 42 bytes each', () => {
    const nodes = Array.from({ length: 1_000 }, (_, i) => ({
      owner: `eu-west/zone-a/node-${i}/agent`,
      status: 'alive' as const,
      pulse: { epoch: { number: 12, tag: 'k3j9x0q2ma' }, number: 50_000 },
      held: { epoch: { number: 12, tag: 'k3j9x0q2ma' }, counter: 1_000 },
      loads: [],
    }))
    const whole = { ...vitals, region: 'eu-west', zone: 'zone-a', nodes }
    expect(encodeMessage({ kind: 'vitals', vitals: whole }).length).toBeLessThan(42_000)
  })

  function mpText(text: string): string {
    return toHex(encodeMsgpack(text))
  }
})

describe('the body of a record', () => {
  const inputs = {
    spec: encodeInstanceSpec(spec),
    state: encodeInstanceState(state),
    summary: encodeSummaryRow(row),
    reading: encodeZoneReading(reading),
  }

  it('has its frozen bytes, and they are read', () => {
    for (const [name, hex] of Object.entries(frozenBodies)) {
      expect(toHex(inputs[name as keyof typeof inputs].body)).toBe(hex)
    }
    expect(decodeInstanceSpec(record(inputs.spec, fromHex(frozenBodies.spec)))).toEqual(spec)
    expect(decodeInstanceState(record(inputs.state, fromHex(frozenBodies.state)))).toEqual(state)
    expect(decodeSummaryRow(record(inputs.summary, fromHex(frozenBodies.summary)))).toEqual(row)
    const read = decodeZoneReading(record(inputs.reading, fromHex(frozenBodies.reading)))
    expect(read).toEqual(reading)
  })

  it('leaves to key and definition what they say', () => {
    expect(inputs.spec).toMatchObject({ key: 'i/flights-1', definition })
    expect(inputs.state).toMatchObject({ key: 's/flights-1' })
    expect(inputs.reading.key).toBe('z/eu/a')
    expect(inputs.summary).toMatchObject({ key: `c/eu/a/${definition.slice(0, 32)}`, definition })
  })

  it('is read when a newer release appended fields to it', () => {
    const newer = (input: RecordInput) => {
      const fields = decodeMsgpack(input.body)
      return record(input, encodeMsgpack([...(fields as unknown[]), 'new', 7]))
    }
    expect(decodeInstanceSpec(newer(inputs.spec))).toEqual(spec)
    expect(decodeInstanceState(newer(inputs.state))).toEqual(state)
    expect(decodeSummaryRow(newer(inputs.summary))).toEqual(row)
    expect(decodeZoneReading(newer(inputs.reading))).toEqual(reading)
  })

  it.each([
    ['a transport of a newer release', [9, 'http://a/', 1, {}]],
    ['a URL that is none', [0, 'not a url', 1, {}]],
    ['no capacity', [0, 'http://a/', 0, {}]],
    ['metadata that is no text', [0, 'http://a/', 1, { a: 1 }]],
    ['metadata that is a list', [0, 'http://a/', 1, ['a']]],
    ['no fields', []],
  ])('of a spec with %s is refused', (_, fields) => {
    expectInvalid(() => decodeInstanceSpec(record(inputs.spec, encodeMsgpack(fields))))
  })

  it('is refused under a key of another kind, as a tombstone, or without its definition', () => {
    expectInvalid(() => decodeInstanceSpec({ ...record(inputs.spec), key: 's/flights-1' }))
    expectInvalid(() => decodeInstanceState({ ...record(inputs.state), key: 'i/flights-1' }))
    expectInvalid(() => decodeSummaryRow({ ...record(inputs.summary), key: 'c/eu' }))
    expectInvalid(() => decodeInstanceState({ ...record(inputs.state), body: null }))
    expectInvalid(() => decodeInstanceSpec({ key: 'i/a', counter: 1, body: inputs.spec.body }))
  })

  it('is read or refused, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        const decoders = [
          decodeInstanceSpec,
          decodeInstanceState,
          decodeSummaryRow,
          decodeZoneReading,
        ]
        for (const [at, input] of Object.values(inputs).entries()) {
          try {
            decoders[at]?.(record(input, noise))
          } catch (error) {
            expect(isMeridianError(error, 'invalid_message')).toBe(true)
          }
        }
      }),
    )
  })

  function record(input: RecordInput, body: Uint8Array = input.body): OwnerRecord {
    return { ...input, counter: 1, body }
  }
})

function expectInvalid(read: () => unknown): void {
  let thrown: unknown
  try {
    read()
  } catch (error) {
    thrown = error
  }
  expect(isMeridianError(thrown, 'invalid_message')).toBe(true)
}

function expectMessageOrInvalid(message: Uint8Array): void {
  try {
    expect(kinds).toContain(decodeMessage(message).kind)
  } catch (error) {
    if (!isMeridianError(error, 'invalid_message')) throw error
  }
}

function* runs(raw: Uint8Array): Generator<number> {
  for (let at = 0; at < raw.length;) {
    let length = 1
    while (length < 255 && raw[at + length] === raw[at]) length++
    yield length
    yield raw[at] ?? 0
    at += length
  }
}

function toHex(raw: Uint8Array): string {
  return Buffer.from(raw).toString('hex')
}

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
