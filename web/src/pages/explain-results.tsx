import type { LookupExplanation } from '@meridian/shared'
import { msOf, serverPath } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { Empty } from '../parts/notices.tsx'
import { StateMark } from '../parts/state.tsx'
import type { Weighed } from './explain-weights.ts'

const ringNames = ['node', 'zone', 'region', 'elsewhere'] as const

interface ExplainResultsProps {
  readonly results: readonly Weighed[]
  readonly explanation: LookupExplanation | undefined
}

/** The results in their order, each with what its weight is made of. */
export function ExplainResults({ results, explanation }: ExplainResultsProps) {
  return (
    <section class="panel" aria-labelledby="weights">
      <Heading id="weights" title="Weights" count={results.length} />
      {explanation?.panic === true && (
        <p class="panel-body warning">
          Most of what matches was called unhealthy at once: more likely the checks are at fault, so
          health was ignored.
        </p>
      )}
      {results.length === 0 ? (
        <div class="panel-body">
          <Empty title="No result.">
            <p>
              What says no instance that can take work does not say that none matches: see below.
            </p>
          </Empty>
        </div>
      ) : (
        <ol class="weights" tabIndex={0} aria-label="Results, the first first">
          {results.map((result) => (
            <li key={`${result.locality} ${result.instance}`}>
              <div class="weight-head">
                <StateMark state={result.status} />
                <b>{result.instance}</b>
                <a href={serverPath(result.server)}>{result.server}</a>
                <span class="quiet">{result.locality}</span>
                <span class="tag">
                  ring {result.ring}: {ringNames[result.ring] ?? 'elsewhere'}
                </span>
                {result.ejected && <span class="tag warning">failed callers: stands last</span>}
                <span class="num push">{(100 * result.share).toFixed(0)} %</span>
              </div>
              <span class="share" aria-hidden="true">
                <i style={{ width: `${100 * result.share}%` }} />
              </span>
              <Factors result={result} />
            </li>
          ))}
        </ol>
      )}
      {explanation && (
        <p class="panel-body quiet num">
          {explanation.candidates} drawn from
          {explanation.ejected > 0 && `, ${explanation.ejected} of them stand last`}.
        </p>
      )}
    </section>
  )
}

/** weight = health ÷ (latency × (1 + pending)) × capacity left × what the operator said. */
function Factors({ result: { weight, factors } }: { readonly result: Weighed }) {
  if (!factors) return null
  const { health, latencyMs, pending, capacity, operatorWeight } = factors
  return (
    <p class="factors quiet num">
      <span title="health">{short(health)} health</span>
      <span title="latency, smoothed">÷ {msOf(latencyMs)}</span>
      <span title="calls in flight">÷ (1 + {short(pending)})</span>
      <span title="capacity left">× {short(capacity)} free</span>
      {operatorWeight !== 1 && <span title="the operator’s weight">× {short(operatorWeight)}</span>}
      <span title="weight">= {short(weight)}</span>
    </p>
  )
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(3)
}
