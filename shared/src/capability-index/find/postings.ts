import { grownUint32 } from './growable.ts'

/**
 * Where each term occurs: per term one run of numbers in one large array, per server in the run a
 * record of two numbers and one more for each of its capabilities that holds the term.
 *
 *     run of "flight":  [ slot 7 | fields, count 2 | cap 0 | cap 5 ][ slot 9 | fields, count 0 ] …
 *
 *     fields, count   name 3 bits, title 3, description 5, tags 3, instructions 5 | count 10
 *     cap             ordinal 10 bits | name 4, description 6, arguments 6, their texts 6
 *
 * A run that is full moves to the end with room to spare; what it leaves is waste. Removal leaves
 * the records of a dead slot where they are. `sweep` copies the living ones to a fresh array, a
 * bounded piece at a time, while both arrays are in use: terms below the cursor live in the new.
 */
export const serverFieldBits = [3, 3, 5, 3, 5] as const
export const unitFieldBits = [4, 6, 6, 6] as const
export const unitsMax = 1023
/** What a field counts up to; more of one word says nothing more. */
export const serverFieldMax = serverFieldBits.map((bits) => 2 ** bits - 1)
export const unitFieldMax = unitFieldBits.map((bits) => 2 ** bits - 1)

/** Counts by field, as they stand in a record's head. */
export function packServer(counts: readonly number[]): number {
  return serverFieldBits.reduce<number>((packed, bits, i) => (packed << bits) | (counts[i] ?? 0), 0)
}

export function packUnit(ordinal: number, counts: readonly number[]): number {
  const packed = unitFieldBits.reduce<number>(
    (all, bits, i) => (all << bits) | (counts[i] ?? 0),
    ordinal,
  )
  return packed >>> 0
}

export interface Postings {
  /** Adds a record to the run of a term, whose `units` are packed as above. */
  append(term: number, slot: number, head: number, units: readonly number[]): void
  /** The array that holds the term's run, from `startOf` to `endOf`. */
  arrayOf(term: number): Uint32Array
  startOf(term: number): number
  endOf(term: number): number
  /** Forgets the run of a term, whose number may then be used for another. */
  drop(term: number): void
  /**
   * Copies the run of the next terms without the slots that `isAlive` denies, until about
   * `wordsMax` numbers are copied. True when all terms below `termCount` are done.
   */
  sweep(termCount: number, wordsMax: number, isAlive: (slot: number) => boolean): boolean
  /** Numbers held, dead and wasted ones included. */
  readonly words: number
  /** Of those, what runs left that moved. */
  readonly wasted: number
  readonly bytes: number
}

const firstRunWords = 4

export function createPostings(): Postings {
  let current = { data: new Uint32Array(1024), top: 0 }
  let next: typeof current | undefined
  let cursor = 0
  let wasted = 0
  let starts = new Uint32Array(256)
  let lengths = new Uint32Array(256)
  let capacities = new Uint32Array(256)

  const arenaOf = (term: number) => (next !== undefined && term < cursor ? next : current)

  function reserve(arena: typeof current, words: number): number {
    const at = arena.top
    arena.top += words
    arena.data = grownUint32(arena.data, arena.top)
    return at
  }

  function makeRoom(term: number, words: number): typeof current {
    if (term >= starts.length) {
      starts = grownUint32(starts, term + 1)
      lengths = grownUint32(lengths, starts.length)
      capacities = grownUint32(capacities, starts.length)
    }
    const arena = arenaOf(term)
    const length = lengths[term] ?? 0
    const capacity = capacities[term] ?? 0
    if (length + words <= capacity) return arena
    const start = starts[term] ?? 0
    const grown = Math.max(length + words, capacity + (capacity >>> 1), firstRunWords)
    const moved = reserve(arena, grown)
    arena.data.copyWithin(moved, start, start + length)
    starts[term] = moved
    capacities[term] = grown
    wasted += capacity
    return arena
  }

  function copyLiving(term: number, to: typeof current, isAlive: (slot: number) => boolean): void {
    const from = current.data
    const start = starts[term] ?? 0
    const end = start + (lengths[term] ?? 0)
    let living = 0
    for (let at = start; at < end;) {
      const words = recordWords(from, at)
      if (isAlive(from[at] ?? 0)) living += words
      at += words
    }
    // Room for a few more, or the next registration would move every run it touches.
    const capacity = living === 0 ? 0 : living + (living >>> 3) + 2
    const moved = reserve(to, capacity)
    let at = moved
    for (let read = start; read < end;) {
      const words = recordWords(from, read)
      if (isAlive(from[read] ?? 0)) {
        to.data.set(from.subarray(read, read + words), at)
        at += words
      }
      read += words
    }
    starts[term] = moved
    lengths[term] = living
    capacities[term] = capacity
  }

  return {
    append(term, slot, head, units) {
      const words = 2 + units.length
      const arena = makeRoom(term, words)
      const at = (starts[term] ?? 0) + (lengths[term] ?? 0)
      arena.data[at] = slot
      arena.data[at + 1] = (head << 10) | units.length
      for (let i = 0; i < units.length; i++) arena.data[at + 2 + i] = units[i] ?? 0
      lengths[term] = (lengths[term] ?? 0) + words
    },
    arrayOf: (term) => arenaOf(term).data,
    startOf: (term) => starts[term] ?? 0,
    endOf: (term) => (starts[term] ?? 0) + (lengths[term] ?? 0),
    drop(term) {
      wasted += capacities[term] ?? 0
      lengths[term] = 0
      capacities[term] = 0
    },
    sweep(termCount, wordsMax, isAlive) {
      next ??= { data: new Uint32Array(1024), top: 0 }
      let budget = wordsMax
      while (cursor < termCount && budget > 0) {
        budget -= (lengths[cursor] ?? 0) + firstRunWords
        copyLiving(cursor, next, isAlive)
        cursor++
      }
      if (cursor < termCount) return false
      current = next
      next = undefined
      cursor = 0
      wasted = 0
      return true
    },
    get words() {
      return current.top + (next?.top ?? 0)
    },
    get wasted() {
      return wasted
    },
    get bytes() {
      const arenas = current.data.byteLength + (next?.data.byteLength ?? 0)
      return arenas + starts.byteLength * 3
    },
  }
}

function recordWords(data: Uint32Array, at: number): number {
  return 2 + ((data[at + 1] ?? 0) & unitsMax)
}
