/**
 * Many small blocks in few large typed arrays. A typed array of its own costs about 200 bytes
 * however short it is, and most lists of an index have one or two members; a block costs what it
 * holds.
 *
 *     address:   chunk number (16 bits) │ element within the chunk (16 bits)
 *     chunks:    [ 65,536 elements ] [ 65,536 elements ] [ one oversized block ] …
 *
 * A block's capacity follows from its size alone (`capacityFor`), so that nothing has to remember
 * it. The arena grows by whole chunks: no growth copies what is there, except while the first
 * chunk is still small.
 */
export class Arena<T extends Uint8Array | Uint16Array | Uint32Array> {
  readonly chunks: T[]
  readonly #make: (length: number) => T
  /** Addresses of free blocks, by size class. */
  readonly #free: number[][] = []
  /** Where the unused end of the current chunk begins. */
  #next = 0
  #current = 0

  constructor(make: (length: number) => T) {
    this.#make = make
    this.chunks = [make(firstChunk)]
  }

  /** The address of a block for `size` elements; what it holds is undefined. */
  allocate(size: number): number {
    const sizeClass = sizeClassOf(size)
    const free = this.#free[sizeClass]
    if (free !== undefined && free.length > 0) return free.pop() as number
    const capacity = capacities[sizeClass] as number
    if (capacity > chunkSize) return this.#allocateOversized(capacity)
    if (this.#next + capacity > chunkSize) this.#startChunk()
    const address = this.#current * chunkSize + this.#next
    this.#next += capacity
    this.#growFirstChunk()
    return address
  }

  /** `size` as it was allocated, or any that has the same capacity. */
  release(address: number, size: number): void {
    const sizeClass = sizeClassOf(size)
    const free = this.#free[sizeClass]
    if (free === undefined) this.#free[sizeClass] = [address]
    else free.push(address)
  }

  get bytes(): number {
    let total = 0
    for (const chunk of this.chunks) total += chunk.byteLength
    for (const free of this.#free) total += (free?.length ?? 0) * 8
    return total
  }

  #allocateOversized(capacity: number): number {
    this.chunks.push(this.#make(capacity))
    return (this.chunks.length - 1) * chunkSize
  }

  #startChunk(): void {
    this.#salvage()
    this.chunks.push(this.#make(chunkSize))
    this.#current = this.chunks.length - 1
    this.#next = 0
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
  }

  #growFirstChunk(): void {
    const chunk = this.chunks[this.#current] as T
    if (this.#next <= chunk.length) return
    let length = chunk.length
    while (length < this.#next) length *= 2
    const larger = this.#make(length)
    larger.set(chunk)
    this.chunks[this.#current] = larger
  }
}

export const chunkSize = 65_536
const firstChunk = 256

/**
 * 2, 3, 4, 6, 8, 12, …: each class holds a third to a half more than the one before, so a block
 * is 5/6 full on average.
 */
const capacities: number[] = [2]
for (let power = 2; power <= 2 ** 24; power *= 2) capacities.push(power * 1.5, power * 2)

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

/** How many elements a block of `size` has room for. */
export function capacityFor(size: number): number {
  return capacities[sizeClassOf(size)] as number
}

/** Whether blocks of both sizes have the same room, so that one need not move to become the other. */
export function sameCapacity(a: number, b: number): boolean {
  return sizeClassOf(a) === sizeClassOf(b)
}
