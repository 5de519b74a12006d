import {
  compareVersions,
  formatVersion,
  sameEpoch,
  type DefinitionId,
  type Epoch,
  type Version,
} from '../model/index.ts'
import type { Cancel, Clock, Log, Random, Transport } from '../ports/index.ts'
import {
  Acknowledgements,
  cutDelta,
  cutNothing,
  definitionBytes,
  onReply,
  replicationLimits,
  splitDelta,
  type Delta,
  type DeltaReply,
  type InlineDefinition,
  type SetState,
} from '../replication/index.ts'
import { decodeMessage, encodeMessage } from '../wire/index.ts'
import { roomOf } from './answering.ts'
import { backoffMs } from './backoff.ts'
import { failureOf, logFailure } from './failure.ts'
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
  /** Whether that may be done now; asked again with each reply. Always, unless given. */
  readonly mayStartEpoch?: () => boolean
}

/** Retries are up to 0.8 s apart then. */
const failuresHeldBackMax = 3

/**
 * Sends an owner's changes until they are acknowledged.
 *
 *     change ─▶ batch ─▶ delta from where the last one ended ─┐
 *                                                             ├─▶ replies ─▶ all tiers: settled
 *     not settled ─▶ wait ─▶ probe: nothing but the version ──┘
 *
 * A change leaves with the next batch, whatever is still unacknowledged: a tier that is gone does
 * not hold it back for the others. What was lost is repaired by asking: a probe is an empty delta
 * that everybody answers with the version held, and on which whoever is behind fetches what it
 * lacks. A delta is only repeated for tiers that answer, and are still behind after a probe. So
 * retrying neither makes anything new nor floods a zone with whole sets because a region is gone.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #acknowledgements: Acknowledgements
  /** Where the next delta begins: a counter of `#epoch`. */
  #sent = 0
  #epoch: Epoch | undefined
  #sentAt = Number.NEGATIVE_INFINITY
  #batch: Cancel | undefined
  #retry: Cancel | undefined
  #idle: Cancel | undefined
  #inFlight = 0
  /** Deltas on their way that some tier has not answered yet. */
  #unanswered = 0
  #failures = 0
  /** How often nobody had acknowledged in time, and everybody was asked again. */
  retries = 0
  /** Tiers that have answered since the last probe. */
  readonly #answering = new Set<string>()
  #epochStartedAt = Number.NEGATIVE_INFINITY
  #stopStatus: (() => void) | undefined
  /** Before the start nothing is said, and the start says everything. */
  #state: 'created' | 'started' | 'paused' | 'closed' = 'created'

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#acknowledgements = new Acknowledgements(options.tiers)
  }

  /** Announces the set: whoever holds the same already takes its version, and nothing is sent. */
  start(): void {
    this.#state = 'started'
    this.#stopStatus = this.#options.transport.onStatus((status) => {
      if (status === 'connected') this.#retryNow()
    })
    this.#send()
  }

  /** The set has moved on, durably. */
  changed(): void {
    const pending = this.#options.set.version.counter - this.#sent
    if (pending >= replicationLimits.batchRecords) this.#sendIn(0)
    else if (!this.#batch) this.#sendIn(this.#restOfBatchMs())
  }

  /** A change that comes alone leaves at once; those that follow on its heels leave together. */
  #restOfBatchMs(): number {
    const { batchMs } = replicationLimits
    const since = this.#options.clock.now() - this.#sentAt
    return Math.max(0, Math.min(batchMs, batchMs - since))
  }

  /** Says nothing more until `resume`: somebody else speaks for the owner. */
  pause(): void {
    if (this.#state !== 'started') return
    this.#state = 'paused'
    for (const cancel of [this.#batch, this.#retry, this.#idle]) cancel?.()
    this.#batch = undefined
    this.#retry = undefined
    this.#idle = undefined
  }

  /** Announces the set, as at the start; an epoch has been begun for it. */
  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'started'
    this.#send()
  }

  /** Changes that have not been sent yet. */
  get pending(): number {
    return Math.max(0, this.#options.set.version.counter - this.#sent)
  }

  /** Whether one replica of each tier holds everything. */
  get settled(): boolean {
    return this.#options.tiers.every((tier) => this.#isSettled(tier))
  }

  close(): void {
    this.#state = 'closed'
    this.#stopStatus?.()
    this.#batch?.()
    this.#retry?.()
    this.#idle?.()
  }

  #isSettled(tier: string): boolean {
    const { version } = this.#options.set
    const held = this.#acknowledgements.heldBy(tier)
    return sameEpoch(held.epoch, version.epoch) && held.counter >= version.counter
  }

  #sendIn(delayMs: number): void {
    if (this.#state !== 'started') return
    this.#batch?.()
    this.#batch = this.#options.clock.after(delayMs, () => {
      this.#batch = undefined
      this.#send()
    })
  }

  /** Sends what has not been sent yet. */
  #send(): void {
    // Whatever is on its way ends within `acknowledgeMs`, and then this is called again.
    if (this.#state !== 'started' || this.#inFlight >= exchangeLimits.inFlightMax) return
    const delta = this.#nextDelta()
    if (delta) {
      this.#sentAt = this.#options.clock.now()
      void this.#deliver(delta)
    } else this.#continue()
  }

  #nextDelta(): Delta | undefined {
    const { set } = this.#options
    const { epoch, counter } = set.version
    if (!this.#epoch || !sameEpoch(this.#epoch, epoch)) {
      this.#epoch = epoch
      this.#sent = counter
      return cutNothing(set)
    }
    const delta = cutDelta(set, { epoch, counter: this.#sent })
    this.#sent = counter
    return delta && this.#withDefinitions(delta)
  }

  /** Asks everybody what they hold, or sends again what was sent before. */
  #probe(): void {
    if (this.#state !== 'started') return
    const { set } = this.#options
    const from = this.#oldestAnswering()
    this.#answering.clear()
    this.#epoch = set.version.epoch
    this.#sent = set.version.counter
    // On the first probe whoever is behind asks by itself, and nobody else has to listen.
    const repeated = from && this.#failures > 1 ? cutDelta(set, from) : undefined
    void this.#deliver(repeated ? this.#withDefinitions(repeated) : cutNothing(set))
  }

  /** What all tiers have that answer and are behind; undefined when there are none such. */
  #oldestAnswering(): Version | undefined {
    let oldest: Version | undefined
    for (const tier of this.#answering) {
      if (this.#isSettled(tier)) continue
      const held = this.#acknowledgements.heldBy(tier)
      if (!oldest || compareVersions(held, oldest) < 0) oldest = held
    }
    return oldest
  }

  /** Never rejects. */
  async #deliver(delta: Delta): Promise<void> {
    const { log, subject, tiers } = this.#options
    const silent = new Set(tiers)
    this.#idle?.()
    this.#idle = undefined
    this.#inFlight += 1
    this.#unanswered += 1
    const answeredBy = (tier: string) => {
      if (!silent.delete(tier) || silent.size > 0) return
      // More replicas may answer, but nothing is gained by waiting for them.
      this.#unanswered -= 1
      this.#continue()
    }
    try {
      await this.#request(delta, answeredBy)
    } catch (error) {
      if (this.#state !== 'closed') logFailure(log, error, { subject }, 'delta not delivered')
    }
    this.#inFlight -= 1
    if (silent.size > 0) this.#unanswered -= 1
    this.#continue()
  }

  #continue(): void {
    if (this.#state !== 'started') return
    const { set, random } = this.#options
    const { epoch, counter } = set.version
    const unsent = !this.#epoch || !sameEpoch(this.#epoch, epoch) || this.#sent < counter
    if (unsent && !this.#batch) this.#sendIn(0)
    if (this.settled) {
      this.#failures = 0
      this.#retry?.()
      this.#retry = undefined
      this.#askLater(exchangeLimits.probeMs * (0.5 + random()))
    } else if (this.#unanswered === 0 && !this.#batch) {
      this.#retryIn(backoffMs(this.#failures, random))
    }
  }

  #askLater(delayMs: number): void {
    this.#idle?.()
    this.#idle = this.#options.clock.after(delayMs, () => {
      this.#idle = undefined
      this.#probe()
    })
  }

  /** A retry's wait is not cut short: whoever is gone is not helped by being asked more often. */
  #retryIn(delayMs: number): void {
    this.#retry ??= this.#options.clock.after(delayMs, () => {
      this.#retry = undefined
      this.#failures += 1
      this.retries += 1
      // What is about to be sent asks as well as a probe does.
      if (!this.#batch) this.#probe()
    })
  }

  /** The way is known to be open, as after a reconnect. */
  #retryNow(): void {
    this.#failures = 0
    this.#retry?.()
    this.#retry = undefined
    this.#retryIn(0)
  }

  #withDefinitions(delta: Delta): Delta {
    return { ...delta, definitions: this.#definitionsFor(delta) }
  }

  #definitionsFor(delta: Delta): InlineDefinition[] {
    const { definition, transport, log } = this.#options
    const room = roomOf(transport)
    const definitions: InlineDefinition[] = []
    for (const id of this.#acknowledgements.unacknowledged(delta.records)) {
      const canonical = definition(id)
      if (!canonical) continue
      const inline = { id, canonical }
      // One that cannot travel must not keep the others from doing so.
      if (definitionBytes(inline) <= room) definitions.push(inline)
      else
        log.error(
          { definition: id, bytes: canonical.length, room },
          'definition beyond the payload',
        )
    }
    return definitions
  }

  async #request(delta: Delta, answeredBy: (tier: string) => void): Promise<void> {
    const { transport, subject } = this.#options
    const pieces = splitDelta(delta, roomOf(transport))
    for (const [at, piece] of pieces.entries()) {
      const body = encodeMessage({ kind: 'delta', delta: piece })
      if (at < pieces.length - 1) {
        transport.publish(subject, body)
        continue
      }
      const deadlineMs = exchangeLimits.acknowledgeMs
      await transport.requestMany(subject, body, { deadlineMs }, (bytes) => {
        if (this.#state === 'closed') return 'enough'
        const tier = this.#onReply(bytes)
        if (tier !== undefined) answeredBy(tier)
        return this.settled ? 'enough' : 'more'
      })
    }
  }

  /** The tier that answered, if it did with anything that can be read. */
  #onReply(bytes: Uint8Array): string | undefined {
    const { log, subject } = this.#options
    try {
      const message = decodeMessage(bytes)
      if (message.kind === 'rpc-failure') throw failureOf(message)
      if (message.kind !== 'delta-reply') return undefined
      this.#take(message.reply)
      return message.reply.tier
    } catch (error) {
      // The others that answer are no worse for it.
      logFailure(log, error, { subject }, 'delta not taken by one that answers')
      return undefined
    }
  }

  #take(reply: DeltaReply): void {
    const { set, tiers, log } = this.#options
    // Others, such as agents of the zone, answer only to say that they hold more than this disk.
    if (tiers.includes(reply.tier)) {
      this.#answering.add(reply.tier)
      this.#acknowledgements.record(set, reply)
    }
    const advice = onReply(set, reply)
    switch (advice.kind) {
      case 'acknowledged':
        break
      case 'send':
        // It asks for what it lacks by itself, and is sent it after a probe if it cannot.
        break
      case 'start-epoch':
        this.#startEpoch(advice.above, reply)
        break
      case 'refused':
        log.error(
          { replica: reply.replica, held: formatVersion(reply.held) },
          'a replica holds a version that this owner cannot have reached; refused',
        )
        break
      default:
        advice satisfies never
    }
  }

  #startEpoch(above: Epoch, { replica, held }: DeltaReply): void {
    const { clock, log, startEpochAbove, mayStartEpoch, set } = this.#options
    if (mayStartEpoch?.() === false) {
      // It soon may: others are asked about once a second until then.
      this.#failures = Math.min(this.#failures, failuresHeldBackMax)
      return
    }
    const now = clock.now()
    if (now - this.#epochStartedAt < exchangeLimits.epochGapMs) return
    this.#epochStartedAt = now
    log.warn(
      { replica, held: formatVersion(held), ours: formatVersion(set.version) },
      'a replica holds a newer version than this disk: starting an epoch above it',
    )
    startEpochAbove(above)
    this.#sendIn(0)
  }
}
