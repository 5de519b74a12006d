import { MeridianError } from '../errors.ts'
import { lookupHitsMax } from './capability-index.ts'
import { printQuery, type Term } from './query/index.ts'

/** A lookup's `limit` that is out of bounds. */
export function refuseLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= lookupHitsMax) return
  const problem = `must be a whole number from 1 to ${lookupHitsMax}`
  throw new MeridianError('invalid_request', `limit is ${limit}; it ${problem}`, {
    violations: [{ field: 'limit', value: String(limit), problem }],
  })
}

/** A wildcard that stands for too much, in this index and at this time. */
export function wideWildcard(term: Term, max: number): MeridianError {
  const text = printQuery(term)
  const problem = `stands for more than ${max} values here; write more of its beginning`
  return new MeridianError('invalid_query', `${text} ${problem}`, {
    violations: [{ field: term.field, value: text, problem }],
  })
}
