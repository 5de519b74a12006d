/**
 * Text to words. A word is a run of letters and digits; inside it, identifiers are split where
 * case or kind changes, and kept whole as well:
 *
 *     searchFlights2 → search flights 2 searchflights2
 *     HTTPServer     → http server httpserver
 *     list_pages     → list pages listpages          (and list-pages)
 *     don't          → dont
 *     天気予報        → 天気 気予 予報        (no spaces to go by: pairs of characters)
 *     1a6b35e6e67f80 → 1a6b35e6e67f80      (an id, not a name: only whole)
 *
 * Positions are UTF-16 offsets into the text as it came, so that highlights need no map.
 */
export interface Word {
  /** Lower case, without diacritics. */
  readonly text: string
  readonly start: number
  readonly end: number
  /** The number of words just before this one that are its parts; 0 for most. */
  readonly parts: number
}

/** Longer runs are digests, base64 and the like: nobody searches them, and each would be a term. */
export const wordCharsMax = 40

/** A name of more pieces is a sentence, and its whole would be a term that nobody types. */
const piecesMax = 6

/** More changes between letters and digits than a name has. */
const idPartsMin = 5

const identifier = /[\p{L}\p{N}\p{M}]+(?:['’_-]+[\p{L}\p{N}\p{M}]+)*/gu
const piece = /[^_-]+/gu
const part =
  /\p{Lu}+(?=\p{Lu}[\p{Ll}\p{M}])|\p{Lu}?[\p{Ll}\p{M}]+|[\p{Lu}\p{M}]+|\p{N}+|[\p{L}\p{M}]+/gu
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu
const plain = /^(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)$/
const ascii = /^[\x20-\x7e]*$/
const marks = /\p{M}+/gu
const digit = /\d/

/** The words of `text` in order, at most `wordsMax`. Never throws, whatever the text holds. */
export function wordsOf(text: string, wordsMax: number): Word[] {
  const words: Word[] = []
  for (const { 0: raw, index } of text.matchAll(identifier)) {
    if (words.length >= wordsMax) break
    readIdentifier(words, raw, index)
  }
  return words.length > wordsMax ? words.slice(0, wordsMax) : words
}

function readIdentifier(words: Word[], raw: string, at: number): void {
  // Most words by far; the rest of this file is for the others.
  if (plain.test(raw)) {
    push(words, raw, at, at + raw.length)
    return
  }
  const pieces = [...raw.matchAll(piece)]
  const before = words.length
  for (const { 0: text, index } of pieces) readRun(words, text, at + index)
  if (pieces.length < 2 || pieces.length > piecesMax) return
  const whole = pieces.map(({ 0: text }) => text).join('')
  push(words, whole, at, at + raw.length, words.length - before)
}

function readRun(words: Word[], raw: string, at: number): void {
  if (plain.test(raw)) {
    push(words, raw, at, at + raw.length)
    return
  }
  let from = 0
  for (const { 0: piece, index } of raw.matchAll(unspaced)) {
    readSpaced(words, raw.slice(from, index), at + from)
    readUnspaced(words, piece, at + index)
    from = index + piece.length
  }
  readSpaced(words, raw.slice(from), at + from)
}

function readSpaced(words: Word[], raw: string, at: number): void {
  // A possessive is no part of the word, any other apostrophe is: don't, o'clock.
  const bare = raw.replace(/['’][sS]$/, '')
  if (bare === '') return
  if (/['’]/.test(bare)) {
    push(words, bare.replaceAll(/['’]/g, ''), at, at + bare.length)
    return
  }
  const parts = [...bare.matchAll(part)]
  const isId = parts.length >= idPartsMin && digit.test(bare) && !/[A-Z][a-z]/.test(bare)
  if (parts.length <= 1 || isId) {
    push(words, bare, at, at + bare.length)
    return
  }
  const before = words.length
  for (const { 0: text, index } of parts) push(words, text, at + index, at + index + text.length)
  push(words, bare, at, at + bare.length, words.length - before)
}

function readUnspaced(words: Word[], raw: string, at: number): void {
  const characters = Array.from(raw)
  let start = at
  for (let i = 0; i < Math.max(1, characters.length - 1); i++) {
    const pair = characters.slice(i, i + 2).join('')
    words.push({ text: pair.normalize('NFKC'), start, end: start + pair.length, parts: 0 })
    start += characters[i]?.length ?? 0
  }
}

function push(words: Word[], raw: string, start: number, end: number, parts = 0): void {
  if (raw.length > wordCharsMax) return
  const lower = raw.toLowerCase()
  const text = ascii.test(raw) ? lower : lower.normalize('NFKD').replaceAll(marks, '')
  if (text !== '') words.push({ text, start, end, parts })
}
