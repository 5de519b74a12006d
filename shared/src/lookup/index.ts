export { affinityScore } from './affinity.ts'
export {
  arrange,
  type Arranged,
  type ArrangeOptions,
  type Candidate,
  type Placed,
  type Spill,
} from './arrange.ts'
export {
  AnswerCache,
  cacheLimits,
  countsOf,
  type CacheCounts,
  type CacheLimits,
  type CacheSums,
  type Touch,
} from './answer-cache.ts'
export { capacityLeft, weightOfFactors, type SelectionFactors } from './factors.ts'
export { HedgeBudget } from './hedge-budget.ts'
export { KnownReplicas, replicaLimits } from './known-replicas.ts'
export { LatencyWindow } from './latency-window.ts'
export { LookupPlans, planLimits, type LookupPlan } from './lookup-plans.ts'
export { matchOf, type Matched } from './match.ts'
export { outlierLimits, Outliers, type CallReport } from './outliers.ts'
export { panicLimits, panicOf } from './panic.ts'
export { splitSearch, tokenAt, type CaretToken, type SplitSearch } from './split-search.ts'
export { loadOf, regionTakes, spillLimits, spillShare, type LevelLoad } from './spill.ts'
export {
  hashTerm,
  termsOfDefinition,
  termsOfPlace,
  termsOfQuery,
  type QueryTerms,
} from './query-terms.ts'
export { DefinitionTerms } from './definition-terms.ts'
export { feedLimits, WatchFeed, type WatchChange } from './watch-feed.ts'
