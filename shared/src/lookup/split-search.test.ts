import { describe, expect, it } from 'vitest'
import { splitSearch, tokenAt } from './split-search.ts'

describe('what stands in a search box', () => {
  it.each([
    ['flights to paris', 'flights to paris', ''],
    ['tool:search_flights tag:travel', '', 'tool:search_flights tag:travel'],
    ['flights tag:travel paris', 'flights paris', '        tag:travel'],
    ['-status:critical', '', '-status:critical'],
    ['(tool:a | tool:b) fast', 'fast', '(tool:a | tool:b)'],
    ['meta.env:"a b" x', 'x', 'meta.env:"a b"'],
    ['at 10:30 http://x.example', 'at 10:30 http://x.example', ''],
    ['error: no such file', 'error: no such file', ''],
    ['tool:', '', 'tool:'],
    ['  ', '', ''],
  ])('%j is the words %j and the query %j', (text, words, filter) => {
    expect(splitSearch(text)).toEqual({ words, filter })
  })

  it('keeps a misspelt field in the query, which says so', () => {
    expect(splitSearch('tols:echo').filter).toBe('tols:echo')
  })

  it('keeps every term where it stood', () => {
    const text = 'cheap flights (tag:travel | tag:air) soon -region:eu'
    const { filter } = splitSearch(text)
    expect(filter.indexOf('-region')).toBe(text.indexOf('-region'))
  })
})

describe('the term at the caret', () => {
  it.each([
    ['to', 2, { from: 0, to: 2, field: undefined, begun: 'to' }],
    ['tool:se', 7, { from: 5, to: 7, field: 'tool', begun: 'se' }],
    ['tool:search', 7, { from: 5, to: 11, field: 'tool', begun: 'se' }],
    ['a -tag:', 7, { from: 7, to: 7, field: 'tag', begun: '' }],
    ['(tag:tr)', 7, { from: 5, to: 7, field: 'tag', begun: 'tr' }],
    ['one two ', 8, { from: 8, to: 8, field: undefined, begun: '' }],
    ['x', 99, { from: 0, to: 1, field: undefined, begun: 'x' }],
  ])('of %j at %d', (text, at, token) => {
    expect(tokenAt(text, at)).toEqual(token)
  })
})
