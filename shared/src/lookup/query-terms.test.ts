import { expect, it } from 'vitest'
import { parseQuery } from '../capability-index/index.ts'
import { identifyDefinition } from '../model/index.ts'
import { hashTerm, termsOfDefinition, termsOfPlace, termsOfQuery } from './query-terms.ts'

const tool = (value: string) => hashTerm('tool', value)

it.each([
  ['tool:a', [tool('a')]],
  ['tool:a status:passing version:>=2', [tool('a')]],
  ['tool:a region:eu', [tool('a')]],
  ['tool:a | tool:b', [tool('a'), tool('b')]],
  ['(tool:a | tool:b) tag:c', [hashTerm('tag', 'c')]],
  ['tool:a -tool:b', [tool('a')]],
])('knows what a change must have to matter to %s', (text, terms) => {
  expect(termsOfQuery(parseQuery(text))).toEqual(new Set(terms))
})

it.each(['', '-tool:a', 'tool:a*', 'meta.env:prod', 'version:1', 'tool:a | status:critical'])(
  'looks at every change for %j',
  (text) => {
    expect(termsOfQuery(parseQuery(text))).toBe('any')
  },
)

it('finds the terms of a definition and of a place', () => {
  const { definition } = identifyDefinition({
    name: 'io.acme/x',
    version: '1.0.0',
    tags: ['t'],
    capabilities: { tools: [{ name: 'a', inputSchema: { properties: { date: {} } } }] },
  })
  const terms = new Set(termsOfDefinition(definition))
  for (const [field, value] of [
    ['server', 'io.acme/x'],
    ['tag', 't'],
    ['tool', 'a'],
    ['arg', 'date'],
  ] as const) {
    expect(terms.has(hashTerm(field, value))).toBe(true)
  }
  const place = new Set(termsOfPlace({ region: 'eu', zone: 'a', node: 'n1' }))
  expect(place.has(hashTerm('zone', 'eu/a'))).toBe(true)
})
