import type { AnswerText, LookupAnswer } from '../api/index.ts'
import { lookupBuckets, type Metrics } from './metrics.ts'

export interface MeteredLookup<A extends readonly unknown[]> {
  readonly lookup: (...args: A) => Promise<LookupAnswer>
  /** Counts what the agent answered by itself, at once. */
  readonly text: <P>(
    lookupText: (params: P) => AnswerText | undefined,
  ) => (params: P) => AnswerText | undefined
}

/** The lookup, with who answered it, how it ended and how long it took counted. */
export function meterLookup<A extends readonly unknown[]>(
  lookup: (...args: A) => Promise<LookupAnswer>,
  metrics: Metrics,
): MeteredLookup<A> {
  const answers = metrics.counter({
    name: 'meridian_lookup_tier_total',
    help: 'Lookups, by the tier whose holdings completed the answer and by outcome.',
    labels: ['answered_by', 'outcome'],
  })
  const degraded = metrics.counter({
    name: 'meridian_lookup_degraded_total',
    help: 'Lookups whose answer may name nodes that are gone, or was not complete.',
    labels: ['why'],
  })
  const failures = metrics.counter({
    name: 'meridian_lookup_failures_total',
    help: 'Lookups that were refused or failed.',
  })
  const durations = metrics.histogram({
    name: 'meridian_lookup_duration_seconds',
    help: 'How long lookups took, by the tier that completed the answer.',
    labels: ['answered_by'],
    buckets: lookupBuckets,
  })
  const own = {
    found: answers.of({ answered_by: 'agent', outcome: 'found' }),
    none: answers.of({ answered_by: 'agent', outcome: 'none' }),
    unknown: answers.of({ answered_by: 'agent', outcome: 'unknown' }),
  }
  const ownDegraded = degraded.of({ why: 'degraded' })
  const ownIncomplete = degraded.of({ why: 'incomplete' })
  const ownDurations = durations.of({ answered_by: 'agent' })
  return {
    async lookup(...args) {
      const begun = performance.now()
      try {
        const answer = await lookup(...args)
        const { answeredBy, outcome } = answer
        answers.add({ answered_by: answeredBy, outcome })
        if (answer.degraded) degraded.add({ why: 'degraded' })
        if (!answer.complete) degraded.add({ why: 'incomplete' })
        durations.observe({ answered_by: answeredBy }, (performance.now() - begun) / 1_000)
        return answer
      } catch (error) {
        failures.add({})
        throw error
      }
    },
    // What cannot be answered so is looked up as above, and counted there.
    text: (lookupText) => (params) => {
      const begun = performance.now()
      const text = lookupText(params)
      if (text === undefined) return undefined
      const { verdict } = text
      own[verdict.outcome].add()
      if (verdict.degraded) ownDegraded.add()
      if (!verdict.complete) ownIncomplete.add()
      ownDurations.observe((performance.now() - begun) / 1_000)
      return text
    },
  }
}
