import { isMeridianError } from '../errors.ts'
import type { OwnerId } from '../model/index.ts'
import type { Cancel, Clock, Log, Millis, Random, Transport } from '../ports/index.ts'
import type { Delta, Wanted } from '../replication/index.ts'
import { syncMethods } from './answering.ts'
import { backoffMs } from './backoff.ts'
import { collect } from './collect.ts'
import { logFailure } from './failure.ts'
import { exchangeLimits } from './limits.ts'
import type { Source } from './source.ts'

export interface SetFetchesOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** What to ask for of an owner, by what is held of it at the moment of asking. */
  readonly wantedOf: (owner: OwnerId) => Wanted
  /** `answer` tells the answers of one source apart: what they bring in pieces must not mix. */
  readonly onDelta: (delta: Delta, source: Source, answer: number) => void
}

/** Owners that are wanted from one source, and how the asking ends. */
interface Run {
  readonly waiting: Set<OwnerId>
  readonly done: Promise<boolean>
}

/**
 * Fetches sets: one request at a time to each source; what becomes wanted meanwhile is asked for
 * with the next.
 */
export class SetFetches {
  readonly #options: SetFetchesOptions
  readonly #runs = new Map<string, Run>()
  readonly #sleepers = new Set<() => void>()
  /** How often a source was asked again that had too many askers. */
  retries = 0
  #answers = 0
  #closed = false

  constructor(options: SetFetchesOptions) {
    this.#options = options
  }

  /**
   * Resolves, never rejects, when the source has nothing of these owners that is not here: true;
   * or when it could not be asked for all of it: false. Whoever states their versions next makes
   * them wanted again.
   */
  want(source: Source, owners: Iterable<OwnerId>): Promise<boolean> {
    const run = this.#runs.get(source.name)
    if (run) {
      for (const owner of owners) run.waiting.add(owner)
      return run.done
    }
    const waiting = new Set(owners)
    if (waiting.size === 0 || this.#closed) return Promise.resolve(waiting.size === 0)
    const done = this.#fetchAll(source, waiting)
    this.#runs.set(source.name, { waiting, done })
    return done
  }

  close(): void {
    this.#closed = true
    for (const wake of this.#sleepers) wake()
  }

  async #fetchAll(source: Source, waiting: Set<OwnerId>): Promise<boolean> {
    // Whoever began this run has entered it by then.
    await Promise.resolve()
    try {
      for (let round = 0; waiting.size > 0 && !this.#closed; round += 1) {
        if (round === exchangeLimits.fetchRoundsMax) break
        await this.#fetchSome(source, waiting)
      }
      return waiting.size === 0
    } catch (error) {
      this.#report(source, error)
      return false
    } finally {
      this.#runs.delete(source.name)
    }
  }

  async #fetchSome(source: Source, waiting: Set<OwnerId>): Promise<void> {
    const batch = [...waiting].slice(0, exchangeLimits.wantedMax)
    for (const owner of batch) waiting.delete(owner)
    const { answered, more } = await this.#fetchPatiently(source, batch)
    if (!more) return
    // An answer that brings nothing and promises more would be asked for without end.
    if (answered.size === 0) throw new Error(`${source.name} leaves out all that it is asked for`)
    for (const owner of batch) if (!answered.has(owner)) waiting.add(owner)
  }

  /** Waits where the source has too many askers; any other failure is for others to repair. */
  async #fetchPatiently(source: Source, batch: readonly OwnerId[]): Promise<FetchedBatch> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.#fetch(source, batch)
      } catch (error) {
        if (!isMeridianError(error, 'busy') || this.#closed) throw error
        if (failures === exchangeLimits.busyRetriesMax) throw error
        this.retries += 1
        await this.#sleep(backoffMs(failures + 1, this.#options.random))
      }
    }
  }

  async #fetch(source: Source, batch: readonly OwnerId[]): Promise<FetchedBatch> {
    const { transport, wantedOf, onDelta } = this.#options
    const asked = new Set(batch)
    const answered = new Set<OwnerId>()
    const answer = (this.#answers += 1)
    let more = false
    await collect(
      transport,
      source.subject(syncMethods.fetch),
      { kind: 'fetch', wanted: batch.map((owner) => wantedOf(owner)) },
      'deltas',
      (part) => {
        more = part.more
        for (const delta of part.deltas) {
          if (!asked.has(delta.owner) || this.#closed) continue
          answered.add(delta.owner)
          onDelta(delta, source, answer)
        }
      },
    )
    return { answered, more }
  }

  #sleep(ms: Millis): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const wake = () => {
      cancel()
      this.#sleepers.delete(wake)
      resolve(undefined)
    }
    const cancel: Cancel = this.#options.clock.after(ms, wake)
    this.#sleepers.add(wake)
    return promise
  }

  #report({ name: source }: Source, error: unknown): void {
    if (this.#closed) return
    logFailure(this.#options.log, error, { source }, 'sets not fetched')
  }
}

interface FetchedBatch {
  /** Owners of which something came. */
  readonly answered: ReadonlySet<OwnerId>
  /** Whether some were left out. */
  readonly more: boolean
}
