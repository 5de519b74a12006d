import type { Span } from '../model/timeline.ts'
import { durationOf } from './format.ts'
import { toneOf } from './state.tsx'

const width = 240
const height = 14

/** Spans of states beside each other; thin ones stay wide enough to be seen. */
export function TimelineBar({
  spans,
  from,
  to,
}: {
  readonly spans: readonly Span[]
  readonly from: number
  readonly to: number
}) {
  const at = (ms: number) => ((ms - from) / (to - from)) * width
  return (
    <svg
      class="timeline"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={inWords(spans)}
    >
      <title>{inWords(spans)}</title>
      {spans.map((span) => (
        <rect
          key={span.from}
          class={`tone-${toneOf(span.state)}`}
          x={at(span.from)}
          width={Math.max(1.5, at(span.to) - at(span.from) - 0.6)}
          // What is well is low, so that what is not stands out in black and white, too.
          y={toneOf(span.state) === 'good' ? height * 0.45 : 0}
          height={toneOf(span.state) === 'good' ? height * 0.55 : height}
        />
      ))}
    </svg>
  )
}

function inWords(spans: readonly Span[]): string {
  if (spans.length === 0) return 'not registered in this time'
  return spans
    .toReversed()
    .slice(0, 8)
    .map(({ state, from, to }) => `${state} ${durationOf((to - from) / 1_000)}`)
    .join(', before that ')
}
