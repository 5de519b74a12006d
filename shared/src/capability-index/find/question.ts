import { findLimits } from './limits.ts'
import { wordClass, type WordClass } from './request-language.ts'
import type { Vocabulary } from './vocabulary.ts'
import { weights } from './weights.ts'
import { wordsOf } from './words.ts'

/** One thing that is looked for: a term, and what else it may stand for, likeliest first. */
export interface Sought {
  readonly text: string
  readonly weight: number
  /** Terms of the vocabulary, with a factor for how likely they are meant; may be none. */
  readonly alternatives: readonly Alternative[]
}

export interface Alternative {
  readonly term: number
  readonly factor: number
}

interface Draft {
  readonly text: string
  /** As typed. */
  readonly word: string
  readonly wordClass: WordClass
  count: number
  /** Times it stood alone, not as a part of an identifier that is known as a whole. */
  alone: number
  readonly joined: string[]
}

const splitCharsMin = 3
const splitFactor = 0.8

/**
 * Reads a question: what to look for, each term once, and how much each counts. `typing` says
 * that the last word may be unfinished.
 */
export function readQuestion(text: string, vocabulary: Vocabulary, typing: boolean): Sought[] {
  const read = text.slice(0, findLimits.textCharsMax)
  const words = wordsOf(read, findLimits.wordsMax)
  const last = words.at(-1)
  const unfinished = typing && last !== undefined && last.end === read.length ? last.text : ''
  const drafts = draftsOf(words, vocabulary)
  const content = [...drafts.values()].filter((draft) => draft.wordClass !== 'stop')
  const meant = content.length > 0 ? content : [...drafts.values()]
  let corrections = 0
  const each = meant.flatMap((draft): Sought[] => {
    const alternatives = exactly(draft, vocabulary)
    const weight = weightOf(draft)
    const isLast = draft.word === unfinished
    if ((alternatives.length > 0 && !isLast) || corrections >= findLimits.correctionsMax) {
      return [{ text: draft.text, weight, alternatives }]
    }
    corrections++
    if (isLast) {
      const known = vocabulary.lookUp(draft.word) >= 0
      alternatives.push(...completions(draft.word, known, vocabulary))
    }
    if (alternatives.length > 0) return [{ text: draft.text, weight, alternatives }]
    const halves = halvesOf(draft.word, vocabulary)
    if (halves.length > 0) return halves.map((half) => ({ ...half, weight: weight * splitFactor }))
    return [{ text: draft.text, weight, alternatives: slips(draft.word, vocabulary) }]
  })
  return [...each, ...joinedOf(drafts, vocabulary)]
}

function draftsOf(words: ReturnType<typeof wordsOf>, vocabulary: Vocabulary): Map<string, Draft> {
  const drafts = new Map<string, Draft>()
  words.forEach((word, at) => {
    if (word.parts > 0) {
      if (vocabulary.lookUp(word.text) < 0) return
      for (const { text } of words.slice(at - word.parts, at)) {
        const draft = drafts.get(vocabulary.termTextOf(text))
        if (draft !== undefined) draft.alone--
      }
    }
    const text = vocabulary.termTextOf(word.text)
    const draft: Draft = drafts.get(text) ?? {
      text,
      word: word.text,
      wordClass: wordClass(word.text, text),
      count: 0,
      alone: 0,
      joined: [],
    }
    draft.count++
    draft.alone++
    const next = words[at + 1]
    if (next !== undefined && next.start > word.end) draft.joined.push(word.text + next.text)
    drafts.set(text, draft)
  })
  return drafts
}

function weightOf(draft: Draft): number {
  const part = draft.alone > 0 ? 1 : weights.part
  const ofClass = draft.wordClass === 'stop' ? weights.courtesy : weights[draft.wordClass]
  return part * ofClass * draft.count ** weights.repetition
}

/** Neighbours that are known as one word: "qr code" as QrCode, "list forms" as list-forms. */
function joinedOf(drafts: ReadonlyMap<string, Draft>, vocabulary: Vocabulary): Sought[] {
  const found = new Map<string, Sought>()
  for (const spelling of [...drafts.values()].flatMap(({ joined }) => joined)) {
    const word = vocabulary.lookUp(spelling)
    if (word < 0) continue
    const term = vocabulary.termOfWord(word)
    const text = vocabulary.termText(term)
    if (drafts.has(text)) continue
    found.set(text, { text, weight: weights.joined, alternatives: [{ term, factor: 1 }] })
  }
  return [...found.values()]
}

function exactly(draft: Draft, vocabulary: Vocabulary): Alternative[] {
  const term = vocabulary.findTerm(draft.text)
  return term < 0 ? [] : [{ term, factor: 1 }]
}

function completions(prefix: string, known: boolean, vocabulary: Vocabulary): Alternative[] {
  const factor = known ? weights.completionOfKnown : weights.completion
  return distinct(
    vocabulary.beginningWith(prefix, findLimits.alternativesMax).map((word) => ({
      term: vocabulary.termOfWord(vocabulary.lookUp(word)),
      factor: factor * Math.sqrt(prefix.length / word.length),
    })),
  )
}

function slips(word: string, vocabulary: Vocabulary): Alternative[] {
  return distinct(
    vocabulary.near(word, findLimits.alternativesMax).map(({ word: near, edits }) => ({
      term: vocabulary.termOfWord(vocabulary.lookUp(near)),
      factor: weights.slip[edits] ?? 0,
    })),
  )
}

/** "pullrequest" as pull and request: the split whose rarer half is the longest. */
function halvesOf(word: string, vocabulary: Vocabulary): Pick<Sought, 'text' | 'alternatives'>[] {
  let best: [number, number] | undefined
  let bestLength = 0
  for (let at = splitCharsMin; at <= word.length - splitCharsMin; at++) {
    const left = vocabulary.lookUp(word.slice(0, at))
    const right = left < 0 ? -1 : vocabulary.lookUp(word.slice(at))
    const length = Math.min(at, word.length - at)
    if (right < 0 || length <= bestLength) continue
    best = [left, right]
    bestLength = length
  }
  return (best ?? []).map((half) => {
    const term = vocabulary.termOfWord(half)
    return { text: vocabulary.termText(term), alternatives: [{ term, factor: 1 }] }
  })
}

/** Each term once, at its likeliest. */
function distinct(alternatives: readonly Alternative[]): Alternative[] {
  const best = new Map<number, number>()
  for (const { term, factor } of alternatives) {
    best.set(term, Math.max(best.get(term) ?? 0, factor))
  }
  return [...best]
    .map(([term, factor]) => ({ term, factor }))
    .sort((a, b) => b.factor - a.factor)
    .slice(0, findLimits.alternativesMax)
}
