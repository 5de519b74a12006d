import {
  subjects,
  wholeRegion,
  type AnswerCacheLevel,
  type OwnerParts,
  type Tier,
} from '@meridian/shared'
import type { Place } from './config.ts'

/** What a registry of a tier holds of the parts below it. */
export type Holdings = 'instances' | 'summaries'

/**
 * All that differs by tier, as one table: the rest of the program asks what a tier does, never
 * which it is.
 */
export interface TierRole {
  readonly holds: Holdings
  /** What the place of a replica is called, and which settings name it. */
  readonly scope: 'zone' | 'region' | 'world'
  /** Judges by pulses which of the nodes below live; the others follow such judgements. */
  readonly judges: boolean
  /** Sends summaries of what it holds to the tier above. */
  readonly summarises: boolean
  /** Where a lookup goes that its own holdings cannot answer. */
  readonly asks: 'parent' | 'other-regions' | 'nobody'
  /** Which of the caches on a lookup's way is this tier's; the agent's own is the first. */
  readonly cacheLevel: AnswerCacheLevel
}

export const tierRoles: Readonly<Record<Tier, TierRole>> = {
  local: {
    holds: 'instances',
    scope: 'zone',
    judges: true,
    summarises: false,
    asks: 'parent',
    cacheLevel: 'l2',
  },
  regional: {
    holds: 'instances',
    scope: 'region',
    judges: false,
    summarises: true,
    asks: 'other-regions',
    cacheLevel: 'l3',
  },
  global: {
    holds: 'summaries',
    scope: 'world',
    judges: false,
    summarises: false,
    asks: 'other-regions',
    cacheLevel: 'l3',
  },
}

/** Where a registry of a tier listens and answers. */
export interface TierSubjects {
  /** Deltas of the owners below, and pulses where they are judged here. */
  readonly follows: readonly string[]
  /** Vitals of the zones whose nodes are held; absent where no nodes are. */
  readonly vitals?: string
  /** Which owners those are. */
  readonly takes: (owner: OwnerParts) => boolean
  /** The subject of a method: that its replicas answer as a queue group, or of one replica. */
  readonly rpc: (method: string, replica?: string) => string
}

const any = '*'

export const tierSubjects: Readonly<Record<Tier, (place: Place) => TierSubjects>> = {
  local: ({ region, zone }) => ({
    follows: [
      subjects.delta({ region, zone, node: any }),
      subjects.pulse({ region, zone, node: any }),
    ],
    vitals: subjects.vitals({ region, zone }, any),
    takes: (owner) => owner.region === region && owner.zone === zone,
    rpc: (method, replica) => subjects.rpcLocal({ region, zone }, method, replica),
  }),
  regional: ({ region }) => ({
    follows: [subjects.delta({ region, zone: any, node: any })],
    vitals: subjects.vitals({ region, zone: any }, any),
    takes: (owner) => owner.region === region && owner.zone !== wholeRegion,
    rpc: (method, replica) => subjects.rpcRegional(region, method, replica),
  }),
  global: () => ({
    follows: [subjects.summary(any, any)],
    takes: (owner) => owner.zone === wholeRegion,
    rpc: (method, replica) => subjects.rpcGlobal(method, replica),
  }),
}
