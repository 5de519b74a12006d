import type { RegistryEvent } from '@meridian/shared'

/** A zone whose self-preservation an operator switched off, and nobody switched on since. */
export interface Override {
  /** `region/zone`. */
  readonly zone: string
  readonly since: string
  readonly by: string | undefined
  readonly reason: string | undefined
}

/** Those whose last word was an override. `events`: newest first. */
export function overridesOf(events: readonly RegistryEvent[]): Override[] {
  const seen = new Set<string>()
  return events.flatMap(({ action, place, at, by, reason }) => {
    const isOn = action === 'preservation-overridden'
    if ((!isOn && action !== 'preservation-override-ended') || seen.has(place)) return []
    seen.add(place)
    return isOn ? [{ zone: place, since: at, by, reason }] : []
  })
}
