import type { OwnerId, Version } from '../model/index.ts'
import type { NodeStatus, PulseMark } from './judgement.ts'

/** What a node's instances do right now; those not listed are idle. */
export interface PulseLoad {
  readonly id: string
  /** Calls being served. */
  readonly inFlight: number
  /** Moving average of answer times in milliseconds; 0 where nothing was measured. */
  readonly latencyMs: number
}

/** One node, as a local replica sees it. */
export interface NodeVitals {
  readonly owner: OwnerId
  readonly status: NodeStatus
  /** The last pulse heard when the status last moved, or later. */
  readonly pulse: PulseMark
  /** The complete set that the replica holds, if it holds one: it can be asked for it. */
  readonly held?: Version
  /** Its records were let go of here, and its version alone is kept: nobody needs to offer them. */
  readonly isForgotten?: boolean
  readonly loads: readonly PulseLoad[]
}

/**
 * What a local replica publishes about its zone: changes twice a second, even when there are
 * none, and everything now and then. Messages are numbered from 1 within a run of the replica.
 */
export interface Vitals {
  readonly region: string
  readonly zone: string
  readonly replica: string
  readonly runId: string
  readonly number: number
  /** The zone is in self-preservation, as this replica judges. */
  readonly isPreserved: boolean
  /** The replica's own loop lags: others' judgements are better. */
  readonly isUnsure: boolean
  /** This message is a part of the whole state; the parts bear consecutive numbers. */
  readonly whole?: { readonly part: number; readonly parts: number }
  readonly nodes: readonly NodeVitals[]
}
