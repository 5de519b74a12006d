import { compileUriTemplate, type UriTemplate } from '../uri-template.ts'

/** The field under which templates are terms: no query can name it. */
export const templateField = '{resource}'

/** Every URI template that some row has, found by what its expansions begin with. */
export class Templates {
  readonly #byTerm = new Map<number, UriTemplate>()
  /** Terms by literal prefix, and how many prefixes there are of each length. */
  readonly #byPrefix = new Map<string, Set<number>>()
  readonly #lengths = new Map<number, number>()

  add(term: number, text: string): void {
    if (this.#byTerm.has(term)) return
    const template = compileUriTemplate(text)
    this.#byTerm.set(term, template)
    const { literalPrefix } = template
    const known = this.#byPrefix.get(literalPrefix)
    if (known !== undefined) {
      known.add(term)
      return
    }
    this.#byPrefix.set(literalPrefix, new Set([term]))
    this.#lengths.set(literalPrefix.length, (this.#lengths.get(literalPrefix.length) ?? 0) + 1)
  }

  remove(term: number): void {
    const template = this.#byTerm.get(term)
    if (template === undefined) return
    const { literalPrefix } = template
    this.#byTerm.delete(term)
    const terms = this.#byPrefix.get(literalPrefix)
    terms?.delete(term)
    if (terms?.size !== 0) return
    this.#byPrefix.delete(literalPrefix)
    const left = (this.#lengths.get(literalPrefix.length) ?? 1) - 1
    if (left === 0) this.#lengths.delete(literalPrefix.length)
    else this.#lengths.set(literalPrefix.length, left)
  }

  /** The templates that expand to a URI. */
  matching(uri: string): number[] {
    const found: number[] = []
    for (const length of this.#lengths.keys()) {
      if (length > uri.length) continue
      for (const term of this.#byPrefix.get(uri.slice(0, length)) ?? []) {
        if (this.#byTerm.get(term)?.matches(uri) === true) found.push(term)
      }
    }
    return found
  }

  /** The templates with an expansion that begins so, at most `max + 1`. */
  beginning(prefix: string, max: number): number[] {
    const found: number[] = []
    for (const [literal, terms] of this.#byPrefix) {
      const near =
        literal.length < prefix.length ? prefix.startsWith(literal) : literal.startsWith(prefix)
      if (!near) continue
      for (const term of terms) {
        if (this.#byTerm.get(term)?.canBegin(prefix) === true) found.push(term)
        if (found.length > max) return found
      }
    }
    return found
  }
}
