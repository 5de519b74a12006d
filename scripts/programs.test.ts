import { describe, expect, it } from 'vitest'
import { atLeast, versionOf, which } from './programs.mjs'

describe('atLeast', () => {
  it.each([
    ['2.10.0', '2.10.0', true],
    ['2.10.27', '2.10.0', true],
    ['3.0.0', '2.10.0', true],
    ['2.9.25', '2.10.0', false],
    ['1.99.99', '2.10.0', false],
  ])('compares %s with %s by numbers, not by text', (version, min, expected) => {
    expect(atLeast(version, min)).toBe(expected)
  })
})

describe('versionOf', () => {
  it('reads the version of a program that runs', () => {
    expect(versionOf(process.execPath)).toBe(process.versions.node)
  })

  it('knows no version of a program that is not there', () => {
    expect(versionOf('/nowhere/nats-server')).toBeUndefined()
  })
})

describe('which', () => {
  it('takes the first name that PATH holds', () => {
    expect(which('no-such-program-here', 'sh')).toMatch(/\/sh$/)
  })

  it('finds nothing where no name is there', () => {
    expect(which('no-such-program-here')).toBeUndefined()
  })
})
