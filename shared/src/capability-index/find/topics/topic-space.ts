import { glossary as defaultGlossary } from './glossary.ts'
import { wordsOf } from '../words.ts'
import { termOf } from '../stem.ts'

/**
 * A place for every word of a glossary such that words of one topic lie close: the cosine of
 * "pod" and "kubernetes" is high though no server says both.
 *
 *     topic line ──random signature──┐
 *     word  = sum of the signatures of its lines          (first round)
 *     line  = sum of its words, less what all lines share (then again)
 *     word  = sum of its lines …
 *
 * That is random indexing (Kanerva et al., 2000): the rounds are a power iteration towards the
 * main directions that a singular value decomposition would find, for some milliseconds at start
 * and no library. On labelled questions it ranked as well as the decomposition itself (NDCG@10
 * within .005); seeds differ by as much.
 */
export interface TopicSpace {
  readonly dimensions: number
  /** The row of a term in `vectors`, or -1. */
  rowOf(term: string): number
  /** Row-major unit vectors, `dimensions` numbers a row. */
  readonly vectors: Float32Array
  /** By row: how telling the word is, 0 to 1. On one topic line 1, on all of them 0. */
  readonly weights: Float32Array
}

/**
 * Means of three seeds, NDCG@10 on mcpm's and MetaTool's tuning halves: 64 dimensions .629 and
 * .637, 96 .630 and .646, 128 .632 and .643. Memory and time are in proportion.
 */
export const topicDimensions = 96
/** At 128 dimensions, 0, 1, 2, 3 rounds: .626, .635, .638, .634 and .621, .635, .641, .645. */
const rounds = 2
const lineWordsMax = 64

let shared: TopicSpace | undefined

/** The space of Meridian's own glossary: built when first asked for, the same for all indexes. */
export function defaultTopicSpace(): TopicSpace {
  shared ??= createTopicSpace(defaultGlossary)
  return shared
}

/** Builds the space. The same glossary gives the same space, everywhere. */
export function createTopicSpace(glossary: readonly string[]): TopicSpace {
  const rows = new Map<string, number>()
  const lines = glossary.map((line) => {
    const terms = wordsOf(line, lineWordsMax).map(({ text }) => termOf(text))
    return [...new Set(terms)].map((term) => {
      const row = rows.get(term) ?? rows.size
      rows.set(term, row)
      return row
    })
  })
  const weights = telling(lines, rows.size)
  const lineVectors = signatures(lines.length)
  const vectors = new Float32Array(rows.size * topicDimensions)
  spread(lines, weights, lineVectors, vectors)
  for (let round = 0; round < rounds; round++) {
    gather(lines, weights, vectors, lineVectors)
    vectors.fill(0)
    spread(lines, weights, lineVectors, vectors)
  }
  return {
    dimensions: topicDimensions,
    rowOf: (term) => rows.get(term) ?? -1,
    vectors,
    weights: weights.map((weight) => weight / Math.log(1 + Math.max(1, lines.length))),
  }
}

function telling(lines: readonly (readonly number[])[], rowCount: number): Float32Array {
  const counts = new Uint32Array(rowCount)
  for (const row of lines.flat()) counts[row] = (counts[row] ?? 0) + 1
  return Float32Array.from(counts, (count) => Math.log(1 + lines.length / count))
}

/** A vector of +1 and -1 a line, from a generator with a fixed seed (mulberry32). */
function signatures(count: number): Float32Array {
  const scale = 1 / Math.sqrt(topicDimensions)
  let state = 0x6d72_6431
  return new Float32Array(count * topicDimensions).map(() => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) & 1) === 0 ? scale : -scale
  })
}

/** Words from lines. */
function spread(
  lines: readonly (readonly number[])[],
  weights: Float32Array,
  from: Float32Array,
  to: Float32Array,
): void {
  lines.forEach((rows, line) => {
    const share = lineShare(rows, weights)
    for (const row of rows) addRow(to, row, from, line, (weights[row] ?? 0) * share)
  })
  normaliseRows(to)
}

/** Lines from words, without what all lines share: else every word would drift to the middle. */
function gather(
  lines: readonly (readonly number[])[],
  weights: Float32Array,
  from: Float32Array,
  to: Float32Array,
): void {
  to.fill(0)
  lines.forEach((rows, line) => {
    for (const row of rows) addRow(to, line, from, row, weights[row] ?? 0)
  })
  normaliseRows(to)
  const mean = new Float32Array(topicDimensions)
  for (let i = 0; i < to.length; i++) {
    const d = i % topicDimensions
    mean[d] = (mean[d] ?? 0) + (to[i] ?? 0) / Math.max(1, lines.length)
  }
  for (let i = 0; i < to.length; i++) to[i] = (to[i] ?? 0) - (mean[i % topicDimensions] ?? 0)
  normaliseRows(to)
}

/** A long line says less about each of its words. */
function lineShare(rows: readonly number[], weights: Float32Array): number {
  let sum = 0
  for (const row of rows) sum += (weights[row] ?? 0) ** 2
  return sum === 0 ? 0 : 1 / Math.sqrt(sum)
}

function addRow(
  to: Float32Array,
  toRow: number,
  from: Float32Array,
  fromRow: number,
  factor: number,
): void {
  const t = toRow * topicDimensions
  const f = fromRow * topicDimensions
  for (let d = 0; d < topicDimensions; d++) {
    to[t + d] = (to[t + d] ?? 0) + factor * (from[f + d] ?? 0)
  }
}

function normaliseRows(vectors: Float32Array): void {
  for (let at = 0; at < vectors.length; at += topicDimensions) {
    let sum = 0
    for (let d = 0; d < topicDimensions; d++) sum += (vectors[at + d] ?? 0) ** 2
    if (sum === 0) continue
    const factor = 1 / Math.sqrt(sum)
    for (let d = 0; d < topicDimensions; d++) vectors[at + d] = (vectors[at + d] ?? 0) * factor
  }
}
