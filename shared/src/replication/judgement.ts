import { compareEpochs, type Epoch, type OwnerId } from '../model/index.ts'

/**
 * How a node stands.
 *
 * - `alive`: a pulse within its lease
 * - `suspect`: late; served still, after others
 * - `unreachable`: silent; not served
 * - `reaped`: unreachable for long; hidden, its records and version kept
 */
export type NodeStatus = 'alive' | 'suspect' | 'unreachable' | 'reaped'

export const nodeStatuses = ['alive', 'suspect', 'unreachable', 'reaped'] as const

/**
 * How far the standing of a zone's nodes can be trusted.
 *
 * - `fresh`: they are judged now
 * - `preserved`: too many fell silent at once; silent ones are kept
 * - `unknown`: nobody who judges them is heard; they stand as they last did
 */
export type ZoneState = 'fresh' | 'preserved' | 'unknown'

export const zoneStates = ['fresh', 'preserved', 'unknown'] as const

/** A pulse of a node: pulses are counted within an epoch. */
export interface PulseMark {
  readonly epoch: Epoch
  readonly number: number
}

/** What is known of a node's pulses when none was ever heard. */
export const noPulse: PulseMark = { epoch: { number: 0, tag: '' }, number: 0 }

/** One replica's word on one node, with the last pulse that it rests on. */
export interface Judgement {
  readonly owner: OwnerId
  readonly status: NodeStatus
  readonly pulse: PulseMark
}

export function comparePulses(a: PulseMark, b: PulseMark): number {
  return compareEpochs(a.epoch, b.epoch) || a.number - b.number
}

/**
 * Which of two replicas' judgements of one node to follow: negative for `a`.
 *
 * The one that rests on the higher pulse; at the same pulse the worse. Pulses that leave a node
 * alive are not told one by one, and need not be: `alive` says that a pulse was heard within the
 * lease, which is later than the last one of a replica that has heard none for longer.
 */
export function compareJudgements(a: Judgement, b: Judgement): number {
  const aliveFirst = Number(isHeardAlive(b)) - Number(isHeardAlive(a))
  if (aliveFirst !== 0) return aliveFirst
  return comparePulses(b.pulse, a.pulse) || severity(b.status) - severity(a.status)
}

/** A node that is only expected to live has not been heard. */
function isHeardAlive({ status, pulse }: Judgement): boolean {
  return status === 'alive' && pulse.number > 0
}

function severity(status: NodeStatus): number {
  return nodeStatuses.indexOf(status)
}
