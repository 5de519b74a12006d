export type { HitKind } from './fields.ts'
export {
  createFindIndex,
  type FindIndex,
  type FindIndexOptions,
  type FindMemory,
  type FindOptions,
} from './find-index.ts'
export type { FindFactors, FindHit, Range } from './hit.ts'
export { findLimits } from './limits.ts'
export { createTopicSpace, type TopicSpace } from './topics/topic-space.ts'
