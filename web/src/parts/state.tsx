import type { InstanceView, NodeView, StatusCounts } from '@meridian/shared'
import { countOf } from './format.ts'

type NodeState = NodeView['state']
type Standing = InstanceView['standing']
type ZoneState = 'fresh' | 'preserved' | 'overridden' | 'unknown'
export type State = Standing | NodeState | ZoneState

/** How a state looks. Each tone has a shape of its own, for those who see no colours. */
type Tone = 'good' | 'warn' | 'gated' | 'bad' | 'rest' | 'unknown'

const tones: Readonly<Record<State, Tone>> = {
  passing: 'good',
  alive: 'good',
  fresh: 'good',
  warning: 'warn',
  suspect: 'warn',
  preserved: 'warn',
  overridden: 'warn',
  gated: 'gated',
  critical: 'bad',
  unreachable: 'bad',
  reaped: 'bad',
  draining: 'rest',
  unknown: 'unknown',
}

const shapes: Readonly<Record<Tone, string>> = {
  good: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Z',
  warn: 'M8 1.75 15 14H1Z',
  gated: 'M8 1.25 14.75 8 8 14.75 1.25 8Z',
  bad: 'M2.75 2.75h10.5v10.5H2.75Z',
  rest: 'M3.5 2.5H7v11H3.5Z M9 2.5h3.5v11H9Z',
  unknown: 'M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3Z',
}

export function isState(text: string): text is State {
  return Object.hasOwn(tones, text)
}

export function toneOf(state: State): Tone {
  return tones[state]
}

/** The shape and colour of a state, without its word. */
export function StateMark({ state }: { readonly state: State }) {
  const tone = tones[state]
  return (
    <svg class={`mark tone-${tone}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={shapes[tone]} />
    </svg>
  )
}

export function StateBadge({ state }: { readonly state: State }) {
  return (
    <span class={`badge tone-${tones[state]}`}>
      <StateMark state={state} />
      {state}
    </span>
  )
}

export const statuses = ['passing', 'warning', 'gated', 'critical'] as const

/** How many there are of each status, as a bar with the same in words. */
export function CountsBar({ counts }: { readonly counts: StatusCounts }) {
  const total = totalOf(counts)
  return (
    <span
      class="counts-bar"
      role="img"
      aria-label={countsInWords(counts)}
      title={countsInWords(counts)}
    >
      {total > 0 &&
        statuses.map(
          (status) =>
            counts[status] > 0 && (
              <i
                key={status}
                class={`tone-${tones[status]}`}
                style={{ flexGrow: counts[status] }}
              />
            ),
        )}
    </span>
  )
}

/** The counts that are not zero, each with its mark. */
export function Counts({ counts }: { readonly counts: StatusCounts }) {
  const shown = statuses.filter((status) => counts[status] > 0)
  if (shown.length === 0) return <span class="quiet">no instances</span>
  return (
    <span class="counts">
      {shown.map((status) => (
        <span key={status} title={status}>
          <StateMark state={status} />
          <span class="num">{countOf(counts[status])}</span>
          <span class="sr"> {status}</span>
        </span>
      ))}
    </span>
  )
}

export function totalOf(counts: StatusCounts): number {
  return statuses.reduce((sum, status) => sum + counts[status], 0)
}

export function countsInWords(counts: StatusCounts): string {
  const parts = statuses.flatMap((status) =>
    counts[status] > 0 ? [`${countOf(counts[status])} ${status}`] : [],
  )
  return parts.length > 0 ? parts.join(', ') : 'no instances'
}
