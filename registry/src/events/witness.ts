import {
  decodeInstanceState,
  parseRecordKey,
  type Cancel,
  type Clock,
  type DefinitionHead,
  type DefinitionId,
  type EventKind,
  type FollowedNode,
  type NodeStatus,
  type OwnerId,
  type OwnerRecord,
  type RecordEvent,
  type RegistryEvent,
  type ZoneLiveness,
  type ZoneState,
} from '@meridian/shared'
import { isoOf } from '../directory/servers.ts'
import type { EventLog } from './event-log.ts'

/**
 * Of an owner that nothing was known of: with so many instances it was there before, and what comes
 * is a set taken over, of which nobody saw how it came about. To a registry that starts with nothing
 * a region brings a hundred thousand, which would push out all that it does see.
 */
const takenOverMin = 100

/** How often zones are looked at: what nobody tells of is seen so late. */
const zonesMs = 1_000

export interface WitnessOptions {
  readonly events: EventLog
  readonly head: (id: DefinitionId) => DefinitionHead | undefined
  /** What the instance serves, as far as it is shown. */
  readonly definitionOf: (owner: OwnerId, instance: string) => DefinitionId | undefined
  readonly liveness: ZoneLiveness
  /** The newest of those kinds that are kept, newest first. */
  readonly recent: (kinds: readonly EventKind[]) => readonly RegistryEvent[]
  /** `region/zone` of those that are held. */
  readonly zones: () => Iterable<string>
  readonly clock: Clock
}

/**
 * Sees what changes in records, nodes and zones, and has it kept as events. What the disk gives back
 * at a start has not happened then, so it looks away until `start`.
 */
export class Witness {
  readonly #options: WitnessOptions
  readonly #owners = new Set<OwnerId>()
  readonly #nodes = new Map<OwnerId, NodeStatus>()
  readonly #zones = new Map<string, ZoneState>()
  /** When a node or a zone last became what it is, RFC 3339, as far as events go back. */
  readonly #since = new Map<string, string>()
  /** Names of what is going. */
  readonly #gone = new Map<string, { readonly server?: string; readonly version?: string }>()
  #looks = false
  #timer: Cancel | undefined

  constructor(options: WitnessOptions) {
    this.#options = options
  }

  start(): void {
    this.#looks = true
    for (const { place, at } of this.#options.recent(['node-state', 'zone-state'])) {
      if (!this.#since.has(place)) this.#since.set(place, at)
    }
    this.#lookAtZonesLater()
  }

  close(): void {
    this.#looks = false
    this.#timer?.()
  }

  /** Since when a node (`region/zone/node`) or zone (`region/zone`) is what it is, where that is known. */
  sinceOf(place: string): string | undefined {
    return this.#since.get(place)
  }

  /** Call it before the catalog shows the changes: after it, what went has no name any more. */
  beforeRecords(owner: OwnerId, changes: readonly RecordEvent[]): void {
    this.#gone.clear()
    if (!this.#looks) return
    for (const { key, before, after } of changes) {
      const parts = parseRecordKey(key)
      if (parts?.kind !== 'spec' || !before || after) continue
      this.#gone.set(`${owner} ${parts.id}`, this.#serverOf(before.definition))
    }
  }

  /** Call it after the catalog has shown the changes: before, what came has no name yet. */
  onRecords(owner: OwnerId, changes: readonly RecordEvent[]): void {
    const isNew = !this.#owners.has(owner)
    this.#owners.add(owner)
    if (!this.#looks || (isNew && changes.length >= takenOverMin)) return
    for (const { key, before, after } of changes) {
      const parts = parseRecordKey(key)
      if (parts?.kind === 'spec') this.#onSpec(owner, parts.id, before, after)
      else if (parts?.kind === 'state') this.#onState(owner, parts.id, before, after)
    }
  }

  onNode({ owner, status }: Pick<FollowedNode, 'owner' | 'status'>): void {
    const before = this.#nodes.get(owner)
    if (before === status) return
    this.#nodes.set(owner, status)
    if (before === undefined || !this.#looks) return
    const place = placeOf(owner)
    this.#since.set(place, isoOf(this.#options.clock.wall()))
    this.#options.events.append({
      kind: 'node-state',
      place,
      before,
      after: status,
    })
  }

  onConflict(server: string, version: string): void {
    if (!this.#looks) return
    this.#options.events.append({ kind: 'definition-conflict', place: '', server, version })
  }

  #onSpec(
    owner: OwnerId,
    instance: string,
    before: OwnerRecord | undefined,
    after: OwnerRecord | undefined,
  ): void {
    // One that changed in place is known already; what it serves now is not another instance.
    if (before && after) return
    this.#options.events.append({
      kind: after ? 'instance-registered' : 'instance-removed',
      place: placeOf(owner),
      instance,
      ...(after ? this.#serverOf(after.definition) : this.#gone.get(`${owner} ${instance}`)),
    })
  }

  #onState(
    owner: OwnerId,
    instance: string,
    before: OwnerRecord | undefined,
    after: OwnerRecord | undefined,
  ): void {
    if (!before || !after) return
    const [was, is] = [readState(before), readState(after)]
    if (!was || !is) return
    const about = {
      place: placeOf(owner),
      instance,
      ...this.#serverOf(this.#options.definitionOf(owner, instance)),
    }
    const { events } = this.#options
    if (was.status !== is.status) {
      events.append({ kind: 'instance-status', ...about, before: was.status, after: is.status })
    }
    if (was.draining !== is.draining) {
      const [from, to] = [String(was.draining), String(is.draining)]
      events.append({ kind: 'instance-draining', ...about, before: from, after: to })
    }
  }

  #serverOf(definition: DefinitionId | undefined): { server?: string; version?: string } {
    const head = definition === undefined ? undefined : this.#options.head(definition)
    return head ? { server: head.name, version: head.version } : {}
  }

  #lookAtZonesLater(): void {
    const { clock, zones, liveness, events } = this.#options
    this.#timer = clock.after(zonesMs, () => {
      this.#lookAtZonesLater()
      for (const zone of zones()) {
        const before = this.#zones.get(zone)
        const after = liveness.stateOf(zone)
        this.#zones.set(zone, after)
        if (before === undefined || before === after) continue
        this.#since.set(zone, isoOf(clock.wall()))
        events.append({ kind: 'zone-state', place: zone, before, after })
      }
    })
  }
}

function placeOf(owner: OwnerId): string {
  return owner.slice(0, owner.lastIndexOf('/'))
}

/** Undefined for none, and for one that cannot be read, of which the catalog tells. */
function readState(record: OwnerRecord | undefined) {
  if (!record || record.body === null) return undefined
  try {
    return decodeInstanceState(record)
  } catch {
    // Reported where the catalog reads it.
    return undefined
  }
}
