import type { IndexExplanation, LookupAnswer } from '@meridian/shared'
import { durationOf, plural } from '../parts/format.ts'

const tiers = ['agent', 'local', 'regional', 'global'] as const
const tierTitles = { agent: 'Agent', local: 'Zone', regional: 'Region', global: 'World' } as const

const cacheWords = {
  l1: 'from the agent’s memory (L1)',
  l2: 'from the zone’s cache (L2)',
  l3: 'from the region’s catalog (L3)',
  miss: 'from those who hold it, asked just now',
  stale: 'from what was heard before: those who hold it could not be asked',
} as const

const outcomeWords = {
  found: 'found',
  none: 'nobody has it',
  unknown: 'unknown: not everybody could be asked',
} as const

interface ExplainPathProps {
  readonly answer: LookupAnswer
  readonly plan: IndexExplanation | undefined
}

/** Which tier answered, whom it asked for that, and how far they can be trusted. */
export function ExplainPath({ answer, plan }: ExplainPathProps) {
  const { answeredBy, scopes, outcome, complete, degraded, cache, ageMs, results } = answer
  const asked = tiers.indexOf(plan?.tier ?? answeredBy)
  const answered = tiers.indexOf(answeredBy)
  return (
    <section class="panel" aria-labelledby="path">
      <h2 id="path">
        Who answered
        <span class={`outcome outcome-${outcome}`}>
          {outcome === 'found' ? plural(results.length, 'result') : outcomeWords[outcome]}
        </span>
        {!complete && <span class="tag warning">incomplete</span>}
        {degraded && <span class="tag warning">degraded</span>}
      </h2>
      <ol class="ladder">
        {tiers.map((tier, at) => {
          const isAnswer = tier === answeredBy
          const isPassed = (at >= asked && at < answered) || (at > answered && at <= asked)
          return (
            <li
              key={tier}
              class={isAnswer ? 'rung answered' : isPassed ? 'rung passed' : 'rung'}
              aria-current={isAnswer ? 'step' : undefined}
            >
              <b>{tierTitles[tier]}</b>
              <span>
                {isAnswer
                  ? 'answered'
                  : at === asked
                    ? 'was asked, and asked on'
                    : isPassed
                      ? 'was asked'
                      : tier === 'agent'
                        ? 'answers first, from memory'
                        : 'not asked'}
              </span>
            </li>
          )
        })}
      </ol>
      <ul class="scopes">
        {scopes.map(({ scope, name, state, reason, ageMs: age, panic }) => (
          <li key={`${scope} ${name}`}>
            <b>
              {scope} {name === '*' ? '' : name}
            </b>{' '}
            <span class={state === 'fresh' ? 'fresh' : 'warning'}>{state}</span>
            {age !== undefined && <span class="quiet num"> {durationOf(age / 1_000)} old</span>}
            {panic === true && (
              <span class="warning"> health ignored: most were called unhealthy</span>
            )}
            {reason !== undefined && <span class="quiet"> {reason}</span>}
          </li>
        ))}
        {cache !== undefined && (
          <li>
            <b>cache</b> <span>{cacheWords[cache]}</span>
            {ageMs !== undefined && <span class="quiet num"> {durationOf(ageMs / 1_000)} ago</span>}
          </li>
        )}
        {plan && plan.asksNext.length > 0 && (
          <li>
            <b>asks on to</b> <span>{plan.asksNext.join(', ')}</span>
          </li>
        )}
      </ul>
    </section>
  )
}
