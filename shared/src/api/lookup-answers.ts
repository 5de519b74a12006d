import { isMeridianError, type ErrorCode } from '../errors.ts'
import type { LookupAnswer, LookupResult, ScopeReport } from './lookup.ts'

/** Who answers, what was asked, and which scopes were asked for it. */
export interface AnswerHead extends Pick<LookupAnswer, 'query' | 'answeredBy'> {
  readonly scopes: readonly ScopeReport[]
}

/** An answer of which every scope that was needed could be asked. */
export function answerFrom(head: AnswerHead, results: readonly LookupResult[]): LookupAnswer {
  return {
    ...head,
    scopes: [...head.scopes],
    outcome: results.length > 0 ? 'found' : 'none',
    complete: true,
    results: [...results],
  }
}

/** What is known where a scope could not be asked: marked, never an error. */
export function unansweredBy(
  head: AnswerHead,
  results: readonly LookupResult[],
  scope: Pick<ScopeReport, 'scope' | 'name'>,
  error: unknown,
): LookupAnswer {
  return {
    ...head,
    scopes: [...head.scopes, unreachable(scope, error)],
    outcome: results.length > 0 ? 'found' : 'unknown',
    complete: false,
    results: [...results],
  }
}

export function unreachable(
  scope: Pick<ScopeReport, 'scope' | 'name'>,
  error: unknown,
): ScopeReport {
  const code = isMeridianError(error) ? error.code : 'internal'
  return { ...scope, state: 'unreachable', reason: reasons[code] ?? code }
}

const reasons: Partial<Record<ErrorCode, string>> = {
  no_responders: 'nobody answers for it: the link or the tier is down',
  deadline_exceeded: 'no answer within the deadline',
  transport_closed: 'the connection is closed',
}
