import { compareText } from '../canonical-order.ts'
import { firstMember, type Members } from './entry.ts'
import type { Shelf } from './shelf.ts'

/**
 * The first groups of a ring in canonical order, of all that were offered in any order. A key is
 * `bucket × 2³² + distance from the start`, so that one comparison orders two groups.
 */
export class Pool {
  size = 0
  /** Above every key that can still get in. */
  worst = Infinity
  shelves: (Shelf | undefined)[] = []
  slots = new Uint32Array(0)
  #keys = new Float64Array(0)
  #room = 0

  begin(room: number): void {
    this.size = 0
    this.#room = room
    this.worst = Infinity
    if (room <= this.#keys.length) return
    this.#keys = new Float64Array(room)
    this.slots = new Uint32Array(room)
    this.shelves = Array.from({ length: room })
  }

  get isFull(): boolean {
    return this.size === this.#room
  }

  offer(key: number, shelf: Shelf, slot: number): void {
    const keys = this.#keys
    let at = this.size
    if (at === this.#room) {
      const last = at - 1
      if (key > (keys[last] as number)) return
      if (key === keys[last] && !this.#isBefore(shelf, slot, last)) return
      at = last
    } else this.size += 1
    while (at > 0) {
      const before = keys[at - 1] as number
      if (before < key || (before === key && !this.#isBefore(shelf, slot, at - 1))) break
      keys[at] = before
      this.slots[at] = this.slots[at - 1] as number
      this.shelves[at] = this.shelves[at - 1]
      at -= 1
    }
    keys[at] = key
    this.slots[at] = slot
    this.shelves[at] = shelf
    if (this.size === this.#room) this.worst = keys[this.size - 1] as number
  }

  membersAt(at: number): Members {
    return (this.shelves[at] as Shelf).members[this.slots[at] as number] as Members
  }

  /** Between equal keys the names decide, as they do for every other holder of the same records. */
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
