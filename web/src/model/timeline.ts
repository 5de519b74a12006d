import type { InstanceView, RegistryEvent } from '@meridian/shared'
import type { State } from '../parts/state.tsx'

/** How an instance was for a while; `from` and `to` in milliseconds since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly state: State
}

interface Standing {
  readonly status: State
  readonly draining: boolean
  readonly node: State
}

/**
 * How an instance was from `from` to `to`, told backwards from how it is: each event says what was
 * before it. Where it was not registered yet there is nothing. `events`: newest first, those of the
 * instance and those of its node.
 */
export function timelineOf(
  instance: InstanceView,
  events: readonly RegistryEvent[],
  from: number,
  to: number,
): Span[] {
  let now: Standing = {
    status: instance.status,
    draining: instance.draining,
    node: instance.node,
  }
  let end = to
  const spans: Span[] = []
  const put = (start: number) => {
    const state = stateOf(now)
    const last = spans.at(-1)
    if (start >= end) return
    if (last?.state === state && last.from === end)
      spans[spans.length - 1] = { ...last, from: start }
    else spans.push({ from: start, to: end, state })
    end = start
  }
  for (const event of events) {
    const at = Date.parse(event.at)
    if (at < from) break
    if (!isOf(event, instance) || at > to) continue
    put(at)
    if (event.kind === 'instance-registered') return spans.reverse()
    now = before(now, event)
  }
  put(from)
  return spans.reverse()
}

function isOf(event: RegistryEvent, { instance, locality }: InstanceView): boolean {
  if (event.place !== locality) return false
  return event.kind === 'node-state' || event.instance === instance
}

function before(now: Standing, { kind, before: was = '' }: RegistryEvent): Standing {
  switch (kind) {
    case 'instance-status':
      return { ...now, status: was as State }
    case 'instance-draining':
      return { ...now, draining: was === 'true' }
    case 'node-state':
      return { ...now, node: was as State }
    default:
      return now
  }
}

function stateOf({ status, draining, node }: Standing): State {
  if (node === 'unreachable' || node === 'reaped') return 'unreachable'
  if (status === 'critical') return 'critical'
  return draining ? 'draining' : status
}
