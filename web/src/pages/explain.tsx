import type { IndexExplanation, LookupAnswer, Topology } from '@meridian/shared'
import { useLocation } from 'preact-iso'
import { useEffect, useState } from 'preact/hooks'
import { pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { Empty, ErrorNotice, PageHead, Skeleton } from '../parts/notices.tsx'
import { useTitle } from '../parts/use-title.ts'
import { ExplainPath } from './explain-path.tsx'
import { ExplainPlan } from './explain-plan.tsx'
import { ExplainResults } from './explain-results.tsx'
import { ExplainRings } from './explain-rings.tsx'
import { QueryProblem, SearchBox } from './search-box.tsx'
import { weighed } from './explain-weights.ts'

const limit = 50
const addressMs = 300
const examples = ['tool:echo', 'tool:search*', 'tag:demo', 'tool:teleport']

/** Choose a place, type a query: how a lookup from there is answered, as a picture. */
export function ExplainPage() {
  useTitle('Explain a lookup')
  const { query, route } = useLocation()
  const asked = query['q'] ?? ''
  const near = query['near'] ?? ''
  const [text, setText] = useState(asked)
  useEffect(() => setText(asked), [asked])
  useEffect(() => {
    if (text === asked) return
    const timer = setTimeout(() => {
      route(pathWith('/explain', { q: text, near }), true)
    }, addressMs)
    return () => clearTimeout(timer)
  }, [text, asked, near, route])
  const topology = useResource<Topology>('/v1/topology')
  const places = topology.data ? placesOf(topology.data) : []

  return (
    <>
      <PageHead title="Explain a lookup" />
      <div class="explain-ask">
        <SearchBox
          text={text}
          onText={setText}
          problem={undefined}
          placeholder="A query, such as tool:echo tag:demo"
        />
        <label class="field">
          <span>Asked from</span>
          <select
            value={near}
            onChange={(event) =>
              route(pathWith('/explain', { q: text, near: event.currentTarget.value }), true)
            }
          >
            <option value="">this registry</option>
            {near !== '' && !places.includes(near) && <option value={near}>{near}</option>}
            {places.map((place) => (
              <option key={place} value={place}>
                {place}
              </option>
            ))}
          </select>
        </label>
      </div>
      {asked === '' ? (
        <Empty title="Ask as a client would.">
          <p>The picture shows who would be asked, who would answer, and why in this order.</p>
          <p class="chips">
            {examples.map((example) => (
              <a key={example} class="chip" href={pathWith('/explain', { q: example, near })}>
                {example}
              </a>
            ))}
          </p>
        </Empty>
      ) : (
        <Explained q={asked} near={near} />
      )}
    </>
  )
}

function Explained({ q, near }: { readonly q: string; readonly near: string }) {
  const plan = useResource<IndexExplanation>(pathWith('/v1/explain', { q, near, limit }))
  const lookup = useResource<LookupAnswer>(
    pathWith('/v1/lookup', { q, near, limit, explain: true, order: 'ranked' }),
  )
  const problem = plan.error?.code === 'invalid_query' ? plan.error : undefined
  if (problem) {
    return <QueryProblem text={q} problem={{ at: problem.at ?? 0, detail: problem.message }} />
  }
  if (lookup.error) return <ErrorNotice error={lookup.error} onAgain={lookup.again} />
  if (!lookup.data) return <Skeleton lines={8} />
  const answer = lookup.data
  const results = weighed(answer, plan.data)
  const from = plan.data?.from ?? near
  return (
    <>
      <ExplainPath answer={answer} plan={plan.data} />
      <div class="columns even">
        <ExplainRings results={results} from={from} spills={answer.explanation?.spills ?? []} />
        <div>
          <ExplainResults results={results} explanation={answer.explanation} />
          {plan.data && <ExplainPlan plan={plan.data} />}
        </div>
      </div>
    </>
  )
}

/** Places from which somebody may ask; where nodes are not known, some node of the zone. */
function placesOf({ regions }: Topology): string[] {
  return regions.flatMap(({ region, zones }) =>
    zones.flatMap(({ zone, nodes = [] }) =>
      nodes.length > 0
        ? nodes.map(({ node }) => `${region}/${zone}/${node}`)
        : [`${region}/${zone}/any`],
    ),
  )
}
