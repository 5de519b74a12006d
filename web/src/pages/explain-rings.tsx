import type { LookupExplanation } from '@meridian/shared'
import { plural } from '../parts/format.ts'
import { toneOf } from '../parts/state.tsx'
import type { Weighed } from './explain-weights.ts'

const size = 440
const middle = size / 2
const radii = [46, 96, 148, 200] as const
const ringNames = ['same node', 'same zone', 'same region', 'other regions'] as const
const dot = { min: 4, max: 15 } as const
/** Named in the picture; all are in the table. */
const labelsMax = 6
const labelCharsMax = 18
/** Of a label, about. */
const charWidth = 6
const lineHeight = 13
/** The golden angle: neighbours of one ring never lie behind each other. */
const turn = 2.399963

interface ExplainRingsProps {
  readonly results: readonly Weighed[]
  readonly from: string
  readonly spills: LookupExplanation['spills']
}

/**
 * The asker in the middle, the rings around; a dot for each result, as large as what it weighs in
 * its ring's draw.
 */
export function ExplainRings({ results, from, spills }: ExplainRingsProps) {
  const counts = radii.map((_, ring) => results.filter((each) => each.ring === ring).length)
  const inWords = counts
    .flatMap((count, ring) => (count > 0 ? [`${count} in the ${ringNames[ring]}`] : []))
    .join(', ')
  return (
    <section class="panel" aria-labelledby="rings">
      <h2 id="rings">Rings</h2>
      <svg
        class="rings"
        viewBox={`0 0 ${size} ${size}`}
        role="img"
        aria-label={`Seen from ${from}: ${inWords === '' ? 'no results' : inWords}`}
      >
        {radii.map((radius, ring) => (
          <circle
            key={radius}
            cx={middle}
            cy={middle}
            r={radius}
            class={(counts[ring] ?? 0) > 0 ? 'ring used' : 'ring'}
          />
        ))}
        {radii.map((radius, ring) => (
          <text key={radius} x={middle} y={middle - radius + 14} class="ring-name">
            {ringNames[ring]}
          </text>
        ))}
        {spills.map(({ ring, drawn }) =>
          drawn ? (
            <circle
              key={ring}
              cx={middle}
              cy={middle}
              r={(radii[ring] ?? 0) + 6}
              class="ring-spill"
            />
          ) : null,
        )}
        <path d={`M${middle} ${middle - 8} l8 14 h-16 Z`} class="asker" />
        {placed(results).map(({ result, x, y, radius, label }) => (
          <g key={`${result.locality} ${result.instance}`}>
            <circle
              cx={x}
              cy={y}
              r={radius}
              class={`dot tone-${toneOf(result.status)}${result.ejected ? ' ejected' : ''}`}
            >
              <title>
                {result.instance} at {result.locality}: {(100 * result.share).toFixed(0)} % of its
                ring
              </title>
            </circle>
            {label && (
              <text x={label.x} y={label.y} class="dot-name">
                {label.text}
              </text>
            )}
          </g>
        ))}
      </svg>
      {spills.length > 0 && (
        <ul class="panel-body spills">
          {spills.map(({ ring, load, share, drawn, to }) => (
            <li key={ring}>
              Ring {ring} ({ringNames[ring]}) is {(100 * load).toFixed(0)} % busy:{' '}
              {(100 * share).toFixed(0)} % of lookups go further out
              {to !== undefined && ` to ${to}`}
              {drawn && ', this one too'}.
            </li>
          ))}
        </ul>
      )}
      {spills.length === 0 && results.length > 0 && (
        <p class="panel-body quiet">
          No ring is so busy that lookups spill into the next. {plural(results.length, 'dot')}, each
          as large as its share of its ring’s draw.
        </p>
      )}
    </section>
  )
}

function shortened(text: string): string {
  return text.length > labelCharsMax ? `${text.slice(0, labelCharsMax - 1)}…` : text
}

interface Label {
  /** Of its middle, and of its line. */
  readonly x: number
  readonly y: number
  readonly text: string
}

function placed(results: readonly Weighed[]) {
  const seen = [0, 0, 0, 0]
  const crowded = results.length > 2 * labelsMax
  const taken: Label[] = radii.map((radius, ring) => ({
    x: middle,
    y: middle - radius + 14,
    text: ringNames[ring] ?? '',
  }))
  return results.map((result, at) => {
    const ring = Math.min(3, Math.max(0, result.ring))
    const nth = seen[ring] ?? 0
    seen[ring] = nth + 1
    // Between its circle and the one inside, from the right on: above stand the rings' names.
    const inner = ring === 0 ? 14 : (radii[ring - 1] ?? 0)
    const distance = (inner + (radii[ring] ?? 0)) / 2 + (ring === 0 ? 6 : 0)
    const angle = 0.35 + nth * turn + ring * 0.7
    const x = middle + distance * Math.cos(angle)
    const y = middle + distance * Math.sin(angle)
    const radius = dot.min + (dot.max - dot.min) * Math.sqrt(result.share)
    // In a crowd only the first of each ring: names would hide the dots.
    const wanted = crowded ? nth === 0 : at < labelsMax
    const text = shortened(result.server.slice(result.server.lastIndexOf('/') + 1))
    const label = wanted
      ? [y + radius + 12, y - radius - 5]
          .map((line) => ({ x, y: line, text }))
          .find((each) => taken.every((other) => !overlap(each, other)))
      : undefined
    if (label) taken.push(label)
    return { result, x, y, radius, label }
  })
}

function overlap(one: Label, other: Label): boolean {
  const apart = ((one.text.length + other.text.length) * charWidth) / 2
  return Math.abs(one.y - other.y) < lineHeight && Math.abs(one.x - other.x) < apart
}
