import type { Data, Row } from '../data.ts'
import { RingPools, type Engine } from '../engine.ts'
import type { Question } from '../queries.ts'

/** Looks at every row; what could not be kept anyway is not even compared. */
export class LinearScan implements Engine {
  readonly name = 'linear scan'
  readonly #rows: readonly Row[]
  readonly #terms: readonly ReadonlySet<string>[]
  readonly #pools = new RingPools()

  constructor(data: Data) {
    this.#rows = data.rows
    this.#terms = data.rows.map(({ terms }) => new Set(terms))
  }

  answer(question: Question): string[] {
    const rows = this.#rows
    const pools = this.#pools
    pools.begin(rows, question.from)
    for (let number = 0; number < rows.length; number += 1) {
      const row = rows[number] as Row
      if (pools.wants(row) && matches(question, row, this.#terms[number] as ReadonlySet<string>)) {
        pools.offer(row, number)
      }
    }
    return pools.answer()
  }
}

function matches(question: Question, row: Row, terms: ReadonlySet<string>): boolean {
  const { all, any, none, prefix, versionMin } = question
  for (const term of all) if (!terms.has(term)) return false
  for (const term of none) if (terms.has(term)) return false
  if (versionMin !== undefined && row.version < versionMin) return false
  if (any.length > 0 && !any.some((term) => terms.has(term))) return false
  if (prefix === undefined) return true
  for (const term of row.terms) if (term.startsWith(prefix)) return true
  return false
}
