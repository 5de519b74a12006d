import {
  decodeMessage,
  encodeMessage,
  isMeridianError,
  logFailure,
  preservationRequestSchema,
  preservationStatusSchema,
  serveRpc,
  subjects,
  type ForgetOutcome,
  type Log,
  type OperatorNote,
  type Preservation,
  type PreservationOverride,
  type PreservationRequest,
  type PreservationStatus,
  type Subscription,
  type Transport,
} from '@meridian/shared'
import type { Place } from '../config.ts'

export interface ZoneDeskOptions {
  readonly place: Place
  readonly judge: {
    readonly preservation: Preservation
    override(override: PreservationOverride): void
    forget(node: string): ForgetOutcome
  }
  /** What an operator had done in the zone, by the word of a fellow or of the region. */
  readonly onNote: (note: OperatorNote) => void
  readonly transport: Transport
  readonly log: Log
}

/** How long fellows have to tell a replica that starts what an operator told them. */
const fellowsMs = 1_000
const fellowsMax = 16

/**
 * Where operators speak to a registry of a zone: they override self-preservation, and have nodes
 * forgotten that are gone. Each of the zone's replicas hears and answers; agents may not speak
 * there. An override stands until it is taken back: a replica that starts again asks its fellows
 * for it.
 */
export class ZoneDesk {
  readonly #options: ZoneDeskOptions
  readonly #subject: string
  #subscription: Subscription | undefined
  #isTold = false

  constructor(options: ZoneDeskOptions) {
    this.#options = options
    this.#subject = subjects.operate(options.place)
  }

  get status(): PreservationStatus {
    const { place, judge } = this.#options
    return { replica: place.replica, ...judge.preservation }
  }

  start(): void {
    const { transport, place, log } = this.#options
    this.#subscription = serveRpc(
      transport,
      this.#subject,
      // A group of its own for each: all of the zone's replicas hear.
      { request: preservationRequestSchema, queue: place.replica, log },
      (request) => {
        const { note, notedBy } = request
        if (note && notedBy !== place.replica) this.#options.onNote(note)
        return this.take(request)
      },
    )
    void this.#askFellows()
  }

  close(): void {
    this.#subscription?.unsubscribe()
  }

  /** What an operator says, to this replica alone. */
  take({ override, forget }: PreservationRequest): PreservationStatus {
    const { log, judge } = this.#options
    if (override !== undefined) {
      this.#isTold = true
      log.warn({ override }, 'self-preservation is overridden')
      judge.override(override)
    }
    if (forget === undefined) return this.status
    const forgot = judge.forget(forget)
    log.warn({ node: forget, forgot }, 'an operator has a node forgotten')
    return { ...this.status, forgot }
  }

  async #askFellows(): Promise<void> {
    const { transport, place, log, judge } = this.#options
    const request = encodeMessage({ kind: 'rpc-request', value: {} })
    try {
      await transport.requestMany(
        this.#subject,
        request,
        { deadlineMs: fellowsMs, repliesMax: fellowsMax },
        (bytes) => {
          const message = decodeMessage(bytes)
          const value = message.kind === 'rpc-answer' ? message.value : undefined
          const { data } = preservationStatusSchema.safeParse(value)
          if (!data || data.replica === place.replica || data.override === 'none') return 'more'
          if (!this.#isTold) judge.override(data.override)
          return 'enough'
        },
      )
    } catch (error) {
      if (!isMeridianError(error)) throw error
      // Alone in its zone, or cut off: it judges by itself.
      logFailure(log, error, { subject: this.#subject }, 'fellows not asked')
    }
  }
}
