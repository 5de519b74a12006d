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
  readonly pulseMs: Millis
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
  const { set, runId, agentId, pulseMs, loads = () => [] } = options
  let epoch: Epoch | undefined
  let number = 0
  return every(options, () => {
    const { owner, version } = set
    if (!epoch || !sameEpoch(epoch, version.epoch)) number = 0
    epoch = version.epoch
    number += 1
    return {
      kind: 'pulse',
      pulse: { owner, version, runId, agentId, number, everyMs: pulseMs, loads: loads() },
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

function every(options: AnnouncingOptions, message: () => Message): { close(): void } {
  const { transport, clock, log, subject, pulseMs } = options
  let timer: Cancel
  const tick = () => {
    timer = clock.after(pulseMs, tick)
    if (transport.status !== 'connected') return
    try {
      transport.publish(subject, encodeMessage(message()))
    } catch (error) {
      // Nobody waits for this one; the next is due soon.
      logFailure(log, error, { subject }, 'not published')
    }
  }
  timer = clock.after(pulseMs, tick)
  return {
    close() {
      timer()
    },
  }
}
