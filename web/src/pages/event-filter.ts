import type { EventKind, RegistryEvent } from '@meridian/shared'

/** What events are narrowed to; empty for all. */
export interface Filter {
  readonly kinds: readonly EventKind[]
  readonly place: string
  readonly server: string
}

/** Whether an event that came live is one of those that were asked for, as the registry narrows. */
export function matches({ kinds, place, server }: Filter, event: RegistryEvent): boolean {
  if (kinds.length > 0 && !kinds.includes(event.kind)) return false
  if (place !== '' && event.place !== place && !event.place.startsWith(`${place}/`)) return false
  return server === '' || event.server === server
}
