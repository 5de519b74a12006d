import { routePath } from 'hono/route'
import type { ErrorCode } from '../../errors.ts'
import { lookupBuckets, type Metrics } from '../../metrics/index.ts'
import type { EdgeApp } from './edge.ts'

/** What a scrape of `/metrics` gives. */
export interface MetricsText {
  readonly contentType: string
  text(): Promise<string>
}

/** Methods that are told apart; whatever else somebody makes up is `_OTHER`. */
const methods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
])

/**
 * Counts requests by route, not by path: paths hold names, and callers make them up. Call it before
 * the routes are added.
 */
export function meterRequests(app: EdgeApp, metrics: Metrics): void {
  const requests = metrics.counter({
    name: 'meridian_requests_total',
    help: 'HTTP requests, by route and status.',
    labels: ['route', 'method', 'status'],
  })
  const durations = metrics.histogram({
    name: 'meridian_request_duration_seconds',
    help: 'How long HTTP requests took, up to the first byte of the answer.',
    labels: ['route', 'method'],
    buckets: lookupBuckets,
  })
  let active = 0
  metrics.gauge(
    { name: 'meridian_active_requests', help: 'HTTP requests that are being answered.' },
    () => [{ value: active }],
  )
  app.use(async (c, next) => {
    const begun = performance.now()
    active += 1
    try {
      await next()
    } finally {
      active -= 1
      const method = methods.has(c.req.method) ? c.req.method : '_OTHER'
      const matched = routePath(c, -1)
      const route = matched === '*' || matched === '/*' ? '_OTHER' : matched
      requests.add({ route, method, status: String(c.res.status) })
      durations.observe({ route, method }, (performance.now() - begun) / 1_000)
    }
  })
}

/** Counts who was not let in, by why: without a token that is known, or with too small a one. */
export function meterRefusals(metrics: Metrics | undefined): (code: ErrorCode) => void {
  const refused = metrics?.counter({
    name: 'meridian_auth_failures_total',
    help: 'Requests without a token that is known here (unauthorized), or with one of too small a scope (forbidden).',
    labels: ['code'],
  })
  return (code) => {
    if (code === 'unauthorized' || code === 'forbidden') refused?.add({ code })
  }
}

/** `GET /metrics`. */
export function serveMetrics(app: EdgeApp, metrics: MetricsText): void {
  app.get('/metrics', async (c) =>
    c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  )
}
