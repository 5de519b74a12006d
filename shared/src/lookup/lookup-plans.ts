import { parseQuery, printQuery, type Query, type QueryPart } from '../capability-index/index.ts'
import { termsOfQuery, type QueryTerms } from './query-terms.ts'

export const planLimits = {
  /** Query texts that are remembered, understood. */
  plans: 4_096,
  /** Longer texts are understood each time: a few could fill the memory. */
  textMax: 512,
  /** Alternatives of a query that the draw leans by. */
  alternatives: 8,
} as const

/** A query, understood once. The index keeps how it answers it for as long as this object lives. */
export interface LookupPlan {
  readonly query: Query
  /** As the parser understood it. */
  readonly text: string
  /** What stands between `|`: having more of them is better. */
  readonly alternatives: readonly Query[]
  readonly terms: QueryTerms
}

/** Understood queries by their text, the latest used. */
export class LookupPlans {
  readonly #plans = new Map<string, LookupPlan>()
  #hits = 0
  #misses = 0

  get hits(): number {
    return this.#hits
  }

  get misses(): number {
    return this.#misses
  }

  /** Errors: `invalid_query`. */
  of(text: string): LookupPlan {
    const known = this.#plans.get(text)
    if (known) {
      this.#hits += 1
      return known
    }
    this.#misses += 1
    const query = parseQuery(text)
    const plan: LookupPlan = {
      query,
      text: printQuery(query),
      alternatives: alternativesOf(query),
      terms: termsOfQuery(query),
    }
    if (text.length > planLimits.textMax) return plan
    // By the order of their coming: a hot query that falls out is understood again in microseconds.
    const [oldest] = this.#plans.keys()
    if (this.#plans.size >= planLimits.plans && oldest !== undefined) this.#plans.delete(oldest)
    this.#plans.set(text, plan)
    return plan
  }
}

function alternativesOf(query: Query): Query[] {
  const found: Query[] = []
  const visit = (part: QueryPart): void => {
    if (part.kind === 'or') found.push(...part.of)
    else if (part.kind === 'and') for (const inner of part.of) visit(inner)
  }
  if (query.kind !== 'all') visit(query)
  return found.slice(0, planLimits.alternatives)
}
