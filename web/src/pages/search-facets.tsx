import type { Facets } from '@meridian/shared'
import { pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { countOf } from '../parts/format.ts'
import { StateMark } from '../parts/state.tsx'
import { hasTerm, termOf, toggled } from './search-terms.ts'

type Facet = Facets['facets'][number]

const titles: Readonly<Record<Facet['field'], string>> = {
  status: 'Health',
  region: 'Region',
  zone: 'Zone',
  tag: 'Tag',
}

/** What the servers that were found differ in; each value puts its term into the box, or takes it out. */
export function FacetList({
  text,
  onText,
}: {
  readonly text: string
  readonly onText: (text: string) => void
}) {
  const { data } = useResource<Facets>(pathWith('/v1/facets', { text }))
  const facets = data?.facets.filter(({ values }) => values.length > 0) ?? []
  if (facets.length === 0) return null
  return (
    <details class="facets" open={matchMedia('(min-width: 48rem)').matches}>
      <summary>Narrow</summary>
      {facets.map(({ field, values }) => (
        <fieldset key={field}>
          <legend>{titles[field]}</legend>
          {values.map(({ value, servers }) => {
            const term = termOf(field, value)
            const isOn = hasTerm(text, term)
            return (
              <button
                key={value}
                type="button"
                class="facet"
                aria-pressed={isOn}
                onClick={() => onText(toggled(text, term))}
              >
                {field === 'status' && isStatus(value) && <StateMark state={value} />}
                <span>{value}</span>
                <span class="num quiet">{countOf(servers)}</span>
              </button>
            )
          })}
        </fieldset>
      ))}
      {data?.partial === true && (
        <p class="quiet">There is more than is counted: these are the shares of a part.</p>
      )}
    </details>
  )
}

function isStatus(value: string): value is 'passing' | 'warning' | 'gated' | 'critical' {
  return ['passing', 'warning', 'gated', 'critical'].includes(value)
}
