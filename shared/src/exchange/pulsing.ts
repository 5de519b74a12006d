import type { Cancel, Clock, Millis, Transport } from '../ports/index.ts'
import { cutNothing, type SetState } from '../replication/index.ts'
import { encodeMessage } from '../wire/index.ts'

export interface PulsingOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly set: SetState
  readonly subject: string
  readonly runId: string
  readonly agentId: string
  readonly pulseMs: Millis
}

/**
 * Says an owner's version at an interval. A delta that nobody heard is noticed by the next pulse,
 * because whoever hears a newer version than it holds asks for what it missed.
 */
export function startPulsing(options: PulsingOptions): { close(): void } {
  const { transport, set, subject, runId, agentId } = options
  let number = 0
  return every(options, () => {
    number += 1
    const { owner, version } = set
    const pulse = { owner, version, runId, agentId, number, loads: [] }
    transport.publish(subject, encodeMessage({ kind: 'pulse', pulse }))
  })
}

/**
 * The same for owners that are no nodes and have no pulse: an empty delta, which carries the
 * version, on the subject of their deltas.
 */
export function startAnnouncing(
  options: Pick<PulsingOptions, 'transport' | 'clock' | 'set' | 'subject' | 'pulseMs'>,
): { close(): void } {
  const { transport, set, subject } = options
  return every(options, () => {
    transport.publish(subject, encodeMessage({ kind: 'delta', delta: cutNothing(set) }))
  })
}

function every(
  { transport, clock, pulseMs }: Pick<PulsingOptions, 'transport' | 'clock' | 'pulseMs'>,
  say: () => void,
): { close(): void } {
  let timer: Cancel
  const tick = () => {
    timer = clock.after(pulseMs, tick)
    if (transport.status === 'connected') say()
  }
  timer = clock.after(pulseMs, tick)
  return { close: () => timer() }
}
