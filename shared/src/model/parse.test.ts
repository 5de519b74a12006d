import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isMeridianError, type Violation } from '../errors.ts'
import { parse } from './parse.ts'

function violationsOf(schema: z.ZodType, input: unknown): readonly Violation[] {
  try {
    parse(schema, input, 'the thing')
    return []
  } catch (error) {
    if (!isMeridianError(error, 'invalid_request')) throw error
    return error.violations
  }
}

describe('parse', () => {
  it('gives the typed value', () => {
    expect(parse(z.object({ n: z.coerce.number() }), { n: '5' }, 'the thing')).toEqual({ n: 5 })
  })

  it('says what is not valid, which field, what it holds and what it must be', () => {
    const schema = z.strictObject({ deep: z.strictObject({ list: z.array(z.number().max(9)) }) })
    expect(() => parse(schema, { deep: { list: [1, 10] } }, 'the thing')).toThrow(
      'the thing is not valid: deep.list[1] = 10: must be at most 9',
    )
  })

  it('throws with the code that it is given', () => {
    expect(() => parse(z.string(), 5, 'the setting', 'config_invalid')).toThrow(
      expect.objectContaining({ code: 'config_invalid' }) as Error,
    )
  })

  it.each<[string, z.ZodType, unknown, string]>([
    ['text', z.string(), 5, 'must be text'],
    ['a number', z.number(), '5', 'must be a number'],
    ['a whole number', z.int(), 1.5, 'must be a whole number'],
    ['a boolean', z.boolean(), 'yes', 'must be true or false'],
    ['a list', z.array(z.string()), {}, 'must be a list'],
    ['an object', z.object({}), [], 'must be an object'],
    ['a record', z.record(z.string(), z.string()), 5, 'must be an object'],
    ['null', z.null(), 5, 'must be null'],
    ['nothing', z.undefined(), 5, 'must be left out'],
    ['what is missing', z.string(), undefined, 'is needed'],
    ['short text', z.string().min(3), 'ab', 'must have at least 3 characters'],
    ['empty text', z.string().min(1), '', 'must not be empty'],
    ['long text', z.string().max(3), 'abcd', 'must have at most 3 characters'],
    ['a short list', z.array(z.any()).min(2), [1], 'must have at least 2 items'],
    ['an empty list', z.array(z.any()).min(1), [], 'must not be empty'],
    ['a long list', z.array(z.any()).max(1), [1, 2], 'must have at most 1 items'],
    ['a small number', z.number().min(3), 2, 'must be at least 3'],
    ['a large number', z.number().max(3), 4, 'must be at most 3'],
    ['one of some words', z.enum(['on', 'off']), 'maybe', 'must be one of on, off'],
    ['one word', z.literal('on'), 'off', 'must be on'],
    ['a multiple', z.number().multipleOf(5), 7, 'must be a multiple of 5'],
    ['a rule with words of its own', z.string('must be a colour'), 5, 'must be a colour'],
  ])('says of %s what it must be', (_, schema, input, problem) => {
    expect(violationsOf(z.object({ x: schema }), { x: input })).toMatchObject([
      { field: 'x', problem },
    ])
  })

  it('names every unknown field by itself, and does not show what it holds', () => {
    const schema = z.strictObject({ inner: z.strictObject({}) })
    expect(violationsOf(schema, { inner: { pasword: 'hunter2' }, more: 1 })).toEqual([
      { field: 'inner.pasword', value: '(not shown)', problem: 'is unknown' },
      { field: 'more', value: '(not shown)', problem: 'is unknown' },
    ])
  })

  it('says of an alternative what tells it apart', () => {
    const schema = z.object({
      check: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('tcp').default('tcp') }),
        z.object({ kind: z.literal('http') }),
      ]),
    })
    expect(violationsOf(schema, { check: { kind: 'dance', url: 'x' } })).toEqual([
      { field: 'check.kind', value: '"dance"', problem: 'must be one of tcp, http' },
    ])
  })

  it('says of a name in a record what it must be', () => {
    const names = z.string().regex(/^[a-z]+$/, 'must be lower-case letters')
    const schema = z.object({ metadata: z.record(names, z.string()) })
    expect(violationsOf(schema, { metadata: { 'a b': 'x' } })).toEqual([
      {
        field: 'metadata["a b"]',
        value: '"a b"',
        problem: 'its name must be lower-case letters',
      },
    ])
  })

  it('shows no more of a value than fits into a line', () => {
    const [violation] = violationsOf(z.string().max(5), 'x'.repeat(100_000))
    expect(violation?.field).toBe('(whole)')
    expect(violation?.value).toMatch(/^"x{79}… \(100002 characters\)$/)
    expect(violationsOf(z.string(), [1, 2])[0]?.value).toBe('(a list of 2)')
    expect(violationsOf(z.string(), { a: 1 })[0]?.value).toBe('(an object)')
  })

  it('names a bounded number of fields, however many are at fault', () => {
    const input = Array.from({ length: 10_000 }, () => 'x')
    expect(violationsOf(z.array(z.number()), input)).toHaveLength(20)
  })
})
