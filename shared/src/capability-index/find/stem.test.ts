import { describe, expect, it } from 'vitest'
import { wordClass } from './request-language.ts'
import { termOf } from './stem.ts'

describe('termOf', () => {
  it.each([
    [['flight', 'flights']],
    [['book', 'books', 'booking', 'booked']],
    [['query', 'queries']],
    [['translate', 'translates', 'translating', 'translation']],
    [['recommend', 'recommended', 'recommends']],
  ])('is one for %j', (words) => {
    expect(new Set(words.map(termOf)).size).toBe(1)
  })

  it('leaves apart what only begins alike', () => {
    expect(termOf('universe')).not.toBe(termOf('uniform'))
    expect(termOf('news')).not.toBe(termOf('newton'))
  })

  it('leaves short words, other scripts and words with digits as they are', () => {
    expect(['as', 'k8s', '天気', 'große', 'погоды'].map(termOf)).toEqual([
      'as',
      'k8s',
      '天気',
      'große',
      'погоды',
    ])
  })
})

describe('wordClass', () => {
  it.each([
    ['the', 'stop'],
    ['please', 'stop'],
    ['kindly', 'courtesy'],
    ['comprehensive', 'courtesy'],
    ['7', 'courtesy'],
    ['find', 'generic'],
    ['created', 'generic'],
    ['weather', 'content'],
    ['kubernetes', 'content'],
  ] as const)('tells that %j is %s', (word, expected) => {
    expect(wordClass(word, termOf(word))).toBe(expected)
  })
})
