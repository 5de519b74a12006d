import type { Definition } from '@meridian/shared'
import { RecentTexts } from './recent-texts.ts'

/** Characters of the texts that are remembered, in all: some 5,000 definitions of usual size. */
const textMax = 4 * 1024 * 1024

interface Known {
  /** As it came, out of JSON. */
  readonly given: object
  readonly definition: Definition
  readonly title: string
}

/**
 * Definitions that came before, and what was made of them. Replicas of one server come with the same
 * one, often thousands together: what came last under the same name and version is compared value by
 * value, a microsecond for three tools; only what differs from it is written out, to be found by its
 * text.
 */
export class KnownDefinitions {
  readonly #byText = new RecentTexts<Known>(textMax, (forgotten) => {
    if (this.#last.get(forgotten.title) === forgotten) this.#last.delete(forgotten.title)
  })
  /** Those of `#byText` that came last, by name and version. */
  readonly #last = new Map<string, Known>()
  /** By the very object: whoever reads requests gives the same one for the same text. */
  readonly #objects = new WeakMap<object, Definition>()

  /** The definition that was made of the same before, or what to call once it is made. */
  find(given: object): Definition | ((definition: Definition) => void) | undefined {
    const seen = this.#objects.get(given)
    if (seen !== undefined) return seen
    const title = titleOf(given)
    const last = this.#last.get(title)
    if (last !== undefined && isSameJson(given, last.given)) {
      this.#objects.set(given, last.definition)
      return last.definition
    }
    const text = textOf(given)
    if (text === undefined) return undefined
    const known = this.#byText.get(text)
    if (known !== undefined) {
      this.#last.set(title, known)
      this.#objects.set(given, known.definition)
      return known.definition
    }
    return (definition) => {
      this.#objects.set(given, definition)
      const made = { given, definition, title }
      this.#byText.set(text, made)
      this.#last.set(title, made)
    }
  }
}

function titleOf({
  name,
  version,
}: {
  readonly name?: unknown
  readonly version?: unknown
}): string {
  return `${typeof name === 'string' ? name : ''}\0${typeof version === 'string' ? version : ''}`
}

/** Undefined for what nests too deep to be written out. */
function textOf(given: object): string | undefined {
  try {
    return JSON.stringify(given)
  } catch {
    // It is refused in due course, with words.
    return undefined
  }
}

/** Of two values out of JSON. Goes no deeper than the second does. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    for (let at = 0; at < a.length; at += 1) if (!isSameJson(a[at], b[at])) return false
    return true
  }
  return haveSameFields(a as Fields, b as Fields)
}

type Fields = Readonly<Record<string, unknown>>

function haveSameFields(a: Fields, b: Fields): boolean {
  const fields = Object.keys(a)
  if (fields.length !== Object.keys(b).length) return false
  for (const field of fields) {
    if (!Object.hasOwn(b, field) || !isSameJson(a[field], b[field])) return false
  }
  return true
}
