import { countOf } from './format.ts'

/** Of a panel, with how many things stand in it. */
export function Heading({
  id,
  title,
  count,
}: {
  readonly id: string
  readonly title: string
  readonly count: number
}) {
  return (
    <h2 id={id}>
      {title} <span class="quiet num">{countOf(count)}</span>
    </h2>
  )
}
