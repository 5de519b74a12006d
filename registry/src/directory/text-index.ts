/** Every number that the index of texts enforces. */
export const textIndexLimits = {
  /**
   * Texts of one segment. A place in it fits into 16 bits, and moving those that are left in a
   * segment of which half has gone takes some 10 ms.
   */
  segmentTexts: 4_096,
} as const

/**
 * Which texts hold these words anywhere inside, as people type them: `goog` finds `google`, and
 * `ogle` too.
 *
 *     text ─▶ every three characters of it ─▶ places of texts in a segment
 *     "flight":  fli lig igh ght
 *
 * A text with the word holds all the word's threes, so those of its rarest are all that has to be
 * looked at. Of 60,000 texts that takes 0 to 4 ms where looking at each takes 2 to 10; adding one
 * takes 6 µs. SQLite's FTS5 with trigrams takes 11 µs and, where much is found, twice to four times
 * as long; and a directory would need a database, which a replica without its borders does not have.
 * Words of one or two characters are looked for in each text.
 *
 * Texts are added to the last segment, and one that goes leaves its places behind: they are wrong,
 * which costs one look, until half of its segment has gone.
 */
export class TextIndex {
  #segments: Segment[] = []
  readonly #places = new Map<string, { readonly segment: Segment; readonly at: number }>()

  get size(): number {
    return this.#places.size
  }

  /** Replaces the text of `name`. */
  put(name: string, text: string): void {
    const place = this.#places.get(name)
    if (place && place.segment.entries[place.at]?.text === text) return
    this.remove(name)
    this.#add(name, text)
  }

  remove(name: string): void {
    const place = this.#places.get(name)
    if (!place) return
    this.#places.delete(name)
    place.segment.remove(place.at)
    if (place.segment.isHollow) this.#dissolve(place.segment)
  }

  /** Names whose text holds every word, in no order. Not while it changes. */
  *matching(words: readonly string[]): Generator<string> {
    for (const segment of this.#segments) yield* segment.matching(words)
  }

  #add(name: string, text: string): void {
    let segment = this.#segments.at(-1)
    if (!segment || segment.isFull) {
      segment = new Segment()
      this.#segments.push(segment)
    }
    this.#places.set(name, { segment, at: segment.add(name, text) })
  }

  #dissolve(segment: Segment): void {
    this.#segments = this.#segments.filter((each) => each !== segment)
    for (const entry of segment.entries) if (entry) this.#add(entry.name, entry.text)
  }
}

interface TextEntry {
  readonly name: string
  readonly text: string
}

class Segment {
  readonly entries: (TextEntry | undefined)[] = []
  readonly #threes = new Map<number, Places>()
  #live = 0

  get isFull(): boolean {
    return this.entries.length >= textIndexLimits.segmentTexts
  }

  /** More of it has gone than is left, and it takes no more. */
  get isHollow(): boolean {
    return this.isFull && this.#live * 2 < textIndexLimits.segmentTexts
  }

  add(name: string, text: string): number {
    const at = this.entries.length
    this.entries.push({ name, text })
    this.#live += 1
    for (let i = 0; i + 2 < text.length; i += 1) {
      const three = threeAt(text, i)
      const places = this.#threes.get(three)
      if (places) places.add(at)
      else this.#threes.set(three, new Places(at))
    }
    return at
  }

  remove(at: number): void {
    this.entries[at] = undefined
    this.#live -= 1
  }

  *matching(words: readonly string[]): Generator<string> {
    const places = this.#rarest(words)
    if (places === 'none') return
    const count = places ? places.size : this.entries.length
    for (let i = 0; i < count; i += 1) {
      const entry = this.entries[places ? places.at(i) : i]
      if (entry && words.every((word) => entry.text.includes(word))) yield entry.name
    }
  }

  /** Undefined: no word is long enough to tell. */
  #rarest(words: readonly string[]): Places | 'none' | undefined {
    let rarest: Places | undefined
    for (const word of words) {
      for (let i = 0; i + 2 < word.length; i += 1) {
        const places = this.#threes.get(threeAt(word, i))
        if (!places) return 'none'
        if (!rarest || places.size < rarest.size) rarest = places
      }
    }
    return rarest
  }
}

/** Places in a segment, rising, each once. */
class Places {
  #places = new Uint16Array(2)
  #size = 1

  constructor(first: number) {
    this.#places[0] = first
  }

  get size(): number {
    return this.#size
  }

  at(index: number): number {
    return this.#places[index] as number
  }

  /** None below those that are in it. */
  add(place: number): void {
    if (this.#places[this.#size - 1] === place) return
    if (this.#size === this.#places.length) {
      const larger = new Uint16Array(this.#size * 2)
      larger.set(this.#places)
      this.#places = larger
    }
    this.#places[this.#size] = place
    this.#size += 1
  }
}

/** Three UTF-16 units in one number: 48 bits, which a double holds. */
function threeAt(text: string, at: number): number {
  return (text.charCodeAt(at) * 65_536 + text.charCodeAt(at + 1)) * 65_536 + text.charCodeAt(at + 2)
}
