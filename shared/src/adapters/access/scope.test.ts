import { describe, expect, it } from 'vitest'
import { allows, allowsName, scopeSchema, type Need } from './scope.ts'

describe('a scope', () => {
  it.each(['lookup', 'operate', 'register:*', 'register:io.github.acme/', 'register:io.github'])(
    'may be %s',
    (scope) => {
      expect(scopeSchema.safeParse(scope).success).toBe(true)
    },
  )

  it.each(['', 'admin', 'register', 'register:', 'register:a b', 'lookup ', 'Operate'])(
    'is never %j',
    (scope) => {
      expect(scopeSchema.safeParse(scope).success).toBe(false)
    },
  )

  it.each<[string, Need[]]>([
    ['lookup', ['nothing', 'any', 'lookup']],
    ['operate', ['nothing', 'any', 'lookup', 'change', 'operate']],
    ['register:acme/', ['nothing', 'any', 'register', 'change']],
  ])('%s is enough for %j and nothing else', (scope, enough) => {
    const needs: Need[] = ['nothing', 'any', 'lookup', 'register', 'change', 'operate']
    expect(needs.filter((need) => allows([scope], need))).toEqual(enough)
  })

  it('lets register the names that begin as it says', () => {
    const acme = ['lookup', 'register:io.github.acme/']
    expect(allowsName(acme, 'io.github.acme/flights')).toBe(true)
    expect(allowsName(acme, 'io.github.acmecorp/flights')).toBe(false)
    expect(allowsName(['register:*'], 'any.thing/at-all')).toBe(true)
    expect(allowsName(['operate', 'lookup'], 'io.github.acme/flights')).toBe(false)
  })
})
