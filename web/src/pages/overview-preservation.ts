import type { EventsPage } from '@meridian/shared'
import { pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { overridesOf, type Override } from '../model/overrides.ts'
import type { Action } from '../parts/action-button.tsx'

const actionsRead = 1_000

/** Overrides that are in force, as far as this registry’s history tells. */
export function useOverrides(): Override[] {
  const { data } = useResource<EventsPage>(
    pathWith('/v1/events', { kind: 'operator-action', limit: actionsRead }),
    { on: ({ kind }) => kind === 'operator-action' },
  )
  return overridesOf(data?.events ?? [])
}

export function overrideAction(zone: string): Action {
  return {
    name: 'Override',
    title: 'Override self-preservation?',
    what:
      'Nodes that were silent for too long are let go, however many they are, until this is taken ' +
      'back. Do so when they are really gone, and not just cut off.',
    method: 'PUT',
    path: pathOf(zone),
    takesReason: true,
    isDanger: true,
  }
}

export function endOverrideAction(zone: string): Action {
  return {
    name: 'Take back',
    title: 'Take the override back?',
    what: 'Where too many nodes fall silent at once, they are kept again.',
    method: 'DELETE',
    path: pathOf(zone),
  }
}

function pathOf(zone: string): string {
  return `/v1/zones/${zone.split('/').map(encodeURIComponent).join('/')}/preservation`
}
