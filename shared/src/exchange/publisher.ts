import { isMeridianError } from '../errors.ts'
import { formatVersion, sameEpoch, type DefinitionId, type Epoch } from '../model/index.ts'
import type { Cancel, Clock, Log, Random, Transport } from '../ports/index.ts'
import {
  Acknowledgements,
  cutDelta,
  cutNothing,
  onReply,
  replicationLimits,
  splitDelta,
  type Delta,
  type DeltaReply,
  type InlineDefinition,
  type SetState,
} from '../replication/index.ts'
import { decodeMessageOf, encodeMessage } from '../wire/index.ts'
import { backoffMs } from './backoff.ts'
import { exchangeLimits } from './limits.ts'

export interface PublisherOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The set that this process owns. Its owner commits and settles, then calls `changed`. */
  readonly set: SetState
  readonly subject: string
  /** One replica of each of these tiers has to acknowledge; the others heal from versions heard. */
  readonly tiers: readonly string[]
  readonly definition: (id: DefinitionId) => Uint8Array | undefined
  /** Others hold more than this disk does: commit and settle an epoch above theirs. */
  readonly startEpochAbove: (epoch: Epoch) => void
}

/**
 * Sends an owner's changes until they are acknowledged. Changes are batched; one delta is on its
 * way at a time, cut from where the last one ended while all goes well, and from what is known to
 * have arrived when it does not. Retrying never makes anything new.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #acknowledgements: Acknowledgements
  /** Where the next delta begins, unless something was lost. */
  #sent: number | undefined
  #epoch: Epoch | undefined
  #timer: Cancel | undefined
  #timerIsRetry = false
  #sending = false
  #dirty = false
  #failures = 0
  #closed = false
  #epochStartedAt = Number.NEGATIVE_INFINITY

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#acknowledgements = new Acknowledgements(options.tiers)
  }

  /** Announces the set: whoever holds the same already takes its version, and nothing is sent. */
  start(): void {
    this.#schedule(0)
  }

  /** The set has moved on, durably. */
  changed(): void {
    this.#dirty = true
    // A retry's wait is not cut short: whoever is gone is not helped by being asked more often.
    if (this.#sending || this.#timer !== undefined) return
    const pending = this.#options.set.version.counter - (this.#sent ?? 0)
    this.#schedule(pending >= replicationLimits.batchRecords ? 0 : replicationLimits.batchMs)
  }

  /** Asks again at once: the way is known to be open, such as after a reconnect. */
  retryNow(): void {
    if (!this.#timerIsRetry) return
    this.#failures = 0
    this.#schedule(0)
  }

  /** Whether one replica of each tier holds everything. */
  get settled(): boolean {
    const { version } = this.#options.set
    const settled = this.#acknowledgements.settled()
    return sameEpoch(settled.epoch, version.epoch) && settled.counter >= version.counter
  }

  close(): void {
    this.#closed = true
    this.#timer?.()
    this.#timer = undefined
  }

  #schedule(delayMs: number, retry = false): void {
    if (this.#closed) return
    this.#timer?.()
    this.#timerIsRetry = retry
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = undefined
      this.#timerIsRetry = false
      void this.#send()
    })
  }

  async #send(): Promise<void> {
    if (this.#sending || this.#closed) return
    this.#sending = true
    this.#dirty = false
    try {
      const delta = this.#nextDelta()
      this.#sent = delta.version.counter
      await this.#request(delta)
    } catch (error) {
      if (this.#closed) return
      this.#options.log.debug({ err: error, subject: this.#options.subject }, 'delta not delivered')
    } finally {
      this.#sending = false
    }
    this.#continue()
  }

  #continue(): void {
    if (this.#closed) return
    const { set, random } = this.#options
    const more = this.#sent !== set.version.counter || this.#dirty
    if (this.settled) {
      this.#failures = 0
      if (more) this.#schedule(0)
      return
    }
    if (more && this.#failures === 0) {
      this.#schedule(0)
      return
    }
    // Something was lost: begin again from what is known to have arrived.
    this.#sent = undefined
    this.#schedule(backoffMs(this.#failures, random), true)
    this.#failures += 1
  }

  #nextDelta(): Delta {
    const { set } = this.#options
    const { version } = set
    if (!this.#epoch || !sameEpoch(this.#epoch, version.epoch)) {
      this.#epoch = version.epoch
      return cutNothing(set)
    }
    const known =
      this.#sent === undefined
        ? this.#acknowledgements.settled()
        : { epoch: version.epoch, counter: this.#sent }
    const delta = cutDelta(set, known) ?? cutNothing(set)
    return { ...delta, definitions: this.#definitionsFor(delta) }
  }

  #definitionsFor(delta: Delta): InlineDefinition[] {
    return this.#acknowledgements.unacknowledged(delta.records).flatMap((id) => {
      const canonical = this.#options.definition(id)
      return canonical ? [{ id, canonical }] : []
    })
  }

  async #request(delta: Delta): Promise<void> {
    const { transport, subject } = this.#options
    const pieces = splitDelta(delta, transport.payloadBytesMax - exchangeLimits.headroomBytes)
    for (const [at, piece] of pieces.entries()) {
      const body = encodeMessage({ kind: 'delta', delta: piece })
      if (at < pieces.length - 1) {
        transport.publish(subject, body)
        continue
      }
      await transport.requestMany(
        subject,
        body,
        { deadlineMs: exchangeLimits.acknowledgeMs },
        (bytes) => this.#onReply(bytes),
      )
    }
  }

  #onReply(bytes: Uint8Array): 'enough' | 'more' {
    const { set, log } = this.#options
    let reply: DeltaReply
    try {
      ;({ reply } = decodeMessageOf('delta-reply', bytes))
    } catch (error) {
      if (!isMeridianError(error)) throw error
      log.warn({ err: error }, 'reply to a delta cannot be read')
      return 'more'
    }
    this.#acknowledgements.record(set, reply)
    const advice = onReply(set, reply.held)
    if (advice.kind === 'start-epoch') this.#startEpoch(advice.above, reply)
    if (advice.kind === 'refused') {
      log.error(
        { replica: reply.replica, held: formatVersion(reply.held) },
        'a replica holds a version that this owner cannot have reached; refused',
      )
    }
    return this.settled ? 'enough' : 'more'
  }

  #startEpoch(above: Epoch, { replica, held }: DeltaReply): void {
    const { clock, log, startEpochAbove, set } = this.#options
    const now = clock.now()
    if (now - this.#epochStartedAt < exchangeLimits.epochGapMs) return
    this.#epochStartedAt = now
    log.warn(
      { replica, held: formatVersion(held), ours: formatVersion(set.version) },
      'a replica holds a newer version than this disk: starting an epoch above it',
    )
    startEpochAbove(above)
    this.#dirty = true
  }
}
