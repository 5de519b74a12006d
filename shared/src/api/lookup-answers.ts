import { isMeridianError, type ErrorCode } from '../errors.ts'
import type { LookupAnswer, LookupResult, ScopeReport } from './lookup.ts'

/** Who answers, what was asked, and which scopes were asked for it. */
export interface AnswerHead extends Pick<LookupAnswer, 'query' | 'answeredBy'> {
  readonly scopes: readonly ScopeReport[]
}

/** What the scopes that were asked make of an answer with so many results. */
export function verdictOf(
  scopes: readonly ScopeReport[],
  found: number,
): Pick<LookupAnswer, 'scopes' | 'outcome' | 'complete' | 'degraded'> {
  const complete = scopes.every(({ state }) => state === 'fresh')
  return {
    scopes: [...scopes],
    outcome: found > 0 ? 'found' : complete ? 'none' : 'unknown',
    complete,
    degraded: scopes.some(({ degraded }) => degraded === true),
  }
}

/** An answer of which every scope that was needed could be asked. */
export function answerFrom(head: AnswerHead, results: readonly LookupResult[]): LookupAnswer {
  return { ...head, ...verdictOf(head.scopes, results.length), results: [...results] }
}

/** What is known where a scope could not be asked: marked, never an error. */
export function unansweredBy(
  head: AnswerHead,
  results: readonly LookupResult[],
  scope: Pick<ScopeReport, 'scope' | 'name'>,
  error: unknown,
): LookupAnswer {
  return answerFrom({ ...head, scopes: [...head.scopes, unreachable(scope, error)] }, results)
}

/**
 * Whether asking elsewhere would fail in the same way: the query itself is at fault. Anything
 * else that goes wrong up there leaves the answer incomplete, and what is known here stands.
 */
export function isAskersFault(error: unknown): boolean {
  return isMeridianError(error, 'invalid_query') || isMeridianError(error, 'invalid_request')
}

/** The nearer half of the results, for when all of them fit into no message. */
export function withFewerResults(answer: LookupAnswer): LookupAnswer | undefined {
  const { length } = answer.results
  if (length === 0) return undefined
  return { ...answer, results: answer.results.slice(0, Math.floor(length / 2)) }
}

export function unreachable(
  scope: Pick<ScopeReport, 'scope' | 'name'>,
  error: unknown,
): ScopeReport {
  const code = isMeridianError(error) ? error.code : 'internal'
  return { ...scope, state: 'unreachable', reason: reasons[code] ?? code }
}

/** The scopes of an old answer, for which nobody can be asked: `error` says why. */
export function asStale(
  scopes: readonly ScopeReport[],
  ageMs: number,
  error: unknown,
): ScopeReport[] {
  const { reason } = unreachable({ scope: 'region', name: '' }, error)
  return scopes.map((scope) => ({
    ...scope,
    state: scope.state === 'unreachable' ? 'unreachable' : 'stale',
    ageMs: Math.round((scope.ageMs ?? 0) + ageMs),
    reason: scope.reason ?? reason,
  }))
}

const reasons: Partial<Record<ErrorCode, string>> = {
  no_responders: 'nobody answers for it: the link or the tier is down',
  deadline_exceeded: 'no answer within the deadline',
  transport_closed: 'the connection is closed',
  busy: 'it has too many askers',
  invalid_message: 'its answer makes no sense here',
}
