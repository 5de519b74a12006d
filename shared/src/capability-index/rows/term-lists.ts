import { sameCapacity, type Arena } from './arena.ts'

/**
 * What each row of a shelf must be taken out of again: the terms of its list postings, sorted, as
 * differences in groups of 7 bits (about 1.6 bytes a term). The rows of a page share one block, in
 * the order of their slots, each behind its length; so nothing has to remember where a row's list
 * begins, and all 32 have the slack of one.
 *
 *     page 4:  │ 9 · · · · · · · · · │ 12 · · · · · · · · · · · · │ 7 · · · · · · · │
 *                slot 128              slot 131                    slot 150
 */
export class TermLists {
  readonly #arena: Arena<Uint8Array>
  /** By page: which slots have a list, and the block. */
  #slots = new Uint32Array(0)
  #addresses = new Uint32Array(0)
  #sizes = new Uint32Array(0)

  constructor(arena: Arena<Uint8Array>) {
    this.#arena = arena
  }

  /** Room for so many pages. */
  grow(pages: number): void {
    this.#slots = grown(this.#slots, pages)
    this.#addresses = grown(this.#addresses, pages)
    this.#sizes = grown(this.#sizes, pages)
  }

  /** The terms of a row, in `into`. Returns how many. */
  read(slot: number, into: number[]): number {
    const page = slot >>> 5
    const address = this.#addresses[page] as number
    const block = this.#arena.chunks[address >>> 16] as Uint8Array
    let at = this.#find(slot, block, address & 0xffff)
    const end = skip(block, at)
    while ((block[at] as number) > 127) at += 1
    at += 1
    let count = 0
    let term = 0
    while (at < end) {
      let byte = block[at] as number
      let difference = byte & 127
      let shift = 7
      at += 1
      while (byte > 127) {
        byte = block[at] as number
        difference |= (byte & 127) << shift
        shift += 7
        at += 1
      }
      term += difference
      into[count] = term
      count += 1
    }
    return count
  }

  /** Gives a row its list, or another. */
  write(slot: number, terms: readonly number[], count: number): void {
    this.#replace(slot, encode(terms, count), true)
  }

  remove(slot: number): void {
    this.#replace(slot, 0, false)
  }

  /** Moves the blocks of some pages, for an arena that is being tidied. */
  moveBlocks(from: number, end: number): void {
    for (let page = from; page < end; page += 1) {
      const size = this.#sizes[page] as number
      if (size > 0) this.#addresses[page] = this.#arena.moved(this.#addresses[page] as number, size)
    }
  }

  /** Room for fewer pages. */
  shrink(pages: number): void {
    this.#slots = this.#slots.slice(0, pages)
    this.#addresses = this.#addresses.slice(0, pages)
    this.#sizes = this.#sizes.slice(0, pages)
  }

  get bytes(): number {
    return this.#slots.byteLength * 3
  }

  /** Puts `length` bytes of the scratch pad in the place of what the row has. */
  #replace(slot: number, length: number, keeps: boolean): void {
    const page = slot >>> 5
    const bit = 1 << (slot & 31)
    const size = this.#sizes[page] as number
    const address = this.#addresses[page] as number
    const chunk = this.#arena.chunks[address >>> 16] as Uint8Array
    const start = address & 0xffff
    const mask = this.#slots[page] as number
    const from = size === 0 ? start : this.#find(slot, chunk, start)
    const end = (mask & bit) === 0 ? from : skip(chunk, from)
    const after = size - (end - from) + length
    this.#slots[page] = keeps ? mask | bit : mask & ~bit
    this.#sizes[page] = after
    if (size > 0 && after > 0 && sameCapacity(size, after)) {
      chunk.copyWithin(from + length, end, start + size)
      copy(scratch, 0, length, chunk, from)
      return
    }
    if (after > 0) {
      const moved = this.#arena.allocate(after)
      // Allocating may have put another array in the old chunk's place.
      const old = this.#arena.chunks[address >>> 16] as Uint8Array
      const into = this.#arena.chunks[moved >>> 16] as Uint8Array
      const to = moved & 0xffff
      copy(old, start, from - start, into, to)
      copy(scratch, 0, length, into, to + from - start)
      copy(old, end, start + size - end, into, to + from - start + length)
      this.#addresses[page] = moved
    }
    if (size > 0) this.#arena.release(address, size)
  }

  /** Where a row's list begins, or would. */
  #find(slot: number, block: Uint8Array, start: number): number {
    let at = start
    const before = (this.#slots[slot >>> 5] as number) & ((1 << (slot & 31)) - 1)
    for (let rest = before; rest !== 0; rest &= rest - 1) at = skip(block, at)
    return at
  }
}

/** An encoded list, behind its length. */
let scratch = new Uint8Array(1_024)

/** Returns the bytes it takes in the scratch pad. */
function encode(terms: readonly number[], count: number): number {
  // A length, then at most 5 bytes each.
  if (scratch.length < count * 5 + 5) scratch = new Uint8Array(count * 10 + 5)
  let bytes = 0
  for (let i = 0, last = 0; i < count; i += 1) {
    bytes += varintLength((terms[i] as number) - last)
    last = terms[i] as number
  }
  let at = writeVarint(0, bytes)
  for (let i = 0, last = 0; i < count; i += 1) {
    at = writeVarint(at, (terms[i] as number) - last)
    last = terms[i] as number
  }
  return at
}

function varintLength(value: number): number {
  if (value < 2 ** 7) return 1
  if (value < 2 ** 14) return 2
  if (value < 2 ** 21) return 3
  return value < 2 ** 28 ? 4 : 5
}

function writeVarint(start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 127) {
    scratch[at] = (rest & 127) | 128
    rest >>>= 7
    at += 1
  }
  scratch[at] = rest
  return at + 1
}

/** Where the list ends that begins at `at`. */
function skip(block: Uint8Array, at: number): number {
  let next = at
  let byte = block[next] as number
  let length = byte & 127
  let shift = 7
  next += 1
  while (byte > 127) {
    byte = block[next] as number
    length |= (byte & 127) << shift
    shift += 7
    next += 1
  }
  return next + length
}

function copy(from: Uint8Array, start: number, count: number, into: Uint8Array, to: number): void {
  if (count > copiedByHandMax) {
    into.set(from.subarray(start, start + count), to)
    return
  }
  for (let i = 0; i < count; i += 1) into[to + i] = from[start + i] as number
}

/** A call costs as much as moving so many. */
const copiedByHandMax = 48

function grown(old: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length)
  larger.set(old)
  return larger
}
