import fc from 'fast-check'
import { satisfies, validRange } from 'semver'
import { expect, test } from 'vitest'
import { packVersion, VersionRange } from './version-range.ts'

const number = fc.oneof(
  { weight: 8, arbitrary: fc.nat(4) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536, 2_097_151, 2_097_152, 20_260_728) },
)
const prerelease = fc.constantFrom('', '', '', '-0', '-alpha', '-alpha.1', '-beta.2', '-rc.1')
const version = fc
  .tuple(number, number, number, prerelease, fc.constantFrom('', '', '+build.5'))
  .map(([major, minor, patch, pre, build]) => `${major}.${minor}.${patch}${pre}${build}`)
const partial = fc.oneof(
  version,
  fc.tuple(number, number).map(([major, minor]) => `${major}.${minor}`),
  fc.tuple(number, number).map(([major, minor]) => `${major}.${minor}.x`),
  number.map(String),
  fc.constant('*'),
)
const comparator = fc
  .tuple(fc.constantFrom('', '=', '>', '>=', '<', '<=', '^', '~'), partial)
  .map(([operator, text]) => `${operator}${text}`)
const range = fc.oneof(
  fc.array(comparator, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' ')),
  fc.tuple(comparator, comparator).map(([a, b]) => `${a} || ${b}`),
  fc.tuple(partial, partial).map(([a, b]) => `${a} - ${b}`),
)

test('a packed range accepts what semver accepts, pre-releases and giant numbers included', () => {
  fc.assert(
    fc.property(range, fc.array(version, { minLength: 1, maxLength: 20 }), (text, versions) => {
      fc.pre(validRange(text) !== null)
      const packed = new VersionRange(text)
      for (const one of versions) {
        const expected = satisfies(one, text) || one === text
        expect([one, packed.test(packVersion(one))]).toEqual([one, expected])
      }
    }),
    { numRuns: 4_000 },
  )
})

test('words that are no version match as text only', () => {
  expect(new VersionRange('latest').test(packVersion('latest'))).toBe(true)
  expect(new VersionRange('latest').test(packVersion('1.0.0'))).toBe(false)
  expect(new VersionRange('*').test(packVersion('latest'))).toBe(false)
  expect(new VersionRange('1.2').test(packVersion('1.2'))).toBe(true)
})
