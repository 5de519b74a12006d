export { serveHoldings, type AnsweringOptions, type SyncMethod } from './answering.ts'
export { backoffMs } from './backoff.ts'
export { DefinitionSearch, type SearchResult } from './definition-search.ts'
export {
  findAnswerOf,
  findCacheLimits,
  findRequestOf,
  findUpwards,
  type FindUpwards,
  type FoundUpwards,
} from './find-upwards.ts'
export { logFailure } from './failure.ts'
export { Follower, type FollowerCounts, type FollowerOptions } from './follower.ts'
export { FreshnessWatch, type Freshness } from './freshness.ts'
export { protectLastInstances } from './last-instances.ts'
export { exchangeLimits } from './limits.ts'
export { Publisher, type PublisherOptions } from './publisher.ts'
export {
  startAnnouncing,
  startPulsing,
  type AnnouncingOptions,
  type PulsingOptions,
} from './pulsing.ts'
export { RemoteAnswers, type RemoteAnswer, type RemoteQuestion } from './remote-answers.ts'
export { Quarantining } from './quarantining.ts'
export { ask, serveRpc, type ServeRpcOptions } from './rpc.ts'
export { randomId } from './random-id.ts'
export { ownerSource, type Source } from './source.ts'
export { showNode } from './shown-liveness.ts'
export { VitalsWatch, type ComparedZone, type VitalsWatchOptions } from './vitals-watch.ts'
export { ZoneJudge, type ForgetOutcome, type ZoneJudgeOptions } from './zone-judge.ts'
export type { ZoneLiveness } from './zone-liveness.ts'
export { keepTidy } from './tidying.ts'
export { TierAsker, type TierAskerOptions } from './tier-asker.ts'
export {
  watchLimits,
  WatchHub,
  type RemoteView,
  type WatchHubOptions,
  type WatchRequest,
  type WatchSink,
} from './watch-hub.ts'
