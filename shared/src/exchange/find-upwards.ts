import {
  asStale,
  findParamLimits,
  findReplySchema,
  isAskersFault,
  unreachable,
  verdictOf,
  type FindAnswer,
  type FindParams,
  type FindReply,
  type FindRequest,
  type ScopeReport,
} from '../api/index.ts'
import { parseQuery } from '../capability-index/index.ts'
import { isMeridianError } from '../errors.ts'
import { hitOrderLimits, orderHits } from '../lookup/order-hits.ts'
import { termsOfQuery } from '../lookup/query-terms.ts'
import type { CacheLimits } from '../lookup/answer-cache.ts'
import type { Random } from '../ports/index.ts'
import type { RemoteAnswers } from './remote-answers.ts'
import type { TierAsker } from './tier-asker.ts'

/** What a caller asks, as tiers put it to each other; with more hits where an order is drawn. */
export function findRequestOf(params: FindParams, from: FindRequest['from']): FindRequest {
  const { q, kind, group, typing, filter, scope, min, explain } = params
  const { limit, order = 'ranked', maxAgeMs, staleIfErrorMs, deadline } = params
  const pool = order === 'ranked' ? limit : limit + hitOrderLimits.moreHits
  return {
    q,
    limit: Math.min(pool, findParamLimits.limitMax),
    kind,
    group,
    typing,
    filter,
    scope,
    min,
    from,
    explain,
    maxAgeMs,
    staleIfErrorMs,
    deadlineMs: deadline,
  }
}

/** The answer as clients see it: in their order, without what is for other tiers. */
export function findAnswerOf(
  reply: FindReply,
  { order = 'ranked', limit }: FindParams,
  random: Random,
): FindAnswer {
  const answer: FindReply = { ...reply, hits: orderHits(reply.hits, order, random).slice(0, limit) }
  delete answer.replica
  delete answer.feed
  return answer
}

/** Answers to free text that are kept: people type, and each letter is a question of its own. */
export const findCacheLimits: Partial<CacheLimits> = {
  entriesMax: 512,
  bytesMax: 8 * 1024 * 1024,
}

export interface FindUpwards {
  /** What is known here. */
  readonly own: FindReply
  readonly request: FindRequest
  /** What is left of the deadline. */
  readonly deadlineMs: number
  readonly asker: TierAsker
  /** What it answers for. */
  readonly scope: Pick<ScopeReport, 'scope' | 'name'>
  /** What it answered before. */
  readonly remote: RemoteAnswers<FindReply>
}

/** A reply, and how it came about here. */
export interface FoundUpwards {
  readonly reply: FindReply
  readonly from: 'cache' | 'asked' | 'stale' | 'own'
}

/**
 * Asks the tier above, or what is kept of its answers. What it found stands for what is known here
 * too, which is part of its own; where it cannot be asked, what is known here is the answer, marked.
 *
 * What is kept goes with its lease, or sooner: when a definition that was found changes, or what the
 * filter names. What has newly come is found when the lease, at most 2 s, is over.
 */
export async function findUpwards(options: FindUpwards): Promise<FoundUpwards> {
  const { own, request, deadlineMs, asker, scope, remote } = options
  const { filter, maxAgeMs, staleIfErrorMs } = request
  try {
    const { reply, from, ageMs, error } = await remote.get({
      key: keyOf(request),
      terms: filter === undefined ? noTerms : termsOfQuery(parseQuery(filter)),
      ask: () =>
        asker.ask('find', { ...request, deadlineMs }, { deadlineMs, reply: findReplySchema }),
      waitMs: deadlineMs,
      maxAgeMs,
      staleIfErrorMs,
    })
    const known = new Set(reply.hits.map(({ definitionId }) => definitionId))
    // What is private to a node is not known above it.
    const only = own.hits.filter(({ definitionId }) => !known.has(definitionId))
    const hits = [...reply.hits, ...only].slice(0, request.limit)
    const aged: FindReply = {
      ...reply,
      ...verdictOf(reply.scopes, hits.length),
      hits,
      ...(ageMs > 0 && { ageMs }),
    }
    if (from !== 'stale') return { reply: aged, from }
    const scopes = [...own.scopes, ...asStale(reply.scopes, ageMs, error)]
    return { reply: { ...aged, ...verdictOf(scopes, hits.length) }, from }
  } catch (error) {
    if (!isMeridianError(error) || isAskersFault(error)) throw error
    const scopes = [...own.scopes, unreachable(scope, error)]
    return { reply: { ...own, ...verdictOf(scopes, own.hits.length) }, from: 'own' }
  }
}

const noTerms: ReadonlySet<number> = new Set()

/** Everything that the answer depends on; how long anybody waits is not among it. */
function keyOf(request: FindRequest): string {
  const { q, limit, kind, group, typing, filter, scope, min, from, explain } = request
  const at = from && [from.region, from.zone, from.node]
  return JSON.stringify([q, limit, kind, group, typing, filter, scope, min, at, explain])
}
