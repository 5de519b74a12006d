import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits, parse } from '../model/index.ts'
import { definitionSchema } from '../model/definition.ts'
import { registrationOfKnownSchema } from './registration.ts'
import { usualRegistration } from './usual-registration.ts'

const definition = parse(
  definitionSchema,
  { name: 'com.example/flights', version: '1.0.0', tags: ['travel'] },
  'the definition',
)

/** Mostly what is usual: a registration has many fields, and one odd one is enough. */
function mostly<T>(usual: fc.Arbitrary<T>, ...odd: readonly fc.Arbitrary<unknown>[]) {
  const any = fc.oneof(fc.jsonValue(), fc.constant(undefined), ...odd)
  return fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: any })
}

const key = fc.constantFrom('env', 'team', 'a-b.c', 'x'.repeat(limits.metadataKeyMax))
const oddText = fc.constantFrom('', ' ', 'é', '__proto__', 'x'.repeat(129), 'x'.repeat(513), 'a-')
const oddNumber = fc.constantFrom(-1, 0, 1, 1_000, 1_001, 1_000_000, 1_000_001, 1.5, NaN, Infinity)
const endpoint = fc.record(
  {
    url: mostly(
      fc.webUrl(),
      fc.constantFrom(
        'https://user:secret@host/mcp',
        'http://user@host/mcp',
        'ws://host/mcp',
        'ftp://host',
        'http://host/{id}',
        'http://',
        'no url',
        `http://host/${'x'.repeat(limits.uriMax)}`,
      ),
    ),
    transport: mostly(
      fc.constantFrom('streamable-http', 'sse'),
      fc.constantFrom('websocket', 'stdio', 'other'),
    ),
  },
  { requiredKeys: ['url'] },
)
const input = fc.record(
  {
    definition: fc.constant(definition),
    endpoint: mostly(endpoint, fc.constant({ url: 'http://host', more: 1 })),
    metadata: mostly(
      fc.dictionary(key, mostly(fc.string(), oddText)),
      fc.dictionary(oddText, oddText),
      fc.constant(Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, 'v']))),
    ),
    registrant: mostly(fc.constantFrom('somebody', '!', 'x'.repeat(128)), oddText),
    weight: mostly(fc.integer({ min: 0, max: limits.weightMax }), oddNumber),
    capacity: mostly(fc.integer({ min: 1, max: limits.capacityMax }), oddNumber),
    checks: mostly(fc.constant([]), fc.constantFrom([{ kind: 'tcp' }], [{ kind: 'mcp' }])),
    tags: mostly(fc.constant([]), fc.constantFrom(['travel'], ['a', 'b'])),
    publish: mostly(fc.constant(false), fc.constant(true)),
  },
  { requiredKeys: ['definition', 'endpoint'] },
)
const unusual = fc.record(
  { introspect: fc.boolean(), serverJson: fc.jsonValue(), other: fc.nat() },
  { requiredKeys: [] },
)
const anything = fc
  .tuple(input, mostly(fc.constant({}), unusual))
  .map(([usual, more]) => ({ ...usual, ...(more as object) }))

describe('usualRegistration', () => {
  it('says what the schema says, or nothing', () => {
    let understood = 0
    fc.assert(
      fc.property(anything, (given) => {
        const usual = usualRegistration(given, definition)
        if (usual === undefined) return
        understood += 1
        expect(usual).toEqual(parse(registrationOfKnownSchema, given, 'it'))
      }),
      { numRuns: 3_000 },
    )
    expect(understood).toBeGreaterThan(300)
  })

  it('understands what servers usually send, and passes over the field it is told of', () => {
    const given = {
      endpoint: { url: 'http://10.0.0.1:9000/mcp' },
      definition,
      metadata: { env: 'prod' },
      checks: [],
      registrant: 'someone',
    }
    const expected = parse(registrationOfKnownSchema, given, 'it')
    const item = { id: 'flights-1', ...given }
    expect(usualRegistration(given, definition)).toEqual(expected)
    expect(usualRegistration(item, definition, 'id')).toEqual(expected)
    expect(usualRegistration(item, definition)).toBeUndefined()
  })
})
