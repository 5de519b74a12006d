import type { IndexExplanation } from '@meridian/shared'
import { countOf, plural } from '../parts/format.ts'
import { Counts } from '../parts/state.tsx'

type Step = IndexExplanation['plan']

const endedWords = {
  exhausted: 'all read',
  early: 'ended early: nothing later could be better',
  skipped: 'not read: nearer zones had enough',
} as const

/** How the index of this registry finds the matches, and where they are. */
export function ExplainPlan({ plan }: { readonly plan: IndexExplanation }) {
  return (
    <>
      <section class="panel" aria-labelledby="plan">
        <h2 id="plan">
          Plan
          <span class="quiet num">
            {countOf(plan.rowsTouched)} of {plural(plan.rowsTotal, 'row')} read
          </span>
        </h2>
        <ul class="panel-body plan">
          <PlanStep step={plan.plan} />
        </ul>
      </section>
      <section class="panel" aria-labelledby="matches">
        <h2 id="matches">Matches by place</h2>
        {plan.matches.length === 0 ? (
          <p class="panel-body quiet">Nothing here matches, in whatever state.</p>
        ) : (
          <ul class="rows plain">
            {plan.matches.map(({ region, zone, instances }) => {
              const walked = plan.zones.find((each) => each.region === region && each.zone === zone)
              return (
                <li key={`${region}/${zone}`} class="match">
                  <b>
                    {region}/{zone}
                  </b>
                  <Counts counts={instances} />
                  {walked && (
                    <span class="quiet num">
                      {plural(walked.rowsTouched, 'row')}, {endedWords[walked.ended]}
                    </span>
                  )}
                </li>
              )
            })}
          </ul>
        )}
      </section>
    </>
  )
}

function PlanStep({ step }: { readonly step: Step }) {
  return (
    <li>
      <span>
        {step.how} <code>{step.what}</code>{' '}
        <span class="quiet num">at most {plural(step.rows, 'row')}</span>
      </span>
      {step.steps.length > 0 && (
        <ul>
          {step.steps.map((inner) => (
            <PlanStep key={`${inner.how} ${inner.what}`} step={inner} />
          ))}
        </ul>
      )}
    </li>
  )
}
