import { queryError, shown, textError } from './error.ts'
import { queryLimits } from './limits.ts'
import { and, fieldList, isField, or, type Query, type QueryPart } from './query.ts'
import { termProblem } from './term-rules.ts'

/**
 * Reads the query language of `docs/query.md`:
 *
 *     query = [ or ]
 *     or    = and { "|" and }
 *     and   = unary { unary }
 *     unary = "-" unary | "(" or ")" | field ":" value
 *     value = ( bare | quoted ) [ "*" ] | "*"
 *
 * One pass from left to right, each character looked at a bounded number of times.
 * Errors: `invalid_query`, with the position and what was expected there.
 */
export function parseQuery(text: string): Query {
  if (text.length > queryLimits.lengthMax) {
    throw queryError(
      'q',
      shown(text),
      `as a whole: it has ${text.length} characters; the limit is ${queryLimits.lengthMax}`,
    )
  }
  return new Parser(text).query()
}

const space = /\s/
const special = /[\s()|"*]/

class Parser {
  readonly #text: string
  #at = 0
  #terms = 0

  constructor(text: string) {
    this.#text = text
  }

  query(): Query {
    this.#skipSpace()
    if (this.#ended()) return { kind: 'all' }
    const query = this.#or(0)
    if (!this.#ended()) throw this.#error('expected a term or the end; this ")" closes nothing')
    return query
  }

  #or(depth: number): QueryPart {
    const parts = [this.#and(depth)]
    while (this.#take('|')) {
      this.#skipSpace()
      parts.push(this.#and(depth))
    }
    return or(parts)
  }

  #and(depth: number): QueryPart {
    const parts = [this.#unary(depth)]
    for (;;) {
      this.#skipSpace()
      const next = this.#peek()
      if (next === undefined || next === ')' || next === '|') return and(parts)
      parts.push(this.#unary(depth))
    }
  }

  #unary(depth: number): QueryPart {
    switch (this.#peek()) {
      case '-':
        this.#refuseDepth(depth)
        this.#at += 1
        return { kind: 'not', of: this.#unary(depth + 1) }
      case '(':
        return this.#group(depth)
      default:
        return this.#term()
    }
  }

  #group(depth: number): QueryPart {
    this.#refuseDepth(depth)
    const opened = this.#at
    this.#at += 1
    this.#skipSpace()
    const inner = this.#or(depth + 1)
    if (this.#take(')')) return inner
    throw this.#error(`expected ")" for the "(" at character ${opened + 1}`)
  }

  #refuseDepth(depth: number): void {
    if (depth < queryLimits.depthMax) return
    throw this.#error(`groups and NOTs nest at most ${queryLimits.depthMax} deep`)
  }

  #term(): QueryPart {
    const start = this.#at
    const field = this.#field()
    const { kind, value } = this.#value(field)
    const term = { kind, field, value } as const
    const problem = termProblem(term)
    if (problem !== undefined) throw textError(this.#text, start, `${field}: ${problem}`)
    this.#terms += 1
    if (this.#terms > queryLimits.termsMax) {
      throw textError(this.#text, start, `a query has at most ${queryLimits.termsMax} terms`)
    }
    return term
  }

  #field() {
    const start = this.#at
    while (!this.#ended() && this.#peek() !== ':' && !special.test(this.#peek() ?? '')) {
      this.#at += 1
    }
    const word = this.#text.slice(start, this.#at)
    if (word === '' || this.#peek() !== ':') {
      throw textError(this.#text, start, this.#noField(word))
    }
    if (!isField(word)) {
      throw textError(this.#text, start, `${shown(word)} is no field; expected ${fieldList}`)
    }
    this.#at += 1
    return word
  }

  #noField(word: string): string {
    if (word !== '') {
      return `expected field:value; ${shown(word)} has no field (${fieldList}). Free text is for find`
    }
    switch (this.#peek()) {
      case undefined:
        return 'expected a term, such as tool:search'
      case '"':
        return 'expected field:value; quotes stand around values only, as in tag:"two words"'
      default:
        return 'expected a term, such as tool:search, or "("'
    }
  }

  #value(field: string): { kind: 'is' | 'begins'; value: string } {
    const start = this.#at
    const value = this.#peek() === '"' ? this.#quoted() : this.#bare(field)
    const wild = this.#peek() === '*'
    if (wild) this.#at += 1
    if (value === '' && !wild && this.#at === start) {
      throw this.#error(`expected a value after "${field}:"`)
    }
    const next = this.#peek()
    if (wild && next !== undefined && !space.test(next) && next !== ')' && next !== '|') {
      throw this.#error(
        'expected the end of the term: "*" is a wildcard at the end only; quote it to mean the character',
      )
    }
    if (next === '"') throw this.#error('expected a space before this quote')
    return { kind: wild ? 'begins' : 'is', value }
  }

  /** Anything up to a space, a parenthesis, a bar, a quote or a star; ranges keep their stars. */
  #bare(field: string): string {
    const start = this.#at
    for (;;) {
      const next = this.#peek()
      if (next === undefined) break
      if (special.test(next) && !(next === '*' && field === 'version')) break
      this.#at += 1
    }
    return this.#text.slice(start, this.#at)
  }

  /** Between quotes everything stands for itself, except that `\"` is a quote and `\\` a backslash. */
  #quoted(): string {
    const opened = this.#at
    this.#at += 1
    let value = ''
    let from = this.#at
    for (;;) {
      const next = this.#peek()
      if (next === undefined) {
        throw this.#error(
          `expected a quote to end the value that begins at character ${opened + 1}`,
        )
      }
      if (next === '"') break
      if (next === '\\') {
        const escaped = this.#text[this.#at + 1]
        if (escaped !== '"' && escaped !== '\\') {
          throw this.#error('expected \\" or \\\\: a backslash between quotes escapes only these')
        }
        value += this.#text.slice(from, this.#at) + escaped
        this.#at += 2
        from = this.#at
        continue
      }
      this.#at += 1
    }
    value += this.#text.slice(from, this.#at)
    this.#at += 1
    const after = this.#peek()
    if (after !== undefined && !special.test(after)) {
      throw this.#error('expected a space after the closing quote')
    }
    return value
  }

  #peek(): string | undefined {
    return this.#text[this.#at]
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false
    this.#at += 1
    return true
  }

  #skipSpace(): void {
    while (space.test(this.#peek() ?? '')) this.#at += 1
  }

  #ended(): boolean {
    return this.#at >= this.#text.length
  }

  #error(problem: string) {
    return textError(this.#text, this.#at, problem)
  }
}
