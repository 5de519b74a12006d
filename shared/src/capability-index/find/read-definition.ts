import type { Definition } from '../../model/index.ts'
import { hitKinds, serverFields, unitFields, unitsOf, type HitKind } from './fields.ts'
import {
  packUnit,
  serverFieldBits,
  serverFieldMax,
  unitFieldBits,
  unitFieldMax,
  unitsMax,
} from './postings.ts'
import { blend, createTopicSum } from './topic-vectors.ts'
import type { TopicSpace } from './topics/topic-space.ts'
import type { Vocabulary } from './vocabulary.ts'
import { weights } from './weights.ts'

export const serverFieldCount = serverFieldBits.length
export const unitFieldCount = unitFieldBits.length

/** A definition as finding knows it. */
export interface ReadDefinition {
  /** By term: how often in each of the server's fields, and in which capabilities, packed. */
  readonly terms: ReadonlyMap<number, TermEntry>
  /** Every spelling that occurs. */
  readonly words: Uint32Array
  /** Words a field. */
  readonly serverLengths: readonly number[]
  /** Words a field, capabilities one after the other. */
  readonly unitLengths: Uint8Array
  readonly unitCount: number
  /** The kinds of hit it can give, as bits. */
  readonly kinds: number
  readonly topics: Float64Array
}

export interface TermEntry {
  readonly fields: number[]
  readonly units: number[]
}

export const kindBit = (kind: HitKind) => 1 << hitKinds.indexOf(kind)

/** Grammar is indexed where it may be a name: "get me", "what to watch". */
const nameFields = { server: 2, unit: 1 } as const
/**
 * What topics are read from, by field and weight: the server's name, title, description and tags;
 * its capabilities' names and the beginnings of their descriptions.
 */
const topicFieldWeight = { server: [2, 1, 1, 1, 0], unit: [2, 1, 0, 0] } as const
const topicUnitWordsMax = 40

/** Words by term: how often, fields weighed, and what class of word. */
type TopicCounts = Map<number, { count: number; readonly weight: number }>

/** Reads every field once. Its words are interned, but not yet retained. */
export function readDefinition(
  definition: Definition,
  vocabulary: Vocabulary,
  space: TopicSpace,
): ReadDefinition {
  const units = unitsOf(definition).slice(0, unitsMax)
  const terms = new Map<number, TermEntry>()
  const words = new Set<number>()
  const entryOf = (term: number) => {
    const entry = terms.get(term) ?? { fields: serverFieldBits.map(() => 0), units: [] }
    terms.set(term, entry)
    return entry
  }
  /** The words of a field that are indexed. */
  const indexed = (texts: readonly string[], isName: boolean) => {
    const numbers = texts
      .map((text) => vocabulary.intern(text))
      .filter((word) => isName || vocabulary.classOfWord(word) !== 'stop')
    for (const word of numbers) words.add(word)
    return numbers
  }

  const own: TopicCounts = new Map()
  const serverLengths = serverFields(definition).map((texts, field) => {
    const numbers = indexed(texts, field < nameFields.server)
    for (const word of numbers) {
      countField(entryOf(vocabulary.termOfWord(word)).fields, field, serverFieldMax)
      countTopic(own, word, topicFieldWeight.server[field] ?? 0, vocabulary)
    }
    return numbers.length
  })

  const all: TopicCounts = new Map([...own].map(([term, counted]) => [term, { ...counted }]))
  const perUnit = 1 / Math.sqrt(Math.max(1, units.length))
  const unitLengths = new Uint8Array(units.length * unitFieldCount)
  units.forEach((unit, ordinal) => {
    const counts = new Map<number, number[]>()
    unitFields(unit).forEach((texts, field) => {
      const numbers = indexed(texts, field < nameFields.unit)
      unitLengths[ordinal * unitFieldCount + field] = numbers.length
      numbers.forEach((word, at) => {
        const term = vocabulary.termOfWord(word)
        const ofTerm = counts.get(term) ?? unitFieldBits.map(() => 0)
        counts.set(term, ofTerm)
        countField(ofTerm, field, unitFieldMax)
        const weight = topicFieldWeight.unit[field] ?? 0
        if (at < topicUnitWordsMax) countTopic(all, word, weight * perUnit, vocabulary)
      })
    })
    for (const [term, ofTerm] of counts) entryOf(term).units.push(packUnit(ordinal, ofTerm))
  })

  return {
    terms,
    words: Uint32Array.from(words),
    serverLengths,
    unitLengths,
    unitCount: units.length,
    kinds: units.reduce((bits, { kind }) => bits | kindBit(kind), kindBit('server')),
    topics: blend(topicsOf(own, vocabulary, space), topicsOf(all, vocabulary, space)),
  }
}

function countField(counts: number[], field: number, max: readonly number[]): void {
  counts[field] = Math.min((counts[field] ?? 0) + 1, max[field] ?? 0)
}

function countTopic(
  counts: TopicCounts,
  word: number,
  share: number,
  vocabulary: Vocabulary,
): void {
  const wordClass = vocabulary.classOfWord(word)
  if (wordClass === 'stop' || share === 0) return
  const term = vocabulary.termOfWord(word)
  const counted = counts.get(term)
  if (counted === undefined) counts.set(term, { count: share, weight: weights[wordClass] })
  else counted.count += share
}

function topicsOf(counts: TopicCounts, vocabulary: Vocabulary, space: TopicSpace): Float64Array {
  const sum = createTopicSum(space)
  for (const [term, { count, weight }] of counts) {
    sum.add(vocabulary.termText(term), Math.sqrt(count) * weight)
  }
  return sum.vector()
}
