import type { RegistryEvent } from '@meridian/shared'
import { printable, renderTable } from './output.ts'
import { paint } from './paint.ts'

/** What a registry saw happen, as people read it. */

export function renderEvents(
  events: readonly RegistryEvent[],
  width: number | undefined,
): string[] {
  if (events.length === 0) return []
  return renderTable(
    ['at', 'what', 'where', 'instance', 'server'],
    events.map((event) => [
      event.at,
      whatOf(event),
      event.place,
      event.instance ?? '',
      event.server ?? '',
    ]),
    { width, foldAt: 3 },
  )
}

/** One line, for those that come one by one. */
export function renderLiveEvent(event: RegistryEvent): string {
  const { at, place, instance, server, version } = event
  const about = [place, instance, server && [server, version].filter(Boolean).join(' ')]
  const said = about.filter((part) => part !== undefined && part !== '').join('  ')
  return `${paint.dim(at)}  ${paintWhat(event)}  ${printable(said)}`.trimEnd()
}

function whatOf({ kind, before, after, action, by, reason }: RegistryEvent): string {
  if (action !== undefined) {
    const why = reason === undefined ? '' : ` (${reason})`
    return `${action}${why}${by === undefined ? '' : `, by ${by}`}`
  }
  return before === undefined ? kind : `${kind}: ${before} → ${after ?? ''}`
}

const bad = new Set(['critical', 'unreachable', 'reaped', 'unknown', 'preserved'])
const good = new Set(['passing', 'alive', 'fresh'])

function paintWhat(event: RegistryEvent): string {
  const text = printable(whatOf(event))
  if (event.kind === 'operator-action') return paint.cyan(text)
  if (event.after !== undefined && bad.has(event.after)) return paint.red(text)
  if (event.after !== undefined && good.has(event.after)) return paint.green(text)
  return text
}
