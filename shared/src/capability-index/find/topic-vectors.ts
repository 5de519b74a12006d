import { grownInt8 } from './growable.ts'
import { topicDimensions, type TopicSpace } from './topics/topic-space.ts'
import { weights } from './weights.ts'

/** How much of each topic a text is about: its words' vectors, summed and made of length 1. */
export interface TopicSum {
  add(term: string, weight: number): void
  addVector(vector: Float64Array, weight: number): void
  /** Length 1, or all zero when no word was known. */
  vector(): Float64Array
}

export function createTopicSum(space: TopicSpace): TopicSum {
  const sum = new Float64Array(topicDimensions)
  return {
    add(term, weight) {
      const row = space.rowOf(term)
      if (row < 0) return
      const factor = weight * (space.weights[row] ?? 0)
      const at = row * topicDimensions
      for (let d = 0; d < topicDimensions; d++) {
        sum[d] = (sum[d] ?? 0) + factor * (space.vectors[at + d] ?? 0)
      }
    },
    addVector(vector, weight) {
      for (let d = 0; d < topicDimensions; d++) sum[d] = (sum[d] ?? 0) + weight * (vector[d] ?? 0)
    },
    vector: () => unit(sum),
  }
}

/**
 * The topics of every server, a byte a dimension: cosines are off by less than .01, and sums of
 * integers are exact, so that an index from which a server was removed equals one that never held
 * it.
 */
export interface ServerTopics {
  set(slot: number, vector: Float64Array): void
  clear(slot: number): void
  /** The cosine with what `asWhole` made of a vector, 0 for opposite and unrelated alike. */
  closeness(slot: number, vector: Int32Array): number
  /** What sets the servers apart from the mean of all: the topics of a word that they share. */
  contextOf(slots: readonly number[], servers: number): Float64Array
  readonly bytes: number
}

const scale = 127
/** A cosine's rounding is then far below that of the servers' bytes; sums stay far below 2³¹. */
const questionScale = 2 ** 14

/** A vector of length 1 in whole numbers: comparing by those takes half the time. */
export function asWhole(vector: Float64Array): Int32Array {
  return Int32Array.from(vector, (value) => Math.round(value * questionScale))
}

export function createServerTopics(): ServerTopics {
  let rows = new Int8Array(64 * topicDimensions)
  const total = new Float64Array(topicDimensions)

  function change(slot: number, sign: 1 | -1): void {
    const at = slot * topicDimensions
    for (let d = 0; d < topicDimensions; d++) {
      total[d] = (total[d] ?? 0) + sign * (rows[at + d] ?? 0)
    }
  }

  return {
    set(slot, vector) {
      rows = grownInt8(rows, (slot + 1) * topicDimensions)
      rows.set(
        vector.map((value) => Math.round(value * scale)),
        slot * topicDimensions,
      )
      change(slot, 1)
    },
    clear(slot) {
      change(slot, -1)
      rows.fill(0, slot * topicDimensions, (slot + 1) * topicDimensions)
    },
    closeness(slot, vector) {
      // Four sums: one would make each addition wait for the last.
      let a = 0
      let b = 0
      let c = 0
      let e = 0
      for (let d = 0, at = slot * topicDimensions; d < topicDimensions; d += 4, at += 4) {
        a = (a + Math.imul(rows[at] as number, vector[d] as number)) | 0
        b = (b + Math.imul(rows[at + 1] as number, vector[d + 1] as number)) | 0
        c = (c + Math.imul(rows[at + 2] as number, vector[d + 2] as number)) | 0
        e = (e + Math.imul(rows[at + 3] as number, vector[d + 3] as number)) | 0
      }
      const sum = a + b + (c + e)
      return sum > 0 ? sum / (scale * questionScale) : 0
    },
    contextOf(slots, servers) {
      const sum = new Float64Array(topicDimensions)
      for (const slot of slots) {
        const at = slot * topicDimensions
        for (let d = 0; d < topicDimensions; d++) sum[d] = (sum[d] ?? 0) + (rows[at + d] ?? 0)
      }
      for (let d = 0; d < topicDimensions; d++) {
        sum[d] = (sum[d] ?? 0) / slots.length - (total[d] ?? 0) / Math.max(1, servers)
      }
      return unit(sum)
    },
    get bytes() {
      return rows.byteLength + total.byteLength
    },
  }
}

/** What a server is about: its own words, and those together with its capabilities'. */
export function blend(own: Float64Array, all: Float64Array): Float64Array {
  const share = weights.topicOwnShare
  return own.map((value, d) => share * value + (1 - share) * (all[d] ?? 0))
}

function unit(sum: Float64Array): Float64Array {
  let squares = 0
  for (const value of sum) squares += value * value
  return squares === 0 ? sum.slice() : sum.map((value) => value / Math.sqrt(squares))
}
