import {
  ask,
  encodeMessage,
  isMeridianError,
  logFailure,
  MeridianError,
  regionCommandReplySchema,
  subjects,
  type Clock,
  type Log,
  type OperatorNote,
  type PreservationRequest,
  type RegionCommand,
  type Transport,
} from '@meridian/shared'
import type { Place } from '../config.ts'
import type { NewEvent } from '../events/event-log.ts'
import type { TierRole } from '../tier.ts'

export interface ChronicleOptions {
  readonly role: TierRole
  readonly place: Place
  readonly events: { append(event: NewEvent): void }
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
}

/** A region writes it down at once, or is not there; what was done is done either way. */
const regionMs = 1_500

/**
 * Has what operators had done kept where the parts of the world that it concerns are judged: by
 * the region, and by every registry of the zone. It goes the way that commands go, down:
 *
 *     global ──operate.<region>──▶ regional, keeps it ──operate.<zone>──▶ every local replica, keeps it
 *
 * What is asked of a zone's registry is therefore kept in its zone alone. A global registry gathers
 * what regions keep, so it keeps only what no region took.
 */
export class Chronicle {
  readonly #options: ChronicleOptions

  constructor(options: ChronicleOptions) {
    this.#options = options
  }

  /** Something was done through this registry. */
  async keep(note: OperatorNote): Promise<void> {
    const { role, log } = this.#options
    const [region = ''] = note.place.split('/')
    if (role.holds !== 'summaries' || region === '') {
      this.keepHere(note)
      return
    }
    try {
      await this.#tellRegion(region, note)
    } catch (error) {
      if (!isMeridianError(error)) throw error
      logFailure(log, error, { region }, 'what an operator had done is kept here alone')
      this.keepHere(note)
    }
  }

  /** Keeps it, and tells the zone, if it is about one. */
  keepHere(note: OperatorNote): void {
    const { role, transport, place, log } = this.#options
    this.#append(note)
    const [region = '', zone] = note.place.split('/')
    if (zone === undefined) return
    const isFellow = role.scope === 'zone'
    const request: PreservationRequest = { note, ...(isFellow && { notedBy: place.replica }) }
    try {
      transport.publish(
        subjects.operate({ region, zone }),
        encodeMessage({ kind: 'rpc-request', value: request }),
      )
    } catch (error) {
      if (!isMeridianError(error)) throw error
      logFailure(log, error, { zone }, 'the zone is not told what an operator had done')
    }
  }

  /** What the tier above, or a fellow, says was done. Errors: `forbidden` for what is elsewhere. */
  take(note: OperatorNote): void {
    const { role, place } = this.#options
    const [region, zone] = note.place.split('/')
    const isHere = region === place.region && (role.scope !== 'zone' || zone === place.zone)
    if (!isHere) throw new MeridianError('forbidden', `${note.place} is not below this registry`)
    if (role.scope === 'zone') this.#append(note)
    else this.keepHere(note)
  }

  async #tellRegion(region: string, note: OperatorNote): Promise<void> {
    const command: RegionCommand = { kind: 'note', note }
    await ask(this.#options.transport, subjects.operateRegion(region), command, {
      deadlineMs: regionMs,
      reply: regionCommandReplySchema,
    })
  }

  #append({ action, place, instance, by, reason }: OperatorNote): void {
    this.#options.events.append({
      kind: 'operator-action',
      place,
      action,
      by,
      ...(instance !== undefined && { instance }),
      ...(reason !== undefined && reason !== '' && { reason }),
    })
  }
}
