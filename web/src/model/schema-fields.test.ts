import { describe, expect, it } from 'vitest'
import { fieldsOf } from './schema-fields.ts'

const none = { description: undefined, choices: [], fallback: undefined, rules: [], fields: [] }

describe('the arguments of a tool', () => {
  it('are named with their types, those that are needed first', () => {
    const schema = {
      type: 'object',
      properties: {
        limit: { type: 'integer', minimum: 1, maximum: 50, default: 10 },
        date: { type: 'string', format: 'date', description: 'Of departure.' },
      },
      required: ['date'],
    }
    expect(fieldsOf(schema)).toEqual([
      {
        ...none,
        name: 'date',
        type: 'string (date)',
        required: true,
        description: 'Of departure.',
      },
      {
        ...none,
        name: 'limit',
        type: 'integer',
        required: false,
        fallback: '10',
        rules: ['1 to 50'],
      },
    ])
  })

  it('show what they may be one of', () => {
    const schema = {
      properties: {
        cabin: { enum: ['economy', 'business'] },
        when: { anyOf: [{ type: 'string' }, { type: 'null' }] },
        tags: { type: 'array', items: { type: 'string', enum: ['a', 'b'] } },
        ids: { type: 'array', items: { type: ['string', 'integer'] } },
      },
    }
    expect(fieldsOf(schema)).toMatchObject([
      { name: 'cabin', type: 'one of', choices: ['"economy"', '"business"'] },
      { name: 'when', type: 'string | null' },
      { name: 'tags', type: 'string[]', choices: ['"a"', '"b"'] },
      { name: 'ids', type: '(string | integer)[]' },
    ])
  })

  it('hold those of objects and of lists of objects, by reference too', () => {
    const schema = {
      $defs: { place: { type: 'object', properties: { city: { type: 'string' } } } },
      properties: {
        from: { $ref: '#/$defs/place' },
        stops: { type: 'array', items: { $ref: '#/$defs/place' } },
      },
    }
    const [from, stops] = fieldsOf(schema)
    expect(from).toMatchObject({ type: 'object', fields: [{ name: 'city', type: 'string' }] })
    expect(stops).toMatchObject({ type: 'object[]', fields: [{ name: 'city' }] })
  })

  it('end where a schema names itself, and are none of what is no schema', () => {
    const schema: Record<string, unknown> = { properties: { next: { $ref: '#' } } }
    expect(JSON.stringify(fieldsOf(schema)).split('next').length).toBeLessThan(9)
    expect(fieldsOf({ properties: { x: { $ref: '#/nowhere' } } })).toMatchObject([{ type: 'any' }])
    for (const odd of [undefined, null, 3, [], 'x', { properties: [] }]) {
      expect(fieldsOf(odd)).toEqual([])
    }
  })
})
