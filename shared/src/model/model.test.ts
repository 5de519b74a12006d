import { describe, expect, it } from 'vitest'
import { endpointSchema, instanceIdSchema, metadataSchema } from './instance.ts'
import { limits } from './limits.ts'
import { formatLocality, localityTextSchema, ringOf } from './locality.ts'
import { agentOwnerId, ownerId, parseOwnerId } from './owner.ts'
import { parse } from './parse.ts'
import { compareVersions, zeroVersion, type Version } from './version.ts'

const at = (text: string) => parse(localityTextSchema, text, 'the locality')

describe('locality', () => {
  it('reads and writes region/zone/node', () => {
    expect(formatLocality(at('eu-west/a/n1'))).toBe('eu-west/a/n1')
  })

  it.each(['eu', 'eu/a', 'eu/a/n1/x', 'EU/a/n1', 'eu/a b/n1', '-eu/a/n1', 'eu//n1', 'e.u/a/n', ''])(
    'refuses %j with its value',
    (text) => {
      expect(() => at(text)).toThrow(/must be region\/zone\/node/)
      expect(() => at(text)).toThrow(JSON.stringify(text))
    },
  )

  it('tells rings apart', () => {
    const from = at('eu/a/n1')
    expect(['eu/a/n1', 'eu/a/n2', 'eu/b/n1', 'us/a/n1'].map((to) => ringOf(from, at(to)))).toEqual([
      0, 1, 2, 3,
    ])
  })
})

describe('owner ids', () => {
  it('round-trip, for nodes and for whole regions', () => {
    expect(agentOwnerId(at('eu/a/n1'))).toBe('eu/a/n1/agent')
    const parts = { region: 'eu', zone: '-', node: 'r1', id: 'summary' }
    expect(parseOwnerId(ownerId(parts))).toEqual(parts)
  })

  it.each(['eu/a/n1', 'eu/a/n1/agent/x', 'eu/*/n1/agent', '', '-/a/n1/agent'])(
    'are not %j',
    (text) => expect(parseOwnerId(text)).toBeUndefined(),
  )
})

describe('versions', () => {
  it('order by epoch number, then tag, then counter', () => {
    const versions: Version[] = [
      zeroVersion,
      { epoch: { number: 1, tag: 'b' }, counter: 9 },
      { epoch: { number: 2, tag: 'a' }, counter: 5 },
      { epoch: { number: 2, tag: 'b' }, counter: 0 },
      { epoch: { number: 2, tag: 'b' }, counter: 1 },
    ]
    expect([...versions].reverse().sort(compareVersions)).toEqual(versions)
  })
})

describe('instance', () => {
  it.each([
    [{ url: 'ftp://127.0.0.1/x' }, /must begin with http:\/\/ or https:\/\//],
    [{ url: 'http://127.0.0.1/', transport: 'websocket' }, /must begin with ws:\/\//],
    [{ url: 'nonsense' }, /must be an absolute URL/],
    [{ url: 'http://{host}/mcp' }, /must not hold unresolved/],
    [{ url: 'http://127.0.0.1/', transport: 'pigeon' }, /transport = "pigeon"/],
  ])('refuses the endpoint %j', (endpoint, problem) => {
    expect(() => parse(endpointSchema, endpoint, 'the endpoint')).toThrow(problem)
  })

  it('refuses credentials in a URL and does not repeat them', () => {
    const refuse = () => parse(endpointSchema, { url: 'http://me:hunter2@h/' }, 'the endpoint')
    expect(refuse).toThrow(/must not hold credentials/)
    expect(refuse).not.toThrow(/hunter2/)
  })

  it.each(['a', 'flights-1', 'A.b_c-9'])('takes %j as an id', (id) => {
    expect(instanceIdSchema.safeParse(id).success).toBe(true)
  })

  it.each(['', '-a', 'a/b', '..', 'a b', 'é', 'x'.repeat(129)])('refuses %j as an id', (id) => {
    expect(instanceIdSchema.safeParse(id).success).toBe(false)
  })

  it('limits how much metadata there is', () => {
    const many = Object.fromEntries(
      Array.from({ length: limits.metadataMax + 1 }, (_, i) => [`k${i}`, 'v']),
    )
    expect(() => parse(metadataSchema, many, 'the metadata')).toThrow(/at most 64 entries/)
    expect(() => parse(metadataSchema, { k: 'v'.repeat(513) }, 'the metadata')).toThrow(
      /k = "v+… .*at most 512 characters/,
    )
  })
})
