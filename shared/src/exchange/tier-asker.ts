import type { z } from 'zod'
import { isMeridianError, MeridianError } from '../errors.ts'
import { HedgeBudget } from '../lookup/hedge-budget.ts'
import { KnownReplicas } from '../lookup/known-replicas.ts'
import { LatencyWindow } from '../lookup/latency-window.ts'
import { pingMethod, pingReplySchema } from '../api/rpc.ts'
import type { Clock, Millis, Random, Transport } from '../ports/index.ts'
import { ask } from './rpc.ts'

export interface TierAskerOptions {
  /** The subject of a method: of all replicas as a group, or of one of them. */
  readonly subject: (method: string, replica?: string) => string
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
}

/** A route that changed shows within two minutes. */
const pingsKept = 8

/** A second request before this would be asked for nothing. */
const hedgeMsMin = 5

/**
 * Asks one tier of one place. A question that takes longer than 95 % of its kind did is put to
 * another replica too, where there is one, and the first answer counts.
 *
 *     ask ──▶ replica A ···························▶ (late)
 *          p95 later ──▶ replica B ──▶ answer
 */
export class TierAsker {
  readonly #options: TierAskerOptions
  readonly #latency = new LatencyWindow()
  readonly #replicas = new KnownReplicas()
  readonly #budget = new HedgeBudget()
  #roundTripMs: number | undefined
  readonly #pings: Millis[] = []
  /** Questions that were put to a second replica. */
  hedged = 0

  constructor(options: TierAskerOptions) {
    this.#options = options
  }

  /**
   * The way there and back, in milliseconds: the shortest of the last pings, else a smoothed
   * answer time; undefined until there was an answer.
   */
  get roundTripMs(): number | undefined {
    return this.#pings.length > 0 ? Math.min(...this.#pings) : this.#roundTripMs
  }

  /**
   * Measures the round trip with a question that takes no work. What other questions take has
   * theirs in it, and the shortest of some has the least of queues. Errors: those of `ask`.
   */
  async ping(deadlineMs: Millis): Promise<void> {
    const { transport, subject, clock } = this.#options
    const startedAt = clock.now()
    await ask(transport, subject(pingMethod), {}, { deadlineMs, reply: pingReplySchema })
    this.#pings.push(clock.now() - startedAt)
    if (this.#pings.length > pingsKept) this.#pings.shift()
  }

  /** Nobody answers there any more: what was measured is no longer so. */
  forgetPings(): void {
    this.#pings.length = 0
  }

  /** Errors: those of `ask`. */
  async ask<T extends z.ZodType<{ readonly replica?: string | undefined }>>(
    method: string,
    value: unknown,
    options: { readonly deadlineMs: number; readonly reply: T },
  ): Promise<z.output<T>> {
    const { clock, random } = this.#options
    const { first, second, isAlone } = this.#replicas.choose(clock.now(), random)
    this.#budget.earn()
    const expiresAt = clock.now() + options.deadlineMs
    const attempt = (replica: string | undefined) =>
      this.#attempt(method, replica, value, options.reply, expiresAt)
    const startedAt = clock.now()
    const p95 = this.#latency.p95
    const delayMs = Math.max(hedgeMsMin, p95 ?? Infinity)
    const answer =
      isAlone || delayMs >= options.deadlineMs
        ? await attempt(first)
        : // Without the names of two the group may choose another one, or the same.
          await this.#firstOf(attempt(first), () => attempt(second), delayMs)
    // The time to the first answer: what the slower one took would soon be nobody's patience.
    this.#latency.add(clock.now() - startedAt)
    return answer
  }

  #firstOf<T>(first: Promise<T>, second: () => Promise<T>, delayMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      let waitingFor = 1
      const fail = (error: unknown) => {
        waitingFor -= 1
        if (waitingFor > 0) return
        cancel()
        reject(error instanceof Error ? error : new MeridianError('internal', String(error)))
      }
      const succeed = (value: T) => {
        cancel()
        resolve(value)
      }
      const cancel = this.#options.clock.after(delayMs, () => {
        if (!this.#budget.spend()) return
        this.hedged += 1
        waitingFor += 1
        second().then(succeed, fail)
      })
      first.then(succeed, fail)
    })
  }

  async #attempt<T extends z.ZodType<{ readonly replica?: string | undefined }>>(
    method: string,
    replica: string | undefined,
    value: unknown,
    reply: T,
    expiresAt: number,
  ): Promise<z.output<T>> {
    const { transport, subject, clock } = this.#options
    const startedAt = clock.now()
    const deadlineMs = Math.max(0, expiresAt - startedAt)
    try {
      const answer = await ask(transport, subject(method, replica), value, { deadlineMs, reply })
      const tookMs = clock.now() - startedAt
      this.#roundTripMs =
        this.#roundTripMs === undefined ? tookMs : this.#roundTripMs * 0.8 + tookMs * 0.2
      if (answer.replica !== undefined) {
        this.#replicas.answered(answer.replica, tookMs, clock.now(), replica === undefined)
      }
      return answer
    } catch (error) {
      if (replica === undefined || !isMeridianError(error, 'no_responders')) throw error
      // It went away; whoever else is there takes the question.
      this.#replicas.gone(replica)
      return await this.#attempt(method, undefined, value, reply, expiresAt)
    }
  }
}
