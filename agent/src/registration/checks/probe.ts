import type { Check, CheckCause, Endpoint } from '@meridian/shared'
import type { CheckOutcome } from './check-machine.ts'

/** One look at an instance. */
export interface ProbeRequest {
  /** Of the instance; sessions with older servers are kept by it. */
  readonly id: string
  readonly endpoint: Endpoint
  readonly check: Exclude<Check, { readonly kind: 'ttl' }>
  /** As last found out; absent where nobody has asked. */
  readonly era?: 'modern' | 'legacy' | undefined
}

export interface ProbeResult {
  readonly outcome: CheckOutcome
  readonly cause: CheckCause
  /** For people: what was seen. */
  readonly reason: string
  /** From the question to the answer; absent where none came. */
  readonly latencyMs?: number
}

/**
 * Looks once. Resolves with whatever was seen, failures included; rejects with the signal's reason
 * when that aborts, which is how the time runs out.
 */
export interface Prober {
  probe(request: ProbeRequest, signal: AbortSignal): Promise<ProbeResult>
  /** The instance is gone: whatever was kept for it goes too. */
  forget(id: string): void
  close(): void
}
