import type { LookupAnswer } from '../api/index.ts'
import type { Tracing } from '../ports/index.ts'

/** The lookup, recorded with who answered it and how it ended. The query is the caller's own. */
export function traceLookup<A extends readonly unknown[]>(
  lookup: (...args: A) => Promise<LookupAnswer>,
  tracing: Tracing | undefined,
): (...args: A) => Promise<LookupAnswer> {
  if (tracing === undefined) return lookup
  return (...args) =>
    tracing.span('lookup', { kind: 'internal' }, async (span) => {
      const answer = await lookup(...args)
      span.set({
        'meridian.lookup.answered_by': answer.answeredBy,
        'meridian.lookup.outcome': answer.outcome,
        'meridian.lookup.results': answer.results.length,
        'meridian.lookup.complete': answer.complete,
      })
      return answer
    })
}
