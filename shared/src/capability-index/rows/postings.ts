import { Arena, sameCapacity } from './arena.ts'
import { Column } from './column.ts'

/**
 * Which rows of which shelf have a term. A shelf has at most 65,536 slots, so a row is 16 bits
 * within it. What a term has in a shelf takes the smallest form that holds it:
 *
 *     1–2 rows         in the pair itself
 *     up to 1/32       a sorted block of 16-bit slots
 *     more             a bitset over the shelf's slots
 *
 * A term's shelves are pairs of 32-bit words, one pair in the term's own columns while there is
 * one shelf, a sorted block of pairs when there are more:
 *
 *     word 0:   shelf (14 bits) │ is a bitset (1) │ rows (17)
 *     word 1:   two slots, the address of a block, or the number of a bitset
 *
 * So a term that one row has costs 8 bytes here, and none of the forms is copied as the index
 * grows, only as the form itself does.
 */
export class Postings {
  /** Slots of list postings. Read only through what `read` found. */
  readonly lists = new Arena<Uint16Array>((length) => new Uint16Array(length))
  readonly bitsets: (Uint32Array | undefined)[] = []

  readonly #pairs = new Arena<Uint32Array>((length) => new Uint32Array(length))
  /** Both words of each term's own pair, side by side: nearly every read needs both. */
  readonly #own = new Column()
  readonly #freeBitsets: number[] = []

  /** What the last successful `read` or change found. */
  rows = 0
  dense = false
  data = 0

  /** Where that pair lies: at `#at` of a block, or in the columns when `#block` is undefined. */
  #block: Uint32Array | undefined
  #at = 0

  /** Makes room for term numbers below `end`. */
  reserve(end: number): void {
    this.#own.reserve(end * 2)
  }

  /** Finds what a term has in a shelf: `rows`, `dense` and `data`. False if it has nothing there. */
  read(term: number, shelf: number): boolean {
    const head = this.#own.get(term * 2)
    if (head >>> shelfShift !== spread) {
      if (head >>> shelfShift !== shelf || head === 0) return false
      this.#block = undefined
      this.rows = head & rowsMask
      this.dense = (head & denseFlag) !== 0
      this.data = this.#own.get(term * 2 + 1)
      return this.rows > 0
    }
    const address = this.#own.get(term * 2 + 1)
    const block = this.#pairs.chunks[address >>> 16] as Uint32Array
    const start = address & 0xffff
    const count = head & rowsMask
    // A common term is on every shelf, and so at the place of the shelf's number.
    let at = start + shelf * 2
    if (shelf >= count || (block[at] as number) >>> shelfShift !== shelf) {
      at = findPair(block, start, count, shelf)
      if (at >= start + count * 2 || (block[at] as number) >>> shelfShift !== shelf) return false
    }
    const found = block[at] as number
    this.#block = block
    this.#at = at
    this.rows = found & rowsMask
    this.dense = (found & denseFlag) !== 0
    this.data = block[at + 1] as number
    return true
  }

  has(term: number, shelf: number, slot: number): boolean {
    if (!this.read(term, shelf)) return false
    const { rows, data } = this
    if (this.dense) {
      return (
        (((this.bitsets[data] as Uint32Array)[slot >>> 5] as number) & (1 << (slot & 31))) !== 0
      )
    }
    if (rows <= 2) return (data & 0xffff) === slot || (rows === 2 && data >>> 16 === slot)
    const list = this.lists.chunks[data >>> 16] as Uint16Array
    const start = data & 0xffff
    const at = lowerBound(list, start, rows, slot)
    return at < start + rows && list[at] === slot
  }

  /** Rows that have the term, over all shelves. */
  rowsOf(term: number): number {
    let total = 0
    this.eachShelf(term, (_, rows) => {
      total += rows
    })
    return total
  }

  /** Calls `visit` for every shelf in which a row has the term. */
  eachShelf(term: number, visit: (shelf: number, rows: number) => void): void {
    const head = this.#own.get(term * 2)
    if (head >>> shelfShift !== spread) {
      if ((head & rowsMask) > 0) visit(head >>> shelfShift, head & rowsMask)
      return
    }
    const address = this.#own.get(term * 2 + 1)
    const block = this.#pairs.chunks[address >>> 16] as Uint32Array
    const start = address & 0xffff
    for (let i = 0; i < (head & rowsMask); i += 1) {
      const pair = block[start + i * 2] as number
      visit(pair >>> shelfShift, pair & rowsMask)
    }
  }

  /** Whether no row has the term. */
  isUnused(term: number): boolean {
    return this.#own.get(term * 2) === 0
  }

  /**
   * Adds a row that does not have the term yet. Returns true if the term is a bitset there. A list
   * longer than `listMax` becomes one, of `words` words; `onDense` is told.
   */
  add(
    term: number,
    shelf: number,
    slot: number,
    listMax: number,
    words: number,
    onDense: (term: number, bits: Uint32Array) => void,
  ): boolean {
    if (!this.read(term, shelf)) {
      this.#insertPair(term, shelf, slot)
      return false
    }
    const { rows, data } = this
    if (this.dense) {
      const bits = this.bitsets[data] as Uint32Array
      bits[slot >>> 5] = (bits[slot >>> 5] as number) | (1 << (slot & 31))
      this.#write(term, shelf, rows + 1, true, data)
      return true
    }
    if (rows >= listMax) {
      const bits = this.#toBitset(term, shelf, words)
      bits[slot >>> 5] = (bits[slot >>> 5] as number) | (1 << (slot & 31))
      this.#write(term, shelf, rows + 1, true, this.data)
      onDense(term, bits)
      return true
    }
    if (rows === 1) {
      this.#write(term, shelf, 2, false, slot < data ? slot | (data << 16) : data | (slot << 16))
      return false
    }
    this.#insertIntoList(term, shelf, slot)
    return false
  }

  /**
   * Takes out a row if a list names it; returns whether one did. Bits of bitsets are cleared by
   * hand, and then `changeRows` is told.
   */
  remove(term: number, shelf: number, slot: number): boolean {
    if (!this.read(term, shelf) || this.dense) return false
    const { rows, data } = this
    if (rows <= 2) {
      const first = data & 0xffff
      const second = data >>> 16
      if (first === slot) {
        if (rows === 1) this.#removePair(term)
        else this.#write(term, shelf, 1, false, second)
        return true
      }
      if (rows === 1 || second !== slot) return false
      this.#write(term, shelf, 1, false, first)
      return true
    }
    return this.#removeFromList(term, shelf, slot)
  }

  /** The row at slot `from` moves to the free slot `to`. Bits of bitsets are moved by hand. */
  move(term: number, shelf: number, from: number, to: number): void {
    if (!this.read(term, shelf)) return
    const { rows, data } = this
    if (this.dense) return
    if (rows <= 2) {
      const first = data & 0xffff
      if (rows === 1) {
        this.#write(term, shelf, 1, false, to)
        return
      }
      const other = first === from ? data >>> 16 : first
      this.#write(term, shelf, 2, false, other < to ? other | (to << 16) : to | (other << 16))
      return
    }
    const list = this.lists.chunks[data >>> 16] as Uint16Array
    const start = data & 0xffff
    const at = lowerBound(list, start, rows, from)
    if (from < to) {
      const place = lowerBound(list, at, rows - (at - start), to)
      shift(list, at + 1, place, at)
      list[place - 1] = to
    } else {
      const place = lowerBound(list, start, at - start, to)
      shift(list, place, at, place + 1)
      list[place] = to
    }
  }

  /** Turns a bitset into a list, for a term that became rare. */
  toList(term: number, shelf: number): void {
    if (!this.read(term, shelf) || !this.dense) return
    const { rows, data } = this
    const bits = this.bitsets[data] as Uint32Array
    if (rows <= 2) {
      const ends = new Uint16Array(2)
      copySlots(bits, ends, 0)
      this.#write(term, shelf, rows, false, rows === 1 ? (ends[0] as number) : packPair(ends))
    } else {
      const address = this.lists.allocate(rows)
      copySlots(bits, this.lists.chunks[address >>> 16] as Uint16Array, address & 0xffff)
      this.#write(term, shelf, rows, false, address)
    }
    this.#dropBitset(data)
  }

  /** A shelf's bitset in another length; what is cut off is empty. */
  resizeBitset(term: number, shelf: number, words: number): Uint32Array {
    this.read(term, shelf)
    const resized = resizedWords(this.bitsets[this.data] as Uint32Array, words)
    this.bitsets[this.data] = resized
    return resized
  }

  /** After bits of a bitset were set or cleared by hand: how many rows more. Returns how many now. */
  changeRows(term: number, shelf: number, by: number): number {
    if (!this.read(term, shelf)) return 0
    this.#write(term, shelf, this.rows + by, true, this.data)
    return this.rows
  }

  get isWasteful(): boolean {
    return this.lists.isWasteful || this.#pairs.isWasteful
  }

  /** Moves all blocks together, so that what they left behind is given back. */
  beginMoving(): void {
    this.lists.beginMoving()
    this.#pairs.beginMoving()
  }

  /** Moves the blocks of one term. */
  moveBlocks(term: number): void {
    const head = this.#own.get(term * 2)
    const data = this.#own.get(term * 2 + 1)
    if (head >>> shelfShift !== spread) {
      if (isList(head)) this.#own.set(term * 2 + 1, this.lists.moved(data, head & rowsMask))
      return
    }
    const count = head & rowsMask
    const address = this.#pairs.moved(data, count * 2)
    this.#own.set(term * 2 + 1, address)
    const block = this.#pairs.chunks[address >>> 16] as Uint32Array
    const start = address & 0xffff
    for (let at = start; at < start + count * 2; at += 2) {
      const pair = block[at] as number
      if (isList(pair)) block[at + 1] = this.lists.moved(block[at + 1] as number, pair & rowsMask)
    }
  }

  endMoving(): void {
    this.lists.endMoving()
    this.#pairs.endMoving()
  }

  get bytes(): number {
    let total = this.lists.bytes + this.#pairs.bytes + this.#own.bytes
    for (const bits of this.bitsets) total += bits === undefined ? 8 : bits.byteLength + typedArray
    return total
  }

  #insertIntoList(term: number, shelf: number, slot: number): void {
    const { rows, data } = this
    if (rows === 2) {
      const address = this.lists.allocate(3)
      const list = this.lists.chunks[address >>> 16] as Uint16Array
      const start = address & 0xffff
      list[start] = data & 0xffff
      list[start + 1] = data >>> 16
      insertSorted(list, start, 2, slot)
      this.#write(term, shelf, 3, false, address)
      return
    }
    if (sameCapacity(rows, rows + 1)) {
      insertSorted(this.lists.chunks[data >>> 16] as Uint16Array, data & 0xffff, rows, slot)
      this.#write(term, shelf, rows + 1, false, data)
      return
    }
    const address = this.lists.allocate(rows + 1)
    const list = this.lists.chunks[address >>> 16] as Uint16Array
    copyBlock(this.lists.chunks[data >>> 16] as Uint16Array, data & 0xffff, rows, list, address)
    insertSorted(list, address & 0xffff, rows, slot)
    this.lists.release(data, rows)
    this.#write(term, shelf, rows + 1, false, address)
  }

  #removeFromList(term: number, shelf: number, slot: number): boolean {
    const { rows, data } = this
    const list = this.lists.chunks[data >>> 16] as Uint16Array
    const start = data & 0xffff
    const at = lowerBound(list, start, rows, slot)
    if (at >= start + rows || list[at] !== slot) return false
    shift(list, at + 1, start + rows, at)
    if (rows === 3) {
      const first = list[start] as number
      const second = list[start + 1] as number
      this.lists.release(data, 3)
      this.#write(term, shelf, 2, false, first | (second << 16))
    } else if (sameCapacity(rows, rows - 1)) {
      this.#write(term, shelf, rows - 1, false, data)
    } else {
      const address = this.lists.allocate(rows - 1)
      const smaller = this.lists.chunks[address >>> 16] as Uint16Array
      copyBlock(this.lists.chunks[data >>> 16] as Uint16Array, start, rows - 1, smaller, address)
      this.lists.release(data, rows)
      this.#write(term, shelf, rows - 1, false, address)
    }
    return true
  }

  #toBitset(term: number, shelf: number, words: number): Uint32Array {
    const { rows, data } = this
    const bits = new Uint32Array(words)
    const list = this.lists.chunks[data >>> 16] as Uint16Array
    const start = data & 0xffff
    for (let i = start; i < start + rows; i += 1) {
      const slot = list[i] as number
      bits[slot >>> 5] = (bits[slot >>> 5] as number) | (1 << (slot & 31))
    }
    this.lists.release(data, rows)
    const number = this.#freeBitsets.pop() ?? this.bitsets.length
    this.bitsets[number] = bits
    this.#write(term, shelf, rows, true, number)
    return bits
  }

  #dropBitset(number: number): void {
    this.bitsets[number] = undefined
    this.#freeBitsets.push(number)
  }

  /** Changes the pair that `read` found. */
  #write(term: number, shelf: number, rows: number, dense: boolean, data: number): void {
    const head = ((shelf << shelfShift) | (dense ? denseFlag : 0) | rows) >>> 0
    this.rows = rows
    this.dense = dense
    this.data = data >>> 0
    if (this.#block === undefined) {
      this.#own.set(term * 2, head)
      this.#own.set(term * 2 + 1, data)
    } else {
      this.#block[this.#at] = head
      this.#block[this.#at + 1] = data
    }
  }

  #insertPair(term: number, shelf: number, slot: number): void {
    const pair = ((shelf << shelfShift) | 1) >>> 0
    const head = this.#own.get(term * 2)
    if (head === 0) {
      this.#own.set(term * 2, pair)
      this.#own.set(term * 2 + 1, slot)
      return
    }
    const single = head >>> shelfShift !== spread
    const count = single ? 1 : head & rowsMask
    const old = this.#own.get(term * 2 + 1)
    let address = old
    if (single || !sameCapacity(count * 2, count * 2 + 2)) {
      address = this.#pairs.allocate(count * 2 + 2)
      const block = this.#pairs.chunks[address >>> 16] as Uint32Array
      if (single) {
        block[address & 0xffff] = head
        block[(address & 0xffff) + 1] = old
      } else {
        const from = this.#pairs.chunks[old >>> 16] as Uint32Array
        copyBlock(from, old & 0xffff, count * 2, block, address)
        this.#pairs.release(old, count * 2)
      }
    }
    const block = this.#pairs.chunks[address >>> 16] as Uint32Array
    const start = address & 0xffff
    const at = findPair(block, start, count, shelf)
    block.copyWithin(at + 2, at, start + count * 2)
    block[at] = pair
    block[at + 1] = slot
    this.#own.set(term * 2, ((spread << shelfShift) | (count + 1)) >>> 0)
    this.#own.set(term * 2 + 1, address)
  }

  /** Removes the pair that `read` found. */
  #removePair(term: number): void {
    this.rows = 0
    const block = this.#block
    if (block === undefined) {
      this.#own.set(term * 2, 0)
      return
    }
    const count = this.#own.get(term * 2) & rowsMask
    const address = this.#own.get(term * 2 + 1)
    const start = address & 0xffff
    block.copyWithin(this.#at, this.#at + 2, start + count * 2)
    if (count === 2) {
      this.#own.set(term * 2, block[start] as number)
      this.#own.set(term * 2 + 1, block[start + 1] as number)
      this.#pairs.release(address, 4)
      return
    }
    let kept = address
    if (!sameCapacity(count * 2, count * 2 - 2)) {
      kept = this.#pairs.allocate(count * 2 - 2)
      const smaller = this.#pairs.chunks[kept >>> 16] as Uint32Array
      // Allocating may have replaced the chunk that the block lay in.
      const from = this.#pairs.chunks[address >>> 16] as Uint32Array
      copyBlock(from, start, count * 2 - 2, smaller, kept)
      this.#pairs.release(address, count * 2)
    }
    this.#own.set(term * 2, ((spread << shelfShift) | (count - 1)) >>> 0)
    this.#own.set(term * 2 + 1, kept)
  }
}

const shelfShift = 18
const denseFlag = 1 << 17
const rowsMask = denseFlag - 1
/** In the place of a shelf's number: the term is in several. */
const spread = 2 ** 14 - 1
export const shelvesMax = spread
/** What V8 adds to a typed array's own bytes, measured. */
const typedArray = 200

function isList(pair: number): boolean {
  return (pair & denseFlag) === 0 && (pair & rowsMask) > 2
}

/** The first of `count` pairs whose shelf is not below `shelf`. */
function findPair(block: Uint32Array, start: number, count: number, shelf: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((block[start + middle * 2] as number) >>> shelfShift < shelf) low = middle + 1
    else high = middle
  }
  return start + low * 2
}

/** The first of `count` sorted slots that is not below `slot`. */
export function lowerBound(list: Uint16Array, start: number, count: number, slot: number): number {
  let low = start
  let high = start + count
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle] as number) < slot) low = middle + 1
    else high = middle
  }
  return low
}

function insertSorted(list: Uint16Array, start: number, count: number, slot: number): void {
  const at = lowerBound(list, start, count, slot)
  shift(list, at, start + count, at + 1)
  list[at] = slot
}

/** `list[from, end)` moves to begin at `to`. Short moves are faster by hand than by a call. */
function shift(list: Uint16Array, from: number, end: number, to: number): void {
  if (end - from > 24) {
    list.copyWithin(to, from, end)
  } else if (to > from) {
    for (let i = end - 1; i >= from; i -= 1) list[i + to - from] = list[i] as number
  } else {
    for (let i = from; i < end; i += 1) list[i + to - from] = list[i] as number
  }
}

function copyBlock<T extends Uint16Array | Uint32Array>(
  from: T,
  start: number,
  count: number,
  into: T,
  address: number,
): void {
  const at = address & 0xffff
  if (count > 32) {
    into.set(from.subarray(start, start + count), at)
    return
  }
  for (let i = 0; i < count; i += 1) into[at + i] = from[start + i] as number
}

function copySlots(bits: Uint32Array, into: Uint16Array, start: number): void {
  let at = start
  for (let w = 0; w < bits.length; w += 1) {
    for (let word = bits[w] as number; word !== 0; word &= word - 1) {
      into[at] = (w << 5) | (31 - Math.clz32(word & -word))
      at += 1
    }
  }
}

function packPair(slots: Uint16Array): number {
  return (slots[0] as number) | ((slots[1] as number) << 16)
}

function resizedWords(bits: Uint32Array, words: number): Uint32Array {
  if (words <= bits.length) return bits.slice(0, words)
  const larger = new Uint32Array(words)
  larger.set(bits)
  return larger
}
