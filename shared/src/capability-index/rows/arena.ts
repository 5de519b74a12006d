/**
 * Many small blocks in few large typed arrays. A typed array of its own costs about 200 bytes
 * however short it is, and most lists of an index have one or two members; a block costs what it
 * holds.
 *
 *     address:   chunk number (16 bits) │ element within the chunk (16 bits)
 *     chunks:    [ 65,536 elements ] [ 65,536 elements ] [ one oversized block ] …
 *
 * A block's capacity follows from its size alone (`sameCapacity`), so that nothing has to remember
 * it. The arena grows by whole chunks: no growth copies what is there, except while the first
 * chunk is still small.
 *
 * Lists that grow leave the blocks they outgrew behind. When those add up (`isWasteful`), the owner
 * of the blocks can have them all moved to new chunks, a few at a time: `beginMoving`, then
 * `moved` for every block, then `endMoving`. In between, everything works as ever.
 */
export class Arena<T extends Uint8Array | Uint16Array | Uint32Array> {
  readonly chunks: T[]
  readonly #make: (length: number) => T
  /** Addresses of free blocks, by size class. */
  #free: number[][] = []
  #freeElements = 0
  /** Where the unused end of the current chunk begins. */
  #next = 0
  #current = 0
  /** While moving: the chunks to be left. */
  #old = new Set<number>()
  readonly #unusedChunks: number[] = []

  constructor(make: (length: number) => T) {
    this.#make = make
    this.chunks = [make(firstChunk)]
  }

  /** The address of a block for `size` elements; what it holds is undefined. */
  allocate(size: number): number {
    const sizeClass = sizeClassOf(size)
    const capacity = capacities[sizeClass] as number
    const free = this.#free[sizeClass]
    if (free !== undefined && free.length > 0) {
      this.#freeElements -= capacity
      return free.pop() as number
    }
    if (capacity > chunkSize) return this.#addChunk(this.#make(capacity)) * chunkSize
    if (this.#next + capacity > chunkSize) {
      this.#salvage()
      this.#current = this.#addChunk(this.#make(chunkSize))
      this.#next = 0
    }
    const address = this.#current * chunkSize + this.#next
    this.#next += capacity
    this.#growSmallChunk()
    return address
  }

  /** `size` as it was allocated, or any that has the same capacity. */
  release(address: number, size: number): void {
    if (this.#old.size > 0 && this.#old.has(Math.floor(address / chunkSize))) return
    const sizeClass = sizeClassOf(size)
    this.#freeElements += capacities[sizeClass] as number
    const free = this.#free[sizeClass]
    if (free === undefined) this.#free[sizeClass] = [address]
    else free.push(address)
  }

  /** Whether so much lies free that moving the rest together is worth it. */
  get isWasteful(): boolean {
    const elements = (this.chunks.length - this.#unusedChunks.length) * chunkSize
    return this.#freeElements * 8 > elements && elements > chunkSize
  }

  beginMoving(): void {
    this.#old = new Set(this.chunks.keys())
    for (const unused of this.#unusedChunks) this.#old.delete(unused)
    this.#free = []
    this.#freeElements = 0
    this.#current = this.#addChunk(this.#make(chunkSize))
    this.#next = 0
  }

  /** Where a block lies now, after it was moved if need be. `count`: its elements in use. */
  moved(address: number, count: number): number {
    const chunk = Math.floor(address / chunkSize)
    if (!this.#old.has(chunk)) return address
    const into = this.allocate(count)
    const start = address % chunkSize
    const block = (this.chunks[chunk] as T).subarray(start, start + count)
    ;(this.chunks[Math.floor(into / chunkSize)] as T).set(block, into % chunkSize)
    return into
  }

  /** After every block was moved. */
  endMoving(): void {
    for (const chunk of this.#old) {
      this.chunks[chunk] = this.#make(0)
      this.#unusedChunks.push(chunk)
    }
    this.#old = new Set()
  }

  get bytes(): number {
    let total = 0
    for (const chunk of this.chunks) total += chunk.byteLength
    for (const free of this.#free) total += (free?.length ?? 0) * 8
    return total
  }

  #addChunk(chunk: T): number {
    const at = this.#unusedChunks.pop() ?? this.chunks.length
    this.chunks[at] = chunk
    return at
  }

  /** The rest of a chunk that is too short for what is wanted serves shorter blocks later. */
  #salvage(): void {
    let rest = chunkSize - this.#next
    while (rest >= (capacities[0] as number)) {
      let sizeClass = sizeClassOf(rest)
      if ((capacities[sizeClass] as number) > rest) sizeClass -= 1
      const capacity = capacities[sizeClass] as number
      this.release(this.#current * chunkSize + this.#next, capacity)
      this.#next += capacity
      rest -= capacity
    }
    this.#growSmallChunk()
  }

  /** The first chunk begins small, for indexes that stay so. */
  #growSmallChunk(): void {
    const chunk = this.chunks[this.#current] as T
    if (this.#next <= chunk.length) return
    let length = chunk.length
    while (length < this.#next) length *= 2
    const larger = this.#make(length)
    larger.set(chunk)
    this.chunks[this.#current] = larger
  }
}

const chunkSize = 65_536
const firstChunk = 256

/**
 * 2 to 8 one by one, then four sizes for each doubling: 10, 12, 14, 16, 20, … Blocks are more than
 * nine tenths full on average.
 */
const capacities: number[] = [2, 3]
for (let power = 4; power <= 2 ** 24; power *= 2) {
  for (let quarter = 4; quarter < 8; quarter += 1) capacities.push((power * quarter) / 4)
}

/** The smaller sizes, which are nearly all, without a search. */
const smallSizes = 2_048
const smallClasses = new Uint8Array(smallSizes + 1)
for (let size = 0, sizeClass = 0; size <= smallSizes; size += 1) {
  while ((capacities[sizeClass] as number) < size) sizeClass += 1
  smallClasses[size] = sizeClass
}

function sizeClassOf(size: number): number {
  if (size <= smallSizes) return smallClasses[size] as number
  let sizeClass = smallClasses[smallSizes] as number
  while ((capacities[sizeClass] ?? Infinity) < size) sizeClass += 1
  if (sizeClass >= capacities.length) throw new RangeError(`a block of ${size} elements`)
  return sizeClass
}

/** Whether blocks of both sizes have the same room, so that one need not move to become the other. */
export function sameCapacity(a: number, b: number): boolean {
  return sizeClassOf(a) === sizeClassOf(b)
}
