import { definitionSchema, identifyDefinition } from '@meridian/shared'
import { expect, it } from 'vitest'
import { IdentifiedDefinitions } from './identified-definitions.ts'

const definition = (name: string, description = '') =>
  definitionSchema.parse({ name: `com.example/${name}`, version: '1.0.0', description })

it('names a definition as it is named without it, and the same one once', () => {
  const names = new IdentifiedDefinitions()
  const first = names.identify(definition('a'))
  expect(first).toEqual(identifyDefinition(definition('a')))
  expect(names.identify(definition('a'))).toBe(first)
  expect(names.identify(definition('b')).id).not.toBe(first.id)
})

it('forgets what was not used for the longest', () => {
  const names = new IdentifiedDefinitions()
  const long = 'x'.repeat(16_000)
  const first = names.identify(definition('first', long))
  const second = names.identify(definition('second', long))
  for (let at = 0; at < 600; at += 1) {
    names.identify(definition(`other-${at}`, long))
    names.identify(definition('first', long))
  }
  expect(names.identify(definition('first', long))).toBe(first)
  expect(names.identify(definition('second', long))).not.toBe(second)
})

it('does not keep what is refused', () => {
  const names = new IdentifiedDefinitions()
  const broken = definition('a', '\ud800')
  for (let at = 0; at < 2; at += 1) {
    expect(() => names.identify(broken)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }) as Error,
    )
  }
})
