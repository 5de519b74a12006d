import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { oneLine, rangesIn } from './hit.ts'
import { findLimits } from './limits.ts'

describe('oneLine', () => {
  it('collapses white space', () => {
    expect(oneLine('  Books\n\n  a\tflight. ')).toBe('Books a flight.')
  })

  it('cuts a long text between words, and says so', () => {
    const line = oneLine('flight '.repeat(50))
    expect(line.length).toBeLessThanOrEqual(findLimits.lineCharsMax)
    expect(line.endsWith('flight…')).toBe(true)
  })

  it('never ends in half a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => {
        const line = oneLine(text)
        expect(line.length).toBeLessThanOrEqual(findLimits.lineCharsMax)
        expect(line.isWellFormed()).toBe(true)
      }),
    )
  })
})

describe('rangesIn', () => {
  const cut = (text: string, ...words: string[]) =>
    rangesIn(text, (word) => words.includes(word)).map(([start, end]) => text.slice(start, end))

  it('marks exactly the words that match, in order', () => {
    expect(cut('Book a flight; flights, flight.', 'flight')).toEqual(['flight', 'flight'])
    expect(rangesIn('Book a flight', (word) => word === 'flight')).toEqual([[7, 13]])
  })

  it('marks parts of identifiers, and a whole once even when its parts match too', () => {
    expect(cut('searchFlights', 'flights')).toEqual(['Flights'])
    expect(cut('search_flights now', 'search', 'flights', 'searchflights')).toEqual([
      'search_flights',
    ])
  })

  it('counts in UTF-16 units', () => {
    expect(rangesIn('🚀 Café', (word) => word === 'cafe')).toEqual([[3, 7]])
  })
})
