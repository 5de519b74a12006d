import { randomUUID } from 'node:crypto'

/** Characters of the texts that are remembered, in all: some 5,000 definitions of usual size. */
const textMax = 4 * 1024 * 1024
/** By so many of their first characters texts are found: those of another server differ by then. */
const headChars = 64
/** Texts that begin alike, as versions of one server: of more, the oldest is read anew. */
const alikeMax = 8

const field = '"definition"'
const backslash = 0x5c
const quote = 0x22

interface Known {
  readonly text: string
  readonly value: object
}

/**
 * `JSON.parse` of registrations, which gives the same object for the same text of a `definition`:
 * replicas of one server come with the same one, often thousands together, and it is most of what
 * they send (1,000 of three tools each: 8 ms where everything is read, 2.5 where they are known).
 *
 *     {"id":"a","definition":{…900 characters…},…}     what came
 *     {"id":"a","definition":"mark 0",…}               what is read; then each mark's value takes its place
 *
 * A known text is found where a value begins, and is a whole object: whoever read everything would
 * end where it ends. What is not of this kind, as a field of that name somewhere else, is read as
 * it is. Nobody may change what it gives.
 */
export class RepeatedDefinitions {
  readonly #holdersOf: (value: unknown) => readonly unknown[]
  readonly #known = new Map<string, Known[]>()
  #chars = 0
  /** Nobody else can know it, and so send it as a definition. */
  readonly #mark = randomUUID()

  /** `holdersOf`: the objects of a request that may have a definition, in its order. */
  constructor(holdersOf: (value: unknown) => readonly unknown[]) {
    this.#holdersOf = holdersOf
  }

  /** Errors: those of `JSON.parse`. */
  parse(text: string): unknown {
    const values: object[] = []
    const rest: string[] = []
    let copied = 0
    for (let at = text.indexOf(field); at >= 0; at = text.indexOf(field, at)) {
      const begin = valueAfter(text, at + field.length)
      // An escaped quote belongs to the name of another field.
      if (begin < 0 || text.charCodeAt(at - 1) === backslash) {
        at += field.length
        continue
      }
      const known = this.#find(text, begin) ?? this.#learn(text, begin)
      if (known === undefined) return JSON.parse(text)
      rest.push(text.slice(copied, begin), `"${this.#mark}${values.length}"`)
      values.push(known.value)
      copied = begin + known.text.length
      at = copied
    }
    if (values.length === 0) return JSON.parse(text)
    rest.push(text.slice(copied))
    // Joined at once: a text that is added to piece by piece takes twice as long to read.
    return this.#fill(rest.join(''), values) ?? JSON.parse(text)
  }

  /** Undefined where a mark is not where a definition belongs, or the rest is no JSON. */
  #fill(rest: string, values: readonly object[]): unknown {
    let read: unknown
    try {
      read = JSON.parse(rest)
    } catch {
      // Told by whoever reads all of it: places in this text are no use to its sender.
      return undefined
    }
    let filled = 0
    for (const holder of this.#holdersOf(read)) {
      if (typeof holder !== 'object' || holder === null || !('definition' in holder)) continue
      if (holder.definition !== `${this.#mark}${filled}`) continue
      holder.definition = values[filled]
      filled += 1
    }
    return filled === values.length ? read : undefined
  }

  #find(text: string, begin: number): Known | undefined {
    const alike = this.#known.get(text.slice(begin, begin + headChars))
    // `startsWith` compares character by character, and takes ten times as long.
    return alike?.find((known) => text.slice(begin, begin + known.text.length) === known.text)
  }

  #learn(text: string, begin: number): Known | undefined {
    const end = endOfObject(text, begin)
    if (end < 0) return undefined
    // A copy: a part of a text would keep the whole.
    const own = Buffer.from(text.slice(begin, end)).toString()
    let value: object
    try {
      value = JSON.parse(own) as object
    } catch {
      return undefined
    }
    const known = { text: own, value }
    // Shorter ones are found by nothing, and soon read.
    if (own.length >= headChars) this.#keep(own.slice(0, headChars), known)
    return known
  }

  #keep(head: string, known: Known): void {
    const alike = this.#known.get(head) ?? []
    this.#known.set(head, alike)
    alike.unshift(known)
    this.#chars += known.text.length
    if (alike.length > alikeMax) this.#chars -= alike.pop()?.text.length ?? 0
    for (const [oldest, gone] of this.#known) {
      if (this.#chars <= textMax) break
      this.#known.delete(oldest)
      for (const { text } of gone) this.#chars -= text.length
    }
  }
}

/** Where the object behind a field's name begins; -1 where none does. */
function valueAfter(text: string, nameEnd: number): number {
  const colon = afterSpace(text, nameEnd)
  if (text[colon] !== ':') return -1
  const begin = afterSpace(text, colon + 1)
  return text[begin] === '{' ? begin : -1
}

function afterSpace(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1
  return at
}

/** Behind the brace that closes the one at `begin`; -1 where none does. */
function endOfObject(text: string, begin: number): number {
  let depth = 0
  for (let at = begin; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at)
        if (at < 0) return -1
        break
      case 0x7b: // {
      case 0x5b: // [
        depth += 1
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth -= 1
        if (depth === 0) return at + 1
        break
      default:
    }
  }
  return -1
}

/** Where the quote stands that closes the one at `begin`; -1 where none does. */
function endOfString(text: string, begin: number): number {
  for (let at = text.indexOf('"', begin + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0
    while (text.charCodeAt(at - 1 - escapes) === backslash) escapes += 1
    if (escapes % 2 === 0) return at
  }
  return -1
}
