import { grownUint32, grownUint8 } from './growable.ts'
import { distance, patternCharsMax, patternOf } from './edit-distance.ts'
import { wordClass, type WordClass } from './request-language.ts'
import { termOf } from './stem.ts'

/**
 * Words and their terms as numbers. A word is a spelling ("bookings"), a term what spellings share
 * ("book"). Spellings are kept because people type beginnings and mistakes of words, not of stems.
 * A spelling counts the servers that use it, and is forgotten some time after the last is gone.
 */
export interface Vocabulary {
  /** The number of a spelling, made when new. */
  intern(word: string): number
  /** The number of a spelling in use, or -1. */
  lookUp(word: string): number
  termOfWord(word: number): number
  /** The number of a term that some server holds, or -1. */
  findTerm(text: string): number
  /** The number of the term of any spelling, -1 when no server holds it. */
  termOfSpelling(word: string): number
  /** The term of any spelling as text: `termOf`, looked up where that is quicker. */
  termTextOf(word: string): string
  classOfWord(word: number): WordClass
  termText(term: number): string
  /** One server more, or less, that uses the word. */
  retain(word: number): void
  release(word: number): void
  /** One server more, or less, that holds the term; `servers` says how many do. */
  retainTerm(term: number): void
  releaseTerm(term: number): void
  servers(term: number): number
  /** Spellings in use that begin with `prefix` and are longer, at most `max`, shortest first. */
  beginningWith(prefix: string, max: number): string[]
  /** Spellings in use that `word` may be a slip of, nearest first, at most `max`. */
  near(word: string, max: number): { readonly word: string; readonly edits: number }[]
  /**
   * Looks at the next `wordsMax` words and forgets those that no server uses; `forget` is told
   * each term whose last word goes, whose number will be used again. True when all were looked at.
   */
  sweep(wordsMax: number, forget: (term: number) => void): boolean
  /** Term numbers in use are below it. */
  readonly termCount: number
  readonly wordCount: number
  readonly bytes: number
}

const classes = ['content', 'generic', 'courtesy', 'stop'] as const satisfies readonly WordClass[]

/** Shorter words are slips of too many others. */
const slipCharsMin = 4
/** From this length on, two slips are allowed. */
const twoSlipsCharsMin = 8

export function createVocabulary(): Vocabulary {
  const byText = new Map<string, number>()
  /** Spellings by first character: a slip there is rare, and all others need not be compared. */
  const byInitial = new Map<string, number[]>()
  const freeWords: number[] = []
  const texts: (string | undefined)[] = []
  let sweeping: Iterator<[string, number]> | undefined
  let wordTerm = new Uint32Array(256)
  let wordServers = new Uint32Array(256)
  let wordClasses = new Uint8Array(256)

  const termByText = new Map<string, number>()
  const termTexts: string[] = []
  const freeTerms: number[] = []
  let termServers = new Uint32Array(256)
  let termWords = new Uint32Array(256)
  let textUnits = 0

  function internTerm(text: string): number {
    const known = termByText.get(text)
    if (known !== undefined) return known
    const term = freeTerms.pop() ?? termTexts.length
    termTexts[term] = text
    termServers = grownUint32(termServers, term + 1)
    termWords = grownUint32(termWords, term + 1)
    termServers[term] = 0
    termWords[term] = 0
    termByText.set(text, term)
    textUnits += text.length
    return term
  }

  function findTerm(text: string): number {
    const term = termByText.get(text)
    return term !== undefined && (termServers[term] ?? 0) > 0 ? term : -1
  }

  /** The text of a spelling that some server uses; a loop over a generator would cost more. */
  function textInUse(word: number): string {
    return (wordServers[word] ?? 0) > 0 ? (texts[word] ?? '') : ''
  }

  function forgetWord(text: string, word: number, forget: (term: number) => void): void {
    byText.delete(text)
    freeWords.push(word)
    texts[word] = undefined
    textUnits -= text.length
    const bucket = byInitial.get(initialOf(text)) ?? []
    const last = bucket.pop()
    if (bucket.length === 0) byInitial.delete(initialOf(text))
    if (last !== undefined && last !== word) bucket[bucket.indexOf(word)] = last
    const term = wordTerm[word] ?? 0
    termWords[term] = (termWords[term] ?? 0) - 1
    if (termWords[term] !== 0) return
    const termText = termTexts[term] ?? ''
    termByText.delete(termText)
    freeTerms.push(term)
    termTexts[term] = ''
    textUnits -= termText.length
    forget(term)
  }

  return {
    intern(text) {
      const known = byText.get(text)
      if (known !== undefined) return known
      const word = freeWords.pop() ?? texts.length
      const term = termOf(text)
      texts[word] = text
      wordTerm = grownUint32(wordTerm, word + 1)
      wordServers = grownUint32(wordServers, word + 1)
      wordClasses = grownUint8(wordClasses, word + 1)
      const number = internTerm(term)
      wordTerm[word] = number
      termWords[number] = (termWords[number] ?? 0) + 1
      wordServers[word] = 0
      wordClasses[word] = classes.indexOf(wordClass(text, term))
      byText.set(text, word)
      textUnits += text.length
      const initial = initialOf(text)
      const bucket = byInitial.get(initial)
      if (bucket === undefined) byInitial.set(initial, [word])
      else bucket.push(word)
      return word
    },
    lookUp(text) {
      const word = byText.get(text)
      return word !== undefined && (wordServers[word] ?? 0) > 0 ? word : -1
    },
    termOfWord: (word) => wordTerm[word] ?? 0,
    findTerm,
    termOfSpelling(text) {
      const word = byText.get(text)
      if (word === undefined) return findTerm(termOf(text))
      const term = wordTerm[word] ?? 0
      return (termServers[term] ?? 0) > 0 ? term : -1
    },
    termTextOf(text) {
      const word = byText.get(text)
      return (word === undefined ? undefined : termTexts[wordTerm[word] ?? 0]) ?? termOf(text)
    },
    classOfWord: (word) => classes[wordClasses[word] ?? 0] ?? 'content',
    termText: (term) => termTexts[term] ?? '',
    retain(word) {
      wordServers[word] = (wordServers[word] ?? 0) + 1
    },
    release(word) {
      wordServers[word] = (wordServers[word] ?? 0) - 1
    },
    retainTerm(term) {
      termServers[term] = (termServers[term] ?? 0) + 1
    },
    releaseTerm(term) {
      termServers[term] = (termServers[term] ?? 0) - 1
    },
    servers: (term) => termServers[term] ?? 0,
    beginningWith(prefix, max) {
      const found: string[] = []
      for (const word of byInitial.get(initialOf(prefix)) ?? []) {
        const text = textInUse(word)
        if (text.length > prefix.length && text.startsWith(prefix)) found.push(text)
      }
      return found.sort((a, b) => a.length - b.length || compareText(a, b)).slice(0, max)
    },
    near(typed, max) {
      if (typed.length < slipCharsMin || typed.length > patternCharsMax) return []
      const editsMax = typed.length < twoSlipsCharsMin ? 1 : 2
      const pattern = patternOf(typed)
      const found: { word: string; edits: number }[] = []
      for (const word of byInitial.get(initialOf(typed)) ?? []) {
        const text = textInUse(word)
        if (text === '') continue
        const edits = distance(pattern, text, editsMax)
        if (edits <= editsMax && edits > 0) found.push({ word: text, edits })
      }
      return found.sort((a, b) => a.edits - b.edits || compareText(a.word, b.word)).slice(0, max)
    },
    sweep(wordsMax, forget) {
      // A Map's iterator lives through insertions and deletions.
      sweeping ??= byText.entries()
      for (let looked = 0; looked < wordsMax; looked++) {
        const step = sweeping.next()
        if (step.done === true) {
          sweeping = undefined
          return true
        }
        const [text, word] = step.value
        if ((wordServers[word] ?? 0) === 0) forgetWord(text, word, forget)
      }
      return false
    },
    get termCount() {
      return termTexts.length
    },
    get wordCount() {
      return byText.size
    },
    get bytes() {
      // Two bytes a character at most, and what V8 takes for a string, a map entry, a list entry.
      const strings = byText.size + termByText.size
      const arrays = wordTerm.byteLength + wordServers.byteLength + wordClasses.byteLength
      return arrays + termServers.byteLength * 2 + textUnits + strings * (16 + 40) + byText.size * 8
    },
  }
}

function initialOf(text: string): string {
  return text.slice(0, 1)
}

/** By UTF-16 units: the same everywhere, unlike `localeCompare`. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
