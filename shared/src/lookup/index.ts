export { HedgeBudget } from './hedge-budget.ts'
export { KnownReplicas, replicaLimits } from './known-replicas.ts'
export { LatencyWindow } from './latency-window.ts'
