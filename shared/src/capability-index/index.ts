export * from './capability-index.ts'
export * from './query/index.ts'
export { createLinearIndex } from './linear-index.ts'
export { hashGroup, hashInstance, hashZone } from './canonical-order.ts'
export { createCapabilityIndex } from './paged-index.ts'
export { factorsOf, loadShare, weightOf, type Factors } from './selection.ts'
export {
  bucketCount,
  bucketOf,
  idle,
  isUsable,
  standingOf,
  standings,
  unusableBucket,
  type InstanceLoad,
  type Liveness,
  type Standing,
} from './standing.ts'
export { compileUriTemplate, type UriTemplate } from './uri-template.ts'
