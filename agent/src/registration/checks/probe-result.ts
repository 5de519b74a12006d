import { isMeridianError } from '@meridian/shared'
import { toFailure } from '../introspection/failure.ts'
import type { ProbeEvidence } from '../probe-fetch.ts'
import type { ProbeResult } from './probe.ts'

const gatedStatuses: ReadonlySet<number> = new Set([401, 402, 403, 407])

/** What an HTTP status by itself says of a server; undefined: the body has to tell. */
export function judgeStatus(status: number): ProbeResult | undefined {
  if (status >= 200 && status < 300) return undefined
  if (gatedStatuses.has(status)) {
    return { outcome: 'gated', cause: 'gated', reason: `HTTP ${status}: it wants credentials` }
  }
  if (status === 429) {
    return { outcome: 'critical', cause: 'throttled', reason: 'HTTP 429: it is asked too often' }
  }
  if (status >= 500) {
    return { outcome: 'critical', cause: 'server-error', reason: `HTTP ${status}` }
  }
  return { outcome: 'critical', cause: 'unexpected', reason: `HTTP ${status}` }
}

/** What a probe that failed has seen, in the words of the API. */
export function judgeFailure(
  error: unknown,
  attempt: {
    readonly url: string
    readonly transport: string
    readonly evidence: ProbeEvidence | undefined
  },
): ProbeResult {
  const { status, broken } = attempt.evidence ?? {}
  const judged = status === undefined || broken !== undefined ? undefined : judgeStatus(status)
  if (judged && judged.cause !== 'unexpected') return judged
  const failure = toFailure(error, attempt)
  const reason = failure.message
  switch (failure.code) {
    case 'address_not_allowed':
      return { outcome: 'critical', cause: 'not-allowed', reason }
    case 'endpoint_unreachable':
      return { outcome: 'critical', cause: 'refused', reason }
    case 'deadline_exceeded':
      return { outcome: 'critical', cause: 'timeout', reason }
    case 'endpoint_gated':
      return { outcome: 'gated', cause: 'gated', reason }
    default: {
      const redirects =
        isMeridianError(broken) && status !== undefined && status >= 300 && status < 400
      return { outcome: 'critical', cause: redirects ? 'unexpected' : 'not-mcp', reason }
    }
  }
}
