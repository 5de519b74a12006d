import { stemmer } from 'stemmer'

const english = /^[a-z]{3,}$/

/**
 * The term of a word as `wordsOf` gives it: English words by Porter's algorithm, others as they
 * are. `flights`, `flight` → `flight`; `booking`, `booked` → `book`.
 */
export function termOf(word: string): string {
  return english.test(word) ? stemmer(word) : word
}
