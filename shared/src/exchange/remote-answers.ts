import type { FindReply, LookupReply } from '../api/index.ts'
import { MeridianError } from '../errors.ts'
import { AnswerCache, type CacheLimits } from '../lookup/answer-cache.ts'
import type { QueryTerms } from '../lookup/query-terms.ts'
import type { DefinitionId } from '../model/index.ts'
import type { Clock } from '../ports/index.ts'

/** What others answer, and is kept: to lookups, and to free text. */
type KeptReply = LookupReply | FindReply

export interface RemoteQuestion<R extends KeptReply = LookupReply> {
  /** Names the question: who asks for the same may share the answer. */
  readonly key: string
  readonly terms: QueryTerms
  /**
   * Puts it to whoever can answer. `etag` names the results that are here already. It may take
   * longer than anybody waits: a late answer is there for the next one.
   */
  readonly ask: (etag: string | undefined) => Promise<R>
  /** How long this asker waits. */
  readonly waitMs: number
  readonly maxAgeMs?: number | undefined
  readonly staleIfErrorMs?: number | undefined
}

export interface RemoteAnswer<R extends KeptReply = LookupReply> {
  readonly reply: R
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
export class RemoteAnswers<R extends KeptReply = LookupReply> {
  readonly cache: AnswerCache<R>
  readonly #clock: Clock
  readonly #flights = new Map<string, Promise<R>>()
  /** Askers that waited for another's question. */
  shared = 0

  constructor(clock: Clock, limits: Partial<CacheLimits> = {}) {
    this.#clock = clock
    this.cache = new AnswerCache(limits)
  }

  /** Errors: those of `ask`, `deadline_exceeded`, `busy`, where nothing is known from before. */
  async get(question: RemoteQuestion<R>): Promise<RemoteAnswer<R>> {
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

  #refresh(question: RemoteQuestion<R>, known: R): void {
    // Whoever asks next without a fresh answer hears of the failure.
    this.#flight(question, known).catch(() => undefined)
  }

  #flight(question: RemoteQuestion<R>, known: R | undefined): Promise<R> {
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

  async #ask(question: RemoteQuestion<R>, known: R | undefined): Promise<R> {
    const { key, terms, ask } = question
    const pending = this.cache.begin(key, terms)
    try {
      const answer = await ask(known !== undefined && 'etag' in known ? known.etag : undefined)
      const now = this.#clock.now()
      // The same results may be less or more to be trusted than last time.
      const reply =
        'unchanged' in answer && answer.unchanged === true && known !== undefined
          ? withResultsOf(known, answer)
          : answer
      const { complete, feed } = reply
      const definitions = definitionsIn(reply)
      this.cache.fill(
        pending,
        {
          value: reply,
          bytes: replyBytes + definitions.length * resultBytes,
          definitions: new Set(definitions),
          kind: definitions.length > 0 ? (complete ? 'found' : 'incomplete') : kindOfNone(complete),
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

function withResultsOf<R extends KeptReply>(known: R, answer: R): R {
  if (!('results' in known)) return answer
  const { results, factors } = known
  const merged: R = { ...answer, results, ...(factors && { factors }) }
  Reflect.deleteProperty(merged, 'unchanged')
  return merged
}

/** Of each result or hit: a change of one makes the answer old. */
function definitionsIn(reply: KeptReply): DefinitionId[] {
  if ('hits' in reply) return reply.hits.map(({ definitionId }) => definitionId)
  return reply.results.map(({ definition }) => definition)
}

function kindOfNone(complete: boolean): 'none' | 'incomplete' {
  return complete ? 'none' : 'incomplete'
}
