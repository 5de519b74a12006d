import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MeridianError } from '../errors.ts'
import { canonicalJson, type JsonObject } from './canonical-json.ts'
import { identifyDefinition, isDefinition, type DefinitionInput } from './definition.ts'
import { limits } from './limits.ts'

const flights: DefinitionInput = {
  name: 'io.github.acme/flights',
  version: '2.1.0',
  description: 'Finds flights',
  tags: ['travel', 'booking'],
  capabilities: {
    tools: [{ name: 'search_flights', inputSchema: { type: 'object', properties: { date: {} } } }],
  },
}

function violationsOf(input: unknown): string[] {
  try {
    identifyDefinition(input)
  } catch (error) {
    if (error instanceof MeridianError) {
      return error.violations.map((v) => `${v.field} = ${v.value}: ${v.problem}`)
    }
    throw error
  }
  return []
}

describe('identifyDefinition', () => {
  it('names a definition by the hash of its canonical JSON', () => {
    const { id, canonical } = identifyDefinition(flights)
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(isDefinition(id, canonical)).toBe(true)
    const other = new TextDecoder().decode(canonical).replace('2.1.0', '2.1.1')
    expect(isDefinition(id, new TextEncoder().encode(other))).toBe(false)
  })

  it('gives the same id whatever the order of keys and tags', () => {
    const shuffled = {
      capabilities: flights.capabilities,
      tags: ['booking', 'travel', 'booking'],
      description: flights.description,
      version: flights.version,
      name: flights.name,
    }
    expect(identifyDefinition(shuffled).id).toBe(identifyDefinition(flights).id)
  })

  it('gives another id when anything in it changes', () => {
    const ids = [
      flights,
      { ...flights, version: '2.1.1' },
      { ...flights, tags: ['travel'] },
      { ...flights, private: true as const },
      { ...flights, serverJson: { name: 'io.github.acme/flights' } },
    ].map((input) => identifyDefinition(input).id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('keeps a server.json verbatim, fields we do not know included', () => {
    const serverJson = { name: 'x/y', $schema: 'https://example.test/s', _meta: { a: [1, null] } }
    const { canonical } = identifyDefinition({ ...flights, serverJson })
    const text = new TextDecoder().decode(canonical)
    expect((JSON.parse(text) as { serverJson: unknown }).serverJson).toEqual(serverJson)
  })

  it.each([
    [{ ...flights, name: 'flights' }, /^name = "flights": must be namespace\/name/],
    [{ ...flights, version: '^2.1' }, /^version = "\^2\.1": must be one version, not a range/],
    [{ ...flights, version: '1.x' }, /not a range/],
    [{ ...flights, colour: 'red' }, /^colour = \(not shown\): is unknown/],
    [{ ...flights, tags: ['two words'] }, /^tags\[0\] = "two words": must be one word/],
    [{ ...flights, protocols: ['yesterday'] }, /^protocols\[0\] = "yesterday": must be a protocol/],
    [
      { ...flights, capabilities: { tools: [{ name: 'a' }, { name: 'a' }] } },
      /^capabilities\.tools\[1\] = "a": is listed twice/,
    ],
    [
      { ...flights, capabilities: { tools: [{ name: 'n'.repeat(300) }] } },
      /^capabilities\.tools\[0\]\.name = "n+… \(302 characters\): must have at most 256 characters/,
    ],
    ['not an object', /^\(whole\) = "not an object"/],
  ])('names the field, its value and the rule: %#', (input, expected) => {
    expect(violationsOf(input).join('\n')).toMatch(expected)
  })

  it('refuses more capabilities than the limit, counting all kinds together', () => {
    const tools = Array.from({ length: limits.capabilitiesMax }, (_, i) => ({ name: `t${i}` }))
    expect(violationsOf({ ...flights, capabilities: { tools } })).toEqual([])
    const prompts = [{ name: 'one more' }]
    expect(violationsOf({ ...flights, capabilities: { tools, prompts } })).toEqual([
      expect.stringContaining(`has 1001 capabilities; the limit is ${limits.capabilitiesMax}`),
    ])
  })

  it('refuses a definition above its size, and says both sizes', () => {
    const inputSchema = { description: 'x'.repeat(limits.definitionBytesMax) }
    const input = { ...flights, capabilities: { tools: [{ name: 'big', inputSchema }] } }
    expect(violationsOf(input)[0]).toMatch(/is 524\d{3} bytes .* the limit is 524288/)
  })

  it('refuses JSON that nests deeper than any reader should have to follow', () => {
    let deep: JsonObject = {}
    for (let level = 0; level < 100_000; level += 1) deep = { deep }
    const input = { ...flights, capabilities: { tools: [{ name: 'deep', inputSchema: deep }] } }
    expect(violationsOf(input)).toEqual([expect.stringContaining('nests deeper than 64 levels')])
  })

  it('refuses half a surrogate pair, in a text as in a key', () => {
    const half = JSON.parse(String.raw`"\ud800"`) as string
    const key = { ...flights, capabilities: { tools: [{ name: 'a', inputSchema: { [half]: 1 } }] } }
    for (const input of [{ ...flights, description: half }, key]) {
      expect(violationsOf(input)).toEqual([expect.stringContaining('half a surrogate pair')])
    }
  })
})

it('refuses a number that is read as none, and takes a text that only looks broken', () => {
  const number = JSON.parse('{"maximum":1e999}') as JsonObject
  const tools = [{ name: 'a', inputSchema: number }]
  expect(violationsOf({ ...flights, capabilities: { tools } })).toEqual([
    expect.stringContaining('a number beyond 1.8e308'),
  ])
  expect(violationsOf({ ...flights, description: String.raw`\ud800` })).toEqual([])
})

describe('canonicalJson', () => {
  it('follows RFC 8785 for numbers, strings and key order', () => {
    // The sample of RFC 8785 §3.2.2.
    const value = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
        '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    ) as unknown
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  it('writes what the library of its author writes, whatever the keys and where they stand', () => {
    const key = fc.oneof(
      fc.string(),
      fc.nat(20).map(String),
      fc.constantFrom('__proto__', 'toJSON', 'constructor', '', '€', '\u{1f600}', '\ufb33', '-1'),
    )
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(
          null,
          true,
          undefined,
          0,
          -0,
          1e21,
          1e-7,
          'text',
          String.raw`\ud800`,
          '\u2028',
        ),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.string({ unit: 'binary' }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc
          .array(fc.tuple(key, tie('value')), { maxLength: 5 })
          // As JSON.parse makes them: `__proto__` is a key as any other.
          .map((entries) => Object.fromEntries(entries)),
      ),
    }))
    fc.assert(
      fc.property(value, (each) => {
        fc.pre(each !== undefined)
        expect(canonicalJson(each)).toBe(canonicalize(each))
      }),
      { numRuns: 500 },
    )
  })

  it('writes objects of few keys and of many as that library does', () => {
    const object = fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), fc.nat(), {
      maxKeys: 40,
      size: 'max',
    })
    fc.assert(
      fc.property(object, (each) => {
        expect(canonicalJson([each])).toBe(canonicalize([each]))
      }),
    )
  })

  it('throws for what has no canonical form, and takes what nests without end', () => {
    for (const none of [
      '\ud800',
      { a: '\ud800' },
      { '\ud800': 1 },
      [Number.NaN],
      [1 / 0],
      undefined,
    ]) {
      expect(() => canonicalJson(none)).toThrow()
    }
    let deep: JsonObject = {}
    for (let level = 0; level < 20_000; level += 1) deep = { deep }
    expect(canonicalJson(deep)).toHaveLength(20_000 * '{"deep":}'.length + 2)
  })

  it('is one text for one value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value)
        expect(canonicalJson(JSON.parse(text))).toBe(text)
      }),
    )
  })
})
