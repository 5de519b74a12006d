import { describe, expect, it } from 'vitest'
import { hasTerm, termOf, toggled } from './search-terms.ts'

describe('a facet in the search box', () => {
  it('is a term of the query language, quoted where it has to be', () => {
    expect(termOf('region', 'eu-west')).toBe('region:eu-west')
    expect(termOf('tag', 'a (b)')).toBe('tag:"a (b)"')
  })

  it('comes and goes, and leaves the rest as it is', () => {
    expect(toggled('', 'tag:x')).toBe('tag:x')
    expect(toggled('flights ', 'tag:x')).toBe('flights tag:x')
    expect(toggled('flights tag:x soon', 'tag:x')).toBe('flights soon')
    expect(toggled('tag:x', 'tag:x')).toBe('')
  })

  it('is not taken for a longer one', () => {
    expect(hasTerm('zone:eu/ab', 'zone:eu/a')).toBe(false)
  })
})
