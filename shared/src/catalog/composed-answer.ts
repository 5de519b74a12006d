import {
  answerFrom,
  type AnswerHead,
  type LookupAnswer,
  type LookupExplanation,
  type LookupResult,
} from '../api/index.ts'
import { arrange, type Arranged, type ArrangeOptions, type Candidate } from '../lookup/arrange.ts'

/** How many candidates an answer is drawn from, unless more are wanted. */
export const poolCandidates = 32

export interface ComposeOptions extends ArrangeOptions {
  readonly explain?: boolean | undefined
}

/** The answer that candidates lead to: drawn, cut, and explained where that was asked for. */
export function composeAnswer(
  head: AnswerHead,
  candidates: readonly Candidate<LookupResult>[],
  options: ComposeOptions,
): LookupAnswer {
  const arranged = arrange(candidates, options)
  const results = arranged.placed.map(({ candidate }) => candidate.item)
  const answer = answerFrom(head, results)
  if (options.explain !== true) return answer
  const panic = head.scopes.some((scope) => scope.panic === true)
  return { ...answer, explanation: explain(arranged, candidates.length, panic) }
}

function explain(
  { placed, spills, ejected }: Arranged<LookupResult>,
  candidates: number,
  panic: boolean,
): LookupExplanation {
  return {
    candidates,
    panic,
    ejected,
    spills: spills.map((spill) => ({ ...spill })),
    results: placed.map(({ candidate, weight, ejected: out }) => ({
      instance: candidate.item.instance,
      locality: candidate.item.locality,
      weight,
      ejected: out,
      factors: candidate.factors,
    })),
  }
}
