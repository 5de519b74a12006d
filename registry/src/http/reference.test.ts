import { describe, expect, it } from 'vitest'
import { inWords } from './reference.ts'

describe('a parameter in words', () => {
  it('tells its kind, its limits and what it is when it is not given', () => {
    expect(inWords({ type: 'string', maxLength: 512, default: '' })).toBe(
      'string, at most 512 characters',
    )
    expect(inWords({ type: 'string', enum: ['name', 'updated'], default: 'name' })).toBe(
      'one of name, updated, "name" unless given',
    )
    expect(inWords({ type: 'integer', minimum: 1, maximum: 100, description: 'A page.' })).toBe(
      'A page. (integer, from 1, up to 100)',
    )
  })
})
