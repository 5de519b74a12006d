import { compareText } from '../canonical-order.ts'
import { bucketCount } from '../standing.ts'
import { firstMember, type Members } from './entry.ts'
import type { Shelf } from './shelf.ts'

/**
 * The first groups of a ring in canonical order, of all that were offered in any order. A key is
 * `bucket × 2³² + distance from the start`, so that one comparison orders two groups.
 *
 * What is offered is only appended; once in a while the worse part is cut off. Keys are sorted
 * together with where their group stands, packed into one number of 53 bits:
 *
 *     │ bucket (5) │ distance (32) │ place (16) │
 */
export class Pool {
  /** Above every key that can still get in. */
  worst = Infinity
  /** Its bucket. */
  worstBucket = bucketCount
  size = 0
  #room = 0
  #isCut = false
  #packed = new Float64Array(0)
  #slots = new Uint16Array(0)
  #shelves: (Shelf | undefined)[] = []
  /** The order that the last cut brought about. */
  #cutSlots = new Uint16Array(0)
  #cutShelves: (Shelf | undefined)[] = []

  begin(room: number): void {
    this.size = 0
    this.#room = room
    this.#isCut = true
    this.worst = Infinity
    this.worstBucket = bucketCount
    const length = room * 2
    if (length <= this.#packed.length) return
    this.#packed = new Float64Array(length)
    this.#slots = new Uint16Array(length)
    this.#cutSlots = new Uint16Array(length)
    this.#shelves = Array.from({ length })
    this.#cutShelves = Array.from({ length })
  }

  get room(): number {
    return this.#room
  }

  /** As many rows as there is room for will be offered that are in this bucket or better. */
  boundBucket(bucket: number): void {
    if (bucket >= this.worstBucket) return
    this.worstBucket = bucket
    this.worst = (bucket + 1) * bucketKey - 1
  }

  get isFull(): boolean {
    return this.size >= this.#room
  }

  /** How many more it wants before it begins to choose. */
  get missing(): number {
    return this.#room - this.size
  }

  /** Takes a group whose key is not above `worst`. */
  offer(key: number, shelf: Shelf, slot: number): void {
    const at = this.size
    this.#packed[at] = key * places + at
    this.#slots[at] = slot
    this.#shelves[at] = shelf
    this.size = at + 1
    this.#isCut = false
    if (at + 1 === this.#room * 2) this.cut()
  }

  /** Puts what is held in order, and drops what there is no room for. */
  cut(): void {
    if (this.#isCut) return
    this.#isCut = true
    sort(this.#packed, this.size)
    if (this.#reorder()) this.#orderEquals()
    if (this.size < this.#room) return
    this.size = this.#room
    this.worst = this.#keyAt(this.#room - 1)
    this.worstBucket = Math.floor(this.worst / bucketKey)
  }

  shelfAt(at: number): Shelf {
    return this.#shelves[at] as Shelf
  }

  slotAt(at: number): number {
    return this.#slots[at] as number
  }

  membersAt(at: number): Members {
    return (this.#shelves[at] as Shelf).members[this.#slots[at] as number] as Members
  }

  #keyAt(at: number): number {
    return Math.floor((this.#packed[at] as number) / places)
  }

  /**
   * Brings slots and shelves into the order of the keys, and numbers them anew. Returns whether two
   * keys are equal.
   */
  #reorder(): boolean {
    const packed = this.#packed
    const slots = this.#slots
    const shelves = this.#shelves
    const cutSlots = this.#cutSlots
    const cutShelves = this.#cutShelves
    let last = -1
    let equals = false
    for (let at = 0; at < this.size; at += 1) {
      const number = packed[at] as number
      const key = Math.floor(number / places) * places
      equals ||= key === last
      last = key
      cutSlots[at] = slots[number - key] as number
      cutShelves[at] = shelves[number - key]
      packed[at] = key + at
    }
    this.#slots = cutSlots
    this.#shelves = cutShelves
    this.#cutSlots = slots
    this.#cutShelves = shelves
    return equals
  }

  /** Between equal keys the names decide, as they do for every other holder of the same records. */
  #orderEquals(): void {
    for (let at = 1; at < this.size; at += 1) {
      const key = this.#keyAt(at)
      if (key !== this.#keyAt(at - 1)) continue
      const slot = this.#slots[at] as number
      const shelf = this.#shelves[at] as Shelf
      let place = at
      while (
        place > 0 &&
        this.#keyAt(place - 1) === key &&
        this.#isBefore(shelf, slot, place - 1)
      ) {
        this.#slots[place] = this.#slots[place - 1] as number
        this.#shelves[place] = this.#shelves[place - 1]
        place -= 1
      }
      this.#slots[place] = slot
      this.#shelves[place] = shelf
    }
  }

  #isBefore(shelf: Shelf, slot: number, at: number): boolean {
    const a = firstMember(shelf.members[slot] as Members)
    const b = firstMember(this.membersAt(at))
    const byDefinition = compareText(a.spec.definition, b.spec.definition)
    if (byDefinition !== 0) return byDefinition < 0
    const placeA = `${a.locality.region}/${a.locality.zone}`
    return placeA < `${b.locality.region}/${b.locality.zone}`
  }
}

/** A key's distance from the next bucket's. */
export const bucketKey = 2 ** 32
const places = 2 ** 16

/** Nearly sorted, as walks bring them, or few: then moving by hand is faster than a call. */
const sortedByHandMax = 80

function sort(numbers: Float64Array, count: number): void {
  if (count > sortedByHandMax) {
    numbers.subarray(0, count).sort()
    return
  }
  for (let i = 1; i < count; i += 1) {
    const number = numbers[i] as number
    let at = i
    while (at > 0 && (numbers[at - 1] as number) > number) {
      numbers[at] = numbers[at - 1] as number
      at -= 1
    }
    numbers[at] = number
  }
}
