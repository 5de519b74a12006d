import type { FollowerCounts } from '../exchange/follower.ts'
import type { CacheLevel } from '../api/lookup.ts'
import { parseOwnerId, type OwnerId } from '../model/index.ts'
import type { Millis } from '../ports/index.ts'
import type { CacheCounts } from '../lookup/answer-cache.ts'
import type { Metrics, Sample } from './metrics.ts'

export interface ExposedReplication {
  /** Of whom something is held. */
  readonly owners: () => Iterable<OwnerId>
  /** Owners that are behind what was heard of them, since when on the scale of `now`. */
  readonly behind: () => Iterable<readonly [OwnerId, Millis]>
  readonly now: () => Millis
  readonly counts: () => FollowerCounts
  /** How often this program said its own records again, because nobody had acknowledged. */
  readonly deltaRetries: () => number
}

/** How far this program's copies are behind, and what became of what it was sent. */
export function exposeReplication(metrics: Metrics, from: ExposedReplication): void {
  metrics.gauge(
    {
      name: 'meridian_sync_lag_seconds',
      help: 'For how long newer records are known of than are held, by zone below; 0 when in line.',
      labels: ['child'],
    },
    () => {
      const lags = new Map<string, number>()
      for (const owner of from.owners()) lags.set(childOf(owner), 0)
      const now = from.now()
      for (const [owner, since] of from.behind()) {
        const child = childOf(owner)
        lags.set(child, Math.max(lags.get(child) ?? 0, (now - since) / 1_000))
      }
      return [...lags].map(([child, value]) => ({ labels: { child }, value }))
    },
  )
  metrics.total(
    {
      name: 'meridian_deltas_total',
      help: 'Deltas received, by what became of them; gap: something before it was missed.',
      labels: ['outcome'],
    },
    () =>
      deltaOutcomes.map((outcome) => ({
        labels: { outcome },
        value: from.counts().deltas.get(outcome) ?? 0,
      })),
  )
  metrics.total(
    {
      name: 'meridian_retries_total',
      help: 'What was said or asked again because it failed: own deltas, and sets of others.',
      labels: ['what'],
    },
    () => [
      { labels: { what: 'delta' }, value: from.deltaRetries() },
      { labels: { what: 'sync' }, value: from.counts().retries },
    ],
  )
}

const deltaOutcomes = [
  'applied',
  'replaced',
  'adopted',
  'staged',
  'stale',
  'gap',
  'mismatch',
  'invalid',
] as const

/** Zones and regions, of which there are few: nodes are thousands. */
function childOf(owner: OwnerId): string {
  const parts = parseOwnerId(owner)
  return parts ? `${parts.region}/${parts.zone}` : '_OTHER'
}

/** Which of the caches of answers that a lookup passes: the agent's, its zone's, its region's. */
export type AnswerCacheLevel = Exclude<CacheLevel, 'miss' | 'stale'>

export interface ExposedLookups {
  readonly cache: () => CacheCounts & { readonly entries: number; readonly bytes: number }
  readonly watchers: () => number
  readonly watchersDropped: () => number
}

export function exposeLookups(
  metrics: Metrics,
  level: AnswerCacheLevel,
  from: ExposedLookups,
): void {
  metrics.total(
    {
      name: 'meridian_cache_requests_total',
      help: 'Questions to the cache of others’ answers, by level and whether an answer was kept.',
      labels: ['level', 'result'],
    },
    () => {
      const { hits, misses } = from.cache()
      return [
        { labels: { level, result: 'hit' }, value: hits },
        { labels: { level, result: 'miss' }, value: misses },
      ]
    },
  )
  metrics.total(
    {
      name: 'meridian_cache_dropped_total',
      help: 'Answers not kept: evicted for others, touched by a change, late behind one.',
      labels: ['level', 'why'],
    },
    () => {
      const { evicted, touched, late } = from.cache()
      return [
        { labels: { level, why: 'evicted' }, value: evicted },
        { labels: { level, why: 'touched' }, value: touched },
        { labels: { level, why: 'late' }, value: late },
      ]
    },
  )
  metrics.gauge(
    {
      name: 'meridian_cache_entries',
      help: 'Answers of others that are kept.',
      labels: ['level'],
    },
    () => [{ labels: { level }, value: from.cache().entries }],
  )
  metrics.gauge(
    { name: 'meridian_cache_bytes', help: 'About what they take.', labels: ['level'] },
    () => [{ labels: { level }, value: from.cache().bytes }],
  )
  metrics.gauge({ name: 'meridian_watchers', help: 'Who watches a query here.' }, () => [
    { value: from.watchers() },
  ])
  metrics.total(
    {
      name: 'meridian_watchers_dropped_total',
      help: 'Watchers that were too slow to take what they asked for.',
    },
    () => [{ value: from.watchersDropped() }],
  )
}

/** What waits, by queue; each has a limit of its own where it is kept. */
export function exposeQueues(
  metrics: Metrics,
  queues: Readonly<Record<string, () => number>>,
): void {
  metrics.gauge(
    { name: 'meridian_queue_depth', help: 'What waits, by queue.', labels: ['queue'] },
    () =>
      Object.entries(queues).map(([queue, depth]): Sample<'queue'> => ({
        labels: { queue },
        value: depth(),
      })),
  )
}
