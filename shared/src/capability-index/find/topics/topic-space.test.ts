import { describe, expect, it } from 'vitest'
import { termOf } from '../stem.ts'
import { createTopicSpace, defaultTopicSpace, type TopicSpace } from './topic-space.ts'

function cosine(space: TopicSpace, a: string, b: string): number {
  const at = (word: string) => {
    const row = space.rowOf(termOf(word))
    if (row < 0) throw new Error(`${word} is not in the glossary`)
    return space.vectors.subarray(row * space.dimensions, (row + 1) * space.dimensions)
  }
  const other = at(b)
  return at(a).reduce((sum, value, d) => sum + value * (other[d] ?? 0), 0)
}

describe('createTopicSpace', () => {
  const space = createTopicSpace([
    'bitcoin wallet crypto',
    'crypto token blockchain',
    'rain weather forecast',
    'forecast storm wind',
  ])

  it('puts words of one line close, and words of linked lines closer than others', () => {
    expect(cosine(space, 'bitcoin', 'wallet')).toBeGreaterThan(0.9)
    expect(cosine(space, 'bitcoin', 'blockchain')).toBeGreaterThan(
      cosine(space, 'bitcoin', 'storm'),
    )
  })

  it('weighs a word on many lines less', () => {
    const weight = (word: string) => space.weights[space.rowOf(termOf(word))] ?? 0
    expect(weight('bitcoin')).toBeGreaterThan(weight('crypto'))
    expect(weight('bitcoin')).toBeLessThanOrEqual(1)
  })

  it('knows only the words of its glossary', () => {
    expect(space.rowOf(termOf('invoice'))).toBe(-1)
    expect(createTopicSpace([]).rowOf('rain')).toBe(-1)
  })

  it('is the same for the same glossary', () => {
    const lines = ['a1 b1 c1', 'c1 d1']
    expect(createTopicSpace(lines).vectors).toEqual(createTopicSpace(lines).vectors)
  })

  it('has vectors of length 1 throughout its own glossary, built once', () => {
    const own = defaultTopicSpace()
    expect(defaultTopicSpace()).toBe(own)
    for (let at = 0; at < own.vectors.length; at += own.dimensions) {
      const row = own.vectors.subarray(at, at + own.dimensions)
      expect(row.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 3)
    }
    expect(cosine(own, 'pod', 'kubernetes')).toBeGreaterThan(0.8)
    expect(cosine(own, 'pod', 'recipe')).toBeLessThan(0.3)
  })
})
