import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wordsOf } from './words.ts'

const texts = (text: string) => wordsOf(text, 100).map((word) => word.text)

describe('wordsOf', () => {
  it.each([
    ['plain words, and punctuation!', ['plain', 'words', 'and', 'punctuation']],
    ['searchFlights', ['search', 'flights', 'searchflights']],
    ['HTTPServer2', ['http', 'server', '2', 'httpserver2']],
    ['parseJSON', ['parse', 'json', 'parsejson']],
    ['snake_case', ['snake', 'case', 'snakecase']],
    ['get-user-by-id', ['get', 'user', 'by', 'id', 'getuserbyid']],
    ['get_userName', ['get', 'user', 'name', 'username', 'getusername']],
    ['io.github.acme/flights', ['io', 'github', 'acme', 'flights']],
    ['k8s', ['k', '8', 's', 'k8s']],
    ['2024-01-31', ['2024', '01', '31', '20240131']],
    ["don't", ['dont']],
    ["Rome's weather", ['rome', 'weather']],
    ['the users’ files', ['the', 'users', 'files']],
    ['Café CRÈME', ['cafe', 'creme']],
    ['Größe', ['große']],
    ['天気予報', ['天気', '気予', '予報']],
    ['東', ['東']],
    ['東京weather', ['東京', 'weather']],
    ['прогноз Погоды', ['прогноз', 'погоды']],
    ['날씨 예보', ['날씨', '예보'].map((word) => word.normalize('NFKD'))],
    ['1a6b35e6e67f802fa7e1', ['1a6b35e6e67f802fa7e1']],
    ['', []],
    ['--- !!! ___', []],
    ['🚀 launch', ['launch']],
  ])('reads %j', (text, expected) => {
    expect(texts(text)).toEqual(expected)
  })

  it('gives positions in the text as it came', () => {
    const text = 'Book a Café: searchFlights_v2, 東京!'
    const found = wordsOf(text, 100).map(({ start, end }) => text.slice(start, end))
    expect(found).toEqual([
      'Book',
      'a',
      'Café',
      'search',
      'Flights',
      'searchFlights',
      'v',
      '2',
      'v2',
      'searchFlights_v2',
      '東京',
    ])
  })

  it('counts the parts that come before a whole', () => {
    const wholes = wordsOf('openPullRequest', 10).map(({ text, parts }) => [text, parts])
    expect(wholes).toEqual([
      ['open', 0],
      ['pull', 0],
      ['request', 0],
      ['openpullrequest', 3],
    ])
  })

  it('leaves out runs that are too long to be words, and what comes after enough words', () => {
    expect(texts(`${'x'.repeat(41)} short`)).toEqual(['short'])
    expect(wordsOf('a b c d e', 3)).toHaveLength(3)
  })

  it('reads any text, with positions inside it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        const words = wordsOf(text, 1_000)
        const isInside = words.every(
          ({ start, end, text: word, parts }, at) =>
            start >= 0 && start < end && end <= text.length && word !== '' && parts <= at,
        )
        expect(isInside).toBe(true)
      }),
    )
  })
})
