import type { LookupReply } from '../api/index.ts'
import { MeridianError } from '../errors.ts'
import { AnswerCache, type CacheLimits } from '../lookup/answer-cache.ts'
import type { QueryTerms } from '../lookup/query-terms.ts'
import type { Clock } from '../ports/index.ts'

export interface RemoteQuestion {
  /** Names the question: who asks for the same may share the answer. */
  readonly key: string
  readonly terms: QueryTerms
  /**
   * Puts it to whoever can answer. `etag` names the results that are here already. It may take
   * longer than anybody waits: a late answer is there for the next one.
   */
  readonly ask: (etag: string | undefined) => Promise<LookupReply>
  /** How long this asker waits. */
  readonly waitMs: number
  readonly maxAgeMs?: number | undefined
  readonly staleIfErrorMs?: number | undefined
}

export interface RemoteAnswer {
  readonly reply: LookupReply
  /** Kept here, asked for now, or kept and no longer good but all there is. */
  readonly from: 'cache' | 'asked' | 'stale'
  /** Of what is kept, what its giver said of it included. */
  readonly ageMs: number
  /** Why it is stale. */
  readonly error?: unknown
}

/** Questions on their way at once; beyond, askers are told that this is busy. */
const flightsMax = 1_024

/** About what a result takes here, and the reply around it. */
const resultBytes = 900
const replyBytes = 600

/**
 * What others answered, kept for a lease, and one question at a time for all who ask the same.
 *
 *     get ─▶ fresh? ─▶ answer (asked for again ahead of time, if hot)
 *        └▶ the same on its way? ─▶ wait with the others ─▶ answer
 *                    └▶ ask ─▶ answer, kept            error ─▶ old answer, marked, or the error
 */
export class RemoteAnswers {
  readonly cache: AnswerCache<LookupReply>
  readonly #clock: Clock
  readonly #flights = new Map<string, Promise<LookupReply>>()
  /** Askers that waited for another's question. */
  shared = 0

  constructor(clock: Clock, limits: Partial<CacheLimits> = {}) {
    this.#clock = clock
    this.cache = new AnswerCache(limits)
  }

  /** Errors: those of `ask`, `deadline_exceeded`, `busy`, where nothing is known from before. */
  async get(question: RemoteQuestion): Promise<RemoteAnswer> {
    const { key, maxAgeMs, staleIfErrorMs = Infinity } = question
    const look = this.cache.look(key, this.#clock.now(), maxAgeMs)
    if (look?.kind === 'fresh') {
      if (look.refresh && !this.#flights.has(key)) this.#refresh(question, look.value)
      return { reply: look.value, from: 'cache', ageMs: look.ageMs + (look.value.ageMs ?? 0) }
    }
    try {
      const reply = await this.#wait(this.#flight(question, look?.value), question.waitMs)
      return { reply, from: 'asked', ageMs: reply.ageMs ?? 0 }
    } catch (error) {
      const old = look ?? this.cache.look(key, this.#clock.now())
      if (old === undefined || old.ageMs > staleIfErrorMs) throw error
      return {
        reply: old.value,
        from: 'stale',
        ageMs: old.ageMs + (old.value.ageMs ?? 0),
        error,
      }
    }
  }

  #refresh(question: RemoteQuestion, known: LookupReply): void {
    // Whoever asks next without a fresh answer hears of the failure.
    this.#flight(question, known).catch(() => undefined)
  }

  #flight(question: RemoteQuestion, known: LookupReply | undefined): Promise<LookupReply> {
    const { key } = question
    const flying = this.#flights.get(key)
    if (flying) {
      this.shared += 1
      return flying
    }
    if (this.#flights.size >= flightsMax) {
      return Promise.reject(
        new MeridianError('busy', `${flightsMax} questions are on their way already`),
      )
    }
    const flight = this.#ask(question, known).finally(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    return flight
  }

  async #ask(question: RemoteQuestion, known: LookupReply | undefined): Promise<LookupReply> {
    const { key, terms, ask } = question
    const pending = this.cache.begin(key, terms)
    try {
      const answer = await ask(known?.etag)
      const now = this.#clock.now()
      // The same results may be less or more to be trusted than last time.
      const reply =
        answer.unchanged === true && known !== undefined ? withResultsOf(known, answer) : answer
      const { results, complete, feed } = reply
      this.cache.fill(
        pending,
        {
          value: reply,
          bytes: replyBytes + results.length * resultBytes,
          definitions: new Set(results.map(({ definition }) => definition)),
          kind: results.length > 0 ? (complete ? 'found' : 'incomplete') : kindOfNone(complete),
          source: feed?.source,
          position: feed?.position,
        },
        now,
      )
      return reply
    } finally {
      this.cache.abandon(pending)
    }
  }

  #wait<T>(flight: Promise<T>, waitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(Math.max(0, waitMs), () => {
        reject(new MeridianError('deadline_exceeded', `no answer within ${Math.ceil(waitMs)} ms`))
      })
      flight.then(
        (value) => {
          cancel()
          resolve(value)
        },
        (error: unknown) => {
          cancel()
          reject(error instanceof Error ? error : new MeridianError('internal', String(error)))
        },
      )
    })
  }
}

function withResultsOf({ results, factors }: LookupReply, answer: LookupReply): LookupReply {
  const merged: LookupReply = { ...answer, results, ...(factors && { factors }) }
  delete merged.unchanged
  return merged
}

function kindOfNone(complete: boolean): 'none' | 'incomplete' {
  return complete ? 'none' : 'incomplete'
}
