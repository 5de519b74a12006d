import {
  decodeMessageOf,
  logFailure,
  protectLastInstances,
  randomId,
  showNode,
  subjects,
  VitalsWatch,
  ZoneJudge,
  type CapabilityIndex,
  type Clock,
  type ComparedZone,
  type DefinitionId,
  type FollowedNode,
  type Follower,
  type Holdings,
  type InstanceLoads,
  type LivenessSettings,
  type Log,
  type OperatorNote,
  type OwnerId,
  type Pulse,
  type Random,
  type Subscription,
  type Transport,
  type VersionEntry,
  type ZoneLiveness,
} from '@meridian/shared'
import type { Place } from '../config.ts'
import { ZoneDesk } from '../operate/zone-desk.ts'
import type { TierRole, TierSubjects } from '../tier.ts'

export interface LivenessOptions {
  readonly role: TierRole
  readonly at: TierSubjects
  readonly place: Place
  readonly holdings: Holdings
  readonly index: CapabilityIndex
  readonly loads: InstanceLoads
  readonly follower: Follower
  readonly definition: (id: DefinitionId) => Uint8Array | undefined
  /** A zone below has been compared with since the start, or its state has changed since. */
  readonly onZone: (zone: ComparedZone) => void
  /** A node stands differently, or carries other loads. */
  readonly onNode: (node: FollowedNode) => void
  /** What the registries of zones say they hold, where they are followed. */
  readonly onVersions: (held: readonly VersionEntry[]) => void
  /** What an operator had done in the zone that is judged here. */
  readonly onNote: (note: OperatorNote) => void
  readonly pulseMs: number
  readonly settings: LivenessSettings | undefined
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface Liveness extends ZoneLiveness {
  /** For `Follower`. */
  onPulse(pulse: Pulse): boolean
  onAdvanced(owner: OwnerId, fromOwner: boolean): void
  /** Whether what is held is what those below have, as far as they can be heard. */
  readonly isSettled: boolean
  /** Zones that are heard and have not been compared with since the start. */
  readonly uncomparedZones: number
  /** Where operators speak to the zone, where one is judged here. */
  readonly desk: ZoneDesk | undefined
  /** How many registries judge a zone, this one included. */
  judgesOf(zone: string): number
  /** Pulses that were sent and did not arrive; none where pulses are not followed. */
  readonly pulsesMissed: number
  /** Call it once the follower has taken in what the store gave back. */
  start(): void
  close(): void
}

/**
 * Which nodes live, as a replica of this tier knows it: judged by their pulses, or followed from
 * those who judge. Whoever judges follows its fellows too, for the versions that they hold.
 */
export function createLiveness(options: LivenessOptions): Liveness {
  const { role, at, place, index, loads, follower, transport, log } = options
  const judge = role.judges
    ? new ZoneJudge({
        ...options,
        runId: randomId(options.random),
        letGo: (owners) => {
          follower.letGo(owners)
        },
        protection: () => protectLastInstances(index),
        onNode: (node) => {
          showNode(index, loads, node)
          options.onNode(node)
        },
      })
    : undefined
  const watch =
    at.vitals === undefined
      ? undefined
      : new VitalsWatch({
          ...options,
          subject: at.vitals,
          ...(judge && { own: place.replica }),
          onNode: (node) => {
            if (judge) return
            showNode(index, loads, node)
            options.onNode(node)
          },
          fellows: () => 0,
        })
  /** A node that a fellow still hears lives, whatever is heard of it here. */
  const livesElsewhere = (node: string) =>
    [...options.holdings.values()].some(({ owner }) => {
      if (!owner.startsWith(`${place.region}/${place.zone}/${node}/`)) return false
      const status = watch?.statusOf(owner)
      return status === 'alive' || status === 'suspect'
    })
  const desk =
    judge &&
    new ZoneDesk({
      place,
      judge: {
        get preservation() {
          return judge.preservation
        },
        override: (override) => {
          judge.override(override)
        },
        forget: (node) => (livesElsewhere(node) ? 'alive' : judge.forget(node)),
      },
      onNote: options.onNote,
      transport,
      log,
    })
  const known: ZoneLiveness | undefined = judge ?? watch
  let offers: Subscription | undefined

  return {
    desk,
    judgesOf: (zone) => (watch?.replicasOf(zone) ?? 0) + (judge ? 1 : 0),
    onPulse: (pulse) => judge?.onPulse(pulse) ?? true,
    onAdvanced: (owner, fromOwner) => judge?.onAdvanced(owner, fromOwner),
    get isSettled() {
      return judge?.isSettled ?? watch?.isSettled ?? true
    },
    get uncomparedZones() {
      return watch?.uncompared ?? 0
    },
    get pulsesMissed() {
      return judge?.pulsesMissed ?? 0
    },
    stateOf: (zone) => known?.stateOf(zone) ?? 'unknown',
    statusOf: (owner) => known?.statusOf(owner),
    start() {
      judge?.start()
      desk?.start()
      watch?.start()
      if (judge) offers = takeOffers()
    },
    close() {
      offers?.unsubscribe()
      desk?.close()
      watch?.close()
      judge?.close()
    },
  }

  /** Sets of owners that somebody found to be newer there than here. */
  function takeOffers(): Subscription {
    const subject = subjects.rpcLocal(place, 'offer', place.replica)
    return transport.subscribe(subject, ({ body }) => {
      try {
        follower.offered(decodeMessageOf('deltas', body).deltas)
      } catch (error) {
        logFailure(log, error, { subject }, 'offer not taken')
      }
    })
  }
}
