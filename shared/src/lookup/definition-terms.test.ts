import { expect, it } from 'vitest'
import { identifyDefinition, type Definition } from '../model/index.ts'
import { DefinitionTerms } from './definition-terms.ts'

const { id, definition } = identifyDefinition({ name: 'com.example/x', version: '1.0.0' })

it('knows the terms of a definition that was not here when it was asked for first', () => {
  const stored = new Map<string, Definition>()
  const terms = new DefinitionTerms((of) => stored.get(of))
  expect(terms.of(id)).toHaveLength(0)
  stored.set(id, definition)
  expect(terms.of(id).length).toBeGreaterThan(0)
})

it('reads a definition once, and is not stopped by one that cannot be read', () => {
  let reads = 0
  const terms = new DefinitionTerms((of) => {
    reads += 1
    if (of !== id) throw new Error('damaged')
    return definition
  })
  expect(terms.of('damaged')).toHaveLength(0)
  expect(terms.of(id)).toBe(terms.of(id))
  expect(reads).toBe(2)
})
