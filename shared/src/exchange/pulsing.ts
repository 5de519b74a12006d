import { sameEpoch, type Epoch } from '../model/index.ts'
import type { Cancel, Clock, Log, Millis, Transport } from '../ports/index.ts'
import { cutNothing, type PulseLoad, type SetState } from '../replication/index.ts'
import { encodeMessage, type Message } from '../wire/index.ts'
import { logFailure } from './failure.ts'

export interface AnnouncingOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
  readonly set: SetState
  readonly subject: string
  /** The interval; asked before each wait, because a node of a large zone speaks less often. */
  readonly pulseMs: Millis | (() => Millis)
  /** Whether to say nothing for now. */
  readonly isSilent?: () => boolean
}

export interface PulsingOptions extends AnnouncingOptions {
  readonly runId: string
  readonly agentId: string
  /** Of instances that are not idle; asked at each pulse. */
  readonly loads?: () => readonly PulseLoad[]
}

/**
 * Says an owner's version at an interval. A delta that nobody heard is noticed by the next pulse,
 * because whoever hears a newer version than it holds asks for what it missed.
 */
export function startPulsing(options: PulsingOptions): { close(): void } {
  const { set, runId, agentId, loads = () => [] } = options
  let epoch: Epoch | undefined
  let number = 0
  return every(options, (everyMs) => {
    const { owner, version } = set
    if (!epoch || !sameEpoch(epoch, version.epoch)) number = 0
    epoch = version.epoch
    number += 1
    return {
      kind: 'pulse',
      pulse: { owner, version, runId, agentId, number, everyMs, loads: loads() },
    }
  })
}

/**
 * The same for owners that are no nodes and have no pulse: an empty delta, which carries the
 * version, on the subject of their deltas.
 */
export function startAnnouncing(options: AnnouncingOptions): { close(): void } {
  return every(options, () => ({ kind: 'delta', delta: cutNothing(options.set) }))
}

function every(
  options: AnnouncingOptions,
  message: (everyMs: Millis) => Message,
): { close(): void } {
  const { transport, clock, log, subject, pulseMs, isSilent } = options
  const interval = () => (typeof pulseMs === 'number' ? pulseMs : pulseMs())
  let timer: Cancel
  const tick = () => {
    const everyMs = interval()
    timer = clock.after(everyMs, tick)
    if (transport.status !== 'connected' || isSilent?.() === true) return
    try {
      transport.publish(subject, encodeMessage(message(everyMs)))
    } catch (error) {
      // Nobody waits for this one; the next is due soon.
      logFailure(log, error, { subject }, 'not published')
    }
  }
  timer = clock.after(interval(), tick)
  return {
    close() {
      timer()
    },
  }
}
