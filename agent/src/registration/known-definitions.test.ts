import type { Definition } from '@meridian/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSameJson, KnownDefinitions } from './known-definitions.ts'

const made = (name: string) => ({ name }) as Definition

describe('definitions that came before', () => {
  it('are known again, whichever of a name and version came last', () => {
    const known = new KnownDefinitions()
    const given = (description: string) => ({ name: 'a', version: '1', description })
    for (const text of ['first', 'second']) {
      const found = known.find(given(text))
      if (typeof found !== 'function') throw new Error('it is known already')
      found(made(text))
    }
    for (const text of ['second', 'first', 'first', 'second']) {
      expect(known.find(given(text))).toEqual(made(text))
    }
    expect(typeof known.find(given('third'))).toBe('function')
  })

  it('are forgotten when there are too many', () => {
    const known = new KnownDefinitions()
    const given = (at: number) => ({ name: `n${at}`, text: 'x'.repeat(1_000_000) })
    for (let at = 0; at < 6; at += 1) {
      const found = known.find(given(at))
      if (typeof found === 'function') found(made(`n${at}`))
    }
    expect(typeof known.find(given(0))).toBe('function')
    expect(known.find(given(5))).toEqual(made('n5'))
  })
})

describe('isSameJson', () => {
  it('says of any two values out of JSON whether they are the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const copy: unknown = JSON.parse(JSON.stringify(a))
        expect(isSameJson(a, copy)).toBe(true)
        // As text, -0 is 0.
        const other: unknown = JSON.parse(JSON.stringify(b))
        if (JSON.stringify(a) !== JSON.stringify(b) && isSameJson(copy, other)) {
          expect(copy).toEqual(other)
        }
      }),
    )
  })

  it.each([
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: 1 }, { b: 1 }],
    [[1, 2], [1]],
    [[1], { 0: 1 }],
    [{}, []],
    [{}, null],
    [null, {}],
    ['1', 1],
    [JSON.parse('{"__proto__":{}}'), {}],
    [{}, JSON.parse('{"__proto__":{}}')],
  ])('tells %j from %j', (a, b) => {
    expect(isSameJson(a, b)).toBe(false)
  })
})
