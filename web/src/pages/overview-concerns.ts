import type { Topology } from '@meridian/shared'
import type { Action } from '../parts/action-button.tsx'
import { plural } from '../parts/format.ts'
import type { State } from '../parts/state.tsx'
import type { Override } from '../model/overrides.ts'
import { endOverrideAction, overrideAction } from './overview-preservation.ts'

/** Something that is not as it should be. */
export interface Concern {
  readonly state: State
  readonly place: string
  readonly what: string
  /** RFC 3339, where that is known. */
  readonly since: string | undefined
  /** Where more is told of it. */
  readonly href: string
  /** What an operator may have done about it. */
  readonly action?: Action
}

/** Listed at most: whoever has more of them looks at the zones first. */
const concernsMax = 50

/**
 * What is degraded, the widest first: zones, then nodes, then instances by zone. `overrides`: the
 * zones whose self-preservation is switched off, and stays so until somebody switches it on.
 */
export function concernsOf({ regions }: Topology, overrides: readonly Override[] = []): Concern[] {
  const zones: Concern[] = overrides.map(({ zone, since, by, reason }) => ({
    state: 'overridden',
    place: zone,
    what: `is never preserved, ${by === undefined ? '' : `by ${by}`}${reason === undefined ? '' : ` “${reason}”`}`,
    since,
    href: `/events?kind=operator-action&place=${zone}`,
    action: endOverrideAction(zone),
  }))
  const nodes: Concern[] = []
  const instances: Concern[] = []
  for (const { region, zones: inRegion } of regions) {
    for (const zone of inRegion) {
      const place = `${region}/${zone.zone}`
      const { state = 'unknown', since } = zone
      if (state !== 'fresh') {
        const href = `/events?place=${place}`
        const action = state === 'preserved' ? { action: overrideAction(place) } : {}
        zones.push({ state, place, what: zoneWords[state], since, href, ...action })
      }
      for (const node of zone.nodes ?? []) {
        const name = `${place}/${node.node}`
        const { draining = 0 } = node
        if (draining > 0) {
          nodes.push({
            state: 'draining',
            place: name,
            what: `${plural(draining, 'instance takes', 'instances take')} no new work`,
            since: node.drainingSince,
            href: `/nodes?place=${encodeURIComponent(name)}`,
          })
        }
        if (node.state === 'alive') continue
        nodes.push({
          state: node.state,
          place: name,
          what: nodeWords[node.state],
          since: node.since,
          href: `/nodes?place=${encodeURIComponent(name)}`,
        })
      }
      for (const status of ['critical', 'warning', 'gated'] as const) {
        const count = zone.instances[status]
        if (count === 0) continue
        instances.push({
          state: status,
          place,
          what: `${plural(count, 'instance')} ${status}`,
          since: zone.instancesSince?.[status],
          href: `/search?q=${encodeURIComponent(`zone:${place} status:${status}`)}`,
        })
      }
    }
  }
  return [...zones, ...nodes, ...instances].slice(0, concernsMax)
}

const zoneWords = {
  preserved: 'too many nodes fell silent at once: those that did are kept',
  unknown: 'nobody who judges its nodes is heard: it stands as it last was',
} as const

const nodeWords = {
  suspect: 'has missed pulses',
  unreachable: 'cannot be reached: its instances take no work',
  reaped: 'was silent for so long that it is hidden',
} as const
