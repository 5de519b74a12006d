import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isMeridianError } from '../../errors.ts'
import { parseQuery } from './parser.ts'
import { printQuery } from './printer.ts'
import { queryFromJson, queryJsonSchema, queryToJson } from './json.ts'
import { queryLimits } from './limits.ts'
import { asksForStatus, type Query, type QueryPart, type Term } from './query.ts'

const is = (field: Term['field'], value: string): Term => ({ kind: 'is', field, value })
const begins = (field: Term['field'], value: string): Term => ({ kind: 'begins', field, value })

describe('parsing', () => {
  test.each<[string, Query]>([
    ['', { kind: 'all' }],
    [' \t\n', { kind: 'all' }],
    ['tool:a', is('tool', 'a')],
    ['tool:a*', begins('tool', 'a')],
    ['tool:*', begins('tool', '')],
    ['tool:""*', begins('tool', '')],
    ['meta.a.b-c:x', is('meta.a.b-c', 'x')],
    ['resource:postgres://orders/42?a=b', is('resource', 'postgres://orders/42?a=b')],
    ['tool:"a b"', is('tool', 'a b')],
    ['tool:"a b"*', begins('tool', 'a b')],
    ['tool:"a*"', is('tool', 'a*')],
    [String.raw`tool:"say \"hi\" \\"`, is('tool', String.raw`say "hi" \ `.trimEnd())],
    ['version:>=2.1', is('version', '>=2.1')],
    ['version:1.*', is('version', '1.*')],
    ['version:">=1 <2"', is('version', '>=1 <2')],
    ['version:latest', is('version', 'latest')],
    ['tool:a tag:b', { kind: 'and', of: [is('tool', 'a'), is('tag', 'b')] }],
    ['tool:a|tag:b', { kind: 'or', of: [is('tool', 'a'), is('tag', 'b')] }],
    ['-tool:a-b', { kind: 'not', of: is('tool', 'a-b') }],
    ['((tool:a))', is('tool', 'a')],
    [
      'tool:a tag:b | tag:c',
      { kind: 'or', of: [{ kind: 'and', of: [is('tool', 'a'), is('tag', 'b')] }, is('tag', 'c')] },
    ],
    [
      'tool:a (tag:b | tag:c)',
      { kind: 'and', of: [is('tool', 'a'), { kind: 'or', of: [is('tag', 'b'), is('tag', 'c')] }] },
    ],
    [
      '(tool:a tag:b) tag:c',
      { kind: 'and', of: [is('tool', 'a'), is('tag', 'b'), is('tag', 'c')] },
    ],
    ['--tool:a', { kind: 'not', of: { kind: 'not', of: is('tool', 'a') } }],
  ])('reads %j', (text, query) => {
    expect(parseQuery(text)).toEqual(query)
  })

  test.each<[string, RegExp]>([
    ['foo', /at character 1 .*"foo" has no field .*find/],
    ['tool:a foo', /at character 8 .*"foo" has no field/],
    ['bogus:x', /at character 1 .*"bogus" is no field; expected tool, .* meta\.<key>/],
    ['meta.:x', /at character 1 .*is no field/],
    ['tool:', /at its end: expected a value after "tool:"/],
    ['tool: a', /at character 6 .*expected a value after "tool:"/],
    ['tool:""', /at character 1 .*must not be empty/],
    ['tool:a*b', /at character 8 .*wildcard at the end only/],
    ['tool:*a', /at character 7 .*wildcard at the end only/],
    ['tool:"a', /at its end: expected a quote to end the value that begins at character 6/],
    ['tool:"a"b', /at character 9 .*expected a space after the closing quote/],
    ['tool:a"b"', /at character 7 .*expected a space before this quote/],
    [String.raw`tool:"a\n"`, /at character 8 .*a backslash between quotes/],
    ['"tool:a"', /at character 1 .*quotes stand around values only/],
    ['tool:a)', /at character 7 .*this "\)" closes nothing/],
    ['(tool:a', /at its end: expected "\)" for the "\(" at character 1/],
    ['()', /at character 2 .*expected a term/],
    ['| tool:a', /at character 1 .*expected a term/],
    ['tool:a |', /at its end: expected a term/],
    ['tool:a || tag:b', /at character 9 .*expected a term/],
    ['-', /at its end: expected a term/],
    ['- tool:a', /at character 2 .*expected a term/],
    ['version:>=1..2', /expected a version or a semver range/],
    ['status:up', /expected one of passing, warning/],
    ['transport:stdio', /expected one of streamable-http/],
  ])('refuses %j and says where', (text, message) => {
    expect(() => parseQuery(text)).toThrow(message)
    expect(() => parseQuery(text)).toThrow(expect.objectContaining({ code: 'invalid_query' }))
  })

  test.each<[string, string, RegExp]>([
    [
      'length',
      `tag:${'a'.repeat(queryLimits.lengthMax)}`,
      /has 4100 characters; the limit is 4096/,
    ],
    ['depth of groups', `${'('.repeat(17)}tag:a${')'.repeat(17)}`, /nest at most 16 deep/],
    ['depth of NOTs', `${'-'.repeat(17)}tag:a`, /nest at most 16 deep/],
    ['terms', Array.from({ length: 65 }, () => 'tag:a').join(' '), /at most 64 terms/],
    ['value', `tag:${'a'.repeat(queryLimits.valueMax + 1)}`, /at most 2048 characters/],
    ['version range', `version:1.${'0'.repeat(255)}`, /at most 255 characters/],
  ])('has a limit of its own for the %s', (_, text, message) => {
    expect(() => parseQuery(text)).toThrow(message)
  })

  test('reads what is exactly at the limits', () => {
    parseQuery(`${'('.repeat(16)}tag:a${')'.repeat(16)}`)
    parseQuery(Array.from({ length: 64 }, () => 'tag:a').join(' '))
    parseQuery(`tag:${'a'.repeat(queryLimits.valueMax)}`)
    expect(parseQuery(`tag:a${' '.repeat(queryLimits.lengthMax - 5)}`)).toEqual(is('tag', 'a'))
  })

  test('never fails but with its own error, whatever it is given', () => {
    const pieces = [
      'tool:',
      'meta.a:',
      'version:',
      '"',
      '\\',
      '*',
      '(',
      ')',
      '|',
      '-',
      ' ',
      'a',
      '^1',
      '\u{1f600}',
    ]
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...pieces), { maxLength: 400 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (input) => {
        try {
          const query = parseQuery(input)
          expect(parseQuery(printQuery(query))).toEqual(query)
        } catch (error) {
          if (!isMeridianError(error, 'invalid_query')) throw error
        }
      }),
      { numRuns: 3_000 },
    )
  })

  test('looks at each character a bounded number of times, whatever the text repeats', () => {
    const test = vi.spyOn(RegExp.prototype, 'test')
    onTestFinished(() => test.mockRestore())
    const pieces = [
      '(',
      '-',
      '"',
      '*',
      '|',
      ' ',
      ':',
      'tag:',
      'tag:a ',
      'tag:a|',
      '-(',
      String.raw`"\"`,
    ]
    for (const first of ['', 'tag:', 'tag:"']) {
      for (const piece of pieces) {
        for (const second of ['', ...pieces]) {
          const text = (first + (piece + second).repeat(queryLimits.lengthMax)).slice(
            0,
            queryLimits.lengthMax,
          )
          test.mockClear()
          try {
            parseQuery(text)
          } catch (error) {
            if (!isMeridianError(error, 'invalid_query')) throw error
          }
          expect(test.mock.calls.length).toBeLessThan(text.length * 4)
        }
      }
    }
  })
})

const fields = ['tool', 'resource', 'tag', 'server', 'region', 'meta.env', 'arg'] as const
const term = fc.oneof(
  fc.record({
    kind: fc.constant('is' as const),
    field: fc.constantFrom(...fields),
    value: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  }),
  fc.record({
    kind: fc.constant('begins' as const),
    field: fc.constantFrom(...fields),
    value: fc.string({ unit: 'grapheme', maxLength: 12 }),
  }),
  fc.record({
    kind: fc.constant('is' as const),
    field: fc.constant('version' as const),
    value: fc.constantFrom('*', '1.x', '>=1 <2', '1 || 2', '^1.2.3-beta', 'latest'),
  }),
)
const { part } = fc.letrec<{ part: QueryPart }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    term,
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      of: fc.array(tie('part'), { minLength: 2, maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('not' as const), of: tie('part') }),
  ),
}))

describe('the two forms', () => {
  test('lead to the same query and back', () => {
    fc.assert(
      fc.property(part, (tree) => {
        let query: Query
        try {
          query = queryFromJson(queryToJson(tree))
        } catch (error) {
          if (isMeridianError(error, 'invalid_query')) return
          throw error
        }
        expect(queryFromJson(queryToJson(query))).toEqual(query)
        expect(parseQuery(printQuery(query))).toEqual(query)
      }),
      { numRuns: 2_000 },
    )
  })

  test('agree on the empty query', () => {
    expect(queryFromJson({})).toEqual(parseQuery(''))
    expect(queryToJson({ kind: 'all' })).toEqual({})
  })

  test.each<[string, unknown, RegExp]>([
    ['no object', 7, /at query: expected an object/],
    ['a list', [], /at query: expected an object/],
    ['two keys', { and: [], or: [] }, /expected exactly one of/],
    ['an empty list', { or: [] }, /at query\.or: expected a list with at least one part/],
    [
      'a bad part',
      { and: [{ field: 'tool', value: 'a' }, 5] },
      /at query\.and\[1\]: expected an object/,
    ],
    [
      'an unknown field',
      { not: { field: 'x', value: 'a' } },
      /at query\.not\.field: expected tool/,
    ],
    ['no text', { field: 'tool', value: 3 }, /expected a text/],
    ['an empty value', { field: 'tool', value: '' }, /must not be empty/],
    ['a version prefix', { field: 'version', prefix: '1' }, /not a wildcard/],
    ['everything, inside', { and: [{}] }, /expected exactly one of/],
  ])('refuse %s', (_, input, message) => {
    expect(() => queryFromJson(input)).toThrow(message)
  })

  test('never fail but with their own error, whatever JSON is given', () => {
    const part = fc.letrec((tie) => ({
      part: fc.oneof(
        { maxDepth: 5 },
        fc.jsonValue(),
        fc.record({ field: fc.constantFrom('tool', 'version', 'x', 'meta.a'), value: fc.string() }),
        fc.record({ field: fc.constantFrom('tool', 'region'), prefix: fc.string() }),
        fc.record({ and: fc.array(tie('part'), { maxLength: 3 }) }),
        fc.record({ or: fc.array(tie('part'), { maxLength: 3 }) }),
        fc.record({ not: tie('part') }),
      ),
    })).part
    fc.assert(
      fc.property(part, (input) => {
        try {
          const query = queryFromJson(input)
          expect(parseQuery(printQuery(query))).toEqual(query)
        } catch (error) {
          if (!isMeridianError(error, 'invalid_query')) throw error
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('have the same limits', () => {
    let deep: unknown = { field: 'tag', value: 'a' }
    for (let i = 0; i < 17; i += 1) deep = { not: deep }
    expect(() => queryFromJson(deep)).toThrow(/nest at most 16 deep/)
    for (let i = 0; i < 100_000; i += 1) deep = { not: deep }
    expect(() => queryFromJson(deep)).toThrow(/parts nest at most/)
    const tag = { field: 'tag', value: 'a' }
    expect(() => queryFromJson({ or: Array.from({ length: 65 }, () => tag) })).toThrow(
      /at most 64 terms/,
    )
    const long = { field: 'tag', value: 'a'.repeat(2_000) }
    expect(() => queryFromJson({ or: [long, long, long] })).toThrow(
      /as text it has 6018 characters/,
    )
  })

  test('come out of a request body as a query', () => {
    expect(queryJsonSchema.parse({ field: 'tool', prefix: 'a' })).toEqual(begins('tool', 'a'))
    expect(queryJsonSchema.safeParse({ field: 'x' }).error?.issues[0]?.message).toContain(
      'at query',
    )
  })
})

test('only a status that is wanted asks for one', () => {
  expect(asksForStatus(parseQuery('tool:a status:critical'))).toBe(true)
  expect(asksForStatus(parseQuery('tool:a (tag:b | status:*)'))).toBe(true)
  expect(asksForStatus(parseQuery('tool:a -status:warning'))).toBe(false)
  expect(asksForStatus(parseQuery('--status:warning'))).toBe(true)
})
