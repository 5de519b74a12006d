import type { Cancel, Clock, EventKind, RegistryEvent } from '@meridian/shared'
import { isoOf } from '../directory/servers.ts'

/** How often it is looked: a time is right to so much. */
const lookMs = 1_000

const tellingKinds = ['instance-status', 'instance-draining', 'instance-removed'] as const

/** What is not as it should be, where: `critical` at `eu/a`, `draining` at `eu/a/n1`. */
export interface Unwell {
  readonly place: string
  readonly what: string
}

export interface SinceWhenOptions {
  /** What is not as it should be at present, each once. */
  readonly unwell: () => Iterable<Unwell>
  /** The newest events of those kinds that are kept, newest first. */
  readonly recent: (kinds: readonly EventKind[]) => readonly RegistryEvent[]
  readonly clock: Clock
}

/**
 * Since when places are unwell, as seen from here: a look now and then notes what is new and lets go
 * of what is over. What stood so already at a start is asked of the events, as far as they go back.
 */
export class SinceWhen {
  readonly #options: SinceWhenOptions
  /** By what and where: RFC 3339, or undefined where it was so before anybody looked. */
  #since = new Map<string, string | undefined>()
  #timer: Cancel | undefined

  constructor(options: SinceWhenOptions) {
    this.#options = options
  }

  start(): void {
    const { recent, unwell } = this.#options
    const told = sinceByEvents(recent([...tellingKinds]))
    for (const each of unwell()) this.#since.set(keyOf(each), told.get(keyOf(each)))
    this.#lookLater()
  }

  close(): void {
    this.#timer?.()
  }

  /** RFC 3339; undefined for what is not so, and where nobody saw it begin. */
  of(place: string, what: string): string | undefined {
    return this.#since.get(keyOf({ place, what }))
  }

  #lookLater(): void {
    const { clock, unwell } = this.#options
    this.#timer = clock.after(lookMs, () => {
      this.#lookLater()
      const now = isoOf(clock.wall())
      const before = this.#since
      const since = new Map<string, string | undefined>()
      for (const each of unwell()) {
        const key = keyOf(each)
        since.set(key, before.has(key) ? before.get(key) : now)
      }
      this.#since = since
    })
  }
}

/** Of each place and state, when the instance that has been in it longest came into it. */
function sinceByEvents(newestFirst: readonly RegistryEvent[]): Map<string, string> {
  const since = new Map<string, string>()
  const seen = new Set<string>()
  for (const { kind, place, instance, after, at } of newestFirst) {
    // Only the last of each tells how it stands, and nothing from before its end.
    const one = `${place} ${instance}`
    if (seen.has(`instance-removed ${one}`) || seen.has(`${kind} ${one}`)) continue
    seen.add(`${kind} ${one}`)
    if (kind === 'instance-removed') continue
    if (kind === 'instance-status') {
      const zone = place.slice(0, place.lastIndexOf('/'))
      since.set(keyOf({ place: zone, what: after ?? '' }), at)
    } else if (after === 'true') since.set(keyOf({ place, what: 'draining' }), at)
  }
  return since
}

function keyOf({ place, what }: Unwell): string {
  return `${place} ${what}`
}
