import {
  decodeMessage,
  encodeMessage,
  isMeridianError,
  logFailure,
  preservationRequestSchema,
  preservationStatusSchema,
  serveRpc,
  subjects,
  type Log,
  type Preservation,
  type PreservationOverride,
  type PreservationStatus,
  type Subscription,
  type Transport,
} from '@meridian/shared'
import type { Place } from '../config.ts'

export interface PreservationDeskOptions {
  readonly place: Place
  readonly judge: {
    readonly preservation: Preservation
    override(override: PreservationOverride): void
  }
  readonly transport: Transport
  readonly log: Log
}

/** How long fellows have to tell a replica that starts what an operator told them. */
const fellowsMs = 1_000
const fellowsMax = 16

/**
 * Where an operator overrides self-preservation of a zone. Each of its replicas hears and answers;
 * agents may not speak there. An override stands until it is taken back: a replica that starts
 * again asks its fellows for it.
 */
export class PreservationDesk {
  readonly #options: PreservationDeskOptions
  readonly #subject: string
  #subscription: Subscription | undefined
  #isTold = false

  constructor(options: PreservationDeskOptions) {
    this.#options = options
    this.#subject = subjects.operate(options.place)
  }

  get status(): PreservationStatus {
    const { place, judge } = this.#options
    return { replica: place.replica, ...judge.preservation }
  }

  start(): void {
    const { transport, place, log, judge } = this.#options
    this.#subscription = serveRpc(
      transport,
      this.#subject,
      // A group of its own for each: all of the zone's replicas hear.
      { request: preservationRequestSchema, queue: place.replica, log },
      ({ override }) => {
        if (override !== undefined) {
          this.#isTold = true
          log.warn({ override }, 'self-preservation is overridden')
          judge.override(override)
        }
        return this.status
      },
    )
    void this.#askFellows()
  }

  close(): void {
    this.#subscription?.unsubscribe()
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
